//! What the gateway does with API Gateway's events, with fakes at all its edges and a clock that tests move.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod authorizer;
mod bad_events;
mod close;
mod connect;
mod delivery;
mod disconnect;
mod fixtures;
mod follow;
mod message;
mod precedence;
mod world;
