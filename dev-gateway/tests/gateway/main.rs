//! The gateway from outside: real WebSocket and HTTP clients in front, a scripted function or real processes behind.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

mod binary;
mod disconnect;
mod faults;
mod functions;
mod handshake;
mod limits;
mod management;
mod messages;
mod pages;
mod runtime_api;
mod support;
mod throttling;
mod tls;
