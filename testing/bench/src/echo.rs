//! From a key to its echo: what a user feels with every key. The terminal itself echoes, so that no program's own time is in it.

use crate::line::Line;
use crate::report::{Report, Table};
use crate::stats::ms;
use crate::subjects::Subjects;
use tokio::time::Instant;

/// Keys of one subject in one round.
const KEYS: u32 = 500;

/// Keys before them: they warm up what is lazy, and the processors, which sleep deeply after a slow neighbour.
const WARM: u32 = 100;

/// Measures all subjects in turn, round by round: what the machine does meanwhile happens to all of them.
pub(crate) async fn measure(subjects: &Subjects, rounds: u16, report: &mut Report) {
    report.add(of(subjects.lines().await, rounds).await.compared("p50"));
}

/// Measures these.
pub(crate) async fn of(mut lines: Vec<(String, Line)>, rounds: u16) -> Table {
    for (_, line) in &mut lines {
        line.keys("cat >/dev/null\r").await;
        line.until("/dev/null\r\n").await;
    }
    let mut found: Vec<Vec<f64>> = vec![Vec::new(); lines.len()];
    for _ in 0..rounds {
        for ((_, line), times) in lines.iter_mut().zip(&mut found) {
            type_keys(line, WARM).await;
            times.extend(type_keys(line, KEYS).await);
        }
    }
    let measured = lines.into_iter().zip(found).map(|((subject, _), times)| (subject, times));
    let columns = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)];
    Table::of_percentiles(("keystroke to echo", "ms"), &columns, measured)
}

/// Times of so many keys, in ms, one after the other.
async fn type_keys(line: &mut Line, count: u32) -> Vec<f64> {
    let mut times = Vec::with_capacity(count as usize);
    for number in 0..count {
        let key = key(number);
        let started = Instant::now();
        line.keys(&key).await;
        line.until(echo_of(&key)).await;
        times.push(ms(started.elapsed()));
    }
    times
}

/// The key of this number. Never the same twice in a row, so that no late echo is taken for this one's. A line stays short of what a terminal holds.
pub(crate) fn key(number: u32) -> String {
    if number % 100 == 99 { "\r".to_owned() } else { char::from(b'a' + (number % 26) as u8).to_string() }
}

/// What a terminal makes of it.
pub(crate) fn echo_of(key: &str) -> &str {
    if key == "\r" { "\r\n" } else { key }
}
