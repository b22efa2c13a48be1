//! Saves the commands of a session to the store. The session hands each over without waiting; what the store does not take in
//! time is tried again, and the oldest go first where too much waits.

use crate::store::{CommandRecord, MAX_COMMANDS, Store};
use parking_lot::Mutex;
use shared_protocol::SessionId;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;

/// Memory of the commands of one session that wait for the store, in bytes: some of the longest lines, or hundreds of short ones.
const WAITING_BYTES: usize = 256 * 1024;

/// Time between two attempts, while the store fails.
const RETRY_DELAY: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Waiting {
    records: VecDeque<CommandRecord>,
    /// Sum of the records' weights, in bytes.
    bytes: usize,
    /// True once the session's task is gone.
    closed: bool,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    wake: Notify,
}

/// The session task's end.
pub(super) struct CommandSender(Arc<Shared>);

/// The end of the task that writes to the store.
pub(super) struct CommandWriter(Arc<Shared>);

pub(super) fn command_channel() -> (CommandSender, CommandWriter) {
    let shared = Arc::<Shared>::default();
    (CommandSender(Arc::clone(&shared)), CommandWriter(shared))
}

/// Approximate memory, in bytes.
fn weight(record: &CommandRecord) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let names: usize = record.command.by.iter().map(|typist| typist.name.len()).sum();
    size_of::<CommandRecord>() + text(&record.command.line) + text(&record.command.directory) + names
}

impl Waiting {
    fn push(&mut self, record: CommandRecord) {
        self.bytes += weight(&record);
        self.records.push_back(record);
        while self.bytes > WAITING_BYTES || self.records.len() > MAX_COMMANDS {
            let Some(oldest) = self.records.pop_front() else { return };
            self.bytes -= weight(&oldest);
        }
    }
}

impl CommandSender {
    /// Memory of what waits, in bytes.
    pub(super) fn held(&self) -> usize {
        self.0.waiting.lock().bytes
    }

    /// Hands a command over.
    pub(super) fn send(&self, record: CommandRecord) {
        self.0.waiting.lock().push(record);
        self.0.wake.notify_one();
    }
}

impl Drop for CommandSender {
    fn drop(&mut self) {
        self.0.waiting.lock().closed = true;
        self.0.wake.notify_one();
    }
}

impl CommandWriter {
    /// Waits for commands; returns all that wait, and whether more may come.
    async fn next(&self) -> (Vec<CommandRecord>, bool) {
        loop {
            let woken = self.0.wake.notified();
            {
                let waiting = self.0.waiting.lock();
                if !waiting.records.is_empty() || waiting.closed {
                    return (waiting.records.iter().cloned().collect(), !waiting.closed);
                }
            }
            woken.await;
        }
    }

    /// Forgets what was stored.
    fn stored(&self, batch: &[CommandRecord]) {
        let Some(last) = batch.last().map(CommandRecord::place) else { return };
        let mut waiting = self.0.waiting.lock();
        waiting.records.retain(|record| record.place() > last);
        waiting.bytes = waiting.records.iter().map(weight).sum();
    }
}

/// Writes the commands of the session that was created at this time, in ms since 1970, until the sender is dropped; the last ones
/// are tried once.
pub(super) async fn persist_commands(store: Arc<dyn Store>, id: SessionId, created_at: u64, writer: CommandWriter) {
    loop {
        let (batch, goes_on) = writer.next().await;
        let result = if batch.is_empty() { Ok(()) } else { store.put_commands(&id, created_at, &batch).await };
        match result {
            Ok(()) => writer.stored(&batch),
            Err(error) => {
                tracing::warn!(session = %id, %error, waiting = batch.len(), "commands are not stored yet");
                if goes_on {
                    sleep(RETRY_DELAY).await;
                }
            }
        }
        if !goes_on {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::command;

    #[tokio::test]
    async fn what_waits_is_bounded_and_the_latest_stay() {
        let (sender, writer) = command_channel();
        for number in 1..=2 * MAX_COMMANDS as u32 {
            sender.send(command(5, number, "ls"));
        }
        let numbers = async |writer: &CommandWriter| -> Vec<u32> {
            writer.next().await.0.iter().map(|record| record.command.number).collect()
        };
        let waiting = numbers(&writer).await;
        assert!(waiting.len() <= MAX_COMMANDS && sender.held() <= WAITING_BYTES);
        assert_eq!(waiting.last(), Some(&(2 * MAX_COMMANDS as u32)));
        let long = "x".repeat(WAITING_BYTES / 3);
        for number in 5000..5010 {
            sender.send(command(5, number, &long));
        }
        assert_eq!(numbers(&writer).await, [5008, 5009]);
        assert!(sender.held() <= WAITING_BYTES);
    }

    #[tokio::test]
    async fn what_was_stored_is_forgotten_and_what_came_meanwhile_stays() {
        let (sender, writer) = command_channel();
        sender.send(command(5, 1, "first"));
        let (batch, goes_on) = writer.next().await;
        assert!(goes_on);
        sender.send(command(5, 2, "second"));
        writer.stored(&batch);
        assert_eq!(writer.next().await.0, [command(5, 2, "second")]);
        writer.stored(&[command(5, 2, "second")]);
        assert_eq!(sender.held(), 0);
        drop(sender);
        assert_eq!(writer.next().await, (Vec::new(), false));
    }
}
