//! What several instances of the service need on one machine: a Redis of their own and a load balancer in front of them. Says where
//! both are in one line of JSON, and serves until its standard input ends.
#![expect(clippy::print_stdout, reason = "a program says where it listens")]

use clap::Parser;
use std::net::SocketAddr;
use test_servers::{RedisServer, RoundRobin, RoundRobinOptions};
use tokio::io::AsyncReadExt;

/// Starts a Redis and a load balancer.
#[derive(Debug, Parser)]
#[command(name = "balancer")]
struct Args {
    /// An instance, which may start later.
    #[arg(long = "backend", value_name = "ADDRESS", required = true)]
    backends: Vec<SocketAddr>,
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    let redis = RedisServer::start().await;
    let balancer = RoundRobin::start_with(RoundRobinOptions::default(), &args.backends);
    println!("{}", serde_json::json!({ "redis": redis.url(), "url": format!("http://{}", balancer.address()) }));
    // Whoever started it is gone when this ends.
    let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
}
