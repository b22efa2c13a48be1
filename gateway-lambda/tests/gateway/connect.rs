//! `$connect`: the row that is written, the protocol that is chosen, and who is turned away.

use crate::world::{CONNECTION, NOW, World, claims, fixture, fixture_with, id, identity, row, token};
use gateway_lambda::{Connection, Connections, Identity};
use serde_json::{Value, json};
use shared_protocol::UserClaims;
use std::sync::atomic::Ordering;

/// The status and the error code of a refusal.
fn refusal(answer: &Value) -> (u64, String) {
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    (answer["statusCode"].as_u64().unwrap(), body["code"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_row_is_written_with_or_without_an_authorizer() {
    for name in ["connect", "connect-without-authorizer"] {
        let world = World::new();
        assert_eq!(world.handle(fixture(name)).await, json!({"statusCode": 200}), "{name}");
        let written = Connection {
            id: id(CONNECTION),
            identity: identity(),
            connected_at: 1_795_000_000_123,
            expires_at: NOW + 600,
        };
        assert_eq!(world.connections.get(&id(CONNECTION), NOW).await.unwrap(), Some(written), "{name}");
        assert_eq!(world.backend.calls(), [], "the service hears of it with the first message");
    }
}

#[tokio::test]
async fn the_authorizers_word_is_taken_before_the_query() {
    let world = World::new();
    world.handle(fixture_with("connect", "not even a token")).await;
    let row = world.connections.get(&id(CONNECTION), NOW).await.unwrap().unwrap();
    assert_eq!(row.identity.sub, "ada");
}

#[tokio::test]
async fn only_the_termgate_protocol_is_chosen_and_never_the_token() {
    for name in ["connect-subprotocol", "connect-subprotocol-without-authorizer"] {
        let answer = World::new().handle(fixture(name)).await;
        let chosen = json!({"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "termgate"}});
        assert_eq!(answer, chosen, "{name}");
    }
}

#[tokio::test]
async fn without_an_authorizer_bad_tokens_are_turned_away_here() {
    let world = World::new();
    let expired = token(&UserClaims { exp: NOW - 11, ..claims() });
    let answer = world.handle(fixture_with("connect-without-authorizer", &expired)).await;
    assert_eq!(refusal(&answer), (401, "TOKEN_EXPIRED".to_owned()));
    let answer = world.handle(fixture_with("connect-without-authorizer", "e30.e30.e30")).await;
    assert_eq!(refusal(&answer), (401, "UNAUTHORIZED".to_owned()));
    assert!(!answer.to_string().contains("e30"), "an answer never repeats a token");
    let mut other = fixture("connect-without-authorizer");
    other["queryStringParameters"]["sessionId"] = json!("lab-8");
    assert_eq!(refusal(&world.handle(other).await), (403, "FORBIDDEN".to_owned()));
    assert_eq!(world.connections.count_by_user("ada", NOW).await.unwrap(), 0);
}

#[tokio::test]
async fn a_user_has_so_many_connections_and_no_more() {
    let world = World::with(|config| config.connections_per_user = 3);
    for other in ["a=", "b="] {
        world.connections.put(&row(other, identity())).await.unwrap();
    }
    let expired = Connection { expires_at: NOW, ..row("old=", identity()) };
    world.connections.put(&expired).await.unwrap();
    let someone = Identity { sub: "eve".into(), ..identity() };
    world.connections.put(&row("c=", someone)).await.unwrap();
    assert_eq!(world.handle(fixture("connect")).await["statusCode"], 200, "the third");
    let mut fourth = fixture("connect");
    fourth["requestContext"]["connectionId"] = json!("fourth=");
    assert_eq!(refusal(&world.handle(fourth).await), (429, "LIMIT_REACHED".to_owned()));
    assert_eq!(world.connections.rows_left(&["fourth=", CONNECTION]).await, [false, true]);
}

#[tokio::test]
async fn rows_of_connections_that_are_gone_do_not_count_for_long() {
    let world = World::with(|config| config.connections_per_user = 4);
    let silent = |name| Connection { expires_at: NOW + 571, ..row(name, identity()) };
    for name in ["gone=", "there="] {
        world.connections.put(&silent(name)).await.unwrap();
    }
    // API Gateway does not know it yet either, but it may be about to open.
    for young in ["young=", "younger="] {
        world.connections.put(&Connection { expires_at: NOW + 572, ..row(young, identity()) }).await.unwrap();
    }
    for name in ["gone=", "young=", "younger="] {
        world.browser.leave_after(&id(name), 0);
    }
    assert_eq!(world.handle(fixture("connect")).await["statusCode"], 200);
    let left = world.connections.rows_left(&["gone=", "there=", "young=", "younger=", CONNECTION]).await;
    assert_eq!(left, [false, true, true, true, true]);
    let mut another = fixture("connect");
    another["requestContext"]["connectionId"] = json!("another=");
    assert_eq!(refusal(&world.handle(another).await), (429, "LIMIT_REACHED".to_owned()));
}

#[tokio::test]
async fn a_table_that_fails_lets_nobody_in_and_says_nothing_of_itself() {
    let world = World::new();
    world.connections.broken.store(true, Ordering::Relaxed);
    let answer = world.handle(fixture("connect")).await;
    assert_eq!(refusal(&answer), (500, "INTERNAL".to_owned()));
    assert!(!answer.to_string().contains("broken"), "{answer}");
}
