//! People who were removed for good, and a Redis that refuses to store it, or forgets it.

use crate::support::{ATTACH, Service, gateway_claims, read, until, user};
use backend::store::{RedisStore, Store};
use backend::terminal::scripted::ScriptedSpawner;
use reqwest::Method;
use serde_json::{Value, json};
use shared_protocol::gateway::MESSAGE_PATH;
use shared_protocol::{ClassClaims, ConnectionId, GatewayClaims, Role, SessionId, UserClaims};
use std::sync::Arc;
use std::time::Duration;
use test_servers::RedisServer;

/// Start timeout for a server that runs.
const SOON: Duration = Duration::from_secs(10);

/// Two instances on a Redis.
async fn two() -> (RedisServer, Arc<RedisStore>, Service, Service) {
    let redis = RedisServer::start().await;
    let store = Arc::new(RedisStore::connect(&redis.url(), None, SOON).await.unwrap());
    let start = || Service::one_of(&[], Arc::new(ScriptedSpawner::default()), Arc::<RedisStore>::clone(&store));
    let (here, there) = (start().await, start().await);
    (redis, store, here, there)
}

/// Attaches as ada, whose session it is, or as the bearer of the link to watch.
async fn attach(service: &Service, who: &str, connection: &str) -> Value {
    let claims = gateway_claims(MESSAGE_PATH, ATTACH.as_bytes(), connection, Some("s"));
    let claims = match who {
        "ada" => claims,
        link => {
            let class = ClassClaims { jti: Some(link.into()), ..ClassClaims::default() };
            GatewayClaims { sub: "guest".into(), role: Role::Viewer, class, ..claims }
        }
    };
    let claims = GatewayClaims { cid: ConnectionId::new(connection).unwrap(), ..claims };
    let body = ATTACH.replace("page", who);
    let claims = GatewayClaims { bh: auth_tokens::body_hash(body.as_bytes()), ..claims };
    read(service.post(&claims, &body).await).await.1
}

async fn remove(service: &Service, connection: &str) -> (u16, Value) {
    let ada: UserClaims = user("ada", Some("s"));
    service.api(Method::DELETE, &format!("/s/connections/{connection}"), &ada).await
}

#[tokio::test]
async fn a_removal_that_is_not_stored_says_so_and_can_be_repeated() {
    let (redis, store, here, there) = two().await;
    attach(&here, "ada", "adas=").await;
    assert_eq!(attach(&here, "link", "guests=").await["type"], "attached");
    // Redis answers, and takes no more.
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let (status, refused) = remove(&here, "guests=").await;
    assert_eq!((status, &refused["code"], &refused["retryable"]), (503, &json!("NOT_STORED"), &json!(true)));
    assert_eq!(attach(&here, "link", "again=").await["code"], "REVOKED", "it holds here");
    assert_eq!(remove(&here, "guests=").await.0, 503);
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    // The heartbeat may have been faster.
    let (status, repeated) = remove(&here, "guests=").await;
    assert!(status == 200 || (status == 410 && repeated["code"] == "CONNECTION_GONE"), "{status} {repeated}");
    assert!(!store.revoked(&SessionId::new("s").unwrap()).await.unwrap().is_empty());
    tokio::join!(here.stop(), there.stop());
}

#[tokio::test]
async fn one_who_was_removed_stays_out_after_redis_has_lost_all() {
    let (mut redis, store, here, there) = two().await;
    attach(&here, "ada", "adas=").await;
    attach(&here, "link", "guests=").await;
    assert_eq!(remove(&here, "guests=").await, (200, json!({"success": true})));
    redis.restart().await;
    assert_eq!(attach(&here, "link", "again=").await["code"], "REVOKED", "the session knows it itself");
    let id = SessionId::new("s").unwrap();
    let told_again = async || matches!(store.revoked(&id).await, Ok(list) if !list.is_empty());
    until("the list in the store", told_again).await;
    // Another instance starts the next shell, and knows only what is in the store.
    here.stop().await;
    assert_eq!(attach(&there, "ada", "adas2=").await["type"], "attached");
    assert_eq!(attach(&there, "link", "late=").await["code"], "REVOKED");
    assert_eq!(attach(&there, "other-link", "other=").await["type"], "attached");
    there.stop().await;
}
