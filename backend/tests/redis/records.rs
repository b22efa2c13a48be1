//! Records: concurrent writes, foreign values, and any bytes.

use crate::{connect, started};
use backend::store::{Cas, Creator, RedisStore, SessionRecord, Store, contract};
use futures_util::future::join_all;
use shared_protocol::{GroupId, SessionId};
use std::fmt::Debug;

#[tokio::test(flavor = "multi_thread")]
async fn one_of_fifty_owners_gets_a_session() {
    let (server, first) = started().await;
    let mut stores = vec![first];
    for _ in 1..5 {
        stores.push(connect(&server.url()).await);
    }
    for round in 0..20 {
        let id = format!("wanted-{round}");
        let before = contract::created(&id);
        stores[0].compare_and_set(&before, None).await.unwrap();
        let claims = (0..50).map(|at| {
            let claim = contract::running(&id, &format!("instance-{at}"), 5 + at);
            let (store, version) = (&stores[at as usize % stores.len()], before.version());
            async move { (store.compare_and_set(&claim, Some(&version)).await.unwrap(), claim) }
        });
        let outcomes = join_all(claims).await;
        let winners: Vec<_> = outcomes.iter().filter(|(put, _)| *put == Cas::Stored).collect();
        let [(_, winner)] = winners[..] else { panic!("{} have it", winners.len()) };
        assert_eq!(stores[1].session(&before.id).await.unwrap().as_ref(), Some(winner));
        assert!(outcomes.iter().all(|(put, _)| matches!(put, Cas::Stored) || *put == Cas::Conflict(winner.clone())));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_fifty_creators_makes_a_session() {
    let (_server, store) = started().await;
    let makers = (0..50).map(|at| {
        let record = SessionRecord { creator: contract::creator(&format!("user-{at}")), ..contract::created("new") };
        let store = &store;
        async move { store.compare_and_set(&record, None).await.unwrap() }
    });
    let written = join_all(makers).await.into_iter().filter(|put| *put == Cas::Stored).count();
    assert_eq!(written, 1);
    let owner = store.session(&SessionId::new("new").unwrap()).await.unwrap().unwrap().creator.user;
    for at in 0..50 {
        let user = format!("user-{at}");
        let expected = usize::from(user == owner);
        assert_eq!(store.sessions_of(&user).await.unwrap().len(), expected, "it is listed for its owner only");
    }
}

#[tokio::test]
async fn users_may_be_called_anything() {
    let (_server, store) = started().await;
    let long = "x".repeat(2000);
    let names = ["", " ", "a:b", "a:b:sessions", "{a}", "a\r\nb\0c", "\u{7f}\u{10ffff}é", "*", "%3A", "ada'\"", &long];
    for (at, name) in names.iter().enumerate() {
        let record = SessionRecord { creator: contract::creator(name), ..contract::created(&format!("s{at}")) };
        assert_eq!(store.compare_and_set(&record, None).await.unwrap(), Cas::Stored);
        assert_eq!(store.session(&record.id).await.unwrap().as_ref(), Some(&record));
        assert_eq!(store.sessions_of(name).await.unwrap(), [record], "{name:?}");
    }
}

#[tokio::test]
async fn an_id_that_looks_like_a_key_is_one_session() {
    let (_server, store) = started().await;
    for id in ["x", "x:screen", "x:connections", ":", "..", "x:screen:connections"] {
        let record = contract::created(id);
        assert_eq!(store.compare_and_set(&record, None).await.unwrap(), Cas::Stored, "{id}");
        assert_eq!(store.screen(&record.id).await.unwrap(), None);
        assert_eq!(store.connections_of(&record.id).await.unwrap(), []);
    }
    assert_eq!(store.sessions_of("ada").await.unwrap().len(), 6);
}

#[tokio::test]
async fn a_session_that_an_older_instance_wrote_is_in_no_class_and_gives_no_right() {
    let (server, store) = started().await;
    let record = contract::running("s", "i", 5);
    store.compare_and_set(&record, None).await.unwrap();
    server.command(&["HDEL", "session:s", "grp", "name", "takeover", "rec", "profile"]).await;
    // And a field of a newer one.
    server.command(&["HSET", "session:s", "later", "class-8"]).await;
    let creator = Creator { user: "ada".into(), ..Creator::default() };
    let older = SessionRecord { creator, ..record.clone() };
    assert_eq!(store.session(&record.id).await.unwrap(), Some(older));
    assert_eq!(store.sessions_in(&GroupId::new("class-7").unwrap()).await.unwrap(), []);
}

fn names<T: Debug>(key: &str, outcome: Result<T, backend::store::StoreError>) {
    let error = outcome.unwrap_err().to_string();
    assert!(error.contains(key), "{key} is not named: {error}");
    assert!(!error.contains("secret"), "what is there is shown: {error}");
}

#[tokio::test]
async fn a_foreign_value_is_an_error_that_names_its_key() {
    let (server, store) = started().await;
    let id = SessionId::new("s").unwrap();
    let connection = contract::connection("c=", &id);
    let keys = ["session:s", "user:ada:sessions", "session:s:screen", "session:s:connections", "connection:c="];
    for garbage in [&["SET"][..], &["RPUSH"], &["HSET", "user"], &["HSET", "epoch"], &["HSET", "strange"]] {
        for key in keys.iter().chain(&["instance:i", "instances"]) {
            server.command(&["DEL", key]).await;
            let [command, fields @ ..] = garbage else { unreachable!() };
            let command: Vec<&str> =
                [*command, *key].into_iter().chain(fields.iter().copied()).chain(["secret"]).collect();
            server.command(&command).await;
        }
        // The index of this user is valid.
        let mine = SessionRecord { creator: contract::creator("eve"), ..contract::created("s") };
        names("session:s", store.compare_and_set(&mine, None).await);
        names("session:s", store.compare_and_set(&mine, Some(&mine.version())).await);
        names("user:ada:sessions", store.sessions_of("ada").await);
        names("session:s:connections", store.connections_of(&id).await);
        names("instances", store.instances().await);
        if garbage[0] != "HSET" {
            names("session:s", store.session(&id).await);
            names("session:s:screen", store.screen(&id).await);
            names("connection:c=", store.put_connection(&connection).await);
            names("instance:i", store.heartbeat(&contract::instance("i")).await);
            names("instance:i", store.instance(&contract::instance("i").id).await);
        }
        still_works(&store).await;
    }
    server.command(&["FLUSHALL"]).await;
    server.command(&["HSET", "session:s", "user", "ada", "state", "secret", "epoch", "5"]).await;
    server.command(&["ZADD", "user:ada:sessions", "1", "s"]).await;
    names("session:s", store.session(&id).await);
    names("session:s", store.sessions_of("ada").await);
}

async fn still_works(store: &RedisStore) {
    store.compare_and_set(&contract::created("other"), None).await.unwrap_or_else(|error| {
        // The index of its user is garbage too.
        assert!(error.to_string().contains("user:ada:sessions"), "{error}");
        Cas::Stored
    });
    assert!(store.session(&contract::created("other").id).await.unwrap().is_some());
}
