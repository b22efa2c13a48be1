//! The keys in the server: those of the table, each with its type and TTL, and no others.

use crate::started;
use backend::store::keys::{CONNECTION_GONE, DISPATCH, INSTANCES, KeySpec, SCREEN, SESSION, SESSIONS_OF_USER, TABLE};
use backend::store::{
    CREATED_TTL, DISCONNECTED_TTL, DispatchRecord, INSTANCE_TTL, RUNNING_TTL, ScreenRecord, Store, TOMBSTONE_TTL,
    contract,
};
use shared_protocol::{ConnectionId, Dispatch, Epoch, SessionId};
use std::collections::BTreeSet;
use std::time::Duration;
use test_servers::RedisServer;

async fn ttl(server: &RedisServer, key: &str) -> Duration {
    let ms = server.command(&["PTTL", key]).await;
    Duration::from_millis(ms.parse().unwrap_or_else(|_| panic!("{key} has no ttl: {ms}")))
}

/// True if the TTL of a key was just set to this.
async fn has_ttl(server: &RedisServer, key: &str, expected: Duration) -> bool {
    let life = ttl(server, key).await;
    life <= expected && life + Duration::from_secs(10) > expected
}

#[tokio::test]
async fn the_contract_is_kept_with_the_keys_of_the_table_and_no_others() {
    let (server, store) = started().await;
    contract::keeps_all(&store).await;
    let keys = server.command(&["KEYS", "*"]).await;
    let mut seen = BTreeSet::new();
    for key in keys.lines() {
        let kinds: Vec<&KeySpec> = TABLE.iter().filter(|kind| kind.includes(key)).collect();
        let [kind] = kinds[..] else { panic!("{key} is not in the table once: {kinds:?}") };
        assert_eq!(server.command(&["TYPE", key]).await, <&str>::from(kind.shape), "{key}");
        assert!(ttl(&server, key).await <= kind.ttl, "{key}");
        seen.insert(kind.pattern);
    }
    assert_eq!(seen.len(), TABLE.len(), "every kind was writer: {seen:?}");
}

#[tokio::test]
async fn each_key_has_its_ttl() {
    let (hour, day) = (Duration::from_secs(3600), Duration::from_secs(24 * 3600));
    assert_eq!((CREATED_TTL, RUNNING_TTL, TOMBSTONE_TTL), (hour, 6 * hour, day));
    let (server, store) = started().await;
    let (created, running, ended) = (contract::created("c"), contract::running("r", "i", 5), contract::ended("e"));
    for (record, expected) in [(&created, CREATED_TTL), (&running, RUNNING_TTL), (&ended, TOMBSTONE_TTL)] {
        store.compare_and_set(record, None).await.unwrap();
        assert!(has_ttl(&server, &SESSION.key(record.id.as_str()), expected).await, "{record:?}");
    }
    store.compare_and_set(&ended, Some(&ended.version())).await.unwrap();
    store.compare_and_set(&contract::running("c", "i", 5), Some(&created.version())).await.unwrap();
    assert!(has_ttl(&server, &SESSION.key("c"), RUNNING_TTL).await, "it lives longer once it runs");
    assert!(has_ttl(&server, &SESSIONS_OF_USER.key("ada"), TOMBSTONE_TTL).await);
    store.heartbeat(&contract::instance("i")).await.unwrap();
    assert!(has_ttl(&server, &INSTANCES.key(""), INSTANCE_TTL).await);
    store.mark_disconnected(&ConnectionId::new("c=").unwrap()).await.unwrap();
    assert!(has_ttl(&server, &CONNECTION_GONE.key("c="), DISCONNECTED_TTL).await);
    store.put_dispatch("api/dev", &DispatchRecord { dispatch: Dispatch::Serial, at: 1 }).await.unwrap();
    assert!(has_ttl(&server, &DISPATCH.key("api/dev"), day).await);
}

#[tokio::test]
async fn a_write_renews_the_ttl() {
    let (server, store) = started().await;
    let running = contract::running("r", "i", 5);
    store.compare_and_set(&running, None).await.unwrap();
    store.heartbeat(&contract::instance("i")).await.unwrap();
    for key in ["session:r", "user:ada:sessions", "instance:i", "instances"] {
        assert_eq!(server.command(&["PEXPIRE", key, "5000"]).await, "1");
    }
    store.compare_and_set(&running, Some(&running.version())).await.unwrap();
    assert!(store.heartbeat(&contract::instance("i")).await.unwrap());
    assert!(has_ttl(&server, "session:r", RUNNING_TTL).await);
    assert!(has_ttl(&server, "user:ada:sessions", TOMBSTONE_TTL).await);
    assert!(has_ttl(&server, "instance:i", INSTANCE_TTL).await);
    assert!(has_ttl(&server, "instances", INSTANCE_TTL).await);
}

#[tokio::test]
async fn a_read_removes_stale_members_from_the_index() {
    let (server, store) = started().await;
    for id in ["kept", "forgotten"] {
        store.compare_and_set(&contract::created(id), None).await.unwrap();
    }
    server.command(&["DEL", "session:forgotten"]).await;
    // Members from another program.
    server.command(&["ZADD", "user:ada:sessions", "1", "not an id", "1", "session:kept"]).await;
    assert_eq!(store.sessions_of("ada").await.unwrap(), [contract::created("kept")]);
    assert_eq!(server.command(&["ZRANGE", "user:ada:sessions", "0", "-1"]).await, "kept");
    store.compare_and_set(&contract::created("forgotten"), None).await.unwrap();
    assert_eq!(store.sessions_of("ada").await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_index_is_bounded_and_forgets_the_oldest() {
    let (server, store) = started().await;
    let fill = "for i = 1, 3000 do redis.call('ZADD', KEYS[1], ARGV[1] + i, 'old-' .. i) end";
    let day_ago = "redis.call('ZADD', KEYS[1], 1, 'ancient')";
    let seconds = server.command(&["TIME"]).await;
    let micros = format!("{}000000", seconds.lines().next().unwrap().parse::<u64>().unwrap() - 60);
    server.command(&["EVAL", fill, "1", "user:ada:sessions", &micros]).await;
    server.command(&["EVAL", day_ago, "1", "user:ada:sessions"]).await;
    store.compare_and_set(&contract::created("new"), None).await.unwrap();
    assert_eq!(server.command(&["ZCARD", "user:ada:sessions"]).await, "1000");
    assert_eq!(server.command(&["ZSCORE", "user:ada:sessions", "ancient"]).await, "(nil)");
    assert_eq!(store.sessions_of("ada").await.unwrap(), [contract::created("new")]);
    assert_eq!(server.command(&["ZCARD", "user:ada:sessions"]).await, "1");
}

#[tokio::test]
async fn commands_live_for_a_day_and_a_foreign_entry_is_refused() {
    let (server, store) = started().await;
    let (id, key) = (SessionId::new("s").unwrap(), "session:s@7:commands");
    store.put_commands(&id, 7, &[contract::command(5, 1, "ls")]).await.unwrap();
    assert!(has_ttl(&server, key, TOMBSTONE_TTL).await);
    server.command(&["PEXPIRE", key, "5000"]).await;
    store.put_commands(&id, 7, &[contract::command(5, 2, "ls")]).await.unwrap();
    assert!(has_ttl(&server, key, TOMBSTONE_TTL).await, "a write renews it");
    server.command(&["XADD", key, "5-3", "command", "{\"secret\":1}"]).await;
    let error = store.commands(&id, 7, None, 10).await.unwrap_err().to_string();
    assert!(error.contains(key) && !error.contains("secret"), "{error}");
    // Only a repeat is taken for one.
    server.command(&["SET", "session:t@7:commands", "a string"]).await;
    let other = SessionId::new("t").unwrap();
    store.put_commands(&other, 7, &[contract::command(5, 1, "ls")]).await.unwrap_err();
}

#[tokio::test]
async fn a_screen_has_the_ttl_of_a_tombstone_and_a_largest_size() {
    let (server, store) = started().await;
    let id = SessionId::new("s").unwrap();
    let screen = |bytes| ScreenRecord { epoch: Epoch(5), cols: 80, rows: 24, data: vec![b'x'; bytes], at: 7 };
    store.put_screen(&id, &screen(4 << 20)).await.unwrap();
    assert!(has_ttl(&server, &SCREEN.key("s"), TOMBSTONE_TTL).await);
    assert_eq!(store.screen(&id).await.unwrap(), Some(screen(4 << 20)));
    store.put_screen(&id, &screen((4 << 20) + 1)).await.unwrap_err();
    let grow = "redis.call('HSET', KEYS[1], 'data', string.rep('x', 5000000))";
    server.command(&["EVAL", grow, "1", "session:s:screen"]).await;
    let error = store.screen(&id).await.unwrap_err().to_string();
    assert!(error.contains("session:s:screen"), "{error}");
}
