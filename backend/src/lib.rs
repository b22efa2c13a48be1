//! The terminal service: sessions with shells, reached over HTTP through the gateway, and over WebSocket where a host allows it.
//! `app` wires it; calls go from `http` to `session` to `relay`, `terminal` and `store`, never back. `sandbox` isolates sessions;
//! only `app`, `main` and `config` name it.

pub mod advertise;
pub mod app;
pub mod audit;
pub mod cluster;
pub mod config;
pub mod files;
pub mod http;
pub mod metrics;
pub mod profiles;
mod protection;
mod rate_limit;
pub mod recording;
pub mod relay;
pub mod sandbox;
pub mod session;
pub mod shutdown;
pub mod store;
pub mod telemetry;
pub mod terminal;
pub mod wall;
pub mod webhooks;

pub use clock;
