//! A local API Gateway WebSocket API: handshakes, events, routes, `@connections` and limits as on AWS, in front of any
//! Lambda function. Independent of terminals, so that it serves other functions too.
//!
//! ```no_run
//! # async fn example(invoker: std::sync::Arc<dyn dev_gateway::Invoke>) -> std::io::Result<()> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let gateway = dev_gateway::DevGateway::new(dev_gateway::Options::default());
//! let running = gateway.start(listener, invoker)?;
//! println!("ws://{}/prod", running.addr());
//! running.shutdown().await;
//! # Ok(()) }
//! ```

mod authorizer;
mod connections;
mod dev_token;
#[doc(hidden)]
pub mod dry_run;
mod events;
mod faults;
mod functions;
mod handshake;
mod integration;
mod invoke;
mod local;
mod management;
mod messages;
mod pages;
mod quotas;
mod routes;
mod runtime_api;
mod server;
mod socket;
mod system;
mod tls;
mod usage;

pub use clock::Clock;
pub use connections::{Clients, ConnectionInfo, PostError};
pub use dev_token::DevSecret;
pub use faults::{
    ConnectionPlan, Cut, DurationRange, FAULTS_HELP, FaultError, FaultPlan, Faults, FunctionPlan, MessagePlan, PostPlan,
};
pub use functions::{AUTHORIZER, Functions};
pub use invoke::{ClientsBrowser, InProcess, Invoke, InvokeError};
pub use quotas::Quotas;
pub use runtime_api::{CpuShare, Function, Limits, ProcessLimit, ProcessLimitError, RuntimeApi};
pub use server::{DevGateway, Options, Running};
pub use system::{OsSystem, System};
pub use tls::Tls;
pub use usage::{PostCounts, Usage};
