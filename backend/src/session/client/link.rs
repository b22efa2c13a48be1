//! A client's link to the relay that carries its frames: joined with a message, prolonged by messages, and moved to another
//! relay without the client's help.

use crate::relay::{Due, FloodMeter, Joining, LastFrame, Outlet, OutletState, Relays, Renewal};
use crate::session::caller::Caller;
use bytes::Bytes;
use shared_protocol::ConnectionId;
use std::time::Duration;
use tokio::time::Instant;

/// Time that a client gets frames after its last attach, `follow` or numbered message. A page that is looked at sends `follow`
/// every 20 s, so one may be lost; a page that is not sends none.
const MEMBERSHIP: Duration = Duration::from_secs(45);

/// Time after which a client without a relay that lasts gets one even where only carriers are to carry: a key that waits is
/// better than no output. A page's carrier has several attempts until then.
const MAX_WITHOUT: Duration = Duration::from_secs(10);

/// A client's link. Without a relay it waits for the client's next message, or for a relay that has room.
#[derive(Default)]
pub(crate) struct Link {
    /// The place in a relay, if there is one.
    outlet: Option<Outlet>,
    /// Request of the last join; its connection is the one that frames go over.
    joining: Option<Joining>,
    /// Time until which the client gets frames.
    until: Option<Instant>,
    /// End of the authority of its connection, in ms of the steady scale.
    valid_until_ms: u64,
    /// True for a WebSocket of the service: it has a relay of its own, and its membership does not lapse.
    direct: bool,
    /// True if a frame would be accepted and there was none.
    awaits_frame: bool,
    /// Time since which no relay that lasts has room for the client, while it looks for one.
    without: Option<Instant>,
    /// Whether its output pours.
    flood: FloodMeter,
}

impl Link {
    /// True if a relay carries the client.
    pub(crate) fn is_live(&self) -> bool {
        self.outlet.is_some()
    }

    /// True if a relay carries the client over this connection.
    pub(crate) fn is_live_on(&self, connection: &ConnectionId) -> bool {
        self.is_live() && self.is_for(connection)
    }

    /// False if the client is connected through another API: a relay posts only to connections of its own.
    pub(crate) fn is_through(&self, endpoint: &str) -> bool {
        self.joining.as_ref().is_none_or(|joining| joining.endpoint == endpoint)
    }

    fn is_for(&self, connection: &ConnectionId) -> bool {
        self.joining.as_ref().is_some_and(|joining| joining.connection == *connection)
    }

    /// True while the client gets frames, if there is a relay for it.
    pub(crate) fn is_wanted(&self, now: Instant) -> bool {
        self.direct || self.until.is_some_and(|until| now < until)
    }

    /// Size of the frames that were handed over and not reported, in bytes.
    pub(super) fn held(&self) -> usize {
        self.outlet.as_ref().map_or(0, Outlet::held)
    }

    /// Records a message that prolongs the membership.
    pub(crate) fn prolong(&mut self, now: Instant) {
        self.until = Some(now + MEMBERSHIP);
        if let Some(outlet) = &self.outlet {
            outlet.heard(now);
        }
    }

    /// True if no relay has had room for the client for so long that its own connection had better carry.
    pub(crate) fn is_stranded(&self, now: Instant) -> bool {
        self.without.is_some_and(|since| since + MAX_WITHOUT <= now)
    }

    /// False if the client waits for a relay, or for the end of one that may be dead.
    pub(crate) fn is_served(&self, now: Instant) -> bool {
        !self.is_wanted(now) || self.outlet.as_ref().is_some_and(|outlet| outlet.is_served(now))
    }

    /// The request of the last join, for a carrier's message that finds the client without a relay.
    pub(crate) fn wanted(&self, now: Instant) -> Option<Joining> {
        self.joining.clone().filter(|_| self.is_wanted(now) && !self.is_live())
    }

    /// Takes the place that a relay has, or notes that none that lasts has one.
    pub(crate) fn carried(&mut self, outlet: Option<Outlet>, now: Instant) {
        let lasts = outlet.as_ref().is_some_and(|outlet| !outlet.is_brief());
        self.without = if lasts { None } else { self.without.or(Some(now)) };
        self.outlet = outlet;
    }

    /// Takes a place in a relay, and lets go of any other.
    pub(crate) fn open(&mut self, joining: Joining, outlet: Option<Outlet>, caller: &Caller, now: Instant) {
        // The old place is dropped after the new one is there, so that a relay with one member does not end.
        self.carried(outlet, now);
        self.joining = Some(joining);
        (self.valid_until_ms, self.direct) = (caller.valid_until_ms, caller.is_direct());
    }

    /// The grant for a successor of its relay, if it needs one.
    pub(crate) fn renew(&self, relays: &Relays, renewal: Renewal) -> Option<String> {
        relays.renew(self.outlet.as_ref()?, renewal)
    }

    /// The grant for a relay of its own, if its output pours and there may be one.
    pub(crate) fn set_apart(&self, relays: &Relays, now: Instant) -> Option<String> {
        relays.set_apart(self.outlet.as_ref().filter(|_| self.flood.pours(now))?)
    }

    /// Leaves a relay that has ended for another one, or lapses. Returns what happened to its frames.
    pub(crate) fn refresh(&mut self, relays: &Relays, now: Instant) -> OutletState {
        if !self.is_wanted(now) {
            self.leave();
            return OutletState::default();
        }
        if self.flood.take_quiet(now)
            && let Some(outlet) = &self.outlet
        {
            relays.bring_back(outlet, now);
        }
        let state = self.outlet.as_ref().map(|outlet| outlet.look(now));
        if let Some(state) = state.filter(|state| !state.released) {
            return state;
        }
        self.outlet = None;
        if let Some(joining) = self.joining.clone().filter(|_| !self.direct) {
            self.carried(relays.join(joining, false).0, now);
        }
        state.unwrap_or_default()
    }

    /// The next frame, if one is accepted.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Due> {
        let pours = self.flood.pours(now);
        let due = self.outlet.as_ref().and_then(Outlet::due).map(|due| Due { shares: due.shares && pours, ..due });
        self.awaits_frame = due.is_some();
        due
    }

    /// True if something that becomes due can be sent then.
    pub(crate) fn awaits_frame(&self) -> bool {
        self.awaits_frame && self.is_live()
    }

    /// Counts output that a screen stands for: its program pours even if its frames do not.
    pub(crate) fn skip(&mut self, bytes: u64, now: Instant) {
        self.flood.record(bytes, now);
    }

    /// Hands over a frame. While the session ends, an expired token still gets its last events.
    pub(crate) fn push(&mut self, frame: Bytes, is_ending: bool, now: Instant) {
        if !self.direct {
            self.flood.record(frame.len() as u64, now);
        }
        if let Some(outlet) = &self.outlet {
            outlet.push(frame, if is_ending { u64::MAX } else { self.valid_until_ms }, now);
        }
    }

    /// Closes the connection after everything that was handed over.
    pub(crate) fn finish(&mut self, now: Instant) {
        if let Some(outlet) = self.outlet.take() {
            outlet.finish(None, now);
        }
        *self = Self::default();
    }

    /// Closes this connection with a reason, instead of what was handed over and not sent. Returns the reason's frame, if the
    /// function's relay posts it.
    pub(crate) fn reject(
        &mut self,
        connection: &ConnectionId,
        reason: Option<Bytes>,
        now: Instant,
    ) -> Option<LastFrame> {
        if !self.is_for(connection) {
            return None;
        }
        let before = std::mem::take(self);
        let last = before.outlet.and_then(|outlet| outlet.reject(reason, now));
        last.filter(|_| !before.direct)
    }

    /// Leaves the relay if its frames go over this connection, which is closed.
    pub(crate) fn closed(&mut self, connection: &ConnectionId) {
        if self.is_for(connection) {
            self.leave();
        }
    }

    /// Leaves the relay. Frames that were not sent are dropped.
    pub(crate) fn leave(&mut self) {
        if let Some(outlet) = self.outlet.take() {
            outlet.discard();
        }
        *self = Self::default();
    }

    /// Time at which the membership lapses, or a flood is over.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let ends = [self.until, self.flood.quiet_at()].into_iter().flatten().min();
        ends.filter(|_| self.is_live() && !self.direct)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, SystemClock, SystemRandom};
    use crate::metrics::{Metrics, Transport};
    use crate::relay::{DirectFrames, test_support};
    use crate::session::caller::caller;
    use std::sync::Arc;

    fn joining(caller: &Caller) -> Joining {
        let endpoint = caller.endpoint.clone();
        Joining { endpoint, ..test_support::joining(caller.connection.as_str(), &test_support::Switch::on()) }
    }

    impl Link {
        /// Opens the link as for a WebSocket of the service.
        pub(crate) fn open_direct(&mut self) -> DirectFrames {
            let caller = Caller { transport: Transport::WebSocket, ..caller("ada", "c1") };
            let clock: Arc<dyn Clock> = Arc::new(SystemClock);
            let (frames, outlet) = DirectFrames::open(joining(&caller), clock, Metrics::new(0));
            self.open(joining(&caller), Some(outlet), &caller, Instant::now());
            frames
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_page_lapses_and_a_message_prolongs() {
        let relays = Relays::new("i".into(), Arc::new(SystemClock), Arc::new(SystemRandom), Metrics::new(0));
        let (mut link, caller, start) = (Link::default(), caller("ada", "c1"), Instant::now());
        link.prolong(start);
        link.open(joining(&caller), relays.join(joining(&caller), true).0, &caller, Instant::now());
        link.refresh(&relays, start + MEMBERSHIP / 2);
        assert!(link.is_live_on(&caller.connection));
        link.prolong(start + MEMBERSHIP / 2);
        link.refresh(&relays, start + MEMBERSHIP);
        assert!(link.is_live());
        link.refresh(&relays, start + MEMBERSHIP * 2);
        assert!(!link.is_live() && !link.is_wanted(start + MEMBERSHIP * 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_moves_to_another_relay_by_itself() {
        let relays = Relays::new("i".into(), Arc::new(SystemClock), Arc::new(SystemRandom), Metrics::new(0));
        let (mut link, caller) = (Link::default(), caller("ada", "c1"));
        link.prolong(Instant::now());
        link.open(joining(&caller), relays.join(joining(&caller), true).0, &caller, Instant::now());
        tokio::time::advance(Duration::from_secs(3)).await;
        relays.tick(Instant::now());
        let (_other, grant) = relays.join(joining(&caller), true);
        assert!(grant.is_some(), "the first grant was never used");
        link.refresh(&relays, Instant::now());
        assert!(link.is_live() && link.due(Instant::now()).is_some());
    }
}
