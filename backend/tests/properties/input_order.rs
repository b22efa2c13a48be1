//! Properties of one client's numbered messages, for any transport. A file of its own, because the fuzzer includes it. A script
//! of bytes, three for each step, drives the transport.

use backend::session::input_order::{InputOrder, Offered};
use shared_protocol::Seq;
use shared_protocol::limits::{MAX_EARLY_BYTES, MAX_EARLY_MESSAGES, MAX_NUMBER};
use std::collections::BTreeMap;

/// Sizes of messages, in bytes.
const SIZES: [usize; 4] = [0, 1, 32 * 1024, MAX_EARLY_BYTES / 3];

/// Messages that were taken from the client and not applied, as seen from outside.
#[derive(Default)]
struct Conversation {
    order: InputOrder<u64>,
    /// The first message that was taken for each number, with its size.
    held: BTreeMap<u64, (u64, usize)>,
    held_bytes: usize,
    applied: u64,
    offers: u64,
}

impl Conversation {
    /// Each offer has content of its own, so that a repeat that replaces what was there is seen.
    fn offer(&mut self, seq: u64, bytes: usize) {
        self.offers += 1;
        let (known, next) = (seq <= self.applied || self.held.contains_key(&seq), seq == self.applied + 1);
        let before = self.held_bytes;
        match self.order.offer(Seq(seq), self.offers, bytes) {
            Offered::Repeat => assert!(known, "{seq} was never here"),
            Offered::Held => {
                assert!(!known, "{seq} is taken twice");
                self.held.insert(seq, (self.offers, bytes));
                self.held_bytes += bytes;
                assert!(self.held.len() <= MAX_EARLY_MESSAGES + 1);
                assert!(next || self.held_bytes <= MAX_EARLY_BYTES, "{before} and {bytes} are too much");
            }
            Offered::Full => {
                assert!(!known && !next, "{seq} always has room");
                let crowded = self.held.len() >= MAX_EARLY_MESSAGES || before + bytes > MAX_EARLY_BYTES;
                assert!(crowded || seq - self.applied > MAX_EARLY_MESSAGES as u64, "there is room for {seq}");
            }
        }
        self.agree();
    }

    fn take(&mut self) -> bool {
        let Some((seq, content)) = self.order.take_next() else { return false };
        self.applied += 1;
        assert_eq!(seq.0, self.applied, "in order, each once");
        let first = self.held.remove(&seq.0).expect("what is given on was taken");
        self.held_bytes -= first.1;
        assert_eq!(content, first.0, "the first that came is the one");
        self.agree();
        true
    }

    fn agree(&self) {
        let next_is_here = self.held.contains_key(&(self.applied + 1));
        assert_eq!(self.order.applied().0, self.applied);
        assert_eq!(self.order.is_ready(), next_is_here);
        assert_eq!(self.order.has_gap(), !next_is_here && !self.held.is_empty());
    }
}

/// Plays the script; then the client sends again what is missing, and everything is applied.
pub(crate) fn holds(script: &[u8]) {
    let mut conversation = Conversation::default();
    for step in script.as_chunks::<3>().0 {
        let [what, where_to, size] = *step;
        let (near, bytes) = (u64::from(where_to), SIZES[usize::from(size) % SIZES.len()]);
        let next = conversation.applied + 1;
        match what % 8 {
            0..=2 => conversation.offer(next + near % 16, bytes),
            3 => conversation.offer((next + 1).saturating_sub(near % 8), bytes),
            4 => conversation.offer(next + MAX_EARLY_MESSAGES as u64 - 3 + near % 6, bytes),
            5 => conversation.offer(MAX_NUMBER - near, bytes),
            6 => (next + 1..=next + 4 * near).for_each(|seq| conversation.offer(seq, 1)),
            _ => drop((0..near).take_while(|_| conversation.take()).count()),
        }
    }
    let last = conversation.held.keys().last().copied().unwrap_or(conversation.applied);
    assert!(last <= conversation.applied + MAX_EARLY_MESSAGES as u64, "what is held is near");
    while conversation.applied < last {
        conversation.offer(conversation.applied + 1, 1);
        while conversation.take() {}
    }
    assert!(conversation.held.is_empty() && !conversation.order.has_gap());
}
