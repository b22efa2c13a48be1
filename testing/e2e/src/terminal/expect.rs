//! Expectations: waits for output, events, replies and closes, with a timeout.

use super::{TEST_TIMEOUT, Terminal};
use shared_protocol::server::ErrorMessage;
use shared_protocol::{Dispatch, ErrorCode, ServerMessage, StreamEvent};
use std::time::Duration;
use tokio::time::Instant;

/// Delay from a ping to the next, while the service does not know the kind of dispatch.
const PING_INTERVAL: Duration = Duration::from_secs(2);

impl Terminal {
    /// Waits for this text in the output after the last match. Returns the output before it.
    pub async fn expect(&mut self, text: &str) -> Vec<u8> {
        self.expect_within(TEST_TIMEOUT, text).await
    }

    /// [`Self::expect`] with another timeout.
    pub async fn expect_within(&mut self, limit: Duration, text: &str) -> Vec<u8> {
        let at = self.find(limit, text).await;
        let before = self.stream.bytes[self.read..at].to_vec();
        self.read = at + text.len();
        before
    }

    /// [`Self::expect`] for megabytes of output, which are dropped. Returns the number of bytes up to the match's end.
    pub async fn skip_past(&mut self, limit: Duration, text: &str) -> usize {
        let end = self.find(limit, text).await + text.len();
        self.stream.forget(end);
        end - std::mem::take(&mut self.read)
    }

    /// Position of this text in the output after the last match.
    async fn find(&mut self, limit: Duration, text: &str) -> usize {
        let needle = text.as_bytes();
        let mut searched = self.read;
        self.wait_for(limit, text, |terminal| {
            let bytes = &terminal.stream.bytes;
            let found = memchr::memmem::find(&bytes[searched..], needle).map(|at| searched + at);
            searched = searched.max((bytes.len() + 1).saturating_sub(needle.len()));
            found
        })
        .await
    }

    /// Waits for an event of the stream, including past ones.
    pub async fn expect_event<T>(&mut self, what: &str, check: impl Fn(&StreamEvent) -> Option<T>) -> T {
        self.wait(what, |terminal| terminal.event(&check)).await
    }

    /// Waits for a direct reply, and removes it.
    pub async fn expect_reply<T>(&mut self, what: &str, check: impl Fn(&ServerMessage) -> Option<T>) -> T {
        self.wait(what, |terminal| terminal.take(&check)).await
    }

    /// Waits for an `error` with this code, and removes it.
    pub async fn expect_error(&mut self, code: ErrorCode) -> ErrorMessage {
        self.expect_reply(&format!("the error {code:?}"), |reply| match reply {
            ServerMessage::Error(error) if error.code == code => Some(error.clone()),
            _ => None,
        })
        .await
    }

    /// Pings at a prompt until the service names serial dispatch. A ping may wait for several runs, one for each message before
    /// it. A program prints meanwhile, so that each run has something to carry.
    pub async fn expect_serial_dispatch(&mut self, limit: Duration) {
        let deadline = Instant::now() + limit;
        // One program: a loop of bash goes on if the signal comes while it starts the next one.
        self.type_text(r#"perl -e '$|=1; print "." while sleep 1'"#).await;
        self.type_text("\r").await;
        while self.client.dispatch() != Some(Dispatch::Serial) {
            assert!(Instant::now() < deadline, "waited {limit:?}, and the service says {:?}", self.client.dispatch());
            self.send_text(r#"{"type":"ping"}"#).await;
            self.read_until(Instant::now() + PING_INTERVAL).await;
        }
        self.interrupt().await;
        self.read = self.stream.bytes.len();
        self.expect("\u{1b}[?2004h").await;
    }

    /// Waits until the other side closes the connection. Returns the close code.
    pub async fn expect_close(&mut self) -> u16 {
        self.wait("the connection to be closed", |terminal| terminal.closed).await
    }

    /// Waits for a close, or for `session_ended`, which a client receives that was away at the end.
    pub async fn expect_end_within(&mut self, limit: Duration) {
        let over = |reply: &ServerMessage| matches!(reply, ServerMessage::Error(error) if error.code == ErrorCode::SessionEnded);
        self.wait_for(limit, "the end", |terminal| {
            (terminal.closed.is_some() || terminal.replies.iter().any(over)).then_some(())
        })
        .await;
    }

    /// Waits until `check` returns a value, or the connection is closed: then `None`.
    pub async fn wait_until_closed_or<T>(&mut self, mut check: impl FnMut(&mut Self) -> Option<T>) -> Option<T> {
        self.wait("a value or a close", |terminal| {
            let found = check(terminal);
            if found.is_some() || terminal.closed.is_some() { Some(found) } else { None }
        })
        .await
    }

    /// Reads until the deadline or a close.
    pub async fn read_until(&mut self, deadline: Instant) {
        while Instant::now() < deadline && self.closed.is_none() {
            self.step(deadline).await;
        }
    }

    /// Waits until `check` returns a value.
    pub async fn wait<T>(&mut self, what: &str, check: impl FnMut(&mut Self) -> Option<T>) -> T {
        self.wait_for(TEST_TIMEOUT, what, check).await
    }

    /// [`Self::wait`] with another timeout.
    pub async fn wait_for<T>(
        &mut self,
        limit: Duration,
        what: &str,
        mut check: impl FnMut(&mut Self) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(found) = check(self) {
                return found;
            }
            let seen = || {
                let end = self.stream.bytes.len().saturating_sub(1000);
                let (bytes, events) = (String::from_utf8_lossy(&self.stream.bytes[end..]), &self.stream.events);
                format!("replies {:?}\nevents {events:?}\noutput …{bytes:?}", self.replies)
            };
            if let Some(code) = self.closed {
                panic!("closed with {code} while waiting for {what}\n{}", seen());
            }
            if Instant::now() >= deadline {
                panic!("waited {limit:?} for {what}\n{}", seen());
            }
            self.step(deadline).await;
        }
    }

    pub(super) fn event<T>(&self, check: impl Fn(&StreamEvent) -> Option<T>) -> Option<T> {
        self.stream.events.iter().find_map(|(_, event)| check(event))
    }

    pub(super) fn take<T>(&mut self, check: impl Fn(&ServerMessage) -> Option<T>) -> Option<T> {
        let (at, found) =
            self.replies.iter().enumerate().find_map(|(at, reply)| check(reply).map(|found| (at, found)))?;
        self.replies.remove(at);
        Some(found)
    }
}
