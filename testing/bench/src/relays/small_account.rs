//! A class on an account with ten executions: keystroke latency and losses while few type, and how often each screen changes
//! while all flood.

use super::pages::{self, KEY_INTERVAL, open_all, read_past, read_until};
use crate::echo::key;
use crate::latency::slow_posts;
use crate::report::{Report, Row, Table};
use crate::stats::{ms, percentile};
use crate::subjects::in_process;
use dev_gateway::Quotas;
use e2e::{Page, Stack, StackOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// Executions of a new account. The service is told of a quarter of them.
const EXECUTIONS: usize = 10;

const PAGES: u32 = 100;

const TYPISTS: u32 = 10;

/// Pages that open at once: each takes an execution.
const OPENING: usize = 2;

const TYPING_TIME: Duration = Duration::from_secs(60);

/// Time after the beginning of the floods, and time for which they are watched.
const FLOOD_SETTLE_TIME: Duration = Duration::from_secs(10);
const FLOOD_TIME: Duration = Duration::from_secs(60);

/// Longest wait for the last keys in a program's file.
const FILE_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest time between two looks at the beginning.
const STEP: Duration = Duration::from_millis(200);

/// Begin of the typing, which is over when the floods begin.
type Begin = Option<Instant>;

/// Results of a page.
struct Seen {
    /// Latency of each key in ms; `None` without an echo.
    echoes: Vec<Option<f64>>,
    /// Keys that the program did not read, or read twice or in another order.
    lost: usize,
    /// Longest time without new output during the flood.
    longest: Duration,
}

pub(super) async fn measure(report: &mut Report) {
    let mut gateway = slow_posts();
    gateway.quotas = Quotas { concurrent_executions: EXECUTIONS, ..gateway.quotas };
    let stack = Stack::start_with(StackOptions { gateway, ..in_process(&[("RELAYS_AT_MOST", "2")]) }).await;
    let folder = TempDir::new().expect("a temporary folder");
    let (begin, begun) = watch::channel(None);
    let mut users = JoinSet::new();
    open_all(&stack, PAGES, OPENING, |number, page| {
        let file = (number < TYPISTS).then(|| folder.path().join(number.to_string()));
        users.spawn(user(page, number, file, begun.clone()));
    })
    .await;
    // In the steady state: the first relays have successors.
    let at = Instant::now() + Duration::from_secs(30);
    begin.send_replace(Some(at));
    sleep_until(at).await;
    let before = stack.usage();
    sleep_until(at + TYPING_TIME).await;
    let typing = stack.usage().since(&before);
    sleep_until(at + TYPING_TIME + FLOOD_SETTLE_TIME).await;
    let before = stack.usage();
    let seen = users.join_all().await;
    let flooding = stack.usage().since(&before);
    stack.stop().await;

    let echoes: Vec<Option<f64>> = seen.iter().flat_map(|seen| seen.echoes.iter().copied()).collect();
    let found: Vec<f64> = echoes.iter().flatten().copied().collect();
    let of = |samples: &[f64], share| percentile(samples, share).unwrap_or_default();
    let values = [
        ("p50", of(&found, 0.5)),
        ("p99", of(&found, 0.99)),
        // A refused key is sent again until it is taken.
        ("longest, refusals included", of(&found, 1.0)),
        ("keys", echoes.len() as f64),
        ("keys lost", seen.iter().map(|seen| seen.lost).sum::<usize>() as f64),
        ("runs", typing.invocations as f64),
        ("runs refused", typing.throttled as f64),
    ];
    report.add(Table {
        figure: "keystroke to echo with ten executions",
        unit: "ms",
        columns: values.map(|(name, _)| name).to_vec(),
        rows: vec![Row::new(format!("{PAGES} visible pages, {TYPISTS} typing"), values)],
    });
    let longest: Vec<f64> = seen.iter().map(|seen| ms(seen.longest)).collect();
    let values = [
        ("p50", of(&longest, 0.5)),
        ("p90", of(&longest, 0.9)),
        ("most", of(&longest, 1.0)),
        ("runs", flooding.invocations as f64),
        ("runs refused", flooding.throttled as f64),
    ];
    report.add(Table {
        figure: "longest time between two updates of a screen with ten executions",
        unit: "ms",
        columns: values.map(|(name, _)| name).to_vec(),
        rows: vec![Row::new(format!("{PAGES} flooding pages"), values)],
    });
}

/// A page that types into a program, if it has a file for it, and then floods.
async fn user(mut page: Page, number: u32, file: Option<PathBuf>, mut begun: watch::Receiver<Begin>) -> Seen {
    if let Some(file) = &file {
        page.client.keys(&format!("cat >{}; echo o'v'er\r", file.display()));
        read_past(&mut page, "er\r\n").await;
    }
    let begin = loop {
        if let Some(begin) = *begun.borrow_and_update() {
            break begin;
        }
        read_until(&mut page, Instant::now() + STEP).await;
    };
    let (mut echoes, mut lost) = (Vec::new(), 0);
    let end = begin + TYPING_TIME;
    if let Some(file) = &file {
        let mut typed = String::new();
        for count in 0.. {
            let next = begin + KEY_INTERVAL * number / TYPISTS + KEY_INTERVAL * count;
            if next >= end {
                break;
            }
            read_until(&mut page, next).await;
            echoes.push(pages::echo(&mut page, count).await.map(ms));
            typed.push_str(&key(count));
        }
        page.client.keys("\r");
        typed.push('\r');
        lost = differing(&mut page, &typed.replace('\r', "\n"), file).await;
        page.client.interrupt();
    }
    read_until(&mut page, end).await;
    page.client.keys("yes\r");
    read_until(&mut page, end + FLOOD_SETTLE_TIME).await;
    let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
    let end = end + FLOOD_SETTLE_TIME + FLOOD_TIME;
    while Instant::now() < end {
        page.output.clear();
        page.step(end).await;
        if !page.output.is_empty() || Instant::now() >= end {
            longest = longest.max(last.elapsed());
            last = Instant::now();
        }
    }
    page.leave().await;
    Seen { echoes, lost, longest }
}

/// Number of typed characters that differ in the program's file, once it is long enough.
async fn differing(page: &mut Page, typed: &str, file: &Path) -> usize {
    let deadline = Instant::now() + FILE_TIMEOUT;
    loop {
        let found = std::fs::read(file).unwrap_or_default();
        if found.len() >= typed.len() || Instant::now() >= deadline {
            let same = typed.bytes().zip(&found).take_while(|(typed, found)| typed == *found).count();
            return typed.len().max(found.len()) - same;
        }
        read_until(page, Instant::now() + STEP).await;
    }
}
