//! A terminal service with scripted replies that records the requests.

use super::{Backend, BackendError, Caller, Reply};
use crate::lock::lock;
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;
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
    /// A poll.
    Output {
        /// The poll token.
        token: String,
        /// The requested wait.
        wait: Duration,
        /// Time of the request.
        at: Instant,
    },
    /// A disconnect of this caller.
    Disconnect(Caller),
}

/// A reply and the time until the service gives it.
type Step = (Duration, Result<Reply, BackendError>);

/// Replies from a script. After its end, messages get an empty reply, and polls wait in vain.
#[derive(Debug, Default)]
pub struct ScriptedBackend {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<Call>,
    messages: VecDeque<Step>,
    outputs: VecDeque<Step>,
    /// Time until every disconnect is acknowledged.
    disconnect_delay: Duration,
}

impl ScriptedBackend {
    /// Adds the reply to a message, given after `delay`.
    pub fn on_message(&self, delay: Duration, reply: Result<Reply, BackendError>) {
        lock(&self.state).messages.push_back((delay, reply));
    }

    /// Adds the reply to a poll, given after `delay`.
    pub fn on_output(&self, delay: Duration, reply: Result<Reply, BackendError>) {
        lock(&self.state).outputs.push_back((delay, reply));
    }

    /// Delays the response to every disconnect.
    pub fn delay_disconnects(&self, delay: Duration) {
        lock(&self.state).disconnect_delay = delay;
    }

    /// All requests, in order.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.state).calls.clone()
    }
}

#[async_trait]
impl Backend for ScriptedBackend {
    async fn message(&self, caller: &Caller, body: Bytes, timeout: Duration) -> Result<Reply, BackendError> {
        let (delay, reply) = {
            let mut state = lock(&self.state);
            state.calls.push(Call::Message { caller: caller.clone(), body });
            state.messages.pop_front().unwrap_or_else(|| (Duration::ZERO, Ok(Reply::default())))
        };
        tokio::time::timeout(timeout, tokio::time::sleep(delay)).await.map_err(|_| BackendError::Timeout)?;
        reply
    }

    async fn output(&self, _caller: &Caller, token: &str, wait: Duration) -> Result<Reply, BackendError> {
        let step = {
            let mut state = lock(&self.state);
            state.calls.push(Call::Output { token: token.to_owned(), wait, at: Instant::now() });
            state.outputs.pop_front()
        };
        let (delay, reply) = step.unwrap_or_else(|| (Duration::MAX, Ok(Reply::default())));
        if delay > wait {
            // As the service does without output: the same token again.
            tokio::time::sleep(wait).await;
            return Ok(Reply { follow: Some(token.to_owned()), ..Reply::default() });
        }
        tokio::time::sleep(delay).await;
        reply
    }

    async fn disconnect(&self, caller: &Caller, timeout: Duration) -> Result<(), BackendError> {
        let delay = {
            let mut state = lock(&self.state);
            state.calls.push(Call::Disconnect(caller.clone()));
            state.disconnect_delay
        };
        tokio::time::timeout(timeout, tokio::time::sleep(delay)).await.map_err(|_| BackendError::Timeout)
    }
}
