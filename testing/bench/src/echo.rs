//! Keystroke latency: from a key to its echo. The terminal driver echoes, so that no program's time is included.

use crate::client::Client;
use crate::report::{Report, Table};
use crate::stats::ms;
use crate::subjects::{Subjects, interleaved};
use tokio::time::Instant;

/// Keys per subject and round.
const KEYS: u32 = 500;

/// Unmeasured keys before them: warm up lazy initialization and sleeping processors.
const WARM_UP_KEYS: u32 = 100;

pub(crate) const COLUMNS: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)];

/// Measures all subjects, interleaved by round.
pub(crate) async fn measure(subjects: &Subjects, rounds: u16, report: &mut Report) {
    report.add(of(subjects.clients().await, rounds).await.relative_to_peer("p50"));
}

pub(crate) async fn of(mut clients: Vec<(String, Client)>, rounds: u16) -> Table {
    for (_, client) in &mut clients {
        client.keys("cat >/dev/null\r").await;
        client.expect("/dev/null\r\n").await;
    }
    let measured = interleaved(clients, rounds, async |_, client| round(client).await).await;
    Table::of_percentiles(("keystroke to echo", "ms"), &COLUMNS, measured)
}

/// Latencies of one round's keys in ms, at a program that prints nothing.
pub(crate) async fn round(client: &mut Client) -> Vec<f64> {
    type_keys(client, WARM_UP_KEYS, None).await;
    type_keys(client, KEYS, None).await
}

/// Latencies in ms of as many keys as in `rounds`, or of those typed until the deadline.
pub(crate) async fn rounds_until(client: &mut Client, rounds: u16, deadline: Instant) -> Vec<f64> {
    type_keys(client, WARM_UP_KEYS, Some(deadline)).await;
    type_keys(client, KEYS * u32::from(rounds), Some(deadline)).await
}

/// Latencies of `count` keys in ms, typed one after the other, at least one of them before the deadline.
async fn type_keys(client: &mut Client, count: u32, deadline: Option<Instant>) -> Vec<f64> {
    let mut times = Vec::with_capacity(count as usize);
    for number in 0..count {
        if number > 0 && deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            break;
        }
        times.push(type_key(client, number).await);
    }
    times
}

/// Types the key of this number. Returns the time to its echo in ms.
pub(crate) async fn type_key(client: &mut Client, number: u32) -> f64 {
    let key = key(number);
    let started = Instant::now();
    client.keys(&key).await;
    client.expect(echo_of(&key)).await;
    ms(started.elapsed())
}

/// The key of this number. Consecutive keys differ, so that a late echo is not taken for the next one. Lines stay below the
/// terminal's line buffer.
pub(crate) fn key(number: u32) -> String {
    if number % 100 == 99 { "\r".to_owned() } else { char::from(b'a' + (number % 26) as u8).to_string() }
}

pub(crate) fn echo_of(key: &str) -> &str {
    if key == "\r" { "\r\n" } else { key }
}
