//! Faults of single requests, drawn from a seed.

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

/// Faults of requests, each as a share of them.
#[derive(Debug)]
pub struct HttpFaults {
    plan: Mutex<Plan>,
    rng: Mutex<SplitMix64>,
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Plan {
    /// Requests that never arrive, and as many answers.
    lose: f64,
    /// Requests that arrive twice.
    repeat: f64,
    /// Polls that die while the service holds them.
    die: f64,
    /// Requests after which the connection is gone for the client only.
    cut: f64,
    /// Longest delay of a request, in ms.
    delay_ms: u64,
}

/// The faults of one request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Drawn {
    pub(super) delay: Duration,
    pub(super) loses_request: bool,
    pub(super) loses_answer: bool,
    pub(super) repeats: bool,
    pub(super) dies: bool,
    pub(super) cuts: bool,
}

impl HttpFaults {
    /// A network without faults.
    pub fn none() -> Self {
        Self::new(Plan::default(), 0)
    }

    /// 2 % of the requests and of the answers are lost, 5 % of the requests arrive twice, 5 % of the polls die half way, delays
    /// change the order, and every 200th request on average is the last one of its connection.
    pub fn hostile(seed: u64) -> Self {
        Self::new(Plan { lose: 0.02, repeat: 0.05, die: 0.05, cut: 0.005, delay_ms: 20 }, seed)
    }

    fn new(plan: Plan, seed: u64) -> Self {
        let rng = Mutex::new(SplitMix64::seed_from_u64(seed));
        Self { plan: Mutex::new(plan), rng, counts: Mutex::default() }
    }

    pub(super) fn calm(&self) {
        *self.plan.lock().expect("no panic before") = Plan::default();
    }

    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts.lock().expect("no panic before").clone()
    }

    /// Draws the faults of a request; `is_poll` is true for one that the service holds.
    pub(super) fn draw(&self, is_poll: bool) -> Drawn {
        let plan = *self.plan.lock().expect("no panic before");
        let mut rng = self.rng.lock().expect("no panic before");
        let mut hits = |share: f64| (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64 <= share && share > 0.0;
        let drawn = Drawn {
            delay: Duration::ZERO,
            loses_request: hits(plan.lose),
            loses_answer: hits(plan.lose),
            repeats: hits(plan.repeat),
            dies: hits(plan.die) && is_poll,
            cuts: hits(plan.cut),
        };
        let delay = Duration::from_micros(rng.next_u64() % (plan.delay_ms * 1000 + 1));
        let mut counts = self.counts.lock().expect("no panic before");
        for (name, happens) in [
            ("lose", drawn.loses_request || drawn.loses_answer),
            ("repeat", drawn.repeats),
            ("die", drawn.dies),
            ("cut", drawn.cuts),
        ] {
            if happens {
                *counts.entry(name).or_default() += 1;
            }
        }
        Drawn { delay, ..drawn }
    }
}
