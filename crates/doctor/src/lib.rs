//! `termgate doctor`: follows a page's path step by step, from the address to a command in a shell, measures each step,
//! and explains the first problem in a sentence that says how to fix it.
//!
//! A crate of its own because it is a client: it knows the protocol and nothing of the service that offers it as a
//! subcommand.

mod address;
mod clock;
mod command;
mod connect;
mod diagnosis;
mod dispatch;
mod frame_socket;
mod origin;
mod over_http;
mod passed_step;
mod protocol;
mod steps;
mod token;

pub use command::main;
pub use diagnosis::Diagnosis;
pub use passed_step::PassedStep;
pub use steps::{Target, diagnose};
