//! Servers that tests put around the code under test: a real Redis that can be killed and frozen, a TCP proxy that breaks
//! on request, and a load balancer. Each listens on a free loopback port and is gone when it is dropped.
//!
//! Apart from the crates that use it, because several do, and because it knows nothing of terminals.
//!
//! ```no_run
//! # async fn example() {
//! use test_servers::{RedisServer, TcpProxy};
//! let mut redis = RedisServer::start().await;
//! let between = TcpProxy::start(redis.address()).await;
//! println!("redis://{}/", between.address());
//! between.stall().await; // the network hangs
//! between.restore().await;
//! redis.restart().await; // and Redis forgets everything
//! # }
//! ```
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod balancer;
mod poll;
mod port;
mod proxy;
mod redis;
mod tasks;

pub use balancer::{Counts, RoundRobin, RoundRobinOptions};
pub use proxy::TcpProxy;
pub use redis::{RedisOptions, RedisServer};
