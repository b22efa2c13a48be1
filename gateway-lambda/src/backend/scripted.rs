//! A terminal service that plays what a test wrote down, and remembers what it was asked.

use super::{Backend, BackendError, Caller, Reply};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// One request that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// A message.
    Message {
        /// Who spoke.
        caller: Caller,
        /// What.
        body: Bytes,
    },
    /// A request for output.
    Output {
        /// The value it came with.
        follow: String,
        /// How long it was ready to wait.
        wait: Duration,
        /// When.
        at: Instant,
    },
    /// A connection is gone.
    Disconnect(
        /// Which, and who was on it.
        Caller,
    ),
}

/// An answer and how long the service takes to give it.
type Step = (Duration, Result<Reply, BackendError>);

/// Plays its script. Beyond its end, messages are answered with nothing, and output requests wait in vain.
#[derive(Debug, Default)]
pub struct ScriptedBackend {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<Call>,
    messages: VecDeque<Step>,
    outputs: VecDeque<Step>,
    disconnect_time: Duration,
}

impl ScriptedBackend {
    /// A service without a script.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next message is answered so, after that time.
    pub fn on_message(&self, after: Duration, answer: Result<Reply, BackendError>) {
        self.state().messages.push_back((after, answer));
    }

    /// The next request for output is answered so, after that time.
    pub fn on_output(&self, after: Duration, answer: Result<Reply, BackendError>) {
        self.state().outputs.push_back((after, answer));
    }

    /// Hearing of a disconnect takes this long.
    pub fn disconnects_take(&self, time: Duration) {
        self.state().disconnect_time = time;
    }

    /// Everything it was asked, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Backend for ScriptedBackend {
    async fn message(&self, caller: &Caller, body: Bytes, within: Duration) -> Result<Reply, BackendError> {
        let (time, answer) = {
            let mut state = self.state();
            state.calls.push(Call::Message { caller: caller.clone(), body });
            state.messages.pop_front().unwrap_or_else(|| (Duration::ZERO, Ok(Reply::default())))
        };
        match tokio::time::timeout(within, tokio::time::sleep(time)).await {
            Ok(()) => answer,
            Err(_) => Err(BackendError::Timeout),
        }
    }

    async fn output(&self, _caller: &Caller, follow: &str, wait: Duration) -> Result<Reply, BackendError> {
        let step = {
            let mut state = self.state();
            state.calls.push(Call::Output { follow: follow.to_owned(), wait, at: Instant::now() });
            state.outputs.pop_front()
        };
        let (time, answer) = step.unwrap_or_else(|| (Duration::MAX, Ok(Reply::default())));
        if time > wait {
            // As the service does: nothing came, ask again with the same value.
            tokio::time::sleep(wait).await;
            return Ok(Reply { follow: Some(follow.to_owned()), ..Reply::default() });
        }
        tokio::time::sleep(time).await;
        answer
    }

    async fn disconnect(&self, caller: &Caller, within: Duration) -> Result<(), BackendError> {
        let time = {
            let mut state = self.state();
            state.calls.push(Call::Disconnect(caller.clone()));
            state.disconnect_time
        };
        tokio::time::timeout(within, tokio::time::sleep(time)).await.map_err(|_| BackendError::Timeout)
    }
}
