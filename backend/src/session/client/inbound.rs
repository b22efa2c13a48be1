//! A client's input: its messages in order, interrupts that act ahead of it, missing messages, and acknowledgements that are due.

use crate::session::input_order::{InputOrder, Offered};
use shared_protocol::client::Keys;
use shared_protocol::{ClientMessage, Seq};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// Time until applied input is acknowledged by a frame of its own, if no other frame went out.
const ACK_DELAY: Duration = Duration::from_millis(100);

/// Time that a missing message is waited for until the client is told.
const GAP_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(in crate::session) struct Inbound {
    order: InputOrder<ClientMessage>,
    /// Keys up to this number were taken back by an interrupt.
    discard_until: Seq,
    /// Interrupts that acted on arrival; in their turn they are only counted.
    interrupts: BTreeSet<Seq>,
    /// Start of the wait for a missing message. Stale unless the order has a gap.
    gap_since: Option<Instant>,
    /// Time at which an acknowledgement is due; `None` if nothing was applied since the last frame.
    ack_due: Option<Instant>,
}

impl Inbound {
    pub(in crate::session) fn offer(&mut self, seq: Seq, message: ClientMessage, now: Instant) -> Offered {
        let bytes = weight(&message);
        let offered = self.order.offer(seq, message, bytes);
        if offered == Offered::Repeat {
            // The client has not heard that it arrived.
            self.schedule_ack(now);
        }
        offered
    }

    /// Memory of messages that wait for a missing one, in bytes.
    pub(super) fn held(&self) -> usize {
        self.order.held_bytes()
    }

    pub(in crate::session) fn is_ready(&self) -> bool {
        self.order.is_ready()
    }

    /// The next message in order. It counts as applied.
    pub(in crate::session) fn take_next(&mut self, now: Instant) -> Option<(Seq, ClientMessage)> {
        let next = self.order.take_next()?;
        self.schedule_ack(now);
        Some(next)
    }

    pub(in crate::session) fn applied(&self) -> Seq {
        self.order.applied()
    }

    /// Records an interrupt that acted on arrival, and took back the keys up to `discard_until`, if any.
    pub(in crate::session) fn interrupted(&mut self, seq: Seq, discard_until: Option<Seq>) {
        self.interrupts.insert(seq);
        self.discard_until = self.discard_until.max(discard_until.unwrap_or(Seq(0)));
    }

    /// True if an interrupt took back the keys with this number.
    pub(in crate::session) fn is_discarded(&self, seq: Seq) -> bool {
        seq <= self.discard_until
    }

    /// True, once, if the interrupt with this number acted on arrival.
    pub(in crate::session) fn take_interrupt(&mut self, seq: Seq) -> bool {
        self.interrupts.remove(&seq)
    }

    fn schedule_ack(&mut self, now: Instant) {
        self.ack_due.get_or_insert(now + ACK_DELAY);
    }

    /// True if a frame must go out only to acknowledge.
    pub(in crate::session) fn ack_is_due(&self, now: Instant) -> bool {
        self.ack_due.is_some_and(|due| due <= now)
    }

    /// The number of the last applied message, for a frame that goes out now: none of its own is due any more.
    pub(in crate::session) fn acknowledge(&mut self) -> Seq {
        self.ack_due = None;
        self.applied()
    }

    /// Starts or ends the wait for a missing message.
    pub(in crate::session) fn update_gap(&mut self, now: Instant) -> Option<Instant> {
        if !self.order.has_gap() {
            self.gap_since = None;
            return None;
        }
        Some(*self.gap_since.get_or_insert(now))
    }

    /// True if a missing message is overdue; the wait then starts anew.
    pub(in crate::session) fn gap_is_due(&mut self, now: Instant) -> bool {
        let due = self.update_gap(now).is_some_and(|since| since + GAP_TIMEOUT <= now);
        if due {
            self.gap_since = Some(now);
        }
        due
    }

    pub(super) fn ack_deadline(&self) -> Option<Instant> {
        self.ack_due
    }

    pub(super) fn gap_deadline(&self) -> Option<Instant> {
        self.gap_since.filter(|_| self.order.has_gap()).map(|since| since + GAP_TIMEOUT)
    }
}

/// Approximate memory of a held message, in bytes.
fn weight(message: &ClientMessage) -> usize {
    64 + match message {
        ClientMessage::Input(input) => match &input.keys {
            Keys::Data(text) | Keys::B64(text) => text.len(),
        },
        ClientMessage::Command(command) => command.command.len() + command.id.len(),
        ClientMessage::ChatMessage(chat) => chat.data.message.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_protocol::Epoch;
    use shared_protocol::client::Input;

    fn key(seq: u64) -> ClientMessage {
        ClientMessage::Input(Input {
            seq: Seq(seq),
            epoch: Epoch(1),
            keys: Keys::Data("k".into()),
            ack: None,
            loan: None,
            predicted: false,
        })
    }

    #[test]
    fn applied_and_repeated_input_is_acknowledged_once_after_a_delay() {
        let (mut inbound, now) = (Inbound::default(), Instant::now());
        assert_eq!(inbound.offer(Seq(1), key(1), now), Offered::Held);
        assert_eq!(inbound.ack_due, None, "not before it is applied");
        assert!(inbound.take_next(now).is_some());
        assert!(!inbound.ack_is_due(now) && inbound.ack_is_due(now + ACK_DELAY));
        assert_eq!((inbound.acknowledge(), inbound.ack_due), (Seq(1), None));
        assert_eq!(inbound.offer(Seq(1), key(1), now), Offered::Repeat);
        assert_eq!(inbound.ack_due, Some(now + ACK_DELAY));
    }

    #[test]
    fn a_gap_is_due_again_and_again_until_it_is_filled() {
        let (mut inbound, now) = (Inbound::default(), Instant::now());
        inbound.offer(Seq(2), key(2), now);
        inbound.update_gap(now);
        assert_eq!(inbound.gap_deadline(), Some(now + GAP_TIMEOUT));
        assert!(inbound.gap_is_due(now + GAP_TIMEOUT));
        assert!(!inbound.gap_is_due(now + GAP_TIMEOUT), "the wait starts anew");
        assert!(inbound.gap_is_due(now + GAP_TIMEOUT * 2));
        inbound.offer(Seq(1), key(1), now);
        assert_eq!(inbound.gap_deadline(), None);
    }

    #[test]
    fn an_interrupt_discards_earlier_keys_and_is_counted_once() {
        let mut inbound = Inbound::default();
        inbound.interrupted(Seq(4), Some(Seq(3)));
        assert!(inbound.is_discarded(Seq(3)) && !inbound.is_discarded(Seq(5)));
        assert!(inbound.take_interrupt(Seq(4)) && !inbound.take_interrupt(Seq(4)));
    }
}
