//! The queue from a session's task, which never waits, to the writer, which encodes and stores. It is short: the session's log
//! has the output that it has no room for.

use parking_lot::Mutex;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::Notify;

/// Memory of one session's buffer, in bytes. The writer wakes the session's task for each half: with a third of it, a flood took a
/// quarter longer.
pub(super) const BUFFER_BYTES: usize = 48 * 1024;

/// Memory beyond that for keys and marks, which no log has, in bytes: all keys of a pause for a password, in pieces.
pub(super) const KEYS_BYTES: usize = 20 * 1024;

/// Length of a piece of output or keys, in bytes: each becomes an entry. A part has room for the longest line of one.
pub(super) const PIECE_BYTES: usize = 2 * 1024;

/// Largest screen behind a gap, in bytes. One that has no room in the buffer waits until that is empty, and has it to itself.
pub const SCREEN_BYTES: usize = 256 * 1024;

/// Memory of an entry beside its bytes, in bytes: twice its place in the queue, and the allocator's part.
const ENTRY_BYTES: usize = 128;

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
    /// Length of its text, in bytes.
    pub(super) fn text_bytes(&self) -> usize {
        match self {
            Self::Output(bytes) | Self::Input(bytes) => bytes.len(),
            Self::Marker(text) => text.len(),
            Self::Resize { .. } | Self::Exit(_) => 0,
        }
    }

    fn weight(&self) -> usize {
        ENTRY_BYTES + self.text_bytes()
    }

    /// Memory of the buffer that it may fill, in bytes. The exit comes once in an epoch, and is never dropped.
    fn limit(&self) -> usize {
        match self {
            Self::Output(_) | Self::Resize { .. } => BUFFER_BYTES,
            Self::Input(_) | Self::Marker(_) => BUFFER_BYTES + KEYS_BYTES,
            Self::Exit(_) => usize::MAX,
        }
    }
}

/// The bytes in pieces, none of which ends within a character.
pub fn pieces(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let mut length = rest.len().min(PIECE_BYTES);
        // The last byte of a character is at most the fourth one.
        let is_within = |at: usize| rest.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
        length -= (0..4).find(|back| !is_within(length.saturating_sub(*back))).unwrap_or(0);
        let (piece, after) = rest.split_at(length);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

#[derive(Debug, Default)]
struct Waiting {
    entries: VecDeque<(u64, Happening)>,
    /// Sum of the entries' weights, in bytes.
    bytes: usize,
    /// True if something was refused since there was room.
    refused: bool,
    /// True once the session's log goes, too, and nothing else can hold what has no room.
    is_last: bool,
    /// True once the session's task is gone.
    closed: bool,
}

impl Waiting {
    fn add(&mut self, at: u64, happening: Happening) {
        self.bytes += happening.weight();
        self.entries.push_back((at, happening));
    }
}

/// The entries that wait for the writer.
///
/// Invariant: at most `BUFFER_BYTES` of output and `KEYS_BYTES` more, or a screen; and the exit and one marker of a gap. At the
/// session's end, what is left of its log.
#[derive(Debug, Default)]
pub struct Buffer {
    waiting: Mutex<Waiting>,
    wake: Notify,
    /// There is room again.
    room: Notify,
    /// Memory of the writer's part, in bytes.
    part: AtomicUsize,
    /// True once the recording has its largest size.
    full: AtomicBool,
}

impl Buffer {
    /// Adds an entry; false, and nothing added, if there is no room. `at` is in ms since the recording's start.
    pub fn push(&self, at: u64, happening: Happening) -> bool {
        let mut waiting = self.waiting.lock();
        if waiting.bytes + happening.weight() > happening.limit() && !waiting.is_last {
            waiting.refused = true;
            return false;
        }
        waiting.add(at, happening);
        drop(waiting);
        self.wake.notify_one();
        true
    }

    /// Adds a screen of at most [`SCREEN_BYTES`], and its size before it; false, and nothing added, if there is no room for all.
    pub fn push_screen(&self, at: u64, size: Happening, screen: &[u8]) -> bool {
        let mut waiting = self.waiting.lock();
        let outputs = pieces(screen).map(|piece| Happening::Output(piece.to_vec()));
        let happenings: Vec<_> = std::iter::once(size).chain(outputs).collect();
        let weight: usize = happenings.iter().map(Happening::weight).sum();
        if waiting.bytes > 0 && waiting.bytes + weight > BUFFER_BYTES {
            return false;
        }
        happenings.into_iter().for_each(|happening| waiting.add(at, happening));
        drop(waiting);
        self.wake.notify_one();
        true
    }

    /// Adds the marker of a gap, for which there is always room: the next is added only after [`Self::has_room`].
    pub fn push_gap(&self, at: u64, text: &'static str) {
        self.waiting.lock().add(at, Happening::Marker(text.into()));
        self.wake.notify_one();
    }

    /// True if a gap may end: half of the buffer is free.
    pub fn has_room(&self) -> bool {
        self.waiting.lock().bytes <= BUFFER_BYTES / 2
    }

    /// Waits until there is room again for what was refused.
    pub async fn has_room_again(&self) {
        self.room.notified().await;
    }

    /// Memory of the entries and the writer's part, in bytes.
    pub fn held(&self) -> usize {
        self.waiting.lock().bytes + self.part.load(Ordering::Relaxed)
    }

    /// Nothing more is refused: the session is over, and its log goes.
    pub fn take_all(&self) {
        self.waiting.lock().is_last = true;
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

    pub(super) fn set_part(&self, bytes: usize) {
        self.part.store(bytes, Ordering::Relaxed);
    }

    /// The next entry, once there is one; none at the end.
    pub(super) async fn take(&self) -> Option<(u64, Happening)> {
        loop {
            let woken = self.wake.notified();
            {
                let mut waiting = self.waiting.lock();
                if let Some((at, happening)) = waiting.entries.pop_front() {
                    waiting.bytes -= happening.weight();
                    if waiting.refused && waiting.bytes <= BUFFER_BYTES / 2 {
                        waiting.refused = false;
                        self.room.notify_one();
                    }
                    return Some((at, happening));
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

    async fn take_all(buffer: &Buffer) -> Vec<(u64, Happening)> {
        let mut taken = Vec::new();
        while let Some(entry) = buffer.take().await {
            taken.push(entry);
        }
        taken
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused_but_the_end() {
        let buffer = Buffer::default();
        assert!(buffer.push(0, output(BUFFER_BYTES - 2 * ENTRY_BYTES)) && buffer.push(0, output(0)));
        assert!(!buffer.push(1, output(0)) && !buffer.push(1, Happening::Resize { cols: 80, rows: 24 }));
        assert!(!buffer.has_room());
        buffer.push_gap(1, "gap");
        assert!(buffer.push(2, Happening::Exit(0)));
        assert_eq!(buffer.held(), BUFFER_BYTES + 2 * ENTRY_BYTES + "gap".len());
        buffer.close();
        let taken = take_all(&buffer).await;
        assert_eq!(taken[2..], [(1, Happening::Marker("gap".into())), (2, Happening::Exit(0))]);
        assert!(buffer.has_room() && buffer.held() == 0);
    }

    #[tokio::test]
    async fn keys_have_room_where_output_has_none_and_a_screen_only_alone() {
        let buffer = Buffer::default();
        while buffer.push(0, output(PIECE_BYTES)) {}
        let keys = || Happening::Input(vec![b'x'; PIECE_BYTES]);
        assert!((0..8).all(|_| buffer.push(1, keys())), "all that a person typed in a pause");
        while buffer.push(1, keys()) {}
        assert!(buffer.held() <= BUFFER_BYTES + KEYS_BYTES);
        let screen = |bytes| buffer.push_screen(2, Happening::Resize { cols: 80, rows: 24 }, &vec![b'x'; bytes]);
        assert!(!screen(1));
        while buffer.held() > 0 {
            buffer.take().await.unwrap();
        }
        assert!(screen(SCREEN_BYTES) && !screen(1));
        buffer.close();
        assert!(take_all(&buffer).await.into_iter().all(|(_, entry)| entry.weight() <= PIECE_BYTES + ENTRY_BYTES));
    }

    #[tokio::test]
    async fn there_is_room_again_once_half_of_it_was_taken() {
        let buffer = Buffer::default();
        while buffer.push(0, output(PIECE_BYTES)) {}
        let mut room = std::pin::pin!(buffer.has_room_again());
        let most = BUFFER_BYTES / PIECE_BYTES;
        for taken in 1..=most {
            buffer.take().await.unwrap();
            let has_room = futures_util::poll!(room.as_mut()).is_ready();
            assert_eq!(has_room, buffer.held() <= BUFFER_BYTES / 2, "{taken}");
            if has_room {
                return assert!(taken < most, "not before it is empty");
            }
        }
        panic!("there is no room");
    }

    #[test]
    fn no_piece_ends_within_a_character() {
        for shift in 0..4 {
            let text = "x".repeat(shift) + &"\u{1f600}".repeat(3000);
            let all: Vec<_> = pieces(text.as_bytes()).collect();
            assert_eq!(all.concat(), text.as_bytes());
            assert!(all.iter().all(|piece| piece.len() <= PIECE_BYTES && std::str::from_utf8(piece).is_ok()));
        }
        let bytes = [0x80; 10_000];
        assert_eq!(pieces(&bytes).collect::<Vec<_>>().concat(), bytes, "no text at all");
    }
}
