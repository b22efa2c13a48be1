//! How soon a terminal answers what was typed: one measurement at a time, so that it costs nothing while a user types fast.

use prometheus_client::metrics::histogram::Histogram;
use std::time::Duration;
use tokio::time::Instant;

/// Longest that an answer counts as one: a password is never echoed, and what a program prints minutes later is no echo.
const LONGEST: Duration = Duration::from_secs(5);

/// One session's measurement.
#[derive(Debug, Default)]
pub struct EchoWatch(Option<Instant>);

impl EchoWatch {
    /// Input was given to the terminal.
    pub fn typed(&mut self, now: Instant) {
        if self.0.is_none_or(|since| since + LONGEST < now) {
            self.0 = Some(now);
        }
    }

    /// Output came.
    pub fn printed(&mut self, now: Instant, echoes: &Histogram) {
        let Some(since) = self.0.take() else { return };
        let took = now.saturating_duration_since(since);
        if took <= LONGEST {
            echoes.observe(took.as_secs_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_output_after_the_first_input_counts() {
        let echoes = Histogram::new([0.01, 1.0]);
        let (mut watch, start) = (EchoWatch::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        watch.printed(at(0), &echoes);
        assert_eq!(echoes.count(), 0, "nobody typed");
        watch.typed(at(10));
        watch.typed(at(15));
        watch.printed(at(20), &echoes);
        watch.printed(at(30), &echoes);
        assert_eq!(echoes.count(), 1);
        assert!((echoes.sum() - 0.01).abs() < 1e-9, "{}", echoes.sum());
    }

    #[test]
    fn what_comes_much_later_is_no_echo() {
        let echoes = Histogram::new([1.0]);
        let (mut watch, start) = (EchoWatch::default(), Instant::now());
        watch.typed(start);
        watch.printed(start + LONGEST * 2, &echoes);
        assert_eq!(echoes.count(), 0);
        watch.typed(start);
        watch.typed(start + LONGEST * 2);
        watch.printed(start + LONGEST * 2 + Duration::from_millis(1), &echoes);
        assert_eq!(echoes.count(), 1, "counted from what was typed last");
    }
}
