//! The relays of one instance: which one carries which client, when a new one is granted, and when one ends.

use super::answer::Answer;
use super::count::RelayCount;
use super::dispatch::Dispatches;
use super::endpoint::Endpoint;
use super::joining::Joining;
use super::outlet::Outlet;
use super::shared::{Apart, Kind, Phase, Relay, SUCCESSOR_TTL};
use crate::clock::{Clock, RandomSource};
use crate::metrics::{GaugeGuard, Metrics};
use parking_lot::{Mutex, MutexGuard};
use shared_protocol::ConnectionId;
use shared_protocol::relay::RelayQuestion;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior};

/// Most members of a relay.
const MAX_MEMBERS: usize = 50;

/// Longest life of a relay: API Gateway gives up an integration after 29 s.
const LIFE: Duration = Duration::from_secs(25);

/// Life of a brief relay: its connection's next key waits no longer.
const BRIEF_LIFE: Duration = Duration::from_secs(1);

/// A relay with several members lives up to this much shorter, by chance: relays that began together do not end together.
const LIFE_JITTER: Duration = Duration::from_secs(5);

/// Age from which a message of any member makes a successor.
const RENEWAL_AGE: Duration = Duration::from_secs(15);

/// The same for a `follow` to a relay with one member: its page asks every 20 s.
const FOLLOW_RENEWAL_AGE: Duration = Duration::from_secs(5);

/// Age from which a member is sent `renew`, one a second, until there is a successor.
const RENEW_AGE: Duration = Duration::from_secs(18);

/// The same for a relay with one member: later than its page's own `follow`.
const LONE_RENEW_AGE: Duration = Duration::from_secs(21);

/// Life of a relay without members: a successor's come once the last frames of the relay before it are reported.
const EMPTY_LIFE: Duration = Duration::from_secs(5);

/// Time between two `renew`.
const RENEW_INTERVAL: Duration = Duration::from_secs(1);

/// Time between two looks at what is due.
const TICK_INTERVAL: Duration = Duration::from_millis(100);

/// Kind of message that may make a successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// `follow`, or an attach.
    Follow,
    /// Any other message of a member.
    Message,
    /// `carry`: a run of another kind of connection keeps that connection's messages waiting.
    Carrier,
}

/// The relay, or the place in one, that ends with the first question of its successor.
pub(super) enum Predecessor {
    /// The relay that it succeeds.
    Relay(Weak<Relay>),
    /// The place of one member in a relay.
    Member(Weak<Relay>, u64),
}

/// One relay of the table.
struct Entry {
    relay: Arc<Relay>,
    /// Its longest life.
    life: Duration,
    /// Until its first question.
    predecessor: Option<Predecessor>,
    _counted: GaugeGuard,
}

/// A client without a relay, to be woken once there is one.
struct Waiting {
    endpoint: String,
    wake: Arc<Notify>,
}

#[derive(Default)]
pub(super) struct Table {
    /// By the secret part of the grant.
    entries: HashMap<String, Entry>,
    waiting: Vec<Waiting>,
}

/// The relays of one instance.
pub struct Relays {
    /// First part of every grant: other instances pass its questions on to this one.
    instance: String,
    clock: Arc<dyn Clock>,
    random: Arc<dyn RandomSource>,
    pub(super) metrics: Arc<Metrics>,
    /// Relays of all instances.
    pub(super) count: Arc<RelayCount>,
    table: Mutex<Table>,
    /// Wakes [`Self::run`] for the first relay: without any, an idle service rests.
    first: Notify,
    /// Dispatch of the APIs that the relays post to.
    pub dispatches: Dispatches,
}

impl Relays {
    /// No relays yet. `instance` is the id of this instance.
    pub fn new(
        instance: String,
        clock: Arc<dyn Clock>,
        random: Arc<dyn RandomSource>,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        Arc::new(Self {
            instance,
            clock,
            random,
            metrics,
            count: Arc::default(),
            table: Mutex::default(),
            first: Notify::new(),
            dispatches: Dispatches::default(),
        })
    }

    /// Sets how many relays there should be at most, of all instances: floods have their own below half of it.
    pub fn set_at_most(&self, relays: usize) {
        self.count.set_at_most(relays);
    }

    /// Relays of this instance.
    pub fn count(&self) -> usize {
        self.count.here()
    }

    /// Sets the number of relays of all other instances.
    pub fn set_elsewhere(&self, relays: usize) {
        self.count.set_elsewhere(relays);
    }

    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock()
    }

    /// The instance that a grant names.
    pub fn instance_of(grant: &str) -> &str {
        grant.split_once('.').map_or("", |(instance, _)| instance)
    }

    /// The relay of a grant, for requests about connections of this API.
    pub fn find(&self, grant: &str, endpoint: &str) -> Option<Arc<Relay>> {
        let (instance, secret) = grant.split_once('.')?;
        let table = self.table();
        let relay = &table.entries.get(secret)?.relay;
        (instance == self.instance && relay.endpoint.name == endpoint).then(|| Arc::clone(relay))
    }

    /// Records that the run of a message of this connection, a `carrier` or not, carries the relay of a grant.
    pub fn granted(&self, grant: &str, connection: &ConnectionId, user: &str, carrier: bool) {
        let secret = grant.split_once('.').map_or(grant, |(_, secret)| secret);
        let relay = self.table().entries.get(secret).map(|entry| Arc::clone(&entry.relay));
        // A brief run says nothing about the dispatch: a message soon after its end is no sign that it waited.
        if let Some(relay) = relay.filter(|relay| relay.kind != Kind::Brief) {
            relay.lock().by_carrier = carrier;
            self.dispatches.granted(connection.clone(), user.to_owned(), relay);
        }
    }

    /// Gives a client a place in the fullest relay that has room. Without one it gets a new relay and the grant for it, if
    /// `may_grant`; otherwise it is woken as soon as there is a relay.
    pub fn join(&self, joining: Joining, may_grant: bool) -> (Option<Outlet>, Option<String>) {
        self.join_or_grant(joining, may_grant.then_some(Kind::First))
    }

    /// The same, with a new relay that lives for a second.
    pub fn join_briefly(&self, joining: Joining) -> (Option<Outlet>, Option<String>) {
        self.join_or_grant(joining, Some(Kind::Brief))
    }

    fn join_or_grant(&self, joining: Joining, new: Option<Kind>) -> (Option<Outlet>, Option<String>) {
        let now = Instant::now();
        let mut table = self.table();
        let with_room = table.entries.values().filter_map(|entry| {
            let inner = entry.relay.lock();
            let members = inner.state.len();
            let fits = entry.relay.endpoint.name == joining.endpoint && members < MAX_MEMBERS && inner.takes_members();
            let is_own = inner.apart.as_ref().map(|apart| *apart.connection() == joining.connection);
            // A successor takes members only once it asks.
            let takes = fits
                && is_own != Some(false)
                && !(entry.relay.kind == Kind::Successor && inner.phase == Phase::Granted);
            takes.then_some(((is_own, members), &entry.relay))
        });
        if let Some((_, relay)) = with_room.max_by_key(|(rank, _)| *rank) {
            self.metrics.relays.moves.inc_by(u64::from(new.is_none()));
            let member = relay.join(joining, now);
            return (Some(Outlet::new(Arc::clone(relay), member)), None);
        }
        let Some(kind) = new else {
            table.waiting.retain(|waiting| !Arc::ptr_eq(&waiting.wake, &joining.wake));
            table.waiting.push(Waiting { endpoint: joining.endpoint, wake: joining.wake });
            return (None, None);
        };
        let (relay, grant) = self.grant(&mut table, joining.endpoint.as_str(), kind, None);
        let member = relay.join(joining, now);
        (Some(Outlet::new(relay, member)), Some(grant))
    }

    /// The grant for a successor of the client's relay, if it needs one now. One is open at a time.
    pub fn renew(&self, outlet: &Outlet, renewal: Renewal) -> Option<String> {
        let (now, relay) = (Instant::now(), outlet.relay());
        let mut table = self.table();
        let (members, apart) = {
            let inner = relay.lock();
            let members = inner.state.len();
            let from = match renewal {
                Renewal::Carrier if !inner.by_carrier => Duration::ZERO,
                Renewal::Follow if members == 1 => FOLLOW_RENEWAL_AGE,
                Renewal::Follow | Renewal::Message | Renewal::Carrier => RENEWAL_AGE,
            };
            inner.may_have_successor(from, now).then_some(())?;
            (members, inner.apart.as_ref().map(|apart| apart.connection().clone()))
        };
        let apart = apart.filter(|_| self.count.has_room_for_floods());
        if apart.is_none() && table.has_room_elsewhere(relay, members, now) {
            let mut inner = relay.lock();
            if renewal == Renewal::Carrier && !inner.by_carrier {
                inner.end(now, self.clock.steady_ms());
            }
            return None;
        }
        relay.lock().successor_until = Some(now + SUCCESSOR_TTL);
        let before = Predecessor::Relay(Arc::downgrade(relay));
        let (successor, grant) = self.grant(&mut table, &relay.endpoint.name, Kind::Successor, Some(before));
        successor.lock().apart = apart.map(|connection| Apart::new(connection, &self.metrics));
        Some(grant)
    }

    pub(super) fn grant(
        &self,
        table: &mut Table,
        endpoint: &str,
        kind: Kind,
        predecessor: Option<Predecessor>,
    ) -> (Arc<Relay>, String) {
        let secret = hex::encode(self.random.bytes::<16>());
        let [chance] = self.random.bytes::<1>();
        let life = LIFE - LIFE_JITTER * u32::from(chance) / 255;
        let (clock, metrics) = (Arc::clone(&self.clock), Arc::clone(&self.metrics));
        let (endpoint, count) = (table.endpoint(endpoint), Arc::clone(&self.count));
        let relay = Relay::new(endpoint, count, kind, clock, metrics);
        let grant = format!("{}.{secret}", self.instance);
        table.entries.insert(
            secret,
            Entry { relay: Arc::clone(&relay), life, predecessor, _counted: self.metrics.relays.run() },
        );
        self.count.set_here(table.entries.len());
        self.first.notify_one();
        (relay, grant)
    }

    /// Answers a question. The first of a successor ends the relay before it, or the place of one member, who then move.
    pub async fn ask(&self, relay: &Arc<Relay>, question: &RelayQuestion, wait: Duration) -> Answer {
        if relay.begin() {
            let mut table = self.table();
            let entry = table.entries.values_mut().find(|entry| Arc::ptr_eq(&entry.relay, relay));
            let before = entry.and_then(|entry| entry.predecessor.take());
            let is_served = |waiting: &mut Waiting| waiting.endpoint == relay.endpoint.name;
            let served: Vec<Waiting> = table.waiting.extract_if(.., is_served).collect();
            drop(table);
            let now = Instant::now();
            match before {
                Some(Predecessor::Relay(before)) => {
                    before.upgrade().inspect(|before| before.lock().end(now, self.clock.steady_ms()));
                }
                Some(Predecessor::Member(before, member)) => {
                    before.upgrade().inspect(|before| before.move_member(member, now));
                }
                None => {}
            }
            served.iter().for_each(|waiting| waiting.wake.notify_one());
        }
        relay.ask(question, wait).await
    }

    /// Ends relays whose time is up, asks pages to renew, and removes those that are over; until dropped.
    pub async fn run(&self) {
        let mut ticks = tokio::time::interval(TICK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if self.count() == 0 {
                self.first.notified().await;
            }
            ticks.tick().await;
            self.tick(Instant::now());
        }
    }

    /// Does what is due.
    pub fn tick(&self, now: Instant) {
        let mut table = self.table();
        let clients = table.entries.values().map(|entry| entry.relay.lock().state.len()).sum();
        self.dispatches.tick(self.clock.now_ms(), clients);
        let due: Vec<_> =
            table.entries.values().filter_map(|entry| Some((Arc::clone(&entry.relay), entry.due(now)?))).collect();
        for (relay, members) in due {
            let is_apart = relay.lock().apart.is_some() && self.count.has_room_for_floods();
            if is_apart || !table.has_room_elsewhere(&relay, members, now) {
                relay.lock().ask_to_renew(now);
            }
        }
        table.entries.retain(|_, Entry { relay, life, .. }| {
            let mut inner = relay.lock();
            let age = now.saturating_duration_since(inner.granted_at);
            let members = inner.state.len();
            let life = match (relay.kind, members) {
                (Kind::Brief, _) => BRIEF_LIFE,
                (_, 1) => LIFE,
                _ => *life,
            };
            if inner.phase == Phase::Carrying && (age >= life || (members == 0 && age >= EMPTY_LIFE)) {
                inner.end(now, self.clock.steady_ms());
            }
            drop(inner);
            relay.tick(now)
        });
        self.count.set_here(table.entries.len());
    }
}

impl Entry {
    /// Number of members of a relay that needs a successor now and has none.
    fn due(&self, now: Instant) -> Option<usize> {
        let inner = self.relay.lock();
        let members = inner.state.len();
        let renew_age = if members == 1 { LONE_RENEW_AGE } else { RENEW_AGE };
        let was_asked = inner.renewed_at.is_some_and(|at| now < at + RENEW_INTERVAL);
        (inner.may_have_successor(renew_age, now) && !was_asked).then_some(members)
    }
}

impl Table {
    /// The API with this name, as the other relays know it.
    fn endpoint(&self, name: &str) -> Arc<Endpoint> {
        let known = self.entries.values().find(|entry| entry.relay.endpoint.name == name);
        known.map_or_else(|| Endpoint::new(name.to_owned()), |entry| Arc::clone(&entry.relay.endpoint))
    }

    /// The relay of a client that pours.
    pub(super) fn apart_for(&self, connection: &ConnectionId, endpoint: &str) -> Option<&Arc<Relay>> {
        let is_theirs = |apart: &Apart| apart.connection() == connection;
        let mut relays = self.entries.values().map(|entry| &entry.relay);
        relays.find(|relay| relay.endpoint.name == endpoint && relay.lock().apart.as_ref().is_some_and(is_theirs))
    }

    /// True if the members of this relay fit into others that live on for a while: then it needs no successor.
    pub(super) fn has_room_elsewhere(&self, relay: &Arc<Relay>, members: usize, now: Instant) -> bool {
        let others = self
            .entries
            .values()
            .filter(|entry| !Arc::ptr_eq(&entry.relay, relay) && entry.relay.endpoint.name == relay.endpoint.name);
        let room = others.map(|entry| {
            let inner = entry.relay.lock();
            let lasts = entry.relay.kind != Kind::Brief && now < inner.granted_at + RENEWAL_AGE;
            let is_young = lasts && inner.phase == Phase::Carrying;
            if is_young && inner.apart.is_none() { MAX_MEMBERS.saturating_sub(inner.state.len()) } else { 0 }
        });
        room.sum::<usize>() >= members
    }
}

#[cfg(test)]
mod tests;
