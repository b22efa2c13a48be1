//! Kinds and rates of faults, as plain data. `spec` reads and prints it as text.

use serde::Deserialize;
use std::num::NonZeroU64;
use std::time::Duration;

/// The faults of a gateway; by default none. Probabilities are from 0 to 1.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FaultPlan {
    /// Messages from clients to the function.
    pub inbound: MessagePlan,
    /// Posted messages, to clients.
    pub outbound: MessagePlan,
    /// Answers to posts.
    pub posts: PostPlan,
    /// Connections.
    pub connections: ConnectionPlan,
    /// The function.
    pub function: FunctionPlan,
}

/// Faults of messages in one direction.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MessagePlan {
    /// Probability that a message is held until one to four later ones have overtaken it, for at most 250 ms.
    pub reorder: f64,
    /// Probability that a message arrives twice. Each copy has its own delay and order.
    pub repeat: f64,
    /// Probability that a message never arrives. A post is answered as if it did.
    pub lose: f64,
    /// Delay of each message. A shorter delay overtakes a longer one. A post is answered without it.
    pub delay: DurationRange,
}

/// Faults of the answers to posts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PostPlan {
    /// Delay of every answer.
    pub slow: DurationRange,
    /// Probability of 429 without delivery.
    pub throttle: f64,
    /// Number, in order of opening and from 1 on, of the first connection whose posts all get 429 without delivery.
    pub throttle_from: Option<NonZeroU64>,
    /// Posts per second and connection beyond which the answer is 429 without delivery.
    pub rate: Option<NonZeroU64>,
    /// Probability that a post begins a time in which every post of the account gets 429 without delivery.
    pub account_throttle: f64,
    /// Length of that time. Without it, up to 1 s.
    pub account_throttle_for: DurationRange,
    /// Posts per second of all connections beyond which the answer is 429 without delivery.
    pub account_rate: Option<NonZeroU64>,
    /// Probability of 410 without delivery although the client is connected.
    pub gone: f64,
    /// Probability of 410 although the message is delivered.
    pub gone_delivered: f64,
    /// Probability of 500 without delivery.
    pub fail: f64,
    /// Probability of 500 although the message is delivered.
    pub fail_delivered: f64,
}

/// Faults of connections.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConnectionPlan {
    /// Number of the message, counted in both directions, at which a connection is cut.
    pub cut_every: Option<NonZeroU64>,
    /// Probability that a message in either direction cuts the connection.
    pub cut: f64,
    /// Way to cut a connection; at random by default.
    pub cut_with: Option<Cut>,
    /// Probability that a handshake gets 429 without an invocation.
    pub refuse: f64,
    /// Probability that `$disconnect` is not invoked.
    pub silent: f64,
    /// True if a connection's next message waits until the previous one's invocation has ended, or timed out.
    pub one_at_a_time: bool,
}

/// Way to cut a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cut {
    /// Without a close frame; a client reports 1006.
    Abort,
    /// With close code 1001, as at API Gateway's own limits.
    Close,
}

/// Faults of the function.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FunctionPlan {
    /// Probability that an invocation is killed, if it runs long enough: its process by SIGKILL, in this process by
    /// dropping its task.
    pub kill: f64,
    /// Time of the kill after the start, mostly near the minimum because most invocations are short. Without it, within
    /// 1 s.
    pub kill_within: DurationRange,
    /// Delay of an invocation that finds no idle process.
    pub cold: DurationRange,
}

/// A duration between two bounds, drawn at random.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, derive_more::Display)]
#[display("{}..{}", min.as_millis(), max.as_millis())]
pub struct DurationRange {
    /// Lower bound, included.
    pub min: Duration,
    /// Upper bound.
    pub max: Duration,
}

impl DurationRange {
    /// A constant duration.
    pub const fn exactly(duration: Duration) -> Self {
        Self { min: duration, max: duration }
    }

    /// Bounds in milliseconds.
    pub const fn millis(min: u64, max: u64) -> Self {
        Self { min: Duration::from_millis(min), max: Duration::from_millis(max) }
    }
}
