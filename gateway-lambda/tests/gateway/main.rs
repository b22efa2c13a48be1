//! Events of API Gateway, handled by a gateway of fakes with a paused clock.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod authorizer;
mod bad_events;
mod close;
mod connect;
mod delivery;
mod disconnect;
mod fixtures;
mod frame_order;
mod harness;
mod limit;
mod message;
mod relay;
#[path = "../support/mod.rs"]
mod support;
