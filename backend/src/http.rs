//! The HTTP surface: accepts connections, authenticates requests, and maps every error to a response.

mod access_log;
mod auth;
mod connection_limit;
mod context;
mod dispatch;
mod download;
mod error;
mod file_headers;
mod file_limits;
mod file_steps;
mod forward;
mod forward_file;
mod forward_wall;
mod group_questions;
mod handlers;
mod messaged_transfers;
mod outbox;
mod peer_client;
mod polled;
mod refusal_log;
mod router;
mod server;
mod socket;
mod transfers;
mod user_connections;

pub use connection_limit::ConnectionLimiter;
pub use context::ServiceContext;
pub use router::router;
pub use server::serve;
