//! What an hour of one user costs on AWS: recorded work is done again through the whole chain, in real time, and what the gateway
//! counts meanwhile is multiplied by the published prices. All recordings run side by side, each with a stack of its own.

mod bill;
mod cast;
pub(crate) mod player;
mod prices;

use crate::far::slow_posts;
use crate::report::{Report, Row, Table};
use crate::subjects::QUIET;
use bill::Hour;
use cast::{Cast, Kind};
use e2e::{Function, Page, Setting, Stack};
use futures_util::future::join_all;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// Each with what a reader is told of it, and its recording in `testing/bench/workloads`.
const WORKLOADS: [(&str, Option<&str>); 5] = [
    ("typing in bash", Some("typing.cast")),
    ("editing in vim", Some("vim.cast")),
    ("a test run's log", Some("tests.cast")),
    ("top, every 3 s", Some("top.cast")),
    ("a page that is open, and nothing happens", None),
];

/// What comes after a prompt or a start, such as its acknowledgement, is over by then.
const SETTLE: Duration = Duration::from_secs(3);

/// Longest that a shell or a player may take to be there.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long nothing happens where nothing was recorded; as long as the recordings.
const NOTHING: Duration = Duration::from_secs(80);

/// Does all recorded work at the same time.
pub(crate) async fn measure(report: &mut Report) {
    let hours = join_all(WORKLOADS.map(|(_, recording)| work(recording))).await;
    let row = |((name, _), hour): ((&str, _), Hour)| Row { subject: name.to_owned(), values: hour.values() };
    let rows = WORKLOADS.into_iter().zip(hours).map(row).collect();
    report.add(Table {
        figure: "an hour of one user on AWS",
        unit: "each an hour",
        columns: Hour::COLUMNS.to_vec(),
        rows,
    });
}

/// Does what was recorded again, and says what an hour of it costs.
async fn work(recording: Option<&str>) -> Hour {
    let stack =
        Stack::start_with(Setting { log: QUIET, gateway: slow_posts(), ..Setting::new(Function::InProcess) }).await;
    let path = recording.map(path);
    let cast = path.as_deref().map(Cast::read).unwrap_or_else(|| Cast::nothing(NOTHING));
    let mut page = stack.page("ada", "cost", cast.size);
    // What is typed before the prompt is echoed twice.
    until_it_says(&mut page, "\u{1b}]133;B").await;
    if let Some(path) = &path {
        page.client.keys(&player::command_line(path));
        until_it_says(&mut page, player::READY).await;
    }
    live(&mut page, Instant::now() + SETTLE).await;
    let (began, before) = (Instant::now(), stack.usage());
    if path.is_some() {
        page.client.keys(player::GO);
    }
    for event in &cast.events {
        if event.kind == Kind::Input {
            live(&mut page, began + event.at).await;
            page.client.keys(&event.data);
        }
    }
    live(&mut page, began + cast.duration).await;
    let used = stack.usage().since(&before);
    if path.is_some() {
        until_it_says(&mut page, player::PLAYED).await;
    }
    page.leave().await;
    stack.stop().await;
    Hour::of(&used, cast.duration)
}

fn path(recording: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads").join(recording)
}

/// Does what a page does until then.
async fn live(page: &mut Page, until: Instant) {
    while Instant::now() < until {
        page.step(until).await;
    }
}

/// Does what a page does until this is on the screen.
async fn until_it_says(page: &mut Page, text: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !page.output.windows(text.len()).any(|window| window == text.as_bytes()) {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {text:?}: {page:?}");
        page.step(deadline).await;
    }
}
