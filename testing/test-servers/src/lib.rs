//! Servers that tests put around the code under test: a real Redis that can be killed and frozen, a TCP proxy that injects
//! network faults, a load balancer (haproxy), and a DynamoDB API (moto). Each listens on a free loopback port and stops when it
//! is dropped.
//!
//! A crate of its own because the tests of several crates use it, and because it knows nothing of terminals.
//!
//! ```no_run
//! # async fn example() {
//! use test_servers::{RedisServer, TcpProxy};
//! let mut redis = RedisServer::start().await;
//! let proxy = TcpProxy::start(redis.address()).await;
//! println!("redis://{}/", proxy.address());
//! proxy.stall().await; // the network hangs
//! proxy.restore().await;
//! redis.restart().await; // Redis loses all data
//! # }
//! ```
#![expect(clippy::expect_used, reason = "a test fails by panicking")]
#![expect(missing_docs, reason = "a name that says it needs no comment in a crate for tests")]

mod load_balancer;
mod moto;
mod poll;
mod port;
mod process;
mod processes;
mod proxy;
mod redis;

pub use load_balancer::{LoadBalancer, ResponseCounts};
pub use moto::Moto;
pub use poll::until;
pub use port::Port;
pub use process::Process;
pub use processes::{alive, children_of, state_of, zombies_of};
pub use proxy::TcpProxy;
pub use redis::{RedisOptions, RedisServer};
