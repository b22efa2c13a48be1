//! The queue from a session's task, which never waits, to the writer, which encodes and stores.

use parking_lot::Mutex;
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// Memory of one session's buffer, in bytes. A writer that is behind by more leaves a gap.
const BUFFER_BYTES: usize = 256 * 1024;

/// Memory of an entry beside its bytes, in bytes.
const ENTRY_BYTES: usize = 64;

/// One event of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// Output of the terminal.
    Output(Vec<u8>),
    /// Keys that people typed.
    Input(Vec<u8>),
    /// The terminal has a new size.
    Resize {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// A note for the reader.
    Marker(Cow<'static, str>),
    /// The session is over, with this exit code of its shell.
    Exit(i32),
}

impl Happening {
    fn weight(&self) -> usize {
        let bytes = match self {
            Self::Output(bytes) | Self::Input(bytes) => bytes.len(),
            Self::Marker(text) => text.len(),
            Self::Resize { .. } | Self::Exit(_) => 0,
        };
        ENTRY_BYTES + bytes
    }

    /// True for what comes once in an epoch, and is never dropped.
    fn is_last(&self) -> bool {
        matches!(self, Self::Exit(_))
    }
}

#[derive(Debug, Default)]
struct Waiting {
    entries: Vec<(u64, Happening)>,
    /// Sum of the entries' weights, in bytes.
    bytes: usize,
    /// True once the session's task is gone.
    closed: bool,
}

/// The entries that wait for the writer.
///
/// Invariant: at most `BUFFER_BYTES`, and the exit and one marker of a gap.
#[derive(Debug, Default)]
pub struct Buffer {
    waiting: Mutex<Waiting>,
    wake: Notify,
    /// True once the recording has its largest size.
    full: AtomicBool,
}

impl Buffer {
    /// Adds an entry; false, and nothing added, if there is no room. `at` is in ms since the recording's start.
    pub fn push(&self, at: u64, happening: Happening) -> bool {
        self.push_all(at, [happening])
    }

    /// Adds entries that belong together; false, and none added, if there is no room for all.
    pub fn push_all<const N: usize>(&self, at: u64, happenings: [Happening; N]) -> bool {
        let mut waiting = self.waiting.lock();
        let weight: usize = happenings.iter().map(Happening::weight).sum();
        if waiting.bytes + weight > BUFFER_BYTES && !happenings.iter().any(Happening::is_last) {
            return false;
        }
        waiting.bytes += weight;
        waiting.entries.extend(happenings.map(|happening| (at, happening)));
        drop(waiting);
        self.wake.notify_one();
        true
    }

    /// Adds the marker of a gap, for which there is always room: the next is added only after [`Self::has_room`].
    pub fn push_gap(&self, at: u64, text: &'static str) {
        self.waiting.lock().entries.push((at, Happening::Marker(text.into())));
        self.wake.notify_one();
    }

    /// True if a gap may end: half of the buffer is free.
    pub fn has_room(&self) -> bool {
        self.waiting.lock().bytes <= BUFFER_BYTES / 2
    }

    /// Memory of the entries, in bytes.
    pub fn held(&self) -> usize {
        self.waiting.lock().bytes
    }

    /// No entry comes after this.
    pub fn close(&self) {
        self.waiting.lock().closed = true;
        self.wake.notify_one();
    }

    /// True once the recording has its largest size.
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    pub(super) fn set_full(&self) {
        self.full.store(true, Ordering::Relaxed);
    }

    /// All entries, once there are some; none at the end.
    pub(super) async fn take(&self) -> Option<Vec<(u64, Happening)>> {
        loop {
            let woken = self.wake.notified();
            {
                let mut waiting = self.waiting.lock();
                if !waiting.entries.is_empty() {
                    waiting.bytes = 0;
                    return Some(std::mem::take(&mut waiting.entries));
                }
                if waiting.closed {
                    return None;
                }
            }
            woken.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(bytes: usize) -> Happening {
        Happening::Output(vec![b'x'; bytes])
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused_but_the_end() {
        let buffer = Buffer::default();
        assert!(buffer.push(0, output(BUFFER_BYTES - 2 * ENTRY_BYTES)) && buffer.push(0, output(0)));
        assert!(!buffer.push(1, output(0)) && !buffer.push(1, Happening::Marker("x".into())) && !buffer.has_room());
        assert!(!buffer.push_all(1, [Happening::Resize { cols: 80, rows: 24 }, output(0)]));
        buffer.push_gap(1, "gap");
        assert!(buffer.push(2, Happening::Exit(0)));
        assert!(buffer.held() <= BUFFER_BYTES + ENTRY_BYTES);
        buffer.close();
        let taken = buffer.take().await.unwrap();
        assert_eq!(taken[2..], [(1, Happening::Marker("gap".into())), (2, Happening::Exit(0))]);
        assert!(buffer.has_room() && buffer.take().await.is_none());
    }
}
