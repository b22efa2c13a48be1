//! What goes wrong and how often: plain data. How it is written on a command line is `spec`'s business.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

/// What goes wrong. Probabilities are from 0 to 1; by default nothing does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FaultPlan {
    /// Messages of clients, on their way to the function.
    pub inbound: MessagePlan,
    /// Posted messages, on their way to clients.
    pub outbound: MessagePlan,
    /// What whoever posts is answered.
    pub posts: PostPlan,
    /// What happens to connections.
    pub connections: ConnectionPlan,
    /// What happens to the function.
    pub function: FunctionPlan,
}

/// What happens to messages that go one way.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MessagePlan {
    /// How likely a message is held until one to four later ones have overtaken it, but for at most 250 ms.
    pub reorder: f64,
    /// How likely a message arrives twice. Each copy is late, or overtaken, by itself.
    pub repeat: f64,
    /// How likely a message never arrives. A post is answered as if it did.
    pub lose: f64,
    /// How late each message is. Those that are less late overtake the others. Who posts does not wait for it.
    pub delay: DurationRange,
}

/// What whoever posts is answered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PostPlan {
    /// How long every answer takes, whatever it is.
    pub slow: DurationRange,
    /// How likely a post gets 429. It is not delivered.
    pub throttle: f64,
    /// Posts to one connection that are taken in a second; the others get 429 and are not delivered.
    pub rate: Option<NonZeroU32>,
    /// How likely a post gets 410 although the client is there. It is not delivered.
    pub gone: f64,
    /// How likely a post gets 410 although it is delivered.
    pub gone_delivered: f64,
    /// How likely a post gets 500. It is not delivered.
    pub fail: f64,
    /// How likely a post gets 500 although it is delivered.
    pub fail_delivered: f64,
}

/// What happens to connections.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConnectionPlan {
    /// A connection ends with its message of this number, counted both ways.
    pub cut_every: Option<NonZeroU64>,
    /// How likely a connection ends with a message, either way.
    pub cut: f64,
    /// How a connection ends; by default one way or the other.
    pub cut_with: Option<Cut>,
    /// How likely a handshake is refused with 429, before the function is asked.
    pub refuse: f64,
    /// How likely nobody is told that a connection ended: no `$disconnect`.
    pub silent: f64,
    /// A connection's next message is dispatched only when the integration of the one before has ended.
    pub one_at_a_time: bool,
}

/// How a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The transport is gone without a word; a client reports 1006.
    Abort,
    /// A close frame with 1001, as at API Gateway's own limits.
    Close,
}

/// What happens to the function.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FunctionPlan {
    /// How likely an invocation is killed in mid-flight, if it runs long enough: its process with SIGKILL, or its task dropped.
    pub kill: f64,
    /// When that is, counted from its beginning; rather earlier than later, since most invocations are short. When this is
    /// nothing, within the first second.
    pub kill_within: DurationRange,
    /// How long an invocation waits that finds all processes of the function busy, the first one included.
    pub cold: DurationRange,
}

/// A time between two bounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DurationRange {
    /// The shortest.
    pub min: Duration,
    /// The longest.
    pub max: Duration,
}

impl DurationRange {
    /// Always the same.
    pub const fn exactly(time: Duration) -> Self {
        Self { min: time, max: time }
    }

    /// Between two numbers of milliseconds.
    pub const fn millis(min: u64, max: u64) -> Self {
        Self { min: Duration::from_millis(min), max: Duration::from_millis(max) }
    }
}
