//! Relays with few and many members, on one instance with posts as slow as on AWS: the cost of an hour, runs of the function and
//! open requests, keystroke latency beside other members, and how long a screen stands still when a relay is renewed.

use crate::client::{Client, STEP_TIMEOUT};
use crate::cost;
use crate::echo::{self, echo_of, key};
use crate::latency::{slow_posts, stack};
use crate::metrics::Metrics;
use crate::report::{Report, Row, Table};
use crate::stats::{mean, ms, percentile};
use crate::subjects::in_process;
use e2e::{Stack, StackOptions, Terminal};
use futures_util::future::join_all;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

/// Members of a relay that share its cost. The service gives a relay 50 at most.
const SHARING: [u32; 3] = [1, 13, 50];

/// Pages that are only open.
const VISIBLE: [u32; 2] = [50, 200];
const VISIBLE_TIME: Duration = Duration::from_secs(60);

/// Longer than any measurement.
const LONGEST: Duration = Duration::from_secs(3600);

const SAMPLE_INTERVAL: Duration = Duration::from_millis(250);

/// Members that type beside the measured one.
const TYPISTS: u32 = 49;

/// Time between two keys of each: 1.7 a second.
const KEY_INTERVAL: Duration = Duration::from_millis(588);

/// Time of the flood before the measurement, in which its first burst passes.
const FLOOD_TIME: Duration = Duration::from_secs(2);

/// Pages that watch a program, each its own.
const WATCHED: [u32; 3] = [1, 4, 10];

/// Long enough for two renewals.
const WATCH_TIME: Duration = Duration::from_secs(70);

/// Time between two outputs of the watched program.
const PACE: Duration = Duration::from_millis(500);

const PROGRAM: &str = "while :; do date +%T.%N; sleep 0.5; done";

const FAILED: &str = "termgate_relay_frames_failed_total";

pub(crate) async fn measure(rounds: u16, report: &mut Report) {
    for (figure, recording) in [
        ("an hour of each member: an open page without activity", None),
        ("an hour of each member: typing in bash", Some("typing.cast")),
    ] {
        let workloads = SHARING.map(|members| (format!("{members} in the relay"), recording, members));
        report.add(cost::table(figure, workloads).await);
    }
    let rows = join_all(VISIBLE.map(visible)).await;
    let columns = VISIBLE_COLUMNS.to_vec();
    report.add(Table { figure: "visible pages on one instance", unit: "at once", columns, rows });
    report.add(latency(rounds).await);
    let rows = join_all(WATCHED.map(silence)).await;
    let columns = vec!["longest", "frames failed"];
    report.add(Table { figure: "silence of a watched program beyond its pace", unit: "ms", columns, rows });
}

const VISIBLE_COLUMNS: [&str; 7] = [
    "runs, mean",
    "runs, most",
    "relays, mean",
    "relays, most",
    "open requests, mean",
    "open requests, most",
    "frames failed",
];

/// Runs of the function, and requests open in the service. The most runs include those that open the pages, one after the other.
async fn visible(pages: u32) -> Row {
    let stack = stack().await;
    let mut readers = JoinSet::new();
    for number in 0..pages {
        let mut page = open(&stack, number).await;
        readers.spawn(async move { page.read_until(Instant::now() + LONGEST).await });
    }
    let (began, before) = (Instant::now(), stack.usage());
    let (mut relays, mut waiting, mut ticks) = (Vec::new(), Vec::new(), interval(SAMPLE_INTERVAL));
    while began.elapsed() < VISIBLE_TIME {
        ticks.tick().await;
        let metrics = Metrics::of(&stack, 0).await;
        relays.push(metrics.sum("termgate_relays"));
        waiting.push(metrics.sum("termgate_relay_questions_waiting"));
    }
    let used = stack.usage().since(&before);
    let runs = used.duration.as_secs_f64() / began.elapsed().as_secs_f64();
    let failed = Metrics::of(&stack, 0).await.sum(FAILED);
    readers.shutdown().await;
    stack.stop().await;
    let most = |samples: &[f64]| percentile(samples, 1.0).unwrap_or_default();
    let values = [runs, used.most_running as f64, mean(&relays), most(&relays), mean(&waiting), most(&waiting), failed];
    Row::new(format!("{pages} pages"), VISIBLE_COLUMNS.into_iter().zip(values))
}

/// Keystroke latency of one member: alone, and beside others on the same relay.
async fn latency(rounds: u16) -> Table {
    let stack = Stack::start_with(StackOptions { gateway: slow_posts(), ..in_process(&[]) }).await;
    let mut measured = Client::Termgate(Box::new(typed_into(&stack, 0).await));
    let mut samples = vec![("alone".to_owned(), of_rounds(&mut measured, rounds).await)];
    let opening = join_all((1..=TYPISTS).map(|number| typed_into(&stack, number)));
    let others = tokio::select! {
        others = opening => others,
        () = measured.read_for(STEP_TIMEOUT) => panic!("{TYPISTS} pages do not open"),
    };
    let (mut tasks, mut floods) = (JoinSet::new(), Vec::new());
    for (mut terminal, number) in others.into_iter().zip(0..) {
        let (flood, flooded) = oneshot::channel();
        floods.push(flood);
        let begin = Instant::now() + KEY_INTERVAL * number / TYPISTS;
        tasks.spawn(async move {
            tokio::select! {
                () = type_keys(&mut terminal, begin) => {}
                _ = flooded => flood_with_output(&mut terminal).await,
            }
        });
    }
    samples.push((format!("{TYPISTS} others type"), of_rounds(&mut measured, rounds).await));
    let _ = floods.pop().map(|flood| flood.send(()));
    measured.read_for(FLOOD_TIME).await;
    samples.push((format!("{} others type, one floods", TYPISTS - 1), of_rounds(&mut measured, rounds).await));
    tasks.shutdown().await;
    stack.stop().await;
    let figure = ("keystroke to echo beside other members of the relay", "ms");
    let table = Table::of_percentiles(figure, &echo::COLUMNS, samples);
    table.with_ratio("× alone, p50", "p50", |_| 0).with_ratio("× alone, p99", "p99", |_| 0)
}

async fn of_rounds(client: &mut Client, rounds: u16) -> Vec<f64> {
    let mut times = Vec::new();
    for _ in 0..rounds {
        times.extend(echo::round(client).await);
    }
    times
}

/// Types for ever, at a human pace.
async fn type_keys(terminal: &mut Terminal, begin: Instant) {
    for number in 0.. {
        terminal.read_until(begin + KEY_INTERVAL * number).await;
        let key = key(number);
        terminal.type_text(&key).await;
        terminal.skip_past(STEP_TIMEOUT, echo_of(&key)).await;
    }
}

/// Replaces the program by one that prints for ever. The output is not kept.
async fn flood_with_output(terminal: &mut Terminal) {
    terminal.interrupt().await;
    terminal.type_text("yes\r").await;
    loop {
        terminal.read_until(Instant::now() + SAMPLE_INTERVAL).await;
        terminal.stream.bytes.clear();
    }
}

/// The longest time without output of a program that prints at a steady pace, of all pages.
async fn silence(pages: u32) -> Row {
    let stack = stack().await;
    let mut terminals = join_all((0..pages).map(|number| open(&stack, number))).await;
    let watched = join_all(terminals.iter_mut().map(watch)).await;
    let longest = watched.iter().map(|arrivals| longest_silence(arrivals)).max().unwrap_or_default();
    let failed = Metrics::of(&stack, 0).await.sum(FAILED);
    join_all(terminals.into_iter().map(Terminal::leave)).await;
    stack.stop().await;
    let name = if pages == 1 { "1 page".to_owned() } else { format!("{pages} pages") };
    Row::new(name, [("longest", ms(longest)), ("frames failed", failed)])
}

/// Times at which the program's output arrived.
async fn watch(terminal: &mut Terminal) -> Vec<Instant> {
    terminal.run(PROGRAM).await;
    let mut arrivals = vec![Instant::now()];
    while arrivals[0].elapsed() < WATCH_TIME {
        let before = terminal.stream.bytes.len();
        let has_more = |terminal: &mut Terminal| (terminal.stream.bytes.len() > before).then(Instant::now);
        arrivals.push(terminal.wait_for(STEP_TIMEOUT, "output", has_more).await);
    }
    arrivals
}

/// The longest time between two arrivals, without the program's own pace.
fn longest_silence(arrivals: &[Instant]) -> Duration {
    let gaps = arrivals.windows(2).map(|pair| pair[1].saturating_duration_since(pair[0]));
    gaps.max().unwrap_or_default().saturating_sub(PACE)
}

/// A terminal of its own user and session, at its prompt.
async fn open(stack: &Stack, number: u32) -> Terminal {
    stack.terminal(&format!("user-{number}"), &format!("relay-{number}")).await
}

/// The same, with a program that reads keys and prints nothing.
async fn typed_into(stack: &Stack, number: u32) -> Terminal {
    let mut terminal = open(stack, number).await;
    terminal.run("cat >/dev/null").await;
    terminal
}

#[cfg(test)]
mod tests {
    use super::{PACE, longest_silence};
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
            longest_silence(&arrivals.collect::<Vec<_>>())
        };
        let pace = PACE.as_millis() as u64;
        assert_eq!(silence(&[0, pace, pace, pace - 100]), Duration::ZERO);
        assert_eq!(silence(&[0, pace, pace + 700, 20]), Duration::from_millis(700));
        assert_eq!((silence(&[]), silence(&[0])), (Duration::ZERO, Duration::ZERO));
    }
}
