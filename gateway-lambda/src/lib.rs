//! The function between API Gateway and the terminal service: authenticates, signs, forwards messages and posts frames.
//!
//! It holds no terminal state and parses no terminal message: the service controls it through response headers. It is a library
//! beside the `bootstrap` binary, so that a local gateway can run the same code in its own process with other dependencies.

mod admission;
mod authorize;
#[cfg(feature = "aws")]
pub mod aws;
pub mod backend;
pub mod browser;
pub mod config;
mod connect;
pub mod connections;
mod deadline;
mod deps;
mod disconnect;
mod error;
mod event;
mod gateway;
mod http_client;
pub mod identity;
mod identity_cache;
mod invocation;
mod jwks;
mod message;
pub mod metrics;
mod origin;
mod relay;
mod token_verifier;

#[cfg(feature = "aws")]
pub use aws::Aws;
#[cfg(feature = "test-support")]
pub use backend::ScriptedBackend;
pub use backend::{Backend, BackendError, Caller, HttpBackend, Next, RelayAnswer, Reply};
#[cfg(feature = "aws")]
pub use browser::ManagementBrowser;
#[cfg(feature = "test-support")]
pub use browser::RecordingBrowser;
pub use browser::{Browser, Endpoint, PostError};
pub use clock::{self, Clock, RandomSource, SystemClock, SystemRandom};
#[cfg(feature = "aws")]
pub use config::AwsConfig;
pub use config::{BackendConfig, Config, ConfigError};
#[cfg(feature = "aws")]
pub use connections::DynamoConnections;
#[cfg(feature = "memory-connections")]
pub use connections::MemoryConnections;
pub use connections::{Connection, Connections, ConnectionsError};
pub use deps::Deps;
pub use error::HandleError;
pub use gateway::Gateway;
pub use identity::Identity;
pub use jwks::JwksCache;
pub use origin::AllowedOrigins;
pub use token_verifier::TokenVerifier;
