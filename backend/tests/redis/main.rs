//! The Redis store on a real server: the contract of every store, the keys in the server, and faults of server and network.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod bootstrap;
mod faults;
mod keys;
mod records;
mod service;

use backend::store::RedisStore;
use std::time::Duration;
use test_servers::RedisServer;

/// Start timeout for a server that runs.
const SOON: Duration = Duration::from_secs(10);

async fn started() -> (RedisServer, RedisStore) {
    let server = RedisServer::start().await;
    let store = connect(&server.url()).await;
    (server, store)
}

async fn connect(url: &str) -> RedisStore {
    RedisStore::connect(url, None, SOON).await.unwrap()
}
