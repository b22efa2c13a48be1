//! This instance among the others: which sessions it owns, which instances are alive, and where a session's shell runs. Knows the
//! store, and nothing of shells or requests.

mod heartbeat;
mod lease;
mod liveness;
mod membership;

pub use heartbeat::{LeaseHolder, RelayCounter, run_heartbeat};
pub use lease::Lease;
pub use liveness::{Liveness, Place};
pub use membership::{Location, Membership, locate};
