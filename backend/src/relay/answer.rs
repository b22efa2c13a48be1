//! The answer to a relay's question, and the news that a question brings.

use shared_protocol::relay::RelayFrame;
use shared_protocol::{ConnectionId, SessionId};

/// When a relay asks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// At once.
    Now,
    /// Once a post has settled.
    Settled,
}

/// Answer to a question.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Frames to post.
    pub frames: Vec<RelayFrame>,
    /// `None` ends the relay.
    pub next: Option<Next>,
}

/// A connection that a relay reports as closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoneConnection {
    /// The session that it was attached to; none for a wall.
    pub session: Option<SessionId>,
    /// The connection.
    pub connection: ConnectionId,
}
