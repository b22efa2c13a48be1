//! Faults of single requests, drawn from a seed.

use crate::rng::SeededRng;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// Faults of requests.
#[derive(Debug)]
pub struct HttpFaults(Mutex<State>);

#[derive(Debug)]
struct State {
    plan: Plan,
    rng: SeededRng,
    /// Injected faults so far, by name.
    counts: BTreeMap<&'static str, u64>,
}

/// How many of a thousand requests have each fault.
#[derive(Debug, Clone, Copy, Default)]
struct Plan {
    /// Requests that never arrive, and as many answers.
    lose: u64,
    /// Requests that arrive twice.
    repeat: u64,
    /// Polls that die while the service holds them.
    die: u64,
    /// Requests after which the connection is gone for the client only.
    cut: u64,
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

    /// 2 % of the requests and of the answers are lost, 5 % of the requests arrive twice, 15 % of the polls die half way,
    /// delays change the order, and every 50th request on average is the last one of its connection.
    pub fn hostile(seed: u64) -> Self {
        Self::new(Plan { lose: 20, repeat: 50, die: 150, cut: 20, delay_ms: 20 }, seed)
    }

    fn new(plan: Plan, seed: u64) -> Self {
        Self(Mutex::new(State { plan, rng: SeededRng::new(seed, 0), counts: BTreeMap::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic before")
    }

    pub(super) fn calm(&self) {
        self.state().plan = Plan::default();
    }

    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.state().counts.clone()
    }

    /// Draws the faults of a request; `is_poll` is true for one that the service holds.
    pub(super) fn draw(&self, is_poll: bool) -> Drawn {
        let mut state = self.state();
        let State { plan, rng, counts } = &mut *state;
        let delay = Duration::from_micros(rng.below(plan.delay_ms * 1000 + 1));
        let mut hits = |of_thousand: u64| rng.below(1000) < of_thousand;
        let drawn = Drawn {
            delay,
            loses_request: hits(plan.lose),
            loses_answer: hits(plan.lose),
            repeats: hits(plan.repeat),
            dies: hits(plan.die) && is_poll,
            cuts: hits(plan.cut),
        };
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
        drawn
    }
}
