//! Cost of an hour of one user on AWS: recordings are replayed through the whole chain in real time, and the gateway's usage
//! counts are multiplied by the published prices. All recordings run concurrently, each with a stack of its own.

mod bill;
pub(crate) mod cast;
mod month;
pub(crate) mod player;
mod prices;

use crate::latency::slow_posts;
use crate::report::{Report, Row, Table};
use crate::subjects::in_process;
pub(crate) use bill::Hour;
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

/// Time over which the users of one stack begin: they do not type in step, and the recordings' last keys come before the end.
const STAGGER: Duration = Duration::from_secs(2);

/// Longest wait for the shell or the player to start.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Length of the idle workload: the same as the recordings.
const IDLE_TIME: Duration = Duration::from_secs(80);

pub(crate) async fn measure(report: &mut Report) {
    let workloads = WORKLOADS.map(|(name, recording)| (name.to_owned(), recording, 1));
    let (table, class) =
        tokio::join!(table("an hour of one user on AWS", workloads), replay(Some("typing.cast"), month::STUDENTS));
    report.add(table);
    report.add(month::table(&class));
}

/// Measures an hour of one user for each workload: its description, its recording, and the number of users of its stack.
pub(crate) async fn table(
    figure: &'static str,
    workloads: impl IntoIterator<Item = (String, Option<&'static str>, u32)>,
) -> Table {
    let rows = workloads
        .into_iter()
        .map(async |(name, recording, users)| Row::new(name, replay(recording, users).await.values()));
    Table { figure, unit: "each an hour", columns: Hour::COLUMNS.to_vec(), rows: join_all(rows).await }
}

/// Replays the recording for all users of a stack at once. Returns the share of each.
async fn replay(recording: Option<&str>, users: u32) -> Hour {
    let stack = Stack::start_with(StackOptions { gateway: slow_posts(), ..in_process(&[]) }).await;
    let path = recording.map(path);
    let cast = path.as_deref().map(Cast::read).unwrap_or_else(|| Cast::idle(IDLE_TIME));
    let mut pages = join_all((0..users).map(|user| open(&stack, user, path.as_deref(), cast.size))).await;
    let settled = Instant::now() + SETTLE_TIME;
    join_all(pages.iter_mut().map(|page| run_until(page, settled))).await;
    let (began, before) = (Instant::now(), stack.usage());
    let playing = pages.iter_mut().zip(0..).map(async |(page, user)| {
        play(page, &cast, began + STAGGER * user / users).await;
        run_until(page, began + cast.duration).await;
    });
    join_all(playing).await;
    let used = stack.usage().since(&before);
    if path.is_some() {
        join_all(pages.iter_mut().map(|page| run_until_output(page, player::FINISHED))).await;
    }
    join_all(pages.into_iter().map(Page::leave)).await;
    stack.stop().await;
    Hour::of(&used, cast.duration).of_each(users)
}

/// A page whose shell is at its prompt, or whose player waits for the first key.
async fn open(stack: &Stack, user: u32, cast: Option<&Path>, size: (u16, u16)) -> Page {
    let mut page = stack.page(&format!("user-{user}"), &format!("cost-{user}"), size);
    // Keys typed before the prompt are echoed twice.
    run_until_output(&mut page, "\u{1b}[?2004h").await;
    if let Some(cast) = cast {
        page.client.keys(&player::command_line(cast));
        run_until_output(&mut page, player::READY).await;
    }
    page
}

async fn play(page: &mut Page, cast: &Cast, began: Instant) {
    run_until(page, began).await;
    if !cast.events.is_empty() {
        page.client.keys(player::GO);
    }
    for event in &cast.events {
        if event.kind == Kind::Input {
            run_until(page, began + event.at).await;
            page.client.keys(&event.data);
        }
    }
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
