//! The terminal service: sessions with shells in them, reached over HTTP by the gateway and over WebSocket where a host
//! allows it. `app` wires it; requests go from `route` to `session` to `terminal` and `store`, never back. `sandbox` isolates
//! sessions; only `app`, `main` and `config` name it.

pub mod advertise;
pub mod app;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod listen;
pub mod metrics;
mod pace;
mod protection;
pub mod route;
pub mod sandbox;
pub mod session;
pub mod shutdown;
pub mod store;
pub mod telemetry;
pub mod terminal;
