//! Sessions: one task owns a shell and all mutable state about it; the rest of the service sends it messages. Knows terminals,
//! the cluster and the store, but not how requests arrive.

mod actor;
mod admission;
mod alarm;
mod attachments;
mod backpressure;
mod carrier;
mod chat;
mod client;
pub mod command;
pub mod deflate;
mod dispatch;
mod emulator;
mod expiry;
mod frames;
mod handle;
pub mod input_order;
mod lifecycle;
mod live;
mod one_shot;
mod outbound;
pub mod output_budget;
pub mod output_log;
mod pending_input;
mod people;
mod people_messages;
mod prompt;
mod registry;
mod relay_access;
mod restore;
mod revocation;
mod screen_persistence;
mod settings_watch;
mod snapshot;
mod supervisor;
mod terminal;
mod termination;

pub use admission::ENDED_PER_USER;
pub use carrier::check_carrier;
pub use expiry::Limits;
pub use handle::{Arrival, Caller, Close, Grant, Reply, SessionError, SessionHandle, stateless_reply};
pub use registry::{Registry, RegistryDeps, ShellSettings};
