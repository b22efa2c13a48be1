//! Dispatch of an API: whether a connection's next message waits for the work on the one before.

use serde::{Deserialize, Serialize};

/// The way in which API Gateway hands over the messages of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Dispatch {
    /// Each at once, beside the work on those before it.
    Concurrent,
    /// One after the other: while a run carries, later messages of the connection that started it wait. A page opens a carrier.
    Serial,
}
