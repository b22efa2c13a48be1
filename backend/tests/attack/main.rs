//! Attacks from inside a session, typed into real shells of a real service that runs as root: each must fail, be bounded, or
//! be cleaned up, while the service and the other session stay responsive.

mod exhaustion;
mod harness;
mod isolation;
mod leftovers;
mod reach;
mod start;
#[path = "../support/mod.rs"]
mod support;
