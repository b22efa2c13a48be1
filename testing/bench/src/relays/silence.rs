//! The longest time in which a screen stands still although its program prints: relays are renewed meanwhile.

use crate::client::STEP_TIMEOUT;
use crate::latency::stack;
use crate::metrics::Metrics;
use crate::report::{Row, Table};
use crate::stats::{ms, percentile};
use e2e::{Stack, Terminal};
use futures_util::future::join_all;
use std::time::Duration;
use tokio::time::Instant;

/// Pages that watch a program, each its own.
const WATCHED: [u32; 5] = [1, 2, 4, 10, 30];

/// Time between two outputs of the watched program.
const PACE: Duration = Duration::from_secs(1);

const PROGRAM: &str = "top -d 1";

/// All rows at the same time: most of it is waiting.
pub(super) async fn table(time: Duration) -> Table {
    let rows = join_all(WATCHED.map(|pages| silence(pages, time))).await;
    let columns = vec!["p99", "longest", "frames failed"];
    Table { figure: "silence of a watched `top` beyond its pace of a second", unit: "ms", columns, rows }
}

/// The silences of all pages together.
async fn silence(pages: u32, time: Duration) -> Row {
    let stack = stack().await;
    let mut terminals = join_all((0..pages).map(|number| open(&stack, number))).await;
    let watched = join_all(terminals.iter_mut().map(|terminal| watch(terminal, time))).await;
    let silences: Vec<f64> = watched.iter().flat_map(|arrivals| silences(arrivals)).map(ms).collect();
    let failed = Metrics::of(&stack, 0).await.sum(super::visible::FAILED);
    join_all(terminals.into_iter().map(Terminal::leave)).await;
    stack.stop().await;
    let name = if pages == 1 { "1 page".to_owned() } else { format!("{pages} pages") };
    let of = |share| percentile(&silences, share).unwrap_or_default();
    Row::new(name, [("p99", of(0.99)), ("longest", of(1.0)), ("frames failed", failed)])
}

/// Times at which the program's output arrived.
async fn watch(terminal: &mut Terminal, time: Duration) -> Vec<Instant> {
    terminal.run(PROGRAM).await;
    let mut arrivals = vec![Instant::now()];
    while arrivals[0].elapsed() < time {
        let before = terminal.stream.bytes.len();
        let has_more = |terminal: &mut Terminal| (terminal.stream.bytes.len() > before).then(Instant::now);
        arrivals.push(terminal.wait_for(STEP_TIMEOUT, "output", has_more).await);
    }
    arrivals
}

/// The times between two arrivals, without the program's own pace.
fn silences(arrivals: &[Instant]) -> impl Iterator<Item = Duration> {
    arrivals.windows(2).map(|pair| pair[1].saturating_duration_since(pair[0]).saturating_sub(PACE))
}

/// A terminal of its own user and session, at its prompt.
async fn open(stack: &Stack, number: u32) -> Terminal {
    stack.terminal(&format!("user-{number}"), &format!("relay-{number}")).await
}

#[cfg(test)]
mod tests {
    use super::{PACE, silences};
    use std::time::Duration;
    use tokio::time::Instant;

    #[test]
    fn the_programs_pace_is_no_silence() {
        let begin = Instant::now();
        let silence = |gaps: &[u64]| {
            let arrivals = gaps.iter().scan(begin, |at, gap| {
                *at += Duration::from_millis(*gap);
                Some(*at)
            });
            silences(&arrivals.collect::<Vec<_>>()).max()
        };
        let pace = PACE.as_millis() as u64;
        assert_eq!(silence(&[0, pace, pace, pace - 100]), Some(Duration::ZERO));
        assert_eq!(silence(&[0, pace, pace + 700, 20]), Some(Duration::from_millis(700)));
        assert_eq!((silence(&[]), silence(&[0])), (None, None));
    }
}
