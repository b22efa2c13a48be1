//! Membership of this instance in the cluster: its own heartbeat, whether it may declare another instance dead, and whether the
//! store holds the data of all instances.

use super::liveness::Liveness;
use crate::store::{INSTANCE_TTL, Instance, InstanceId, SessionRecord, SessionState, Store, StoreError};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Time between two heartbeats: two may be lost before [`INSTANCE_TTL`] is over.
pub(super) const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);

/// Time after a data loss of the store until every instance has written its sessions again.
const REPOPULATE_WINDOW: Duration = Duration::from_secs(8);

#[derive(Debug, Default)]
struct HeartbeatState {
    /// Start of the unbroken series of heartbeats; none while one fails.
    steady_since: Option<Instant>,
    /// The last heartbeat that the store has taken.
    last: Option<Instant>,
    /// True if the latest heartbeat failed.
    failing: bool,
    /// Until then, the store may lack sessions that run.
    incomplete_until: Option<Instant>,
    /// True once this instance shuts down.
    draining: bool,
    /// Relays of this instance.
    relays: usize,
}

/// This instance as the others see it.
#[derive(Debug)]
pub struct Membership {
    instance: Instance,
    liveness: Arc<Liveness>,
    heartbeat: Mutex<HeartbeatState>,
    /// Other live instances, counted only while this one cannot be reached by them.
    unreachable_peers: AtomicUsize,
}

impl Membership {
    /// The membership of `instance`, before its first heartbeat.
    pub fn new(instance: Instance, liveness: Arc<Liveness>) -> Self {
        Self { instance, liveness, heartbeat: Mutex::default(), unreachable_peers: AtomicUsize::new(0) }
    }

    /// The id of this instance.
    pub fn instance_id(&self) -> &InstanceId {
        &self.instance.id
    }

    /// Marks this instance as draining: from the next heartbeat on, others send no new sessions here.
    pub fn drain(&self) {
        self.heartbeat.lock().draining = true;
    }

    /// Sets the number of relays of this instance, which others learn with the next heartbeat.
    pub fn set_relays(&self, relays: usize) {
        self.heartbeat.lock().relays = relays;
    }

    /// All other live instances. Removes those that are proven dead, so that others learn it too.
    pub(super) async fn others(&self, store: &dyn Store) -> Result<Vec<Instance>, StoreError> {
        let mut others = store.instances().await?;
        others.retain(|instance| instance.id != self.instance.id);
        for dead in others.extract_if(.., |instance| self.liveness.is_proven_dead(&instance.id)) {
            store.deregister(&dead.id).await?;
        }
        Ok(others)
    }

    /// Tells the store that this instance is alive.
    pub async fn heartbeat(&self, store: &dyn Store) -> Result<(), StoreError> {
        let since = Instant::now();
        let HeartbeatState { draining, relays, .. } = *self.heartbeat.lock();
        let instance = Instance { draining, relays, ..self.instance.clone() };
        let known = store.heartbeat(&instance).await;
        let mut state = self.heartbeat.lock();
        let in_time = state.last.is_some_and(|last| since < last + INSTANCE_TTL);
        match known {
            Ok(known) => {
                if !known && in_time {
                    tracing::error!("the store has lost its data; sessions are written again");
                    state.incomplete_until = Some(since + REPOPULATE_WINDOW);
                }
                if !in_time || state.steady_since.is_none() {
                    state.steady_since = Some(since);
                }
                (state.last, state.failing) = (Some(since), false);
                Ok(())
            }
            Err(error) => {
                state.steady_since = None;
                state.failing = true;
                Err(error)
            }
        }
    }

    /// True if the latest heartbeat failed.
    pub fn is_cut_off(&self) -> bool {
        self.heartbeat.lock().failing
    }

    /// True if an instance that the store does not list is dead. Needs an unbroken series of own heartbeats: after an outage of
    /// the store, other instances may not have written theirs yet.
    pub fn can_declare_dead(&self, now: Instant) -> bool {
        self.heartbeat.lock().steady_since.is_some_and(|since| since + INSTANCE_TTL <= now)
    }

    /// True if a session that the store does not list does not exist. False for a while after the store has lost its data.
    pub async fn is_store_warm(&self, store: &dyn Store) -> Result<bool, StoreError> {
        if !store.is_shared() {
            return Ok(true);
        }
        let known = store.instance(self.instance_id()).await?.is_some();
        let now = Instant::now();
        let mut state = self.heartbeat.lock();
        if !known && state.last.is_some_and(|last| now < last + INSTANCE_TTL) {
            state.incomplete_until = Some(now + REPOPULATE_WINDOW);
        }
        Ok(state.incomplete_until.is_none_or(|until| until <= now))
    }

    /// Sets the number of other instances. While this one has no address, requests for their sessions cannot be forwarded.
    pub(super) fn set_peers(&self, peers: usize) {
        if self.instance.address.is_some() {
            return;
        }
        let before = self.unreachable_peers.swap(peers, Ordering::Relaxed);
        if peers > 0 && before == 0 {
            tracing::error!(peers, "{UNREACHABLE_PEERS}");
        }
    }

    /// A live instance that takes new sessions, other than this one.
    pub async fn another(&self, store: &dyn Store) -> Result<Option<Instance>, StoreError> {
        let takes = |instance: &Instance| instance.id != self.instance.id && !instance.draining;
        Ok(store.instances().await?.into_iter().find(|instance| takes(instance) && instance.address.is_some()))
    }

    /// A sentence for the operator while the service runs with a fault.
    pub fn degraded(&self) -> Option<&'static str> {
        if self.is_cut_off() {
            return Some("the store does not answer; sessions here go on, and nothing else can be reached");
        }
        (self.unreachable_peers.load(Ordering::Relaxed) > 0).then_some(UNREACHABLE_PEERS)
    }
}

const UNREACHABLE_PEERS: &str = "there is another instance, but ADVERTISE_URL is not set: run exactly one";

/// The location of a session's shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In this instance.
    Local,
    /// In another live instance.
    Remote(Instance),
    /// In none: there is no shell, or its instance is dead.
    Unowned,
    /// In an instance without a heartbeat that may still be alive.
    Unknown,
}

/// Locates the shell of a session that does not run in this instance.
pub async fn locate(
    record: &SessionRecord,
    membership: &Membership,
    store: &dyn Store,
) -> Result<Location, StoreError> {
    let owner = match &record.owner {
        Some(owner) if record.state == SessionState::Running && owner != membership.instance_id() => owner,
        // A session of this instance that does not run has ended, even if the store could not be told.
        _ => return Ok(Location::Unowned),
    };
    if membership.liveness.is_proven_dead(owner) {
        return Ok(Location::Unowned);
    }
    Ok(match store.instance(owner).await? {
        Some(instance) => Location::Remote(instance),
        None if membership.can_declare_dead(Instant::now()) => Location::Unowned,
        None => Location::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::super::liveness::Place;
    use super::*;
    use crate::clock::SystemRandom;
    use crate::store::MemoryStore;
    use crate::store::contract::{instance, running};

    /// An instance that can prove nothing.
    fn alone(id: &str) -> Membership {
        Membership::new(instance(id), Arc::default())
    }

    /// An instance at the one place of this test.
    fn at_one_place() -> Membership {
        let place = Place::new("boot", "net:[1]", None);
        let (id, liveness) = Liveness::claim(Ok(place), &SystemRandom);
        Membership::new(Instance { id, ..instance("") }, Arc::new(liveness))
    }

    async fn relays(others: &Membership, store: &MemoryStore) -> usize {
        others.others(store).await.unwrap().iter().map(|instance| instance.relays).sum()
    }

    #[tokio::test(start_paused = true)]
    async fn the_dead_of_a_place_are_known_without_their_last_heartbeat_being_over() {
        let store = MemoryStore::shared();
        let [old, new, elsewhere] = [at_one_place(), at_one_place(), alone("elsewhere")];
        for membership in [&old, &new, &elsewhere] {
            membership.heartbeat(&store).await.unwrap();
        }
        let old_id = old.instance_id().clone();
        let record = running("s", &old_id.0, 5);
        let located = async |by: &Membership| locate(&record, by, &store).await.unwrap();
        assert!(matches!(located(&new).await, Location::Remote(_)), "it lives");
        assert_eq!(new.others(&store).await.unwrap().len(), 2);
        drop(old);
        assert_eq!(located(&new).await, Location::Unowned);
        assert!(matches!(located(&elsewhere).await, Location::Remote(_)), "without a proof");
        let others = new.others(&store).await.unwrap();
        assert_eq!(others.iter().map(|other| &other.id).collect::<Vec<_>>(), [elsewhere.instance_id()]);
        assert_eq!(store.instance(&old_id).await.unwrap(), None, "all others learn it");
        // Its record may be long gone when the next instance starts.
        assert_eq!(located(&new).await, Location::Unowned);
    }

    #[tokio::test(start_paused = true)]
    async fn only_an_unbroken_series_of_heartbeats_allows_to_declare_others_dead() {
        let (store, membership) = (MemoryStore::shared(), alone("me"));
        assert!(!membership.can_declare_dead(Instant::now()));
        for _ in 0..3 {
            membership.heartbeat(&store).await.unwrap();
            assert!(!membership.can_declare_dead(Instant::now()));
            tokio::time::advance(HEARTBEAT_INTERVAL).await;
        }
        membership.heartbeat(&store).await.unwrap();
        assert!(membership.can_declare_dead(Instant::now()));
        tokio::time::advance(INSTANCE_TTL).await;
        membership.heartbeat(&store).await.unwrap();
        assert!(!membership.can_declare_dead(Instant::now()), "a heartbeat was late");
    }

    #[test]
    fn another_instance_is_a_fault_only_where_this_one_has_no_address() {
        let without = Membership::new(Instance { address: None, ..instance("me") }, Arc::default());
        for (peers, fault) in [(0, None), (1, Some(UNREACHABLE_PEERS)), (0, None)] {
            without.set_peers(peers);
            assert_eq!(without.degraded(), fault);
        }
        let with = alone("me");
        with.set_peers(1);
        assert_eq!(with.degraded(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn heartbeats_tell_the_others_how_many_relays_there_are() {
        let store = MemoryStore::shared();
        let [one, two, three] = ["one", "two", "three"].map(alone);
        for (membership, relays) in [(&one, 1), (&two, 20), (&three, 300)] {
            membership.set_relays(relays);
            membership.heartbeat(&store).await.unwrap();
        }
        assert_eq!(relays(&one, &store).await, 320);
        tokio::time::advance(HEARTBEAT_INTERVAL).await;
        one.heartbeat(&store).await.unwrap();
        two.set_relays(0);
        two.heartbeat(&store).await.unwrap();
        tokio::time::advance(INSTANCE_TTL - HEARTBEAT_INTERVAL).await;
        assert_eq!(relays(&one, &store).await, 0, "the third is dead");
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_lost_its_data_is_cold_for_a_while() {
        let (store, membership) = (MemoryStore::shared(), alone("me"));
        membership.heartbeat(&store).await.unwrap();
        assert!(membership.is_store_warm(&store).await.unwrap());
        store.deregister(membership.instance_id()).await.unwrap();
        assert!(!membership.is_store_warm(&store).await.unwrap());
        membership.heartbeat(&store).await.unwrap();
        assert!(!membership.is_store_warm(&store).await.unwrap(), "other instances have not written yet");
        tokio::time::advance(REPOPULATE_WINDOW).await;
        membership.heartbeat(&store).await.unwrap();
        assert!(membership.is_store_warm(&store).await.unwrap());
    }
}
