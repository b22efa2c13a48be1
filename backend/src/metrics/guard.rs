//! A gauge that cannot be wrong: it counts what is alive, because going down is a matter of being dropped.

use prometheus_client::metrics::gauge::Gauge;

/// One more, for as long as it lives.
#[derive(Debug)]
pub struct Guard(Gauge);

impl Guard {
    /// Counts from now on.
    pub fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Metrics, Phase, Word};

    #[test]
    fn it_counts_while_it_lives() {
        let gauge = Gauge::default();
        let (one, two) = (Guard::new(&gauge), Guard::new(&gauge));
        assert_eq!(gauge.get(), 2);
        drop(one);
        assert_eq!(gauge.get(), 1);
        let kept = Some(two);
        assert!(kept.is_some_and(|guard| guard.0.get() == 1), "moved, not counted again");
        assert_eq!(gauge.get(), 0);
    }

    #[test]
    fn a_panic_leaves_nothing_behind() {
        let gauge = Gauge::default();
        let counted = gauge.clone();
        let died = std::thread::spawn(move || {
            let _guard = Guard::new(&counted);
            std::panic::resume_unwind(Box::new("a bug"));
        });
        assert!(died.join().is_err());
        assert_eq!(gauge.get(), 0);
    }

    #[test]
    fn a_session_is_in_one_phase_at_a_time() {
        let metrics = Metrics::new(0);
        let count = |phase| metrics.sessions.phases.of(phase).get();
        let mut guard = metrics.sessions.enter(Phase::Starting);
        assert_eq!((count(Phase::Starting), count(Phase::Running), count(Phase::Ending)), (1, 0, 0));
        for phase in [Phase::Running, Phase::Ending] {
            drop(std::mem::replace(&mut guard, metrics.sessions.enter(phase)));
            let now = Phase::ALL.iter().map(|phase| count(*phase)).sum::<i64>();
            assert_eq!((now, count(phase)), (1, 1));
        }
        drop(guard);
        assert_eq!(count(Phase::Ending), 0);
    }
}
