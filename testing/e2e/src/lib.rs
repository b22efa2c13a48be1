//! The whole stack on one machine, for tests: the real service as a process of its own, the gateway in front of it, the function
//! either in this process or as the real `bootstrap` with a real DynamoDB API, and a client that speaks the protocol.
//!
//! Apart from the crates that it tests, because only here they meet.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod backend;
mod binaries;
mod dynamo;
mod hostile;
mod http;
mod page;
mod processes;
mod service;
mod stack;
mod stream;
mod terminal;

pub use backend::Backend;
pub use binaries::binary;
pub use hostile::{Report, Trial};
pub use http::http;
pub use page::{Address, Page, Tally};
pub use processes::{alive, children_of, zombies_of};
pub use stack::{Function, Setting, Stack};
pub use stream::Stream;
pub use terminal::{PATIENCE, Terminal};
