//! The servers that several instances of the service share: a Redis, and a load balancer in front of the instances. Prints
//! both addresses as one line of JSON, and runs until its standard input ends.
#![expect(clippy::print_stdout, reason = "a program prints its addresses")]

use clap::Parser;
use std::net::SocketAddr;
use test_servers::{LoadBalancer, RedisServer};
use tokio::io::AsyncReadExt;

/// Starts a Redis and a load balancer.
#[derive(Debug, Parser)]
struct Args {
    /// Address of an instance, which may start later.
    #[arg(long = "backend", value_name = "ADDRESS", required = true)]
    backends: Vec<SocketAddr>,
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    let redis = RedisServer::start().await;
    let balancer = LoadBalancer::start_unchecked(&args.backends).await;
    println!("{}", serde_json::json!({ "redis": redis.url(), "url": format!("http://{}", balancer.address()) }));
    // Standard input ends with the parent process.
    let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
}
