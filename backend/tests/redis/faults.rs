//! Faults of the server or the network while the service runs: every call ends in time, and calls soon work again.

use crate::{connect, started};
use backend::store::{Cas, RedisStore, Store, StoreError, contract};
use futures_util::future::join_all;
use std::time::Duration;
use test_servers::{RedisServer, TcpProxy};
use tokio::time::{Instant, timeout};

/// Longest call, with room for a busy machine.
const DEADLINE: Duration = Duration::from_secs(3);

/// Longest call while the connection is known to be down.
const AT_ONCE: Duration = Duration::from_millis(1200);

/// Time until calls work again after the server is back; the promise is 1 s.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(3);

async fn proxied() -> (RedisServer, TcpProxy, RedisStore) {
    let server = RedisServer::start().await;
    let proxy = TcpProxy::start(server.address()).await;
    let store = connect(&server.url_through(proxy.address())).await;
    (server, proxy, store)
}

async fn call(store: &RedisStore) -> Result<bool, StoreError> {
    store.heartbeat(&contract::instance("i")).await
}

async fn within<T>(limit: Duration, call: impl Future<Output = T>) -> T {
    timeout(limit, call).await.unwrap_or_else(|_| panic!("the call takes longer than {limit:?}"))
}

/// Repeats a call until it succeeds.
async fn works_again(store: &RedisStore) {
    let recovered = async { while call(store).await.is_err() {} };
    within(RECOVERY_TIMEOUT, recovered).await;
}

/// Repeats a call until it fails without a wait: the connection is known to be down.
async fn fails_at_once(store: &RedisStore) {
    let noticed = async {
        loop {
            let before = Instant::now();
            call(store).await.unwrap_err();
            if before.elapsed() < AT_ONCE {
                break;
            }
        }
    };
    within(2 * DEADLINE, noticed).await;
}

#[tokio::test]
async fn a_server_that_is_killed_and_comes_back_empty() {
    let (mut server, store) = started().await;
    let session = contract::running("s", "i", 5);
    store.compare_and_set(&session, None).await.unwrap();
    assert!(!call(&store).await.unwrap());
    server.kill().await;
    fails_at_once(&store).await;
    server.restart().await;
    works_again(&store).await;
    assert_eq!(store.session(&session.id).await.unwrap(), None, "it has forgotten");
    let told = store.compare_and_set(&session, Some(&session.version())).await.unwrap();
    assert_eq!(told, Cas::Stored, "and is told again");
    server.command(&["FLUSHALL"]).await;
    contract::keeps_all(&store).await;
}

#[tokio::test]
async fn a_restart_between_two_calls_costs_none() {
    let (mut server, store) = started().await;
    for _ in 0..3 {
        server.restart().await;
        // No call was made meanwhile: the loss is noticed without one.
        within(RECOVERY_TIMEOUT, call(&store)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_costs_each_call_its_deadline_at_most() {
    let (server, store) = started().await;
    call(&store).await.unwrap();
    server.pause().await;
    let many = join_all((0..500).map(|_| within(DEADLINE, call(&store)))).await;
    assert!(many.iter().all(Result::is_err));
    fails_at_once(&store).await;
    let many = join_all((0..500).map(|_| within(AT_ONCE, call(&store)))).await;
    assert!(many.iter().all(Result::is_err));
    server.resume().await;
    works_again(&store).await;
}

#[tokio::test]
async fn a_network_that_hangs_is_the_same() {
    let (_server, proxy, store) = proxied().await;
    proxy.stall().await;
    within(DEADLINE, call(&store)).await.unwrap_err();
    fails_at_once(&store).await;
    proxy.restore().await;
    works_again(&store).await;
}

#[tokio::test]
async fn a_hiccup_that_is_shorter_than_the_deadline_is_not_noticed() {
    let (_server, proxy, store) = proxied().await;
    proxy.stall().await;
    let mut waiting = std::pin::pin!(call(&store));
    timeout(Duration::from_millis(500), &mut waiting).await.expect_err("an answer while the proxy stalls");
    proxy.restore().await;
    within(DEADLINE, waiting).await.unwrap();
    assert_eq!(proxy.connections(), 1, "the connection was kept");
}

#[tokio::test]
async fn a_connection_that_is_cut_is_made_again_and_only_one() {
    let (_server, proxy, store) = proxied().await;
    for _ in 0..3 {
        proxy.cut().await;
        within(DEADLINE, call(&store)).await.unwrap_err();
        proxy.restore().await;
        works_again(&store).await;
        assert_eq!(proxy.open(), 1);
    }
}

#[tokio::test]
async fn a_server_that_is_300_ms_away_is_slow_and_nothing_else() {
    let (_server, proxy, store) = proxied().await;
    proxy.delay(Duration::from_millis(150)).await;
    tokio::join!(
        contract::keeps_screens(&store),
        contract::keeps_connections(&store),
        contract::keeps_instances(&store)
    );
    proxy.cut().await;
    proxy.delay(Duration::from_millis(150)).await;
    works_again(&store).await;
    let many = join_all((0..100).map(|_| within(DEADLINE, call(&store)))).await;
    assert!(many.iter().all(Result::is_ok), "they do not wait for each other");
}

#[tokio::test]
async fn a_full_server_refuses_and_recovers() {
    let (server, store) = started().await;
    let before = contract::created("s");
    store.compare_and_set(&before, None).await.unwrap();
    server.command(&["CONFIG", "SET", "maxmemory", "1mb"]).await;
    let full = |error: StoreError| assert!(error.to_string().contains("OOM"), "{error}");
    full(store.compare_and_set(&contract::created("new"), None).await.unwrap_err());
    full(store.compare_and_set(&contract::ended("s"), Some(&before.version())).await.unwrap_err());
    full(call(&store).await.unwrap_err());
    assert_eq!(store.session(&before.id).await.unwrap(), Some(before), "what is there can be read, and is whole");
    server.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    call(&store).await.unwrap();
}

#[tokio::test]
async fn a_server_that_may_only_be_read_refuses_to_write() {
    let (server, store) = started().await;
    call(&store).await.unwrap();
    server.command(&["REPLICAOF", "127.0.0.1", "1"]).await;
    let error = call(&store).await.unwrap_err().to_string();
    assert!(error.contains("READONLY") || error.contains("read only"), "{error}");
    server.command(&["REPLICAOF", "NO", "ONE"]).await;
    call(&store).await.unwrap();
}

#[tokio::test]
async fn a_store_that_is_dropped_hangs_up() {
    let (_server, proxy, store) = proxied().await;
    call(&store).await.unwrap();
    drop(store);
    let closed = async {
        while proxy.open() > 0 {
            tokio::task::yield_now().await;
        }
    };
    within(RECOVERY_TIMEOUT, closed).await;
}
