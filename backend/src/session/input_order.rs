//! Delivers one client's messages in order, each once, although the transport reorders and repeats. Pure: no clock, no I/O.

use shared_protocol::Seq;
use shared_protocol::limits::{MAX_EARLY_BYTES, MAX_EARLY_MESSAGES};
use std::collections::BTreeMap;

/// Messages of one client that wait for their turn.
#[derive(Debug)]
pub struct InputOrder<T> {
    /// Number of the last applied message; 0 before the first.
    applied: u64,
    /// Messages with higher numbers, with their sizes in bytes.
    held: BTreeMap<u64, (T, usize)>,
    /// Sum of those sizes.
    held_bytes: usize,
}

/// Result of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// It waits for its turn, which may be now.
    Held,
    /// It arrived before.
    Repeat,
    /// There is no room; the client sends it again later.
    Full,
}

impl<T> Default for InputOrder<T> {
    fn default() -> Self {
        Self { applied: 0, held: BTreeMap::new(), held_bytes: 0 }
    }
}

impl<T> InputOrder<T> {
    /// Takes a message of `bytes` bytes. The next in order always has room, or the order could never move again.
    pub fn offer(&mut self, seq: Seq, message: T, bytes: usize) -> Offered {
        if seq.0 <= self.applied || self.held.contains_key(&seq.0) {
            return Offered::Repeat;
        }
        let next = seq.0 == self.applied + 1;
        let too_far = seq.0 - self.applied > MAX_EARLY_MESSAGES as u64;
        let full = self.held.len() >= MAX_EARLY_MESSAGES || self.held_bytes + bytes > MAX_EARLY_BYTES;
        if !next && (too_far || full) {
            return Offered::Full;
        }
        self.held_bytes += bytes;
        self.held.insert(seq.0, (message, bytes));
        Offered::Held
    }

    /// The next message in order, if it is here. It counts as applied.
    pub fn take_next(&mut self) -> Option<(Seq, T)> {
        let entry = self.held.first_entry().filter(|entry| *entry.key() == self.applied + 1)?;
        let (message, bytes) = entry.remove();
        self.applied += 1;
        self.held_bytes -= bytes;
        Some((Seq(self.applied), message))
    }

    /// True if the next message in order is here.
    pub fn is_ready(&self) -> bool {
        self.held.keys().next().is_some_and(|first| *first == self.applied + 1)
    }

    /// Sizes of the messages that wait, in bytes.
    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Number of the last applied message.
    pub fn applied(&self) -> Seq {
        Seq(self.applied)
    }

    /// True if messages wait for a missing one.
    pub fn has_gap(&self) -> bool {
        self.held.keys().next().is_some_and(|first| *first != self.applied + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(order: &mut InputOrder<u64>) -> Vec<u64> {
        std::iter::from_fn(|| order.take_next().map(|(_, message)| message)).collect()
    }

    #[test]
    fn early_messages_wait_and_repeats_are_known() {
        let mut order = InputOrder::default();
        assert_eq!(order.offer(Seq(2), 2, 1), Offered::Held);
        assert!(order.has_gap());
        assert!(drain(&mut order).is_empty());
        assert_eq!(order.offer(Seq(2), 2, 1), Offered::Repeat);
        assert_eq!(order.offer(Seq(1), 1, 1), Offered::Held);
        assert!(!order.has_gap());
        assert_eq!(drain(&mut order), [1, 2]);
        assert_eq!(order.offer(Seq(1), 1, 1), Offered::Repeat);
        assert_eq!(order.applied(), Seq(2));
    }

    #[test]
    fn holding_is_bounded_but_the_next_always_fits() {
        let mut order = InputOrder::default();
        assert_eq!(order.offer(Seq(3), 3, MAX_EARLY_BYTES), Offered::Held);
        assert_eq!(order.offer(Seq(2), 2, 1), Offered::Full);
        assert_eq!(order.offer(Seq(MAX_EARLY_MESSAGES as u64 + 1), 0, 0), Offered::Full);
        assert_eq!(order.offer(Seq(u64::MAX), 0, 0), Offered::Full);
        assert_eq!(order.offer(Seq(1), 1, 1), Offered::Held);
        assert_eq!(drain(&mut order), [1]);
    }
}
