//! The whole stack on one machine, for tests: the service as a process, the gateway in front of it, the function in this process
//! or as the real `bootstrap` with a DynamoDB API, and protocol clients.
//!
//! A crate of its own because it depends on all crates that it tests.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]
#![expect(missing_docs, reason = "a name that says it needs no comment in a crate for tests")]

mod backend;
mod binaries;
mod carrier;
mod dynamo;
mod gateway;
mod hostile;
mod http;
mod http_bridge;
mod page;
mod rng;
mod stack;
mod terminal;

pub use backend::{Backend, METRICS_TOKEN};
pub use binaries::binary;
pub use carrier::CarrierTask;
pub use hostile::{FaultRun, Report, Way};
pub use http::http;
pub use http_bridge::{HttpBridge, HttpFaults};
pub use page::{Endpoint, Page, PageStats};
pub use stack::{Function, Stack, StackOptions};
pub use terminal::{Sending, TEST_TIMEOUT, Taking, Terminal};
pub use test_servers::{alive, children_of, until, zombies_of};

/// A function that returns a value of a reply or an event that matches: `matching!(ServerMessage::Pong(pong) => pong.t.clone())`.
#[macro_export]
macro_rules! matching {
    ($pattern:pat $(if $guard:expr)? => $value:expr) => {
        |item: &_| match item {
            $pattern $(if $guard)? => Some($value),
            _ => None,
        }
    };
}
