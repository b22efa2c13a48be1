//! A terminal service with scripted replies that records the requests.

use super::{Backend, BackendError, Caller, Next, RelayAnswer, Reply};
use crate::browser::Endpoint;
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use shared_protocol::relay::RelayQuestion;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// One recorded request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// A message.
    Message {
        /// The caller.
        caller: Caller,
        /// Body of the message.
        body: Bytes,
    },
    /// A question of a relay.
    Relay {
        /// API of the relay.
        endpoint: Endpoint,
        /// The question.
        question: RelayQuestion,
        /// Time limit of the request.
        timeout: Duration,
        /// Time of the request.
        at: Instant,
    },
    /// A disconnect of this caller.
    Disconnect(Caller),
}

/// A result and the time until the service gives it.
type Step<T> = (Duration, Result<T, BackendError>);

/// Replies from a script. After its end, messages get an empty reply, and questions wait in vain. As the real service does, it
/// answers a waiting question empty when a newer one arrives, and the last one at once.
#[derive(Debug, Default)]
pub struct ScriptedBackend {
    state: Mutex<State>,
    /// Signals a question to those that wait.
    asked: Notify,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<Call>,
    messages: VecDeque<Step<Reply>>,
    answers: VecDeque<Step<RelayAnswer>>,
    /// Time of the first of `answers`, once a question waits for it.
    answers_at: Option<Instant>,
    /// Time until every disconnect is acknowledged.
    disconnect_delay: Duration,
}

impl ScriptedBackend {
    /// Adds the reply to a message, given after `delay`.
    pub fn on_message(&self, delay: Duration, reply: Result<Reply, BackendError>) {
        self.state.lock().messages.push_back((delay, reply));
    }

    /// Adds the answer to a relay's question, given `delay` after the first one that waits for it.
    pub fn on_question(&self, delay: Duration, answer: Result<RelayAnswer, BackendError>) {
        self.state.lock().answers.push_back((delay, answer));
    }

    /// Delays the response to every disconnect.
    pub fn delay_disconnects(&self, delay: Duration) {
        self.state.lock().disconnect_delay = delay;
    }

    /// All requests, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.state.lock().calls.clone()
    }

    /// Waits for the answer to a question: the next one of the script, or an empty one after `wait` or at a newer question.
    async fn answer(&self, wait: Duration) -> Result<RelayAnswer, BackendError> {
        let newer = self.asked.notified();
        let now = Instant::now();
        let at = {
            let mut state = self.state.lock();
            let delay = state.answers.front().map(|(delay, _)| *delay);
            delay.map(|delay| *state.answers_at.get_or_insert(now + delay)).filter(|at| *at <= now + wait)
        };
        tokio::select! {
            biased;
            () = newer => {}
            () = tokio::time::sleep_until(at.unwrap_or(now + wait)) => {
                let mut state = self.state.lock();
                if let Some((_, answer)) = at.and_then(|_| state.answers.pop_front()) {
                    state.answers_at = None;
                    return answer;
                }
            }
        }
        Ok(RelayAnswer { frames: Vec::new(), next: Some(Next::Now) })
    }
}

#[async_trait]
impl Backend for ScriptedBackend {
    async fn message(&self, caller: &Caller, body: Bytes, timeout: Duration) -> Result<Reply, BackendError> {
        let (delay, reply) = {
            let mut state = self.state.lock();
            state.calls.push(Call::Message { caller: caller.clone(), body });
            state.messages.pop_front().unwrap_or_else(|| (Duration::ZERO, Ok(Reply::default())))
        };
        tokio::time::timeout(timeout, tokio::time::sleep(delay)).await.map_err(|_| BackendError::Timeout)?;
        reply
    }

    async fn relay(
        &self,
        endpoint: &Endpoint,
        question: &RelayQuestion,
        timeout: Duration,
    ) -> Result<RelayAnswer, BackendError> {
        let (endpoint, question, at) = (endpoint.clone(), question.clone(), Instant::now());
        let (wait, last) = (Duration::from_millis(question.wait_ms), question.last);
        self.state.lock().calls.push(Call::Relay { endpoint, question, timeout, at });
        self.asked.notify_waiters();
        if last {
            return Ok(RelayAnswer::default());
        }
        tokio::time::timeout(timeout, self.answer(wait)).await.map_err(|_| BackendError::Timeout)?
    }

    async fn disconnect(&self, caller: &Caller, timeout: Duration) -> Result<(), BackendError> {
        let delay = {
            let mut state = self.state.lock();
            state.calls.push(Call::Disconnect(caller.clone()));
            state.disconnect_delay
        };
        tokio::time::timeout(timeout, tokio::time::sleep(delay)).await.map_err(|_| BackendError::Timeout)
    }
}
