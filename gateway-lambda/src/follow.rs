//! Following: long-polls the service for the next frame and posts it, until the time is up or the service says stop.
//!
//! The poll for the next frame runs while the last frame is posted, so that a post costs no waiting and output that
//! accumulates meanwhile travels in one frame. Posts run one at a time: API Gateway keeps no order between two.

use crate::backend::{BackendError, Reply};
use crate::browser::PostError;
use crate::invocation::Invocation;
use crate::metrics;
use shared_protocol::ErrorCode;
use shared_protocol::gateway::MAX_WAIT_MS;
use std::fmt;
use std::time::Duration;

/// With less time than this left, a poll is not worth its request.
const MIN_WAIT: Duration = Duration::from_millis(50);
/// Retries of a failed poll before the service counts as unreachable.
const MAX_POLL_RETRIES: u32 = 2;
/// Delay before the first retry of a poll; doubles.
const MIN_RETRY_DELAY: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The service had nothing more to send, or said stop.
    Done,
    /// The time was up.
    OutOfTime,
    /// The service had connections closed.
    Closed,
    /// Frames cannot be delivered any more.
    Undelivered(PostError),
    /// The service refused, or a request to it failed.
    Failed(BackendError),
    /// The gateway itself refused.
    Refused(ErrorCode),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::OutOfTime => f.write_str("out of time"),
            Self::Closed => f.write_str("closed"),
            Self::Undelivered(error) => write!(f, "undelivered: {error}"),
            Self::Failed(error) => write!(f, "failed: {error}"),
            Self::Refused(code) => write!(f, "refused: {code:?}"),
        }
    }
}

/// Delivers a reply: posts its frame, counted in `frames`, and extends the row's life. A lost frame is no error: the browser
/// notices with the next one and asks for it, or the service sends it again. Fails if no later frame can be delivered either.
pub(crate) async fn deliver(invocation: &Invocation<'_>, reply: &Reply, frames: &mut u32) -> Result<(), PostError> {
    let post = async {
        let Some(frame) = &reply.frame else { return Ok(()) };
        match invocation.post(frame.clone()).await {
            Ok(()) => *frames += 1,
            Err(error) if error.is_final() => return Err(error),
            Err(error) => {
                metrics::record_lost_frame();
                tracing::warn!(connection = %invocation.caller.connection, %error, "[WebSocket] Frame lost");
            }
        }
        Ok(())
    };
    let touch = async {
        if reply.touch {
            invocation.touch().await;
        }
    };
    tokio::join!(post, touch).0
}

/// Polls and posts, starting with the poll token `next`.
pub(crate) async fn follow(invocation: &Invocation<'_>, mut next: String, frames: &mut u32) -> Outcome {
    let mut reply = Reply::default();
    let last = loop {
        if invocation.deadline.follow_time_left() < MIN_WAIT {
            break Outcome::OutOfTime;
        }
        let poll = async {
            // A frame is sent before work on the next poll begins, which takes long on a small function.
            tokio::task::yield_now().await;
            Ok(poll(invocation, &next).await)
        };
        // If the browser is gone, `try_join!` drops the poll; the service gives its frames to the next follower.
        reply = match tokio::try_join!(deliver(invocation, &reply, frames), poll) {
            Ok(((), Ok(reply))) => reply,
            Ok(((), Err(error))) => return Outcome::Failed(error),
            Err(error) => return Outcome::Undelivered(error),
        };
        if reply.close.is_some() {
            break Outcome::Closed;
        }
        match reply.follow.take() {
            Some(follow) => next = follow,
            None => break Outcome::Done,
        }
    };
    let delivered = deliver(invocation, &reply, frames).await;
    if let Some(close) = reply.close {
        invocation.close(close).await;
    }
    delivered.map_or_else(Outcome::Undelivered, |()| last)
}

/// The reply to one poll. A failed poll is retried with the same token, which gives the same reply.
async fn poll(invocation: &Invocation<'_>, token: &str) -> Result<Reply, BackendError> {
    let Invocation { deps, caller, deadline, .. } = invocation;
    let mut retries = 0;
    loop {
        let wait = deadline.follow_time_left().min(Duration::from_millis(MAX_WAIT_MS));
        let error = match deps.backend.output(caller, token, wait).await {
            Err(error @ (BackendError::Unreachable(_) | BackendError::Timeout)) => error,
            result => return result,
        };
        let delay = MIN_RETRY_DELAY * 2_u32.pow(retries);
        retries += 1;
        if retries > MAX_POLL_RETRIES || deadline.follow_time_left() < delay + MIN_WAIT {
            return Err(error);
        }
        tokio::time::sleep(delay).await;
    }
}
