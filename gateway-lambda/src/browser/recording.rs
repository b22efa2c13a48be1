//! A browser that records calls and fails as scripted.

use super::{Browser, Endpoint, PostError};
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use shared_protocol::ConnectionId;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// One recorded call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// A frame was posted.
    Frame {
        /// The connection.
        to: ConnectionId,
        /// The bytes.
        frame: Bytes,
        /// Start of the post.
        started_at: Instant,
        /// End of the post.
        ended_at: Instant,
    },
    /// A post of these bytes failed as scripted.
    Failed(Bytes),
    /// `exists` was called.
    Exists(ConnectionId),
    /// The connection was closed.
    Closed(ConnectionId),
}

/// Records every call. Posts succeed at once unless a script says otherwise.
#[derive(Debug, Default)]
pub struct RecordingBrowser {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    deliveries: Vec<Delivery>,
    /// Connections that disappear after this many more posts.
    posts_left: HashMap<ConnectionId, usize>,
    /// Outcomes of the next posts to connections without their own.
    outcomes: VecDeque<Result<(), PostError>>,
    /// Outcomes of the next posts to a connection.
    outcomes_to: HashMap<ConnectionId, VecDeque<Result<(), PostError>>>,
    post_delay: Duration,
    /// Delays of posts to a connection.
    post_delay_to: HashMap<ConnectionId, Duration>,
    /// Delay of every look-up.
    lookup_delay: Duration,
    /// Attempts to post, those without an end included.
    attempts: Vec<(ConnectionId, Instant)>,
}

impl RecordingBrowser {
    /// Delays every post.
    pub fn delay_posts(&self, delay: Duration) {
        self.state.lock().post_delay = delay;
    }

    /// Sets the outcomes of the next posts, in order; later posts succeed.
    pub fn script_posts(&self, outcomes: impl IntoIterator<Item = Result<(), PostError>>) {
        self.state.lock().outcomes.extend(outcomes);
    }

    /// Delays every post to a connection.
    pub fn delay_posts_to(&self, connection: &ConnectionId, delay: Duration) {
        self.state.lock().post_delay_to.insert(connection.clone(), delay);
    }

    /// Delays every look-up.
    pub fn delay_lookups(&self, delay: Duration) {
        self.state.lock().lookup_delay = delay;
    }

    /// Sets the outcomes of the next posts to a connection, in order.
    pub fn script_posts_to(
        &self,
        connection: &ConnectionId,
        outcomes: impl IntoIterator<Item = Result<(), PostError>>,
    ) {
        self.state.lock().outcomes_to.entry(connection.clone()).or_default().extend(outcomes);
    }

    /// Removes the connection after this many more posts.
    pub fn disappear_after(&self, connection: &ConnectionId, posts: usize) {
        self.state.lock().posts_left.insert(connection.clone(), posts);
    }

    /// All calls, in order.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state.lock().deliveries.clone()
    }

    /// Connection and start of every attempt to post, in order. An attempt that was given up is no delivery.
    pub fn attempts(&self) -> Vec<(ConnectionId, Instant)> {
        self.state.lock().attempts.clone()
    }

    /// The delivered frames as text, in order.
    pub fn frames(&self) -> Vec<String> {
        let frames = self.deliveries().into_iter().filter_map(|delivery| match delivery {
            Delivery::Frame { frame, .. } => Some(String::from_utf8_lossy(&frame).into_owned()),
            _ => None,
        });
        frames.collect()
    }

    /// The closed connections, in order.
    pub fn closed(&self) -> Vec<ConnectionId> {
        let closed = self.deliveries().into_iter().filter_map(|delivery| match delivery {
            Delivery::Closed(connection) => Some(connection),
            _ => None,
        });
        closed.collect()
    }
}

#[async_trait]
impl Browser for RecordingBrowser {
    async fn post(&self, _at: &Endpoint, connection: &ConnectionId, frame: Bytes) -> Result<(), PostError> {
        let started_at = Instant::now();
        let (outcome, delay) = {
            let mut state = self.state.lock();
            let outcome = match state.posts_left.get_mut(connection) {
                Some(0) => Err(PostError::Gone),
                Some(posts) => {
                    *posts -= 1;
                    Ok(())
                }
                None => {
                    let own = state.outcomes_to.get_mut(connection).and_then(VecDeque::pop_front);
                    own.or_else(|| state.outcomes.pop_front()).unwrap_or(Ok(()))
                }
            };
            state.attempts.push((connection.clone(), started_at));
            (outcome, state.post_delay_to.get(connection).copied().unwrap_or(state.post_delay))
        };
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let delivery = match &outcome {
            Ok(()) => Delivery::Frame { to: connection.clone(), frame, started_at, ended_at: Instant::now() },
            Err(_) => Delivery::Failed(frame),
        };
        self.state.lock().deliveries.push(delivery);
        outcome
    }

    async fn exists(&self, _at: &Endpoint, connection: &ConnectionId) -> Result<bool, PostError> {
        let delay = self.state.lock().lookup_delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let mut state = self.state.lock();
        state.deliveries.push(Delivery::Exists(connection.clone()));
        Ok(state.posts_left.get(connection) != Some(&0))
    }

    async fn close(&self, _at: &Endpoint, connection: &ConnectionId) -> Result<(), PostError> {
        let mut state = self.state.lock();
        state.deliveries.push(Delivery::Closed(connection.clone()));
        state.posts_left.insert(connection.clone(), 0);
        Ok(())
    }
}
