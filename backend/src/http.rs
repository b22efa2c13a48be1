//! The HTTP surface: accepts connections, authenticates requests, and maps every error to a response.

mod access_log;
mod auth;
mod body;
mod connection_limit;
mod context;
mod endpoints;
mod error;
mod forward;
mod handlers;
mod origin;
mod peer_client;
mod request_id;
mod router;
mod server;
mod user_connections;

pub use connection_limit::ConnectionLimiter;
pub use context::{ServiceContext, ServiceDeps};
pub use router::router;
pub use server::serve;
