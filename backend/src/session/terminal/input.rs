//! Writes to the terminal: the keys of people and the service's own input; and the keys for the recording.

use super::{OutputLog, Terminal};
use crate::session::typed_input::{Typed, TypedInput};
use bytes::Bytes;
use shared_protocol::{ClientId, Seq};
use tokio::time::Instant;

impl Terminal {
    /// Types a client's keys. A change of the settings that was not announced yet comes first: from it a page learns whether
    /// this key is echoed.
    pub(in crate::session) fn write_keys(&mut self, client: &ClientId, seq: Seq, bytes: Vec<u8>, log: &mut OutputLog) {
        self.announce_tty(log);
        self.commands.typed();
        self.prompt.typed();
        self.echo.input_written(Instant::now());
        self.write(Some((client.clone(), seq)), bytes);
    }

    /// Queues input behind the pending input, and writes as much as the terminal takes.
    pub(super) fn write(&mut self, from: Option<(ClientId, Seq)>, bytes: impl Into<Bytes>) {
        self.pending.push(from, bytes.into());
        self.write_pending();
    }

    pub(in crate::session) fn write_pending(&mut self) {
        while let Some((from, bytes)) = self.pending.queue.front_mut() {
            let before = self.typed.as_ref().map(|_| self.pty.tty());
            match self.pty.write(bytes) {
                Ok(0) if !bytes.is_empty() => break,
                Ok(count) => {
                    self.metrics.streams.input.inc_by(count as u64);
                    if let (Some(typed), Some(before)) = (&mut self.typed, before) {
                        let settings = [before, self.pty.tty()];
                        typed.written(&bytes[..count], from.is_some(), settings, Instant::now());
                    }
                    self.pending.taken(count);
                }
                Err(error) => {
                    // The last process has closed the terminal: this will never be read.
                    tracing::debug!(session = %self.session, %error, "the terminal takes no input");
                    self.pending.clear();
                }
            }
        }
        self.settings.schedule(Instant::now());
    }

    /// From now on, keys may be recorded.
    pub(in crate::session) fn record_keys(&mut self) {
        self.typed = Some(TypedInput::new());
    }

    /// The keys that the recording gets now, each with the time at which it was typed.
    pub(in crate::session) fn typed(&mut self) -> Vec<(Instant, Typed)> {
        let Some(typed) = &mut self.typed else { return Vec::new() };
        if self.closed {
            return typed.finish();
        }
        let now = Instant::now();
        if typed.deadline().is_some_and(|at| at <= now) { typed.look(self.pty.tty(), now) } else { Vec::new() }
    }
}
