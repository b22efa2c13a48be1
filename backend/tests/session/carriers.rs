//! Carriers: second connections of pages, whose runs carry where API Gateway hands over messages one after the other.

use crate::harness::{Harness, Token, caller, frame, input, until};
use crate::removal::remove;
use backend::session::{Arrival, Caller, Close, Reply};
use serde_json::{Value, json};
use shared_protocol::{Dispatch, Role};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// A page and its carrier of an API that is known to be serial.
fn pair(name: &str) -> (Caller, Caller) {
    let arrival = Arrival { dispatch: Some(Dispatch::Serial), ..Arrival::default() };
    let page = Caller { arrival, endpoint: "serial/prod".into(), ..caller(name, &format!("{name}-page")) };
    let connection = caller(name, &format!("{name}-carrier")).connection;
    (page.clone(), Caller { connection, carrier: true, ..page })
}

/// A session with ada's page attached.
async fn attached() -> (Harness, Caller, Caller, Value) {
    let (harness, page, carrier, attached, _) = attached_briefly().await;
    (harness, page, carrier, attached)
}

/// The same, and the page's own run, which carries for a second.
async fn attached_briefly() -> (Harness, Caller, Caller, Value, Token) {
    let (harness, (page, carrier)) = (Harness::new().await, pair("ada"));
    let reply = harness.say(&page, json!({"type":"attach","client":"page","cols":80,"rows":24})).await;
    let attached = frame(reply.frame);
    assert_eq!(attached["dispatch"], "serial");
    let brief = harness.token(&page, reply.grant).unwrap();
    harness.fetch_all(brief).await;
    (harness, page, carrier, attached, brief)
}

/// True if this run carries for longer than a second.
async fn lasts(harness: &Harness, run: Token) -> bool {
    harness.fetch_all(run).await;
    sleep_until(Instant::now() + Duration::from_millis(1100)).await;
    harness.registry.relays().tick(Instant::now());
    let lasts = harness.fetch_all(run).await.1.is_some();
    // The last report.
    harness.fetch(run, Duration::ZERO).await;
    lasts
}

fn carry(attached: &Value) -> Value {
    json!({"type":"carry","client":"page","epoch":attached["epoch"]})
}

fn code(reply: Reply) -> String {
    frame(reply.frame)["code"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn only_a_carriers_messages_are_granted_relays_that_last() {
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
async fn a_pages_own_run_carries_for_a_second_until_a_carriers_does() {
    let (harness, page, carrier, attached, own) = attached_briefly().await;
    assert!(!lasts(&harness, own).await, "its next key would wait");
    let reply = harness.say(&page, input(&attached, 1, "a")).await;
    let mut brief = harness.token(&page, reply.grant).expect("a page without a relay sees no output");
    harness.script.print("shown");
    assert_eq!(harness.next(&mut brief).await["data"], "shown");
    let grant = harness.say(&carrier, carry(&attached)).await.grant;
    let successor = harness.token(&page, grant).expect("its keys wait for its own run");
    harness.fetch(successor, Duration::ZERO).await;
    assert!(harness.fetch(brief, Duration::ZERO).await.next.is_none(), "which ends");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_has_waited_starts_no_run_that_others_would_wait_for() {
    let (harness, page, _, attached, own) = attached_briefly().await;
    assert!(!lasts(&harness, own).await);
    for (seq, waited, expected) in [(1, 1000, false), (2, 999, true)] {
        let arrival = Arrival { gateway_ms: Some(waited), ..page.arrival };
        let reply = harness.say(&Caller { arrival, ..page.clone() }, input(&attached, seq, "a")).await;
        assert_eq!(reply.grant.is_some(), expected, "after {waited} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_whose_carrier_stays_away_gets_its_output_after_ten_seconds() {
    let (harness, page, _, attached, own) = attached_briefly().await;
    assert!(!lasts(&harness, own).await);
    for (seq, seconds, expected) in [(1, 8, false), (2, 11, true)] {
        harness.at(seconds).await;
        let reply = harness.say(&page, input(&attached, seq, "a")).await;
        let run = harness.token(&page, reply.grant).expect("no relay carries the page");
        assert_eq!(lasts(&harness, run).await, expected, "after {seconds} s");
    }
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
    assert!(remove(&harness, &page).await);
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

#[tokio::test(start_paused = true)]
async fn a_viewers_carrier_carries_for_the_viewer() {
    let (harness, _, _, _, own) = attached_briefly().await;
    assert!(!lasts(&harness, own).await, "the viewer has no place in a relay of another page");
    let [page, carrier] = <[Caller; 2]>::from(pair("vic")).map(|caller| Caller { role: Role::Viewer, ..caller });
    let reply = harness.say(&page, json!({"type":"attach","client":"viewer","cols":80,"rows":24})).await;
    let attached = frame(reply.frame);
    assert_eq!(attached["role"], "viewer");
    let ask = json!({"type":"carry","client":"viewer","epoch":attached["epoch"]});
    let reply = harness.say(&carrier, ask).await;
    assert_eq!(frame(reply.frame)["type"], "carried");
    let mut token = harness.token(&page, reply.grant).expect("the viewer's keys wait for the page's run");
    harness.script.print("shown");
    assert_eq!(harness.next(&mut token).await["data"], "shown");
}

#[tokio::test(start_paused = true)]
async fn a_carrier_comes_back_soon_while_its_clients_relay_may_be_dead() {
    let (harness, page, carrier, attached, own) = attached_briefly().await;
    assert!(!lasts(&harness, own).await);
    let grant = harness.say(&carrier, carry(&attached)).await.grant;
    let run = harness.token(&page, grant).expect("the page has no relay");
    harness.fetch(run, Duration::ZERO).await;
    let next = async || frame(harness.say(&carrier, carry(&attached)).await.frame)["carryMs"].clone();
    assert_eq!(next().await, 10_000);
    // The run is killed, and asks no more.
    sleep_until(Instant::now() + Duration::from_secs(2)).await;
    assert_eq!(next().await, 1000);
}

#[tokio::test(start_paused = true)]
async fn a_plain_client_gets_a_run_of_its_own_after_ten_seconds() {
    let (harness, (plain, _)) = (Harness::new().await, pair("ada"));
    let chat = json!({"type":"chat_message","data":{"message":"x"}});
    for (seconds, expected) in [(0, false), (9, false), (10, true)] {
        harness.at(seconds).await;
        let granted = harness.say(&plain, chat.clone()).await.grant.is_some();
        assert_eq!(granted, expected, "after {seconds} s");
    }
}
