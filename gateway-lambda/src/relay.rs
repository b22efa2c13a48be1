//! A relay: the rest of an invocation that the service told to carry frames. It asks one instance of the service for frames of
//! any of the relay's members, posts each to its member's connection, and reports what became of it, until the service says
//! stop or the time is up.
//!
//! Nothing here depends on the connection whose message started the invocation: it may close, and the relay goes on.

mod member;
mod posts;
mod questions;
mod run;
mod tasks;
mod throttle;

pub(crate) use run::{End, Relay};
