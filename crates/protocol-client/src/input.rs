//! Numbered messages: sent within a window, kept until they are acknowledged, and sent again when they are not.

use shared_protocol::client::{Input, Keys};
use shared_protocol::limits::INPUT_WINDOW_BYTES;
use shared_protocol::{ClientMessage, Epoch, Pos, Seq};
use std::collections::VecDeque;
use std::time::Duration;

/// Without progress for this long, everything unacknowledged is sent again; doubles up to [`RESEND_MOST`].
const RESEND_AFTER: Duration = Duration::from_secs(1);
const RESEND_MOST: Duration = Duration::from_secs(8);

/// Messages under way at a time: each is an invocation of its own.
const UNDER_WAY: usize = 64;

/// Keys that wait for the window travel together, up to this many bytes in one message.
const TOGETHER_BYTES: usize = 16 * 1024;

/// Makes a message once its number and epoch are known.
type Make = Box<dyn FnOnce(Seq, Epoch) -> ClientMessage + Send>;

enum Waiting {
    Keys(String),
    Message(Make),
    Interrupt(Box<dyn FnOnce(Seq, Epoch, Seq) -> ClientMessage + Send>),
}

/// The queue.
pub(crate) struct InputQueue {
    next: Seq,
    waiting: VecDeque<Waiting>,
    /// Sent and not acknowledged, in order, with their lengths.
    sent: VecDeque<(Seq, ClientMessage, usize)>,
    window: usize,
    resend_at: Option<Duration>,
    patience: Duration,
    resent: u64,
}

impl std::fmt::Debug for InputQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InputQueue(next {}, {} waiting, {} sent)", self.next, self.waiting.len(), self.sent.len())
    }
}

impl Default for InputQueue {
    fn default() -> Self {
        Self {
            next: Seq(1),
            waiting: VecDeque::new(),
            sent: VecDeque::new(),
            window: INPUT_WINDOW_BYTES,
            resend_at: None,
            patience: RESEND_AFTER,
            resent: 0,
        }
    }
}

impl InputQueue {
    /// Keys, whole: what is typed at once stays in one message.
    pub(crate) fn keys(&mut self, text: &str) {
        match self.waiting.back_mut() {
            Some(Waiting::Keys(keys)) if keys.len() + text.len() <= TOGETHER_BYTES => keys.push_str(text),
            _ => self.waiting.push_back(Waiting::Keys(text.to_owned())),
        }
    }

    pub(crate) fn push(&mut self, make: impl FnOnce(Seq, Epoch) -> ClientMessage + Send + 'static) {
        self.waiting.push_back(Waiting::Message(Box::new(make)));
    }

    /// Goes ahead: what waits to be sent is taken back here, what was sent the service takes back.
    pub(crate) fn interrupt(&mut self, make: impl FnOnce(Seq, Epoch, Seq) -> ClientMessage + Send + 'static) {
        self.waiting.clear();
        self.waiting.push_back(Waiting::Interrupt(Box::new(make)));
    }

    pub(crate) fn set_window(&mut self, bytes: usize) {
        self.window = bytes;
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.sent.len()
    }

    /// How many messages were sent again so far.
    pub(crate) fn resent(&self) -> u64 {
        self.resent
    }

    /// Everything up to `seq` was applied.
    pub(crate) fn acknowledged(&mut self, seq: Seq, now: Duration) {
        if seq >= self.next {
            return;
        }
        let before = self.sent.len();
        while self.sent.front().is_some_and(|(first, ..)| *first <= seq) {
            self.sent.pop_front();
        }
        if self.sent.len() < before {
            self.patience = RESEND_AFTER;
            self.resend_at = (!self.sent.is_empty()).then_some(now + self.patience);
        }
    }

    /// Everything that is not acknowledged is to be sent again at once.
    pub(crate) fn send_again(&mut self, now: Duration) {
        if !self.sent.is_empty() {
            self.resend_at = Some(now);
        }
    }

    /// Another shell: what was meant for the one before is discarded. What was typed before the first is not.
    pub(crate) fn restart(&mut self, applied: Seq, first: bool) -> usize {
        let discarded = self.sent.len() + if first { 0 } else { self.waiting.len() };
        self.sent.clear();
        if !first {
            self.waiting.clear();
        }
        self.next = applied.next();
        (self.resend_at, self.patience) = (None, RESEND_AFTER);
        discarded
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        let sendable = !self.waiting.is_empty() && self.has_room();
        if sendable { Some(Duration::ZERO) } else { self.resend_at }
    }

    fn has_room(&self) -> bool {
        let bytes: usize = self.sent.iter().map(|(_, _, bytes)| bytes).sum();
        self.sent.len() < UNDER_WAY && bytes < self.window
            || matches!(self.waiting.front(), Some(Waiting::Interrupt(_)))
    }

    /// What is to be sent now. Keys take along how far output is parsed.
    pub(crate) fn due(&mut self, epoch: Epoch, now: Duration, parsed: &mut Option<Pos>) -> Vec<ClientMessage> {
        let mut due = Vec::new();
        if self.resend_at.is_some_and(|at| at <= now) {
            due.extend(self.sent.iter().map(|(_, message, _)| message.clone()));
            self.resent += due.len() as u64;
            self.resend_at = Some(now + self.patience);
            self.patience = (self.patience * 2).min(RESEND_MOST);
        }
        while self.has_room() {
            let Some(waiting) = self.waiting.pop_front() else { break };
            let seq = self.next;
            let message = match waiting {
                Waiting::Keys(text) => {
                    ClientMessage::Input(Input { seq, epoch, keys: Keys::Data(text), ack: parsed.take() })
                }
                Waiting::Message(make) => make(seq, epoch),
                Waiting::Interrupt(make) => make(seq, epoch, Seq(seq.0 - 1)),
            };
            self.next = seq.next();
            self.sent.push_back((seq, message.clone(), message.to_json().len()));
            self.resend_at.get_or_insert(now + self.patience);
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
    fn keys_that_wait_for_the_window_travel_together() {
        let (mut queue, now) = (InputQueue::default(), Duration::ZERO);
        for _ in 0..UNDER_WAY {
            queue.keys("x");
            assert_eq!(queue.due(EPOCH, now, &mut None).len(), 1);
        }
        queue.keys("a");
        queue.keys("bc");
        queue.keys(&"d".repeat(TOGETHER_BYTES));
        assert!(queue.due(EPOCH, now, &mut None).is_empty());
        queue.acknowledged(Seq(2), now);
        let sent = texts(queue.due(EPOCH, now, &mut None));
        assert_eq!((sent[0].clone(), sent.len()), ((65, "abc".to_owned()), 2));
    }

    #[test]
    fn what_is_not_acknowledged_is_sent_again_ever_less_often() {
        let mut queue = InputQueue::default();
        queue.keys("x");
        queue.due(EPOCH, Duration::ZERO, &mut None);
        let mut at = Vec::new();
        for second in 1..20 {
            if !queue.due(EPOCH, Duration::from_secs(second), &mut None).is_empty() {
                at.push(second);
            }
        }
        assert_eq!((at, queue.resent()), (vec![1, 2, 4, 8, 16], 5));
        queue.acknowledged(Seq(1), Duration::from_secs(20));
        assert_eq!((queue.len(), queue.deadline()), (0, None));
    }
}
