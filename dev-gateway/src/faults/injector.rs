//! State shared by all fault layers: the plan, the random numbers and the counts.

use super::account::Account;
use super::plan::FaultPlan;
use super::rng::{Decision, Draw, SeededRng};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Injector {
    rng: SeededRng,
    plan: Mutex<Arc<FaultPlan>>,
    /// Count of each injected fault, by name.
    counts: Mutex<BTreeMap<&'static str, u64>>,
    pub(super) account: Account,
}

impl Injector {
    pub(super) fn new(plan: FaultPlan, seed: u64) -> Self {
        Self {
            rng: SeededRng(seed),
            plan: Mutex::new(Arc::new(plan)),
            counts: Mutex::default(),
            account: Account::new(),
        }
    }

    pub(super) fn seed(&self) -> u64 {
        self.rng.0
    }

    pub(super) fn plan(&self) -> Arc<FaultPlan> {
        self.plan.lock().clone()
    }

    pub(super) fn set_plan(&self, plan: FaultPlan) {
        *self.plan.lock() = Arc::new(plan);
        self.account.reset();
    }

    pub(super) fn draw(&self, decision: Decision, connection: u64, number: u64) -> Draw {
        self.rng.draw(decision, connection, number)
    }

    /// Counts a fault if it happened.
    pub(super) fn count(&self, name: &'static str, happened: bool) {
        if happened {
            *self.counts.lock().entry(name).or_default() += 1;
        }
    }

    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts.lock().clone()
    }
}
