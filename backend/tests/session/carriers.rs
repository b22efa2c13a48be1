//! Carriers: second connections of pages, whose runs carry where API Gateway hands over messages one after the other.

use crate::harness::{Harness, caller, frame, input, until};
use backend::session::{Arrival, Caller, Close, Reply};
use serde_json::{Value, json};
use shared_protocol::Dispatch;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// A page and its carrier of an API that is known to be serial.
fn pair(name: &str) -> (Caller, Caller) {
    let arrival = Arrival { dispatch: Some(Dispatch::Serial), ..Arrival::default() };
    let page = Caller { arrival, endpoint: "serial/prod".into(), ..caller(name, &format!("{name}-page")) };
    let connection = caller(name, &format!("{name}-carrier")).connection;
    (page.clone(), Caller { connection, carrier: true, ..page })
}

/// A session with ada's page attached, which no relay carries yet.
async fn attached() -> (Harness, Caller, Caller, Value) {
    let (harness, (page, carrier)) = (Harness::new().await, pair("ada"));
    let reply = harness.say(&page, json!({"type":"attach","client":"page","cols":80,"rows":24})).await;
    assert!(reply.grant.is_none(), "its own run would keep its keys waiting");
    let attached = frame(reply.frame);
    assert_eq!(attached["dispatch"], "serial");
    (harness, page, carrier, attached)
}

fn carry(attached: &Value) -> Value {
    json!({"type":"carry","client":"page","epoch":attached["epoch"]})
}

fn code(reply: Reply) -> String {
    frame(reply.frame)["code"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn only_a_carriers_messages_are_granted_relays() {
    let (harness, page, carrier, attached) = attached().await;
    assert!(harness.say(&page, input(&attached, 1, "a")).await.grant.is_none());
    let reply = harness.say(&carrier, carry(&attached)).await;
    assert_eq!(reply.frame.map(|bytes| frame(Some(bytes))["carryMs"].clone()), Some(json!(10_000)));
    let mut token = harness.token(&page, reply.grant).expect("the page has no relay");
    harness.script.print("shown");
    assert_eq!(harness.next(&mut token).await["data"], "shown");
    let again = harness.say(&carrier, carry(&attached)).await;
    assert!(again.grant.is_none() && !again.touch, "its relay is young, and its row as well");
    sleep_until(Instant::now() + Duration::from_secs(16)).await;
    harness.fetch(token, Duration::ZERO).await;
    let reply = harness.say(&page, input(&attached, 2, "b")).await;
    assert!(reply.grant.is_none(), "nor is a successor");
    let successor = harness.say(&carrier, carry(&attached)).await.grant;
    assert!(successor.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_page_whose_carrier_stays_away_gets_its_output_after_three_seconds() {
    let (harness, page, _, attached) = attached().await;
    sleep_until(Instant::now() + Duration::from_millis(2900)).await;
    assert!(harness.say(&page, input(&attached, 1, "a")).await.grant.is_none());
    sleep_until(Instant::now() + Duration::from_millis(200)).await;
    assert!(harness.say(&page, input(&attached, 2, "b")).await.grant.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_carrier_takes_over_from_a_run_of_the_page_at_once() {
    let (harness, (serial, carrier)) = (Harness::new().await, pair("ada"));
    let page = Caller { arrival: Arrival::default(), ..serial };
    let reply = harness.say(&page, json!({"type":"attach","client":"page","cols":80,"rows":24})).await;
    let own = harness.token(&page, reply.grant).expect("the dispatch is not known yet");
    let attached = frame(reply.frame);
    harness.fetch(own, Duration::ZERO).await;
    let grant = harness.say(&carrier, carry(&attached)).await.grant;
    let mut token = harness.token(&page, grant).expect("the page's keys wait for its own run");
    harness.fetch(token, Duration::ZERO).await;
    assert!(harness.fetch(own, Duration::ZERO).await.next.is_none(), "which ends");
    harness.script.print("shown");
    assert_eq!(harness.next(&mut token).await["data"], "shown");
    assert!(harness.say(&carrier, carry(&attached)).await.grant.is_none(), "nothing waits for a carrier's run");
}

#[tokio::test(start_paused = true)]
async fn a_carrier_is_no_connection_of_the_client() {
    let (harness, page, carrier, attached) = attached().await;
    let reply = harness.say(&carrier, carry(&attached)).await;
    assert_eq!((reply.listed.is_none(), reply.close), (true, None));
    harness.session.disconnect(page.connection.clone()).await.unwrap();
    harness.settle().await;
    let refused = harness.say(&carrier, carry(&attached)).await;
    assert_eq!(refused.close, Some(Close::Ended), "it ends with the client's last connection");
    assert_eq!(code(refused), "FORBIDDEN");
}

#[tokio::test(start_paused = true)]
async fn a_carrier_serves_an_attached_client_of_its_user_and_epoch_only() {
    let (harness, _, carrier, attached) = attached().await;
    let (_, eve) = pair("eve");
    assert_eq!(code(harness.say(&eve, carry(&attached)).await), "FORBIDDEN");
    let unknown = json!({"type":"carry","client":"other","epoch":attached["epoch"]});
    assert_eq!(code(harness.say(&carrier, unknown).await), "FORBIDDEN");
    let elsewhere = Caller { endpoint: "serial/staging".into(), ..carrier.clone() };
    assert_eq!(code(harness.say(&elsewhere, carry(&attached)).await), "FORBIDDEN", "its run cannot post to the page");
    let stale = json!({"type":"carry","client":"page","epoch":1});
    assert_eq!(code(harness.say(&carrier, stale).await), "STALE_EPOCH");
    let expired = until(0, Caller { ..carrier });
    sleep_until(Instant::now() + Duration::from_secs(11)).await;
    assert_eq!(code(harness.say(&expired, carry(&attached)).await), "TOKEN_EXPIRED");
}

#[tokio::test(start_paused = true)]
async fn a_carrier_is_revoked_with_its_client() {
    let (harness, page, carrier, attached) = attached().await;
    assert!(harness.session.revoke(page.connection).await.unwrap());
    for _ in 0..2 {
        let refused = harness.say(&carrier, carry(&attached)).await;
        assert_eq!(refused.close, Some(Close::Rejected));
        assert_eq!(code(refused), "REVOKED");
    }
}

#[tokio::test(start_paused = true)]
async fn the_row_of_a_carrier_is_kept() {
    let (harness, page, carrier, attached) = attached().await;
    let mut touches = Vec::new();
    for minute in 0..10 {
        sleep_until(Instant::now() + Duration::from_secs(60)).await;
        harness.say(&page, input(&attached, minute + 1, "x")).await;
        touches.push(harness.say(&carrier, carry(&attached)).await.touch);
    }
    assert_eq!(touches.iter().filter(|touch| **touch).count(), 2, "{touches:?}");
}

#[tokio::test(start_paused = true)]
async fn a_page_is_told_once_when_its_dispatch_becomes_known() {
    let (harness, ada, attached, mut token) = Harness::attached().await;
    harness.say(&ada, input(&attached, 1, "a")).await;
    let known = Caller { arrival: Arrival { dispatch: Some(Dispatch::Concurrent), ..Arrival::default() }, ..ada };
    let told = frame(harness.say(&known, input(&attached, 2, "b")).await.frame);
    assert_eq!((&told["type"], &told["dispatch"]), (&json!("pong"), &json!("concurrent")));
    assert!(harness.say(&known, input(&attached, 3, "c")).await.frame.is_none());
    harness.script.print("x");
    while harness.next(&mut token).await["type"] != "output" {}
}
