//! Measures the time from input to the next output of a terminal: one measurement at a time, so that fast typing costs nothing.

use prometheus_client::metrics::histogram::Histogram;
use std::time::Duration;
use tokio::time::Instant;

/// Longest measured time: later output is not an echo. A password has none, and a program may print minutes later.
const MAX_ECHO: Duration = Duration::from_secs(5);

/// The measurement of one session; `Some` while input waits for output.
#[derive(Debug, Default)]
pub struct EchoTimer(Option<Instant>);

impl EchoTimer {
    /// Starts a measurement, unless one runs.
    pub fn input_written(&mut self, now: Instant) {
        if self.0.is_none_or(|since| since + MAX_ECHO < now) {
            self.0 = Some(now);
        }
    }

    /// Ends the measurement.
    pub fn output_read(&mut self, now: Instant, echoes: &Histogram) {
        let Some(since) = self.0.take() else { return };
        let took = now.saturating_duration_since(since);
        if took <= MAX_ECHO {
            echoes.observe(took.as_secs_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_from_the_first_input_to_the_first_output() {
        let echoes = Histogram::new([0.01, 1.0]);
        let (mut timer, start) = (EchoTimer::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        timer.output_read(at(0), &echoes);
        assert_eq!(echoes.count(), 0, "no input");
        timer.input_written(at(10));
        timer.input_written(at(15));
        timer.output_read(at(20), &echoes);
        timer.output_read(at(30), &echoes);
        assert_eq!(echoes.count(), 1);
        assert!((echoes.sum() - 0.01).abs() < 1e-9, "{}", echoes.sum());
    }

    #[test]
    fn late_output_is_not_an_echo() {
        let echoes = Histogram::new([1.0]);
        let (mut timer, start) = (EchoTimer::default(), Instant::now());
        timer.input_written(start);
        timer.output_read(start + MAX_ECHO * 2, &echoes);
        assert_eq!(echoes.count(), 0);
        timer.input_written(start);
        timer.input_written(start + MAX_ECHO * 2);
        timer.output_read(start + MAX_ECHO * 2 + Duration::from_millis(1), &echoes);
        assert_eq!(echoes.count(), 1, "measured from the last input");
    }
}
