//! The function between API Gateway and the terminal service: it authenticates, signs, forwards bytes and posts bytes back.
//!
//! A dumb pipe on purpose. It holds no terminal state, and what it must know about a session comes in response headers. The
//! library stands apart from the `bootstrap` binary so that a local gateway can run the same code in its own process, with
//! other stores and another way to reach the browser.

mod authorize;
pub mod aws;
pub mod backend;
pub mod browser;
mod budget;
mod client;
pub mod clock;
pub mod config;
mod connect;
pub mod connections;
mod disconnect;
mod error;
mod event;
mod follow;
mod identities;
pub mod identity;
mod line;
mod message;
pub mod metrics;
mod origin;
mod route;
mod turn;
mod users;

pub use aws::Aws;
#[cfg(feature = "test-support")]
pub use backend::ScriptedBackend;
pub use backend::{Backend, BackendError, Caller, HttpBackend, Reply};
#[cfg(feature = "test-support")]
pub use browser::RecordingBrowser;
pub use browser::{Browser, Endpoint, ManagementBrowser, PostError};
pub use clock::{Clock, SystemClock};
pub use config::{AwsConfig, BackendConfig, Config, ConfigError};
#[cfg(feature = "memory-connections")]
pub use connections::MemoryConnections;
pub use connections::{Connection, Connections, ConnectionsError, DynamoConnections};
pub use error::HandleError;
pub use identity::Identity;
pub use origin::AllowedOrigins;
pub use route::{Deps, Gateway};
pub use users::{JwksCache, Users};
