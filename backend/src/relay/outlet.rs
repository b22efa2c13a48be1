//! A client's way out of its session: one place in one relay.

use super::queue::{FENCE, Queued};
use super::shared::{Kind, Phase, Relay};
use bytes::Bytes;
use shared_protocol::relay::RelayAction;
use std::sync::{Arc, Weak};
use tokio::time::Instant;

/// Changes of a client's place in a relay that its session acts on.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct OutletState {
    /// True if the relay carries the client no longer: it may join another.
    pub released: bool,
    /// True, once, if a frame was lost or may have been.
    pub lost: bool,
    /// True, once, if the client is to be sent `renew`.
    pub renew: bool,
}

/// A frame that a relay accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Time since which it is awaited.
    pub since: Instant,
    /// True while API Gateway refuses posts of the whole account, as any relay says: fewer and fuller frames help all.
    pub is_throttled: bool,
    /// True if the relay serves others too and there are so many that a flood gets none of its own.
    pub shares: bool,
}

/// The last frame of a client that left: until its relay has posted it, no other post to its connection may begin.
#[derive(Debug)]
pub struct LastFrame {
    relay: Weak<Relay>,
    member: u64,
    /// Time from which it does not matter: the relay may be dead.
    until: Instant,
}

impl LastFrame {
    /// True while it may still be posted.
    pub fn is_on_its_way(&self, now: Instant) -> bool {
        let Some(relay) = self.relay.upgrade().filter(|_| now < self.until) else { return false };
        let mut inner = relay.lock();
        inner.phase != Phase::Over && inner.state.member_mut(self.member).is_some()
    }
}

/// One client's place in a relay. Dropped, it lets go of it.
pub struct Outlet {
    relay: Arc<Relay>,
    member: u64,
}

impl Outlet {
    pub(super) fn new(relay: Arc<Relay>, member: u64) -> Self {
        Self { relay, member }
    }

    pub(super) fn relay(&self) -> &Arc<Relay> {
        &self.relay
    }

    pub(super) fn member(&self) -> u64 {
        self.member
    }

    /// True if its relay is to be replaced at once by one that a carrier's message starts.
    pub fn is_brief(&self) -> bool {
        self.relay.kind == Kind::Brief
    }

    /// The state now.
    pub fn look(&self, now: Instant) -> OutletState {
        let mut inner = self.relay.lock();
        let phase = inner.phase;
        let Some(member) = inner.state.member_mut(self.member) else {
            return OutletState { released: true, lost: true, renew: false };
        };
        let released = match phase {
            Phase::Granted | Phase::Carrying => member.has_moved(now),
            Phase::Ending => member.frames.is_over(now),
            Phase::Over => true,
        };
        let lost = member.frames.take_lost() || (released && member.frames.is_uncertain());
        let renew = std::mem::take(&mut member.renew);
        OutletState { released, lost, renew }
    }

    /// True while its relay lives, as far as it is known.
    pub fn is_served(&self, now: Instant) -> bool {
        self.relay.is_alive(now)
    }

    /// The client's next frame, if one is accepted.
    pub fn due(&self) -> Option<Due> {
        let mut inner = self.relay.lock();
        if !inner.state.has_credit(self.member) {
            return None;
        }
        let is_throttled = self.relay.endpoint.is_throttled();
        let is_shared = inner.apart.is_none() && inner.state.len() > 1;
        let shares = is_shared && !self.relay.count.has_room_for_floods();
        inner.state.member_mut(self.member).map(|member| Due { since: member.frames.since, is_throttled, shares })
    }

    /// Size of the client's frames that were handed over and not reported, in bytes.
    pub fn held(&self) -> usize {
        self.relay.lock().state.member_mut(self.member).map_or(0, |member| member.frames.held())
    }

    /// Records a message that prolongs the membership.
    pub fn heard(&self, now: Instant) {
        if let Some(member) = self.relay.lock().state.member_mut(self.member) {
            member.heard = now;
        }
    }

    /// Hands over a frame; a question that waits is answered with it at once. `valid_until_ms` is the end of the client's
    /// authority, in ms since 1970.
    pub fn push(&self, bytes: Bytes, valid_until_ms: u64, now: Instant) {
        self.accept(Queued { action: RelayAction::None, bytes, valid_until_ms }, now);
    }

    /// Hands over a last frame and closes the connection after it.
    pub fn finish(self, bytes: Option<Bytes>, now: Instant) {
        let bytes = bytes.unwrap_or_default();
        self.accept(Queued { action: RelayAction::Close, bytes, valid_until_ms: u64::MAX }, now);
    }

    /// Takes back the frames that were not answered, and hands over the reason to close the connection. Returns `None` if the
    /// relay will not post it.
    pub fn reject(self, reason: Option<Bytes>, now: Instant) -> Option<LastFrame> {
        let (relay, member) = (Arc::downgrade(&self.relay), self.member);
        let will_post = self.relay.lock().takes_members();
        self.discard();
        self.finish(reason, now);
        will_post.then_some(LastFrame { relay, member, until: now + FENCE })
    }

    /// Takes back the frames that were not answered.
    pub fn discard(&self) {
        if let Some(member) = self.relay.lock().state.member_mut(self.member) {
            member.frames.discard();
        }
    }

    fn accept(&self, frame: Queued, now: Instant) {
        let now_ms = self.relay.now_ms();
        let mut inner = self.relay.lock();
        inner.state.push(self.member, frame, now);
        inner.answer_pending(now, now_ms);
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        let (now, now_ms) = (Instant::now(), self.relay.now_ms());
        let mut inner = self.relay.lock();
        let has_moved = inner.state.member_mut(self.member).is_some_and(|member| member.has_moved(now));
        if inner.takes_members() && !has_moved {
            inner.state.leave(self.member);
        } else {
            inner.state.remove(self.member);
        }
        if inner.state.len() == 0 {
            inner.end(now, now_ms);
        }
    }
}
