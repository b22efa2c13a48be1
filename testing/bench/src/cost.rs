//! Cost of an hour of one user on AWS: recordings are replayed through the whole chain in real time, and the gateway's usage
//! counts are multiplied by the published prices. All recordings run concurrently, each with a stack of its own.

mod bill;
mod cast;
pub(crate) mod player;
mod prices;

use crate::latency::slow_posts;
use crate::report::{Report, Row, Table};
use crate::subjects::in_process;
use bill::Hour;
use cast::{Cast, Kind};
use e2e::{Page, Stack, StackOptions};
use futures_util::future::join_all;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// Description, and recording in `testing/bench/workloads`.
const WORKLOADS: [(&str, Option<&str>); 5] = [
    ("typing in bash", Some("typing.cast")),
    ("editing in vim", Some("vim.cast")),
    ("a test run's log", Some("tests.cast")),
    ("top, every 3 s", Some("top.cast")),
    ("an idle page", None),
];

/// Time for the messages that follow a prompt or a start, such as acknowledgements.
const SETTLE_TIME: Duration = Duration::from_secs(3);

/// Longest wait for the shell or the player to start.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Length of the idle workload: the same as the recordings.
const IDLE_TIME: Duration = Duration::from_secs(80);

pub(crate) async fn measure(report: &mut Report) {
    let hours = join_all(WORKLOADS.map(|(_, recording)| replay(recording))).await;
    let rows = WORKLOADS.into_iter().zip(hours).map(|((name, _), hour)| Row::new(name, hour.values())).collect();
    let columns = Hour::COLUMNS.to_vec();
    report.add(Table { figure: "an hour of one user on AWS", unit: "each an hour", columns, rows });
}

async fn replay(recording: Option<&str>) -> Hour {
    let stack = Stack::start_with(StackOptions { gateway: slow_posts(), ..in_process(&[]) }).await;
    let path = recording.map(path);
    let cast = path.as_deref().map(Cast::read).unwrap_or_else(|| Cast::idle(IDLE_TIME));
    let mut page = stack.page("ada", "cost", cast.size);
    // Keys typed before the prompt are echoed twice.
    run_until_output(&mut page, "\u{1b}]133;B").await;
    if let Some(path) = &path {
        page.client.keys(&player::command_line(path));
        run_until_output(&mut page, player::READY).await;
    }
    run_until(&mut page, Instant::now() + SETTLE_TIME).await;
    let (began, before) = (Instant::now(), stack.usage());
    if path.is_some() {
        page.client.keys(player::GO);
    }
    for event in &cast.events {
        if event.kind == Kind::Input {
            run_until(&mut page, began + event.at).await;
            page.client.keys(&event.data);
        }
    }
    run_until(&mut page, began + cast.duration).await;
    let used = stack.usage().since(&before);
    if path.is_some() {
        run_until_output(&mut page, player::FINISHED).await;
    }
    page.leave().await;
    stack.stop().await;
    Hour::of(&used, cast.duration)
}

fn path(recording: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads").join(recording)
}

async fn run_until(page: &mut Page, deadline: Instant) {
    while Instant::now() < deadline {
        page.step(deadline).await;
    }
}

async fn run_until_output(page: &mut Page, text: &str) {
    let deadline = Instant::now() + START_TIMEOUT;
    while !page.output.windows(text.len()).any(|window| window == text.as_bytes()) {
        assert!(Instant::now() < deadline, "waited {START_TIMEOUT:?} for {text:?}: {page:?}");
        page.step(deadline).await;
    }
}
