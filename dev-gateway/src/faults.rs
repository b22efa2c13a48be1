//! Everything that a transport can do wrong, on purpose: one layer over the ways between client and function. Off, it is not
//! there at all; on, it decides by a seed, so that what happened once can happen again.
//!
//! [`Faults`] is the handle. It stands before the function ([`function`]), before the clients ([`clients`]) and in a
//! connection's own task ([`connection`]); [`admin_api`] lets a browser test change it from outside.

mod admin_api;
mod clients;
mod connection;
mod function;
mod plan;
mod rng;
mod spec;

pub(crate) use admin_api::AdminApi;
pub(crate) use clients::FaultyClients;
pub(crate) use connection::ConnectionFaults;
pub(crate) use function::FaultyFunction;
pub use plan::{ConnectionPlan, Cut, DurationRange, FaultPlan, FunctionPlan, MessagePlan, PostPlan};
pub use spec::{FAULTS_HELP, FaultError};

use rng::{About, SeededRng};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What goes wrong in one gateway. Clones are the same.
#[derive(Debug, Clone)]
pub struct Faults(Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    seed: u64,
    rng: SeededRng,
    plan: Mutex<Arc<FaultPlan>>,
    lines: Mutex<HashMap<String, Arc<ConnectionFaults>>>,
    handshakes: AtomicU64,
    opened: AtomicU64,
    ended: AtomicU64,
    invocations: AtomicU64,
    /// How often each fault happened.
    tally: Mutex<BTreeMap<&'static str, u64>>,
}

/// An open connection; forgotten when dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection {
    shared: Arc<Shared>,
    connection_id: String,
    pub(crate) line: Arc<ConnectionFaults>,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        lock(&self.shared.lines).remove(&self.connection_id);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn plan(&self) -> Arc<FaultPlan> {
        lock(&self.plan).clone()
    }

    fn count(&self, name: &'static str, happened: bool) {
        if happened {
            *lock(&self.tally).entry(name).or_default() += 1;
        }
    }
}

impl Faults {
    /// With this plan. The same seed gives the same decisions: for the nth connection, its nth message either way, and the nth
    /// run of the function.
    pub fn new(plan: FaultPlan, seed: u64) -> Self {
        Self(Arc::new(Shared {
            seed,
            rng: SeededRng(seed),
            plan: Mutex::new(Arc::new(plan)),
            lines: Mutex::default(),
            handshakes: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            invocations: AtomicU64::new(0),
            tally: Mutex::default(),
        }))
    }

    /// What goes wrong now.
    pub fn plan(&self) -> FaultPlan {
        self.0.plan().as_ref().clone()
    }

    /// What decisions are made with.
    pub fn seed(&self) -> u64 {
        self.0.seed
    }

    /// Changes what goes wrong from here on.
    pub fn set(&self, plan: FaultPlan) {
        *lock(&self.0.plan) = Arc::new(plan);
    }

    /// Cuts a connection, or every one; `None` as the way is either, by chance. Returns how many there were.
    pub fn cut(&self, connection_id: Option<&str>, how: Option<Cut>) -> usize {
        let lines: Vec<_> = match connection_id {
            Some(id) => self.line(id).into_iter().collect(),
            None => lock(&self.0.lines).values().cloned().collect(),
        };
        lines.iter().for_each(|line| line.cut_somehow(how));
        lines.len()
    }

    /// How often each fault happened so far, by its name; those that never did are not listed.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.0.tally).clone()
    }

    /// Whether the next handshake is refused.
    pub(crate) fn refuses(&self) -> bool {
        let number = self.0.handshakes.fetch_add(1, Ordering::Relaxed);
        let refused = self.0.rng.draw(About::Handshake, 0, number).hits(self.0.plan().connections.refuse);
        self.0.count("refuse", refused);
        refused
    }

    /// Whether nobody is told of the next end of a connection.
    pub(crate) fn is_silent(&self) -> bool {
        let number = self.0.ended.fetch_add(1, Ordering::Relaxed);
        let silent = self.0.rng.draw(About::Disconnect, 0, number).hits(self.0.plan().connections.silent);
        self.0.count("silent", silent);
        silent
    }

    /// A connection begins.
    pub(crate) fn open(&self, connection_id: &str) -> OpenConnection {
        let line = Arc::new(ConnectionFaults::new(self.0.clone(), self.0.opened.fetch_add(1, Ordering::Relaxed)));
        lock(&self.0.lines).insert(connection_id.to_owned(), line.clone());
        OpenConnection { shared: self.0.clone(), connection_id: connection_id.to_owned(), line }
    }

    fn line(&self, connection_id: &str) -> Option<Arc<ConnectionFaults>> {
        lock(&self.0.lines).get(connection_id).cloned()
    }
}
