//! Queue of numbered messages: sends within a window, and retransmits until the service acknowledges.

use shared_protocol::client::{Input, Interrupt, Keys};
use shared_protocol::limits::INPUT_WINDOW_BYTES;
use shared_protocol::{ClientMessage, Epoch, Pos, Seq};
use std::collections::VecDeque;
use std::time::Duration;

/// First delay before all unacknowledged messages are sent again; doubles up to [`MAX_RESEND_DELAY`].
const RESEND_DELAY: Duration = Duration::from_secs(1);
const MAX_RESEND_DELAY: Duration = Duration::from_secs(8);

/// Unacknowledged messages at a time: each is an invocation.
const MAX_IN_FLIGHT: usize = 64;

/// Bytes up to which waiting keys are coalesced into one message.
const MAX_COALESCED_BYTES: usize = 16 * 1024;

/// Builds a message once its number and epoch are known.
type Build = Box<dyn FnOnce(Seq, Epoch) -> ClientMessage + Send>;

enum Waiting {
    Keys(String),
    Message(Build),
    Interrupt,
}

/// Messages of one client, in order.
#[derive(derive_more::Debug)]
#[debug("InputQueue(next {next}, {} waiting, {} sent)", waiting.len(), sent.len())]
pub(crate) struct InputQueue {
    next: Seq,
    waiting: VecDeque<Waiting>,
    /// Sent and not acknowledged, in order, with their lengths.
    sent: VecDeque<(Seq, ClientMessage, usize)>,
    /// Bytes that may be unacknowledged.
    pub(crate) window: usize,
    resend_at: Option<Duration>,
    /// Current delay before the next retransmission.
    resend_delay: Duration,
    pub(crate) resent: u64,
}

impl Default for InputQueue {
    fn default() -> Self {
        Self {
            next: Seq(1),
            waiting: VecDeque::new(),
            sent: VecDeque::new(),
            window: INPUT_WINDOW_BYTES,
            resend_at: None,
            resend_delay: RESEND_DELAY,
            resent: 0,
        }
    }
}

impl InputQueue {
    /// Queues keys. The text of one call stays in one message.
    pub(crate) fn keys(&mut self, text: &str) {
        match self.waiting.back_mut() {
            Some(Waiting::Keys(keys)) if keys.len() + text.len() <= MAX_COALESCED_BYTES => keys.push_str(text),
            _ => self.waiting.push_back(Waiting::Keys(text.to_owned())),
        }
    }

    pub(crate) fn push(&mut self, build: impl FnOnce(Seq, Epoch) -> ClientMessage + Send + 'static) {
        self.waiting.push_back(Waiting::Message(Box::new(build)));
    }

    /// Replaces all waiting messages. The service discards those already sent.
    pub(crate) fn interrupt(&mut self) {
        self.waiting.clear();
        self.waiting.push_back(Waiting::Interrupt);
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.sent.len()
    }

    /// Handles an acknowledgement up to `seq`.
    pub(crate) fn acknowledged(&mut self, seq: Seq, now: Duration) {
        if seq >= self.next {
            return;
        }
        let before = self.sent.len();
        while self.sent.front().is_some_and(|(first, ..)| *first <= seq) {
            self.sent.pop_front();
        }
        if self.sent.len() < before {
            self.resend_delay = RESEND_DELAY;
            self.resend_at = (!self.sent.is_empty()).then_some(now + self.resend_delay);
        }
    }

    pub(crate) fn resend(&mut self, now: Duration) {
        if !self.sent.is_empty() {
            self.resend_at = Some(now);
        }
    }

    /// Starts over with another shell. Messages for the previous shell are discarded; those from before the first are
    /// kept.
    pub(crate) fn restart(&mut self, applied: Seq, first: bool) -> usize {
        let discarded = self.sent.len() + if first { 0 } else { self.waiting.len() };
        self.sent.clear();
        if !first {
            self.waiting.clear();
        }
        self.next = applied.next();
        (self.resend_at, self.resend_delay) = (None, RESEND_DELAY);
        discarded
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        let sendable = !self.waiting.is_empty() && self.has_room();
        if sendable { Some(Duration::ZERO) } else { self.resend_at }
    }

    fn has_room(&self) -> bool {
        let bytes: usize = self.sent.iter().map(|(_, _, bytes)| bytes).sum();
        self.sent.len() < MAX_IN_FLIGHT && bytes < self.window
            || matches!(self.waiting.front(), Some(Waiting::Interrupt))
    }

    /// Takes the messages to send now. Keys carry the acknowledgement of output, if one is due.
    pub(crate) fn due(&mut self, epoch: Epoch, now: Duration, ack: &mut Option<Pos>) -> Vec<ClientMessage> {
        let mut due = Vec::new();
        if self.resend_at.is_some_and(|at| at <= now) {
            due.extend(self.sent.iter().map(|(_, message, _)| message.clone()));
            self.resent += due.len() as u64;
            self.resend_at = Some(now + self.resend_delay);
            self.resend_delay = (self.resend_delay * 2).min(MAX_RESEND_DELAY);
        }
        while self.has_room() {
            let Some(waiting) = self.waiting.pop_front() else { break };
            let seq = self.next;
            let message = match waiting {
                Waiting::Keys(text) => {
                    let (keys, ack) = (Keys::Data(text), ack.take());
                    ClientMessage::Input(Input { seq, epoch, keys, ack, loan: None, predicted: false })
                }
                Waiting::Message(build) => build(seq, epoch),
                Waiting::Interrupt => {
                    ClientMessage::Interrupt(Interrupt { seq, epoch, after_seq: Seq(seq.0 - 1), loan: None })
                }
            };
            self.next = seq.next();
            self.sent.push_back((seq, message.clone(), message.to_json().len()));
            self.resend_at.get_or_insert(now + self.resend_delay);
            due.push(message);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Epoch = Epoch(1);

    fn texts(messages: Vec<ClientMessage>) -> Vec<(u64, String)> {
        let text = |message| match message {
            ClientMessage::Input(Input { seq, keys: Keys::Data(text), .. }) => (seq.0, text),
            other => panic!("{other:?}"),
        };
        messages.into_iter().map(text).collect()
    }

    #[test]
    fn keys_waiting_for_the_window_are_coalesced() {
        let (mut queue, now) = (InputQueue::default(), Duration::ZERO);
        for _ in 0..MAX_IN_FLIGHT {
            queue.keys("x");
            assert_eq!(queue.due(EPOCH, now, &mut None).len(), 1);
        }
        queue.keys("a");
        queue.keys("bc");
        queue.keys(&"d".repeat(MAX_COALESCED_BYTES));
        assert!(queue.due(EPOCH, now, &mut None).is_empty());
        queue.acknowledged(Seq(2), now);
        let sent = texts(queue.due(EPOCH, now, &mut None));
        assert_eq!((sent[0].clone(), sent.len()), ((65, "abc".to_owned()), 2));
    }

    #[test]
    fn retransmits_with_increasing_delay() {
        let mut queue = InputQueue::default();
        queue.keys("x");
        queue.due(EPOCH, Duration::ZERO, &mut None);
        let mut at = Vec::new();
        for second in 1..20 {
            if !queue.due(EPOCH, Duration::from_secs(second), &mut None).is_empty() {
                at.push(second);
            }
        }
        assert_eq!((at, queue.resent), (vec![1, 2, 4, 8, 16], 5));
        queue.acknowledged(Seq(1), Duration::from_secs(20));
        assert_eq!((queue.len(), queue.deadline()), (0, None));
    }
}
