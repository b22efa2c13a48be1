//! Calls that the posting rules ask for, and their results.

use bytes::Bytes;
use shared_protocol::ConnectionId;
use shared_protocol::relay::RelayAction;

/// A call that the rules ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Task {
    /// Make one attempt to post the member's frame.
    Post { member: u64, connection: ConnectionId, bytes: Bytes },
    /// Find out whether the member's connection exists.
    Look { member: u64, connection: ConnectionId },
    /// Take an action that came with a frame.
    Act { connection: ConnectionId, action: RelayAction },
    /// Forget a connection that is certainly closed.
    Forget { connection: ConnectionId },
}

/// Result of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Posted {
    /// API Gateway took the frame.
    Taken,
    /// API Gateway did not take it, or did not say.
    Failed(crate::browser::PostError),
    /// The attempt took too long.
    TimedOut,
}
