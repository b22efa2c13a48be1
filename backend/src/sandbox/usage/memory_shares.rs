//! Memory with shared pages counted once. The kernel walks all page tables to tell, so a session whose processes share much
//! memory can make that expensive: then the latest result serves for a while, and the cost of all is bounded.

use super::sample::Usage;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// Measurements of all sessions together take at most one part in this number of a processor.
const INTERVAL_FACTOR: u32 = 20;

/// Memory is short when less than this part of the machine's is available. Then cost does not delay measurements.
const SHORT_FACTOR: u64 = 8;

#[derive(Debug)]
struct Measured {
    /// Bytes with shared pages counted once.
    exact: u64,
    /// Bytes with shared pages counted for each process, at the same time.
    raw: u64,
    at: Instant,
    cost: Duration,
}

impl Measured {
    /// True if a session has grown by a quarter since. It cannot repeat that often: growth is exponential.
    fn is_outgrown(&self, raw: u64) -> bool {
        raw > self.raw.saturating_add(self.raw / 4)
    }
}

/// The latest measurement of each session.
#[derive(Debug, Default)]
pub(super) struct MemoryShares {
    measured: HashMap<u32, Measured>,
}

impl MemoryShares {
    /// Forgets sessions that have ended.
    pub(super) fn retain(&mut self, is_alive: impl Fn(u32) -> bool) {
        self.measured.retain(|uid, _| is_alive(*uid));
    }

    /// Bytes of memory of a session: measured now if that is due, otherwise as they were at most.
    pub(super) fn memory_of(&mut self, uid: u32, usage: &Usage) -> u64 {
        let measure = || usage.memory_with_shared_pages_once(uid);
        self.measured_or_known(uid, usage.memory, Instant::now, is_short, measure)
    }

    fn measured_or_known(
        &mut self,
        uid: u32,
        raw: u64,
        now: impl Fn() -> Instant,
        is_short: impl Fn() -> bool,
        measure: impl Fn() -> u64,
    ) -> u64 {
        let costs: Duration = self.measured.values().map(|measured| measured.cost).sum();
        let started = now();
        if let Some(known) = self.measured.get(&uid)
            && started < known.at + costs * INTERVAL_FACTOR
            && !known.is_outgrown(raw)
            && !is_short()
        {
            return known.exact.min(raw);
        }
        let exact = measure();
        let at = now();
        self.measured.insert(uid, Measured { exact, raw, at, cost: at - started });
        exact
    }
}

/// True if the machine's memory is short. A container's own limit is not known here.
fn is_short() -> bool {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name))?;
        value.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
    };
    match (kilobytes("MemTotal:"), kilobytes("MemAvailable:")) {
        (Some(total), Some(available)) => available < total / SHORT_FACTOR,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    const COST: Duration = Duration::from_millis(650);

    /// A clock that each measurement advances by its cost.
    fn memory_of(shares: &mut MemoryShares, clock: &Cell<Instant>, uid: u32, raw: u64, short: bool) -> (u64, bool) {
        let before = clock.get();
        let measure = || {
            clock.set(clock.get() + COST);
            raw / 100
        };
        let memory = shares.measured_or_known(uid, raw, || clock.get(), || short, measure);
        (memory, clock.get() != before)
    }

    #[test]
    fn measurements_of_all_sessions_take_a_bounded_share_of_time() {
        let (mut shares, clock) = (MemoryShares::default(), Cell::new(Instant::now()));
        let (begin, mut spent) = (clock.get(), Duration::ZERO);
        for _ in 0..600 {
            for uid in 0..5 {
                let (memory, measured) = memory_of(&mut shares, &clock, uid, 1000, false);
                assert_eq!(memory, 10);
                spent += if measured { COST } else { Duration::ZERO };
            }
            clock.set(clock.get() + Duration::from_secs(1));
        }
        let elapsed = clock.get() - begin;
        assert!(spent * 18 < elapsed, "{spent:?} of {elapsed:?}");
        assert!(spent > COST * 5 * 5, "each is measured again and again");
    }

    #[test]
    fn growth_and_short_memory_are_measured_at_once() {
        let (mut shares, clock) = (MemoryShares::default(), Cell::new(Instant::now()));
        assert_eq!(memory_of(&mut shares, &clock, 1, 1000, false), (10, true));
        assert_eq!(memory_of(&mut shares, &clock, 1, 1200, false), (10, false));
        assert_eq!(memory_of(&mut shares, &clock, 1, 5, false), (5, false), "never more than without sharing");
        assert_eq!(memory_of(&mut shares, &clock, 1, 1500, false), (15, true));
        assert_eq!(memory_of(&mut shares, &clock, 1, 1500, true), (15, true));
        shares.retain(|_| false);
        assert_eq!(memory_of(&mut shares, &clock, 1, 1500, false), (15, true), "a new session is measured at once");
    }
}
