//! From what was used to what it costs. Pure arithmetic.

use super::prices;
use dev_gateway::Usage;
use std::collections::BTreeMap;
use std::time::Duration;

/// Seconds of an hour.
const HOUR: f64 = 3600.0;

/// Memory of the function, in MB: what `template.yaml` sets, and twice that.
const SET: f64 = 128.0;
const TWICE: f64 = 256.0;

/// What each run of the function takes longer on AWS, in seconds: the way to the service and back, which is another machine there,
/// and the rounding up to whole milliseconds. An assumption; the time that the function follows is measured.
const AWAY: f64 = 0.010;

/// Writes to the table in an hour: a row's life is extended each 300 s, in the table and in both of its indexes.
const TABLE_WRITES: f64 = 12.0 * 3.0;

/// Bytes of logs for each run of the function: two lines of its own, and Lambda's START, END and REPORT.
const FUNCTION_LOG: f64 = 410.0 + 280.0;

/// And for each message the line of API Gateway's access log, in the template's format.
const ACCESS_LOG: f64 = 320.0;

/// An hour of one user.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hour {
    /// Messages from and to the page, in steps of 32 KB.
    messages_in: f64,
    messages_out: f64,
    /// Runs of the function.
    requests: f64,
    /// How long it ran, in seconds.
    seconds: f64,
    /// What was sent to the page, in GB.
    gb_out: f64,
}

impl Hour {
    /// In cents where nothing else is said: without logs, as the template sets it and with more memory; and the logs.
    pub(super) const COLUMNS: [&'static str; 7] =
        ["messages in", "messages out", "requests", "GB-s", "cents", "cents with 256 MB", "cents of logs"];

    /// As if it went on for an hour as in this time.
    pub(super) fn of(used: &Usage, time: Duration) -> Self {
        let share = HOUR / time.as_secs_f64();
        let requests = used.invocations as f64 * share;
        Self {
            messages_in: used.messages_in as f64 * share,
            messages_out: used.messages_out as f64 * share,
            requests,
            seconds: used.duration.as_secs_f64() * share + requests * AWAY,
            gb_out: used.bytes_out as f64 * share / 1e9,
        }
    }

    /// By name of the column.
    pub(super) fn values(self) -> BTreeMap<&'static str, f64> {
        let values = [
            self.messages_in,
            self.messages_out,
            self.requests,
            self.gb_seconds(SET),
            self.dollars(SET) * 100.0,
            self.dollars(TWICE) * 100.0,
            self.dollars_of_logs() * 100.0,
        ];
        Self::COLUMNS.into_iter().zip(values).collect()
    }

    /// How long it ran, by so many MB.
    fn gb_seconds(&self, memory: f64) -> f64 {
        self.seconds * memory / 1024.0
    }

    /// What it costs with so many MB, without logs.
    fn dollars(&self, memory: f64) -> f64 {
        (self.messages_in + self.messages_out) * prices::MESSAGE
            + HOUR / 60.0 * prices::CONNECTION_MINUTE
            + self.requests * prices::REQUEST
            + self.gb_seconds(memory) * prices::GB_SECOND
            + self.gb_out * prices::GB_OUT
            + TABLE_WRITES * prices::TABLE_WRITE
    }

    /// What its logs cost, with everything logged that the template has logged.
    fn dollars_of_logs(&self) -> f64 {
        (self.requests * FUNCTION_LOG + self.messages_in * ACCESS_LOG) / 1e9 * prices::GB_OF_LOGS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < expected * 1e-6, "{found} is not {expected}");
    }

    #[test]
    fn a_minute_counts_for_an_hour() {
        let duration = Duration::from_secs(60);
        let used = Usage { messages_in: 50, messages_out: 100, bytes_out: 1_000_000, invocations: 50, duration };
        let hour = Hour::of(&used, Duration::from_secs(60));
        assert_eq!((hour.messages_in, hour.messages_out, hour.requests), (3000.0, 6000.0, 3000.0));
        // An hour of following, and 3,000 ways to the service and back.
        close(hour.seconds, 3630.0);
        close(hour.gb_out, 0.06);
    }

    #[test]
    fn the_published_prices_are_multiplied_and_added() {
        let hour = Hour { messages_in: 3e6, messages_out: 7e6, requests: 5e6, seconds: 4e6, gb_out: 10.0 };
        // Messages 10, requests 1, a million GB-s 13.3334, ten GB 0.90, 60 minutes 0.000015, 36 writes 0.0000225.
        close(hour.dollars(256.0), 25.233_437_5);
        close(hour.dollars(128.0), 25.233_437_5 - 6.6667);
        // Runs 3.45 GB, messages 0.96 GB.
        close(hour.dollars_of_logs(), 2.205);
        let values = hour.values();
        assert_eq!(values.len(), Hour::COLUMNS.len());
        close(values["GB-s"], 5e5);
        close(values["cents with 256 MB"], 2_523.343_75);
    }

    #[test]
    fn the_template_sets_this_memory() {
        let template = include_str!("../../../../template.yaml");
        let default = format!("  MemorySize:\n    Type: Number\n    Default: {SET}\n");
        assert!(template.contains(&default), "{default}");
    }
}
