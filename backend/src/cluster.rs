//! This instance among the others: which sessions it owns, which instances are alive, and where a session's shell runs. Knows the
//! store, and nothing of shells or requests.

mod heartbeat;
mod lease;
mod location;
mod membership;

pub use heartbeat::{LeaseHolder, run_heartbeat};
pub use lease::Lease;
pub use location::{Location, locate};
pub use membership::Membership;
