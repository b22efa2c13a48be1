//! A session's access to relays: which client gets a place in which one, and with which message comes a grant.

use super::caller::Caller;
use super::client::{Client, Link};
use super::handle::Grant;
use super::registry::RegistryDeps;
use crate::clock::Clock;
use crate::cluster::Lease;
use crate::metrics::Metrics;
use crate::relay::{DirectFrames, Joining, Permit, Relays, Renewal};
use shared_protocol::{Dispatch, Epoch, SessionId};
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A message on its way for this long, in ms, may have waited for its connection's own run.
const MIN_QUEUED_MS: u64 = 1000;

/// A session may send while its lease surely holds.
struct LeasePermit(Arc<Lease>);

impl Permit for LeasePermit {
    fn holds(&self) -> bool {
        self.0.is_valid(Instant::now()) == Some(true)
    }
}

/// A grant that an answer brings.
pub(crate) enum NewGrant {
    /// The client has no other relay: this one begins after the answer's own frame was sent.
    First(Grant),
    /// The client's relay serves it until this one begins.
    Successor(Grant),
}

impl NewGrant {
    /// The grant itself.
    pub(crate) fn into_grant(self) -> Grant {
        match self {
            Self::First(grant) | Self::Successor(grant) => grant,
        }
    }
}

/// The relays of this instance as one session, or one wall, uses them.
pub(crate) struct RelayAccess {
    session: Option<SessionId>,
    pub(crate) relays: Arc<Relays>,
    /// Wakes the task when a client has credit again, or must look for another relay.
    pub(crate) wake: Arc<Notify>,
    permit: Arc<dyn Permit>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
}

impl RelayAccess {
    /// For a session, whose task `wake` wakes.
    pub(super) fn new(deps: &RegistryDeps, lease: &Arc<Lease>, wake: Arc<Notify>) -> Self {
        let session = Some(lease.record().id.clone());
        Self { session, wake, ..Self::of_wall(deps, Arc::new(LeasePermit(Arc::clone(lease)))) }
    }

    /// For a wall, which may send while `permit` holds.
    pub(crate) fn of_wall(deps: &RegistryDeps, permit: Arc<dyn Permit>) -> Self {
        let (relays, clock) = (Arc::clone(&deps.relays), Arc::clone(&deps.clock));
        Self { session: None, relays, wake: Arc::default(), permit, clock, metrics: Arc::clone(&deps.metrics) }
    }

    /// Has the frames of this link carried over the caller's connection, if none carries them yet. `is_page`: it answers `renew`,
    /// and must say that it is looked at. `renewal` is the kind of the message; `None` for one that prolongs nothing. Returns the
    /// grant that the answer to the message brings.
    pub(crate) fn carry(
        &self,
        link: &mut Link,
        is_page: bool,
        caller: &Caller,
        renewal: Option<Renewal>,
        now: Instant,
    ) -> Option<NewGrant> {
        if renewal.is_some() || !is_page {
            link.prolong(now);
        }
        if !link.is_wanted(now) {
            // A page that is not looked at: it gets frames again with its next `follow`.
            return None;
        }
        // A page attaches or follows on the connection that it wants its frames on.
        let moves = renewal == Some(Renewal::Follow) && !link.is_live_on(&caller.connection);
        if link.is_live() && !moves {
            let may_grant = !caller.is_direct() && !is_serial(caller);
            if let Some(grant) = may_grant.then(|| link.set_apart(&self.relays, now)).flatten() {
                return self.granted(Some(grant), caller).map(NewGrant::Successor);
            }
            let renewal = renewal.filter(|_| may_grant)?;
            return self.granted(link.renew(&self.relays, renewal), caller).map(NewGrant::Successor);
        }
        let joining = Joining {
            session: self.session.clone(),
            connection: caller.connection.clone(),
            endpoint: caller.endpoint.clone(),
            wake: Arc::clone(&self.wake),
            permit: Arc::clone(&self.permit),
            renews: is_page,
        };
        let (outlet, grant) = if caller.is_direct() {
            let (clock, metrics) = (Arc::clone(&self.clock), Arc::clone(&self.metrics));
            let (frames, outlet) = DirectFrames::open(joining.clone(), clock, metrics);
            (Some(outlet), Some(Grant::Direct(frames)))
        } else {
            // Where only carriers are to carry, a page's own run carries until one does; not for a message that has waited,
            // because others may wait behind it. A plain client has no carrier, and waits.
            let has_carrier = is_serial(caller) && !link.is_stranded(now);
            let has_waited = caller.arrival.gateway_ms.is_some_and(|ms| ms >= MIN_QUEUED_MS);
            let (outlet, grant) = if has_carrier && is_page && !has_waited {
                self.relays.join_briefly(joining.clone())
            } else {
                self.relays.join(joining.clone(), !has_carrier)
            };
            (outlet, self.granted(grant, caller))
        };
        link.open(joining, outlet, caller, now);
        grant.map(NewGrant::First)
    }

    /// Has the run of a carrier's message carry frames, if the client needs a relay or its relay a successor: at once if that is
    /// the run of another kind of connection.
    pub(super) fn carry_by(&self, client: &mut Client, carrier: &Caller, epoch: Epoch, now: Instant) -> Option<Grant> {
        // The end of the run that this message has waited for may be news.
        client.outbound.refresh(&self.relays, epoch, now);
        let link = &mut client.outbound.link;
        let grant = match link.wanted(now) {
            Some(joining) => {
                let (outlet, grant) = self.relays.join(joining, true);
                link.carried(outlet, now);
                grant
            }
            None => link.set_apart(&self.relays, now).or_else(|| link.renew(&self.relays, Renewal::Carrier)),
        };
        self.granted(grant, carrier)
    }

    /// Notes the connection whose run will carry.
    fn granted(&self, grant: Option<String>, caller: &Caller) -> Option<Grant> {
        let grant = grant?;
        self.relays.granted(&grant, &caller.connection, &caller.user, caller.carrier);
        Some(Grant::Relay(grant))
    }
}

/// True if a run that this message starts would keep the connection's later messages waiting.
fn is_serial(caller: &Caller) -> bool {
    caller.arrival.dispatch == Some(Dispatch::Serial)
}
