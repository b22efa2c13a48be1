//! Fault injection: a layer around the function, around the clients, and in each connection's task. A seed makes the
//! faults repeatable. Without faults the layers do not exist.

mod account;
mod admin_api;
mod clients;
mod connection;
mod function;
mod injector;
mod plan;
mod rng;
mod spec;

pub(crate) use admin_api::AdminApi;
pub(crate) use clients::FaultyClients;
pub(crate) use connection::ConnectionFaults;
pub(crate) use function::FaultyFunction;
pub use plan::{ConnectionPlan, Cut, DurationRange, FaultPlan, FunctionPlan, MessagePlan, PostPlan};
pub use spec::{FAULTS_HELP, FaultError};

use injector::Injector;
use parking_lot::Mutex;
use rng::Decision;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The faults of one gateway. Clones share their state.
#[derive(Debug, Clone)]
pub struct Faults(Arc<State>);

#[derive(Debug)]
struct State {
    injector: Arc<Injector>,
    /// Open connections by id.
    connections: Mutex<HashMap<String, Arc<ConnectionFaults>>>,
    // Numbers of the next handshake, connection, end of a connection and invocation: inputs of their decisions.
    handshakes: AtomicU64,
    opened: AtomicU64,
    ended: AtomicU64,
    invocations: AtomicU64,
}

/// Keeps a connection registered for [`Faults::cut`] and posts until dropped.
#[derive(Debug)]
pub(crate) struct ConnectionFaultsGuard {
    state: Arc<State>,
    connection_id: String,
    pub(crate) faults: Arc<ConnectionFaults>,
}

impl Drop for ConnectionFaultsGuard {
    fn drop(&mut self) {
        self.state.connections.lock().remove(&self.connection_id);
    }
}

impl Faults {
    /// The same seed makes the same decisions: for the nth connection, its nth message in each direction, and the nth
    /// invocation.
    pub fn new(plan: FaultPlan, seed: u64) -> Self {
        Self(Arc::new(State {
            injector: Arc::new(Injector::new(plan, seed)),
            connections: Mutex::default(),
            handshakes: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            invocations: AtomicU64::new(0),
        }))
    }

    /// The current plan.
    pub fn plan(&self) -> FaultPlan {
        self.0.injector.plan().as_ref().clone()
    }

    /// The seed of all decisions.
    pub fn seed(&self) -> u64 {
        self.0.injector.seed()
    }

    /// Replaces the plan for all later decisions.
    pub fn set(&self, plan: FaultPlan) {
        self.0.injector.set_plan(plan);
    }

    /// Cuts one connection, or all for `None`. Without `how`, each is aborted or closed at random. Returns the number
    /// of connections.
    pub fn cut(&self, connection_id: Option<&str>, how: Option<Cut>) -> usize {
        let connections: Vec<_> = match connection_id {
            Some(id) => self.connection(id).into_iter().collect(),
            None => self.0.connections.lock().values().cloned().collect(),
        };
        connections.iter().for_each(|connection| connection.cut_on_request(how));
        connections.len()
    }

    /// Count of each fault injected so far, by name. A fault that has not happened has no entry.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.0.injector.counts()
    }

    /// Decides whether the next handshake is refused.
    pub(crate) fn refuses_handshake(&self) -> bool {
        let probability = self.0.injector.plan().connections.refuse;
        self.decide(Decision::Handshake, &self.0.handshakes, "refuse", probability)
    }

    /// Decides whether `$disconnect` is skipped for the connection that ends now.
    pub(crate) fn skips_disconnect(&self) -> bool {
        let probability = self.0.injector.plan().connections.silent;
        self.decide(Decision::Disconnect, &self.0.ended, "silent", probability)
    }

    fn decide(&self, decision: Decision, numbers: &AtomicU64, name: &'static str, probability: f64) -> bool {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let happens = self.0.injector.draw(decision, 0, number).hits(probability);
        self.0.injector.count(name, happens);
        happens
    }

    pub(crate) fn open(&self, connection_id: &str) -> ConnectionFaultsGuard {
        let number = self.0.opened.fetch_add(1, Ordering::Relaxed);
        let faults = Arc::new(ConnectionFaults::new(self.0.injector.clone(), number));
        self.0.connections.lock().insert(connection_id.to_owned(), faults.clone());
        ConnectionFaultsGuard { state: self.0.clone(), connection_id: connection_id.to_owned(), faults }
    }

    /// True if the account is throttled, for a post to a connection that is not open.
    pub(crate) fn refuses_stray_post(&self) -> bool {
        let refusal = self.0.injector.account.refusal(&self.0.injector.plan().posts, None);
        refusal.inspect(|name| self.0.injector.count(name, true)).is_some()
    }

    fn connection(&self, connection_id: &str) -> Option<Arc<ConnectionFaults>> {
        self.0.connections.lock().get(connection_id).cloned()
    }
}
