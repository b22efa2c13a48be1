//! Converts usage to cost. Pure arithmetic.

use super::prices;
use dev_gateway::Usage;
use std::collections::BTreeMap;
use std::time::Duration;

const HOUR_SECONDS: f64 = 3600.0;

/// Memory of the function in MB: the default of `template.yaml`, and twice that.
const DEFAULT_MEMORY: f64 = 128.0;
const DOUBLE_MEMORY: f64 = 256.0;

/// Assumed extra time of each invocation on AWS, in seconds: the round trip to the service on another machine, and rounding
/// up to whole milliseconds. The rest of the duration is measured.
const ROUND_TRIP_SECONDS: f64 = 0.010;

/// Writes to the table in an hour: a row's TTL is extended each 300 s, in the table and in its index.
const TABLE_WRITES: f64 = 12.0 * 2.0;

/// Bytes of logs per invocation: two lines of the function, and Lambda's START, END and REPORT.
const FUNCTION_LOG: f64 = 410.0 + 280.0;

/// Bytes of API Gateway's access log per message, in the template's format.
const ACCESS_LOG: f64 = 320.0;

/// Bytes of the service's log for each message, as JSON.
const SERVICE_LOG: f64 = 320.0;

/// An hour of one user.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hour {
    /// Messages from and to the page, in units of 32 KB.
    messages_in: f64,
    messages_out: f64,
    /// Invocations of the function.
    requests: f64,
    /// Total duration of the invocations.
    seconds: f64,
    /// Data sent to the page, in GB.
    gb_out: f64,
}

impl Hour {
    /// `cents` excludes logs.
    pub(crate) const COLUMNS: [&'static str; 7] =
        ["messages in", "messages out", "requests", "GB-s", "cents", "cents with 256 MB", "cents of logs"];

    /// Extrapolates the usage of `time` to an hour.
    pub(crate) fn of(used: &Usage, time: Duration) -> Self {
        let share = HOUR_SECONDS / time.as_secs_f64();
        let requests = used.invocations as f64 * share;
        Self {
            messages_in: used.messages_in as f64 * share,
            messages_out: used.messages_out as f64 * share,
            requests,
            seconds: used.duration.as_secs_f64() * share + requests * ROUND_TRIP_SECONDS,
            gb_out: used.bytes_out as f64 * share / 1e9,
        }
    }

    /// The share of each of this many users.
    pub(crate) fn of_each(self, users: u32) -> Self {
        let share = |whole: f64| whole / f64::from(users);
        Self {
            messages_in: share(self.messages_in),
            messages_out: share(self.messages_out),
            requests: share(self.requests),
            seconds: share(self.seconds),
            gb_out: share(self.gb_out),
        }
    }

    pub(crate) fn values(self) -> BTreeMap<&'static str, f64> {
        let values = [
            self.messages_in,
            self.messages_out,
            self.requests,
            self.gb_seconds(DEFAULT_MEMORY),
            self.dollars(DEFAULT_MEMORY) * 100.0,
            self.dollars(DOUBLE_MEMORY) * 100.0,
            self.dollars_of_logs() * 100.0,
        ];
        Self::COLUMNS.into_iter().zip(values).collect()
    }

    /// The dollars of an hour by the service that charges them, with the default memory.
    pub(super) fn parts(&self) -> [(&'static str, f64); 5] {
        [
            ("API Gateway", self.api_gateway()),
            ("Lambda", self.lambda(DEFAULT_MEMORY)),
            ("DynamoDB", TABLE_WRITES * prices::TABLE_WRITE),
            ("data out", self.gb_out * prices::GB_OUT),
            ("logs", self.dollars_of_logs() + self.messages_in * SERVICE_LOG / 1e9 * prices::GB_OF_LOGS),
        ]
    }

    fn api_gateway(&self) -> f64 {
        (self.messages_in + self.messages_out) * prices::MESSAGE + HOUR_SECONDS / 60.0 * prices::CONNECTION_MINUTE
    }

    fn lambda(&self, memory: f64) -> f64 {
        self.requests * prices::REQUEST + self.gb_seconds(memory) * prices::GB_SECOND
    }

    fn gb_seconds(&self, memory: f64) -> f64 {
        self.seconds * memory / 1024.0
    }

    /// Cost with this memory in MB, without logs.
    fn dollars(&self, memory: f64) -> f64 {
        self.api_gateway() + self.lambda(memory) + self.gb_out * prices::GB_OUT + TABLE_WRITES * prices::TABLE_WRITE
    }

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
    fn usage_is_extrapolated_to_an_hour() {
        let duration = Duration::from_secs(60);
        let (messages_in, messages_out, bytes_out, invocations) = (50, 100, 1_000_000, 50);
        let used = Usage { messages_in, messages_out, bytes_out, invocations, duration, ..Usage::default() };
        let hour = Hour::of(&used, Duration::from_secs(60));
        assert_eq!((hour.messages_in, hour.messages_out, hour.requests), (3000.0, 6000.0, 3000.0));
        // An hour of one relay, and 3,000 round trips to the service.
        close(hour.seconds, 3630.0);
        close(hour.gb_out, 0.06);
        let each = hour.of_each(4);
        assert_eq!((each.messages_in, each.messages_out, each.requests), (750.0, 1500.0, 750.0));
        close(each.seconds, 907.5);
        close(each.gb_out, 0.015);
    }

    #[test]
    fn cost_is_the_sum_of_usage_times_price() {
        let hour = Hour { messages_in: 3e6, messages_out: 7e6, requests: 5e6, seconds: 4e6, gb_out: 10.0 };
        // Messages 10, requests 1, a million GB-s 13.3334, ten GB 0.90, 60 minutes 0.000015, 24 writes 0.000015.
        close(hour.dollars(256.0), 25.233_43);
        close(hour.dollars(128.0), 25.233_43 - 6.6667);
        // Invocations 3.45 GB, messages 0.96 GB.
        close(hour.dollars_of_logs(), 2.205);
        let parts: f64 = hour.parts().into_iter().map(|(_, dollars)| dollars).sum();
        close(parts, hour.dollars(128.0) + 2.205 + 0.48);
        let values = hour.values();
        assert_eq!(values.len(), Hour::COLUMNS.len());
        close(values["GB-s"], 5e5);
        close(values["cents with 256 MB"], 2_523.343);
    }

    #[test]
    fn the_default_memory_is_the_templates() {
        let template = include_str!("../../../../template.yaml");
        let default = format!("  MemorySize:\n    Type: Number\n    Default: {DEFAULT_MEMORY}\n");
        assert!(template.contains(&default), "{default}");
    }
}
