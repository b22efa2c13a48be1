//! The limit of connections of a user: a browser learns of it on an open connection.

use crate::connect::refusal;
use crate::harness::{Harness, fixture, with};
use crate::support::{CONNECTION, NOW, claims, fixture_with, id, identity, row, token};
use gateway_lambda::{Connection, Connections, HandleError, Identity};
use serde_json::{Value, json};
use shared_protocol::{Role, UserClaims};
use std::sync::atomic::Ordering;

/// Opens a connection as API Gateway does with our authorizer, for a token of these claims. Returns its answer, and the event of
/// a message on it.
async fn open(harness: &Harness, connection: &str, claims: &UserClaims, carrier: bool) -> (Value, Value) {
    let mut asked = fixture_with("authorizer-query", &token(claims));
    let (mut connect, mut message) = (fixture("connect"), fixture("message-default"));
    if carrier {
        asked["queryStringParameters"]["carrier"] = json!("1");
    }
    for event in [&mut asked, &mut connect, &mut message] {
        event["requestContext"]["connectionId"] = connection.into();
    }
    let context = harness.handle(asked).await["context"].clone();
    for event in [&mut connect, &mut message] {
        event["requestContext"]["authorizer"] = context.clone();
    }
    (harness.handle(connect).await, message)
}

/// The same without an authorizer.
async fn open_without_authorizer(harness: &Harness, connection: &str) -> (Value, Value) {
    let mut connect = fixture("connect-without-authorizer");
    let mut message = fixture("message-default-without-authorizer");
    for event in [&mut connect, &mut message] {
        event["requestContext"]["connectionId"] = connection.into();
    }
    (harness.handle(connect).await, message)
}

async fn kind(harness: &Harness, connection: &str) -> Option<String> {
    let row = harness.connections.get(&id(connection), NOW).await.unwrap();
    row.map(|row| row.identity.row_user())
}

#[tokio::test]
async fn a_connection_too_many_is_told_so_and_closed() {
    for authorizer in [true, false] {
        let harness = Harness::with(|config| config.connections_per_user = 1);
        harness.put(&row("page=", identity())).await;
        let (opened, message) = match authorizer {
            true => open(&harness, "second=", &claims(), false).await,
            false => open_without_authorizer(&harness, "second=").await,
        };
        assert_eq!(opened["statusCode"], 200, "a browser would not see why it is refused");
        assert_eq!(kind(&harness, "second=").await.as_deref(), Some("limit:ada"), "it takes no place of the others");
        harness.message(message).await;
        let told: Value = serde_json::from_str(&harness.browser.frames()[0]).unwrap();
        assert_eq!(
            (&told["type"], &told["code"], &told["retryable"]),
            (&json!("error"), &json!("LIMIT_REACHED"), &json!(true))
        );
        assert!(told["message"].as_str().unwrap().contains("MAX_CONNECTIONS_PER_USER"), "{told}");
        assert_eq!(harness.browser.closed(), [id("second=")]);
        assert_eq!(harness.connections.rows_exist(&["page=", "second="]).await, [true, false]);
        assert_eq!(harness.backend.calls(), [], "the service hears nothing of it");
    }
}

#[tokio::test]
async fn the_service_is_not_told_that_a_connection_too_many_is_gone() {
    let harness = Harness::with(|config| config.connections_per_user = 1);
    harness.put(&row(CONNECTION, Identity { over_limit: true, ..identity() })).await;
    let mut gone = fixture("disconnect-closed");
    gone["requestContext"]["authorizer"]["overLimit"] = json!("true");
    for event in [gone, fixture("disconnect-without-authorizer")] {
        harness.handle(event).await;
        assert_eq!(harness.backend.calls(), []);
    }
    assert_eq!(kind(&harness, CONNECTION).await, None);
}

#[tokio::test]
async fn only_a_few_connections_too_many_may_be_open() {
    let harness = Harness::with(|config| config.connections_per_user = 1);
    let mut opened = Vec::new();
    for n in 0..8 {
        opened.push(open(&harness, &format!("c{n}="), &claims(), false).await.0["statusCode"].clone());
    }
    assert_eq!(opened, [200, 200, 200, 200, 200, 200, 429, 429], "one, five that are told so, and no more");
    let (_, message) = open(&harness, "c9=", &claims(), false).await;
    assert_eq!(harness.connections.rows_exist(&["c9="]).await, [false]);
    harness.message(message).await;
    assert_eq!(harness.errors(), ["LIMIT_REACHED"], "even if it speaks all the same");
}

#[tokio::test]
async fn expired_rows_and_other_users_do_not_count() {
    let harness = Harness::with(|config| config.connections_per_user = 3);
    for other in ["a=", "b="] {
        harness.put(&row(other, identity())).await;
    }
    harness.put(&Connection { expires_at: NOW, ..row("old=", identity()) }).await;
    harness.put(&row("c=", Identity { sub: "eve".into(), ..identity() })).await;
    for (connection, expected) in [("third=", "ada"), ("fourth=", "limit:ada")] {
        open(&harness, connection, &claims(), false).await;
        assert_eq!(kind(&harness, connection).await.as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn carriers_are_marked_and_counted_apart() {
    let harness = Harness::with(|config| config.connections_per_user = 1);
    harness.put(&row("page=", identity())).await;
    for (connection, expected) in [("carrier=", "carrier:ada"), ("another=", "limit:carrier:ada")] {
        open(&harness, connection, &claims(), true).await;
        assert_eq!(kind(&harness, connection).await.as_deref(), Some(expected));
    }
    let carrier = harness.connections.get(&id("carrier="), NOW).await.unwrap().unwrap();
    assert_eq!(carrier.identity, Identity { carrier: true, ..identity() });
}

#[tokio::test]
async fn an_instructor_opens_thirty_sessions_and_guests_take_none_of_their_owners() {
    for role in [Role::Instructor, Role::Viewer] {
        let harness = Harness::new();
        let watching = UserClaims { role, ..claims() };
        for n in 0..100 {
            assert_eq!(open(&harness, &format!("w{n}="), &watching, false).await.0["statusCode"], 200);
        }
        assert_eq!(harness.connections.count_by_user(&format!("{role}:ada"), NOW).await.unwrap(), 100);
        open(&harness, "next=", &watching, false).await;
        assert_eq!(kind(&harness, "next=").await, Some(format!("limit:{role}:ada")), "five times as many, and no more");
        open(&harness, "own=", &claims(), false).await;
        assert_eq!(kind(&harness, "own=").await.as_deref(), Some("ada"));
    }
}

#[tokio::test]
async fn stale_rows_are_removed_at_the_limit() {
    let harness = Harness::with(|config| config.connections_per_user = 4);
    let idle = |name| Connection { expires_at: NOW + 571, ..row(name, identity()) };
    for name in ["gone=", "there="] {
        harness.put(&idle(name)).await;
    }
    // Unknown to API Gateway too, but possibly still opening.
    for young in ["young=", "younger="] {
        harness.put(&Connection { expires_at: NOW + 572, ..row(young, identity()) }).await;
    }
    for name in ["gone=", "young=", "younger="] {
        harness.browser.disappear_after(&id(name), 0);
    }
    open(&harness, CONNECTION, &claims(), false).await;
    let left = harness.connections.rows_exist(&["gone=", "there=", "young=", "younger="]).await;
    assert_eq!(left, [false, true, true, true]);
    assert_eq!(kind(&harness, CONNECTION).await.as_deref(), Some("ada"));
    open(&harness, "another=", &claims(), false).await;
    assert_eq!(kind(&harness, "another=").await.as_deref(), Some("limit:ada"));
}

#[tokio::test]
async fn a_table_that_cannot_be_read_refuses_everyone() {
    let harness = Harness::new();
    harness.connections.broken.store(true, Ordering::Relaxed);
    let asked = harness.try_handle(fixture("authorizer-query"), crate::harness::LAMBDA_TIMEOUT).await;
    assert_eq!(asked, Err(HandleError::NoTable));
    let asked =
        harness.handle(with("connect-without-authorizer", "/queryStringParameters/sessionId", json!("lab-7"))).await;
    assert_eq!(refusal(&asked), (500, "INTERNAL".to_owned()));
}
