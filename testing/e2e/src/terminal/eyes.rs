//! What a test looks for, and how long it waits for it.

use super::{PATIENCE, Terminal};
use shared_protocol::server::ErrorMessage;
use shared_protocol::{ErrorCode, ServerMessage, StreamEvent};
use std::time::Duration;
use tokio::time::Instant;

impl Terminal {
    /// Waits until the output says this, after what was expected before. Returns what came before it.
    pub async fn expect(&mut self, text: &str) -> Vec<u8> {
        self.expect_within(PATIENCE, text).await
    }

    /// The same with another patience.
    pub async fn expect_within(&mut self, patience: Duration, text: &str) -> Vec<u8> {
        let at = self.find(patience, text).await;
        let before = self.stream.bytes[self.read..at].to_vec();
        self.read = at + text.len();
        before
    }

    /// The same where megabytes come before it: they are forgotten. Returns how many bytes came up to its end.
    pub async fn pass(&mut self, patience: Duration, text: &str) -> usize {
        let end = self.find(patience, text).await + text.len();
        self.stream.forget(end);
        end - std::mem::take(&mut self.read)
    }

    /// Where the output says this, after what was expected before.
    async fn find(&mut self, patience: Duration, text: &str) -> usize {
        let needle = text.as_bytes();
        let mut searched = self.read;
        self.wait_for(patience, text, |terminal| {
            let bytes = &terminal.stream.bytes;
            let found = memchr::memmem::find(&bytes[searched..], needle).map(|at| searched + at);
            searched = searched.max((bytes.len() + 1).saturating_sub(needle.len()));
            found
        })
        .await
    }

    /// Waits for an event of the stream, from its beginning on.
    pub async fn expect_event<T>(&mut self, what: &str, look: impl Fn(&StreamEvent) -> Option<T>) -> T {
        self.wait(what, |terminal| terminal.event(&look)).await
    }

    /// Waits for a direct reply, and takes it.
    pub async fn expect_reply<T>(&mut self, what: &str, look: impl Fn(&ServerMessage) -> Option<T>) -> T {
        self.wait(what, |terminal| terminal.take(&look)).await
    }

    /// Waits for an `error` with this code, and takes it.
    pub async fn expect_error(&mut self, code: ErrorCode) -> ErrorMessage {
        self.expect_reply(&format!("the error {code:?}"), |reply| match reply {
            ServerMessage::Error(error) if error.code == code => Some(error.clone()),
            _ => None,
        })
        .await
    }

    /// Waits until the other side closes the connection. Returns the code.
    pub async fn expect_close(&mut self) -> u16 {
        self.wait("the connection to be closed", |terminal| terminal.closed).await
    }

    /// Waits until the other side closes the connection, or says that the session is over: who was away at its end hears so.
    pub async fn expect_end_within(&mut self, patience: Duration) {
        let over = |reply: &ServerMessage| matches!(reply, ServerMessage::Error(error) if error.code == ErrorCode::SessionEnded);
        self.wait_for(patience, "the end", |terminal| {
            (terminal.closed.is_some() || terminal.replies.iter().any(over)).then_some(())
        })
        .await;
    }

    /// The next direct reply, whatever it is.
    pub async fn next_reply(&mut self) -> ServerMessage {
        self.wait("a direct reply", |terminal| (!terminal.replies.is_empty()).then(|| terminal.replies.remove(0))).await
    }

    /// Goes on until there is what the test looks for, or the other side closes the connection: then `None`.
    pub async fn wait_until_closed_or<T>(&mut self, mut look: impl FnMut(&mut Self) -> Option<T>) -> Option<T> {
        self.wait("what is looked for, or a close", |terminal| {
            let found = look(terminal);
            if found.is_some() || terminal.closed.is_some() { Some(found) } else { None }
        })
        .await
    }

    /// Goes on as a page does, until then.
    pub async fn stay(&mut self, until: Instant) {
        while Instant::now() < until && self.closed.is_none() {
            self.step(until).await;
        }
    }

    /// Goes on as a page does until there is what the test looks for.
    pub async fn wait<T>(&mut self, what: &str, look: impl FnMut(&mut Self) -> Option<T>) -> T {
        self.wait_for(PATIENCE, what, look).await
    }

    /// The same with another patience.
    pub async fn wait_for<T>(
        &mut self,
        patience: Duration,
        what: &str,
        mut look: impl FnMut(&mut Self) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(found) = look(self) {
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
                panic!("waited {patience:?} for {what}\n{}", seen());
            }
            self.step(deadline).await;
        }
    }

    pub(super) fn event<T>(&self, look: impl Fn(&StreamEvent) -> Option<T>) -> Option<T> {
        self.stream.events.iter().find_map(|(_, event)| look(event))
    }

    pub(super) fn take<T>(&mut self, look: impl Fn(&ServerMessage) -> Option<T>) -> Option<T> {
        let (at, found) =
            self.replies.iter().enumerate().find_map(|(at, reply)| look(reply).map(|found| (at, found)))?;
        self.replies.remove(at);
        Some(found)
    }
}
