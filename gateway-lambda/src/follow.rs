//! Following: asks the service for the next frame and posts it, again and again, until the time is up or the service says stop.
//!
//! The next frame is asked for while the one before is being posted, so that a post costs no waiting, and what accumulates
//! meanwhile at the service travels in one frame. One post at a time, because API Gateway keeps no order between two.

use crate::backend::{BackendError, Reply};
use crate::browser::PostError;
use crate::metrics;
use crate::turn::Turn;
use shared_protocol::ErrorCode;
use shared_protocol::gateway::MAX_WAIT_MS;
use std::fmt;
use std::time::Duration;

/// With less time than this left, asking is not worth a request.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);
/// How often a lost answer is asked for again, with the same value, before the service counts as unreachable.
const LOST_ANSWERS: u32 = 2;
/// Pause before a lost answer is asked for again; doubles.
const LOST_PAUSE: Duration = Duration::from_millis(100);

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// The service had nothing more to say, or said stop.
    Done,
    /// The time was up.
    OutOfTime,
    /// The service had something closed.
    Closed,
    /// No frame can be delivered any more.
    Undelivered(PostError),
    /// The service refused, or could not be asked.
    Failed(BackendError),
    /// The gateway itself refused.
    Refused(ErrorCode),
}

impl fmt::Display for End {
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

/// Passes an answer on: posts its frame and extends the row's life. Counts the frames. One that cannot be delivered is lost, which
/// is no reason to stop: the browser notices with the next one and asks for it, or the service sends it again by itself. Fails
/// when no other would fare better.
pub(crate) async fn pass_on(turn: &Turn<'_>, reply: &Reply, frames: &mut u32) -> Result<(), PostError> {
    let post = async {
        match &reply.frame {
            Some(frame) => match turn.line.post(frame.clone()).await {
                Ok(()) => {
                    *frames += 1;
                    Ok(())
                }
                Err(error) if error.is_final() => Err(error),
                Err(error) => {
                    metrics::frame_lost();
                    tracing::warn!(connection = %turn.line.connection, %error, "[WebSocket] A frame is lost");
                    Ok(())
                }
            },
            None => Ok(()),
        }
    };
    let touch = async {
        if reply.touch {
            turn.line.touch().await;
        }
    };
    tokio::join!(post, touch).0
}

/// Follows, beginning with what the service named. Counts the frames.
pub(crate) async fn follow(turn: &Turn<'_>, first: String, frames: &mut u32) -> End {
    let mut next = first;
    let mut reply = Reply::default();
    loop {
        if turn.line.budget.left_to_ask() < SHORTEST_WAIT {
            return end_with(turn, &reply, frames, End::OutOfTime).await;
        }
        // A browser that is gone ends the question too: the service gives the next follower the same frames, or repaired ones.
        let ask = async {
            // The frame goes out before anything is done about the next one: a small function takes its time over a request.
            tokio::task::yield_now().await;
            Ok(ask(turn, &next).await)
        };
        let answer = match tokio::try_join!(pass_on(turn, &reply, frames), ask) {
            Ok(((), Ok(answer))) => answer,
            Ok(((), Err(error))) => return End::Failed(error),
            Err(error) => return End::Undelivered(error),
        };
        reply = answer;
        if let Some(close) = reply.close {
            let end = end_with(turn, &reply, frames, End::Closed).await;
            turn.close(close).await;
            return end;
        }
        match reply.follow.take() {
            Some(follow) => next = follow,
            None => return end_with(turn, &reply, frames, End::Done).await,
        }
    }
}

/// Passes the last answer on.
async fn end_with(turn: &Turn<'_>, reply: &Reply, frames: &mut u32, end: End) -> End {
    match pass_on(turn, reply, frames).await {
        Ok(()) => end,
        Err(error) => End::Undelivered(error),
    }
}

/// The next answer. One that was lost on its way is asked for with the same value, which gives the same answer.
async fn ask(turn: &Turn<'_>, follow: &str) -> Result<Reply, BackendError> {
    let mut lost = 0;
    loop {
        let wait = turn.line.budget.left_to_ask().min(Duration::from_millis(MAX_WAIT_MS));
        let error = match turn.line.deps.backend.output(&turn.caller, follow, wait).await {
            Err(error @ (BackendError::Unreachable(_) | BackendError::Timeout)) => error,
            answered => return answered,
        };
        let pause = LOST_PAUSE * 2_u32.pow(lost);
        lost += 1;
        if lost > LOST_ANSWERS || turn.line.budget.left_to_ask() < pause + SHORTEST_WAIT {
            return Err(error);
        }
        tokio::time::sleep(pause).await;
    }
}
