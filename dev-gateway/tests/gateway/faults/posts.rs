//! Faults of posts: the answer, and whether the message is delivered.

use super::connected;
use crate::support::{Fixture, Socket, connections, text};
use http::{Method, StatusCode};
use std::time::Duration;
use tokio::time::Instant;

async fn post(gateway: &Fixture, id: &str, body: &str) -> (StatusCode, String) {
    let reply = gateway.http(Method::POST, &connections(id), body.to_owned()).await;
    (reply.status, reply.header("x-amzn-errortype").to_owned())
}

/// Posts `after` and expects this text next.
async fn expect_next(gateway: &Fixture, socket: &mut Socket, id: &str, expected: &str) {
    assert_eq!(post(gateway, id, "after").await.0, StatusCode::OK);
    assert_eq!(text(socket).await, expected);
}

#[tokio::test]
async fn a_post_is_refused_and_not_delivered() {
    for (plan, status, kind) in [
        ("throttle=1", StatusCode::TOO_MANY_REQUESTS, "LimitExceededException"),
        ("gone=1", StatusCode::GONE, "GoneException"),
        ("fail=1", StatusCode::INTERNAL_SERVER_ERROR, "InternalServerErrorException"),
    ] {
        let (gateway, faults, mut socket, id) = connected(plan).await;
        assert_eq!(post(&gateway, &id, "refused").await, (status, kind.to_owned()), "{plan}");
        faults.set("none".parse().unwrap());
        expect_next(&gateway, &mut socket, &id, "after").await;
        // The client is still connected.
        assert_eq!(gateway.http(Method::GET, &connections(&id), "").await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_post_is_refused_but_delivered() {
    for (plan, status) in
        [("gone-delivered=1", StatusCode::GONE), ("fail-delivered=1", StatusCode::INTERNAL_SERVER_ERROR)]
    {
        let (gateway, faults, mut socket, id) = connected(plan).await;
        assert_eq!(post(&gateway, &id, "delivered").await.0, status, "{plan}");
        faults.set("none".parse().unwrap());
        expect_next(&gateway, &mut socket, &id, "delivered").await;
    }
}

#[tokio::test]
async fn later_connections_are_throttled() {
    let (gateway, _faults, mut first, one) = connected("throttle-from=2").await;
    let (_second, two) = gateway.connect().await;
    assert_eq!(post(&gateway, &two, "refused").await.0, StatusCode::TOO_MANY_REQUESTS);
    expect_next(&gateway, &mut first, &one, "after").await;
}

#[tokio::test]
async fn posts_above_the_rate_are_throttled() {
    let (gateway, faults, mut socket, id) = connected("rate=3").await;
    let began = Instant::now();
    let mut taken = 0;
    while post(&gateway, &id, "x").await.0 == StatusCode::OK {
        taken += 1;
    }
    // On a slow machine the posts span several seconds.
    let seconds = 1 + began.elapsed().as_secs();
    assert!(taken >= 3 && taken <= 3 * seconds, "{taken} in {seconds} s");
    for _ in 0..taken {
        assert_eq!(text(&mut socket).await, "x");
    }
    assert_eq!(faults.counts().get("rate"), Some(&1));
}

#[tokio::test]
async fn a_throttled_account_refuses_the_posts_to_every_connection() {
    let (gateway, faults, mut socket, id) = connected("account-throttle=1e-9").await;
    let (_other, other) = gateway.connect().await;
    faults.set("account-throttle=1,account-throttle-for=60000".parse().unwrap());
    for id in [&id, &other, "KbT4dc2oDoECFzA="] {
        let expected = (StatusCode::TOO_MANY_REQUESTS, "LimitExceededException".to_owned());
        assert_eq!(post(&gateway, id, "refused").await, expected);
    }
    assert_eq!(faults.counts()["account-throttle"], 3);
    faults.set("none".parse().unwrap());
    expect_next(&gateway, &mut socket, &id, "after").await;
}

#[tokio::test]
async fn a_slow_post_is_answered_late() {
    let (gateway, _, mut socket, id) = connected("slow=200").await;
    let began = Instant::now();
    assert_eq!(post(&gateway, &id, "slow").await.0, StatusCode::OK);
    assert!(began.elapsed() >= Duration::from_millis(200), "{:?}", began.elapsed());
    assert_eq!(text(&mut socket).await, "slow");
}
