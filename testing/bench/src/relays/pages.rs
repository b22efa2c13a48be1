//! Pages that open, type and are read as in a browser: they reconnect and send again by themselves, so they also serve where the
//! function or a handshake is refused.

use crate::echo::{echo_of, key};
use e2e::{Page, Stack};
use futures_util::{StreamExt, stream};
use std::time::Duration;
use tokio::time::Instant;

/// Time between two keys of a user: 1.7 a second.
pub(super) const KEY_INTERVAL: Duration = Duration::from_millis(588);

/// Size of each terminal.
const SIZE: (u16, u16) = (120, 40);

/// End of the shell's prompt.
const PROMPT: &str = "\u{1b}[?2004h";

/// Longest wait for output.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Longest wait for an echo.
const ECHO_TIMEOUT: Duration = Duration::from_secs(30);

/// A page of its own user and session, at its prompt.
pub(super) async fn open(stack: &Stack, number: u32) -> Page {
    let mut page = unopened(stack, number);
    read_past(&mut page, PROMPT).await;
    page
}

/// A page of the same user and session that has not connected.
pub(super) fn unopened(stack: &Stack, number: u32) -> Page {
    stack.page(&format!("user-{number}"), &format!("relay-{number}"), SIZE)
}

/// Opens the pages, so many at a time. A page that has opened is handed to `opened` at once, because it must go on reading.
pub(super) async fn open_all(stack: &Stack, count: u32, at_once: usize, mut opened: impl FnMut(u32, Page)) {
    let opening = stream::iter(0..count).map(|number| async move { (number, open(stack, number).await) });
    let mut opening = opening.buffer_unordered(at_once);
    while let Some((number, page)) = opening.next().await {
        opened(number, page);
    }
}

/// Reads output to the end of this text, and drops it.
pub(super) async fn read_past(page: &mut Page, text: &str) {
    let deadline = Instant::now() + TIMEOUT;
    while !contains(&page.output, text) {
        assert!(Instant::now() < deadline, "waited {TIMEOUT:?} for {text:?}: {page:?}");
        page.step(deadline).await;
    }
    page.output.clear();
}

/// Reads and drops output.
pub(super) async fn read_until(page: &mut Page, deadline: Instant) {
    while Instant::now() < deadline {
        page.step(deadline).await;
        page.output.clear();
    }
}

/// Types the key of this number. Returns the time until its echo, or until a snapshot that shows it; `None` if it never comes.
pub(super) async fn echo(page: &mut Page, number: u32) -> Option<Duration> {
    let (key, snapshots) = (key(number), page.stats.snapshots);
    page.output.clear();
    let started = Instant::now();
    page.client.keys(&key);
    while started.elapsed() < ECHO_TIMEOUT {
        page.step(started + ECHO_TIMEOUT).await;
        if page.stats.snapshots > snapshots || contains(&page.output, echo_of(&key)) {
            return Some(started.elapsed());
        }
    }
    None
}

fn contains(output: &[u8], text: &str) -> bool {
    memchr::memmem::find(output, text.as_bytes()).is_some()
}
