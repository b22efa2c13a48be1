//! The HTTP surface: accepts connections, authenticates requests, and maps every error to a response.

mod access_log;
mod auth;
mod connection_limit;
mod context;
mod dispatch;
mod error;
mod forward;
mod handlers;
mod peer_client;
mod router;
mod server;
mod user_connections;

pub use connection_limit::ConnectionLimiter;
pub use context::ServiceContext;
pub use router::router;
pub use server::serve;
