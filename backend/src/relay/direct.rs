//! The frames of one client for a WebSocket that the service holds itself: a relay with one member, asked in process.

use super::count::RelayCount;
use super::endpoint::Endpoint;
use super::joining::Joining;
use super::outlet::Outlet;
use super::shared::{Kind, Relay};
use crate::clock::Clock;
use crate::metrics::Metrics;
use bytes::Bytes;
use shared_protocol::relay::{MemberReport, RelayAction, RelayFrame, RelayQuestion};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Frames of one client, in order. Dropped, it ends the client's place.
pub struct DirectFrames {
    relay: Arc<Relay>,
    /// Number of the last question.
    asked: u64,
    /// Frames of the last answer that were not handed out yet.
    frames: VecDeque<RelayFrame>,
    /// Report on the frame that was handed out last: it was sent once the next one is wanted.
    sent: Option<MemberReport>,
}

/// The next frame.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DirectResponse {
    /// The frame; `None` after the wait, and for a mere close.
    pub frame: Option<Bytes>,
    /// True if the connection closes after it.
    pub close: bool,
    /// True if no further frame comes.
    pub end: bool,
}

impl DirectFrames {
    /// A relay of its own for this client, and the client's place in it.
    pub fn open(joining: Joining, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> (Self, Outlet) {
        let endpoint = Endpoint::new(joining.endpoint.clone());
        let relay = Relay::new(endpoint, Arc::new(RelayCount::default()), Kind::First, clock, metrics);
        relay.begin();
        let member = relay.join(joining, Instant::now());
        let outlet = Outlet::new(Arc::clone(&relay), member);
        (Self { relay, asked: 0, frames: VecDeque::new(), sent: None }, outlet)
    }

    /// The next frame, or nothing after `wait`.
    pub async fn next(&mut self, wait: Duration) -> DirectResponse {
        let mut end = false;
        if self.frames.is_empty() {
            let number = self.asked + 1;
            let reports = self.sent.take().into_iter().collect();
            let question = RelayQuestion { number, answered: self.asked, reports, ..RelayQuestion::default() };
            self.relay.report(&question);
            let answer = self.relay.ask(&question, wait).await;
            self.asked = number;
            self.frames.extend(answer.frames);
            end = answer.next.is_none();
        }
        let Some(RelayFrame { member, number, action, frame, .. }) = self.frames.pop_front() else {
            return DirectResponse { end, ..DirectResponse::default() };
        };
        self.sent = Some(MemberReport { member, settled: number, ..MemberReport::default() });
        let frame = Some(frame).filter(|frame| !frame.is_empty());
        DirectResponse { frame, close: action != RelayAction::None, end: end && self.frames.is_empty() }
    }
}

impl Drop for DirectFrames {
    fn drop(&mut self) {
        self.relay.lock().close();
    }
}

impl fmt::Debug for DirectFrames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectFrames").field("asked", &self.asked).finish_non_exhaustive()
    }
}
