//! Frames of a connection over HTTP until a poll takes them. Polls are numbered, and the last answer is kept until the next
//! number asks: an answer that is lost on its way is given again.

use super::socket::{CloseReason, SEND_TIMEOUT, STOPPED_READING};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// Frames of an answer, and of those that wait for one.
const MAX_FRAMES: usize = 64;

/// Their size, in bytes. A single frame may be larger.
const MAX_BYTES: usize = 128 * 1024;

/// Answer to a poll.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PollAnswer {
    /// Frames in order.
    pub(super) frames: Vec<Bytes>,
    /// The close code; no frame follows.
    pub(super) close: Option<u16>,
}

/// Why a poll has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PollError {
    /// A later poll waits, or was answered.
    Replaced,
    /// No client counts like this.
    Impossible,
}

/// Frames that wait, and the last answer.
#[derive(Debug, Default)]
struct State {
    /// Frames that no answer has carried.
    waiting: VecDeque<Bytes>,
    /// Their size, in bytes.
    bytes: usize,
    /// Number of the last answer; 0 before the first.
    answered: u64,
    /// The last answer.
    kept: PollAnswer,
    /// Number of the latest request, repeats included: only that one gets an answer.
    latest: u64,
    /// The close code, once the connection is closed.
    closed: Option<u16>,
}

impl State {
    fn has_room(&self, frame: &Bytes) -> bool {
        self.waiting.is_empty() || (self.waiting.len() < MAX_FRAMES && self.bytes + frame.len() <= MAX_BYTES)
    }

    fn is_ready(&self) -> bool {
        !self.waiting.is_empty() || self.closed.is_some()
    }

    /// The answer to the next number, kept until the one after it asks.
    fn answer(&mut self) -> PollAnswer {
        self.answered += 1;
        self.bytes = 0;
        self.kept = PollAnswer { frames: self.waiting.drain(..).collect(), close: self.closed };
        self.kept.clone()
    }
}

/// The frames of one connection.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    /// Wakes polls: a frame, a close, or a later request is there.
    news: Notify,
    /// Wakes the connection: an answer has made room.
    room: Notify,
}

impl Outbox {
    /// Adds a frame once there is room; fails if polls make none in time.
    pub(super) async fn send(&self, frame: Bytes) -> Result<(), CloseReason> {
        let until = Instant::now() + SEND_TIMEOUT;
        loop {
            let mut room = pin!(self.room.notified());
            room.as_mut().enable();
            {
                let mut state = self.state.lock();
                if state.closed.is_some() {
                    return Err(STOPPED_READING);
                }
                if state.has_room(&frame) {
                    state.bytes += frame.len();
                    state.waiting.push_back(frame);
                    self.news.notify_waiters();
                    return Ok(());
                }
            }
            if timeout_at(until, room).await.is_err() {
                return Err(STOPPED_READING);
            }
        }
    }

    /// Ends the connection after the frames that wait.
    pub(super) fn close(&self, code: u16) {
        self.state.lock().closed.get_or_insert(code);
        self.news.notify_waiters();
        self.room.notify_waiters();
    }

    /// Answers poll `number`: with frames as soon as there is one, and without after `wait`.
    pub(super) async fn poll(&self, number: u64, wait: Duration) -> Result<PollAnswer, PollError> {
        let until = Instant::now() + wait;
        let request = {
            let mut state = self.state.lock();
            if number == 0 || number > state.answered + 1 {
                return Err(PollError::Impossible);
            }
            if number < state.answered {
                return Err(PollError::Replaced);
            }
            if number == state.answered {
                return Ok(state.kept.clone());
            }
            state.latest += 1;
            state.latest
        };
        self.news.notify_waiters();
        loop {
            let mut news = pin!(self.news.notified());
            news.as_mut().enable();
            {
                let mut state = self.state.lock();
                if state.latest != request {
                    return Err(PollError::Replaced);
                }
                if state.is_ready() || Instant::now() >= until {
                    let answer = state.answer();
                    self.room.notify_waiters();
                    return Ok(answer);
                }
            }
            // The time is looked at above.
            let _ = timeout_at(until, news).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::time::advance;

    const WAIT: Duration = Duration::from_secs(20);

    fn frame(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    fn answer(frames: &[&'static str]) -> Result<PollAnswer, PollError> {
        Ok(PollAnswer { frames: frames.iter().copied().map(frame).collect(), close: None })
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_gets_all_that_waits_and_a_repeat_the_same() {
        let outbox = Outbox::default();
        outbox.send(frame("a")).await.unwrap();
        outbox.send(frame("b")).await.unwrap();
        assert_eq!(outbox.poll(1, WAIT).await, answer(&["a", "b"]));
        outbox.send(frame("c")).await.unwrap();
        assert_eq!(outbox.poll(1, WAIT).await, answer(&["a", "b"]), "its answer was lost");
        assert_eq!(outbox.poll(2, WAIT).await, answer(&["c"]));
        assert_eq!(outbox.poll(3, WAIT).await, answer(&[]), "nothing came");
        assert_eq!(outbox.poll(1, WAIT).await, Err(PollError::Replaced));
        for number in [0, 5] {
            assert_eq!(outbox.poll(number, WAIT).await, Err(PollError::Impossible));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn of_two_polls_the_later_one_gets_the_frame() {
        let outbox = Arc::new(Outbox::default());
        let wait = || {
            let outbox = Arc::clone(&outbox);
            tokio::spawn(async move { outbox.poll(1, WAIT).await })
        };
        let first = wait();
        tokio::task::yield_now().await;
        let second = wait();
        assert_eq!(first.await.unwrap(), Err(PollError::Replaced));
        outbox.send(frame("a")).await.unwrap();
        assert_eq!(second.await.unwrap(), answer(&["a"]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_that_died_takes_nothing_along() {
        let outbox = Outbox::default();
        assert!(tokio::time::timeout(WAIT / 2, outbox.poll(1, WAIT)).await.is_err());
        outbox.send(frame("a")).await.unwrap();
        assert_eq!(outbox.poll(1, WAIT).await, answer(&["a"]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stops_is_given_up() {
        let outbox = Outbox::default();
        for _ in 0..MAX_FRAMES {
            outbox.send(frame("a")).await.unwrap();
        }
        let started = Instant::now();
        assert_eq!(outbox.send(frame("b")).await.unwrap_err().0, STOPPED_READING.0);
        assert_eq!(started.elapsed(), SEND_TIMEOUT);
        let (sent, taken) = tokio::join!(outbox.send(frame("b")), outbox.poll(1, WAIT));
        assert!(sent.is_ok() && taken.unwrap().frames.len() == MAX_FRAMES);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_has_at_most_64_frames_and_128_kib() {
        for (frames, bytes) in [(64, 2048), (4, 32 * 1024)] {
            let (outbox, frame) = (Outbox::default(), Bytes::from(vec![b'x'; bytes]));
            for _ in 0..frames {
                outbox.send(frame.clone()).await.unwrap();
            }
            let began = Instant::now();
            assert_eq!(outbox.send(frame).await.unwrap_err().0, 1008);
            assert_eq!(began.elapsed(), Duration::from_secs(20), "{frames} frames wait");
            assert_eq!(outbox.poll(1, WAIT).await.unwrap().frames.len(), frames);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_close_comes_after_the_last_frame() {
        let outbox = Arc::new(Outbox::default());
        let waiting = Arc::clone(&outbox);
        let poll = tokio::spawn(async move { waiting.poll(1, WAIT).await });
        advance(WAIT / 2).await;
        outbox.close(1000);
        let last = PollAnswer { frames: Vec::new(), close: Some(1000) };
        assert_eq!(poll.await.unwrap(), Ok(last.clone()));
        assert_eq!(outbox.poll(1, WAIT).await, Ok(last), "its answer was lost");
    }
}
