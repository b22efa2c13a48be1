//! A browser that remembers what it was sent, and fails when told to.

use super::{Browser, Endpoint, PostError};
use async_trait::async_trait;
use bytes::Bytes;
use shared_protocol::ConnectionId;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What reached the browser's side, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// A frame was posted, after the time that posts take.
    Frame {
        /// The connection.
        to: ConnectionId,
        /// The bytes.
        frame: Bytes,
        /// When the post began.
        began: Instant,
        /// When it was answered.
        ended: Instant,
    },
    /// A post failed as scripted.
    Refused {
        /// The connection.
        to: ConnectionId,
        /// The bytes.
        frame: Bytes,
        /// How.
        error: PostError,
    },
    /// Its existence was asked for.
    Asked(ConnectionId),
    /// It was closed.
    Closed(ConnectionId),
}

/// Remembers every call. Posts succeed at once unless told otherwise.
#[derive(Debug, Default)]
pub struct RecordingBrowser {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    deliveries: Vec<Delivery>,
    /// Connections that leave, and how many posts before.
    leaving: HashMap<ConnectionId, usize>,
    outcomes: VecDeque<Result<(), PostError>>,
    post_time: Duration,
}

impl RecordingBrowser {
    /// A browser that takes everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every post takes this long.
    pub fn posts_take(&self, time: Duration) {
        self.state().post_time = time;
    }

    /// The next posts end so, in order; those after them succeed.
    pub fn next_posts(&self, outcomes: impl IntoIterator<Item = Result<(), PostError>>) {
        self.state().outcomes.extend(outcomes);
    }

    /// After so many more posts this connection does not exist.
    pub fn leave_after(&self, connection: &ConnectionId, posts: usize) {
        self.state().leaving.insert(connection.clone(), posts);
    }

    /// Everything that happened, in order.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state().deliveries.clone()
    }

    /// The frames that were delivered, as text, in order.
    pub fn frames(&self) -> Vec<String> {
        let frames = self.deliveries().into_iter().filter_map(|delivery| match delivery {
            Delivery::Frame { frame, .. } => Some(String::from_utf8_lossy(&frame).into_owned()),
            _ => None,
        });
        frames.collect()
    }

    /// The connections that were closed, in order.
    pub fn closed(&self) -> Vec<ConnectionId> {
        let closed = self.deliveries().into_iter().filter_map(|delivery| match delivery {
            Delivery::Closed(connection) => Some(connection),
            _ => None,
        });
        closed.collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Browser for RecordingBrowser {
    async fn post(&self, _at: &Endpoint, connection: &ConnectionId, frame: Bytes) -> Result<(), PostError> {
        let (outcome, time) = {
            let mut state = self.state();
            let outcome = match state.leaving.get_mut(connection) {
                Some(0) => Err(PostError::Gone),
                Some(posts) => {
                    *posts -= 1;
                    Ok(())
                }
                None => state.outcomes.pop_front().unwrap_or(Ok(())),
            };
            (outcome, state.post_time)
        };
        let began = Instant::now();
        if !time.is_zero() {
            tokio::time::sleep(time).await;
        }
        let to = connection.clone();
        let delivery = match &outcome {
            Ok(()) => Delivery::Frame { to, frame, began, ended: Instant::now() },
            Err(error) => Delivery::Refused { to, frame, error: error.clone() },
        };
        self.state().deliveries.push(delivery);
        outcome
    }

    async fn exists(&self, _at: &Endpoint, connection: &ConnectionId) -> Result<bool, PostError> {
        let mut state = self.state();
        state.deliveries.push(Delivery::Asked(connection.clone()));
        Ok(state.leaving.get(connection) != Some(&0))
    }

    async fn close(&self, _at: &Endpoint, connection: &ConnectionId) -> Result<(), PostError> {
        let mut state = self.state();
        state.deliveries.push(Delivery::Closed(connection.clone()));
        state.leaving.insert(connection.clone(), 0);
        Ok(())
    }
}
