//! The Redis store on a real server: the contract of every store, the keys in the server, and faults of server and network.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod bootstrap;
mod faults;
mod keys;
mod records;
mod service;

use backend::store::{RedisStore, contract};
use std::time::Duration;
use test_servers::RedisServer;

/// Start timeout for a server that runs.
const SOON: Duration = Duration::from_secs(10);

/// A store on a server of its own.
async fn started() -> (RedisServer, RedisStore) {
    let server = RedisServer::start().await;
    let store = connect(&server.url()).await;
    (server, store)
}

async fn connect(url: &str) -> RedisStore {
    RedisStore::connect(url, SOON).await.unwrap()
}

/// Runs the contract of every store.
async fn keeps_the_contract(store: &RedisStore) {
    contract::keeps_sessions(store).await;
    contract::gives_a_session_to_one(store).await;
    contract::keeps_screens(store).await;
    contract::keeps_connections(store).await;
    contract::keeps_instances(store).await;
}
