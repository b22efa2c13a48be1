//! How long frames of a client are carried after its last message that says that it is there.

use crate::harness::{Harness, Token, caller, input};
use backend::session::Caller;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// Makes a message for this epoch.
type Message = fn(&Value) -> Value;

/// At this second, whether the client is a member: its relay, which never asks, is void by then, so that even a `ping` of a
/// member brings a grant.
async fn is_member(harness: &Harness, who: &Caller, second: u64) -> bool {
    harness.at(second).await;
    harness.registry.relays().tick(Instant::now());
    harness.say(who, json!({"type":"ping"})).await.grant.is_some()
}

#[tokio::test(start_paused = true)]
async fn a_page_is_a_member_until_45_s_after_it_said_that_it_is_there() {
    let messages: [(Message, bool); 7] = [
        (|_| json!({"type":"attach","client":"page","cols":80,"rows":24}), true),
        (|epoch| json!({"type":"follow","epoch":epoch,"pos":0}), true),
        (|epoch| json!({"type":"input","seq":1,"epoch":epoch,"data":"x"}), true),
        (|_| json!({"type":"ping"}), false),
        (|epoch| json!({"type":"ack","epoch":epoch,"pos":0}), false),
        (|_| json!({"type":"input","seq":1,"epoch":1,"data":"for another shell"}), false),
        (|epoch| json!({"type":"remove","seq":1,"epoch":epoch,"who":99}), false),
    ];
    for (message, prolongs) in messages {
        let (harness, ada, attached, _) = Harness::attached().await;
        let message = message(&attached["epoch"]);
        assert!(is_member(&harness, &ada, 40).await, "{message}");
        harness.at(44).await;
        harness.say(&ada, message.clone()).await;
        for (second, expected) in [(48, prolongs), (88, prolongs), (92, false)] {
            assert_eq!(is_member(&harness, &ada, second).await, expected, "{message} after {second} s");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_plain_client_is_prolonged_by_each_message() {
    for (speaks, hears) in [(true, true), (false, false)] {
        let (harness, ada, attached, _) = Harness::attached().await;
        let eve = caller("eve", "plain");
        let mut run: Option<Token> = None;
        for (second, message) in [
            (0, json!({"type":"chat_message","data":{"message":"x"}})),
            (40, json!({"type":"ping"})),
            (if speaks { 80 } else { 41 }, json!({"type":"ping"})),
        ] {
            harness.at(second).await;
            harness.registry.relays().tick(Instant::now());
            run = harness.token(&eve, harness.say(&eve, message).await.grant).or(run);
        }
        harness.at(90).await;
        let epoch = &attached["epoch"];
        harness.say(&ada, input(&attached, 1, "x")).await;
        harness.say(&ada, json!({"type":"chat_message","seq":2,"epoch":epoch,"data":{"message":"hello"}})).await;
        let heard = harness.fetch(run.unwrap(), Duration::ZERO).await.frame;
        assert_eq!(heard.is_some(), hears, "{heard:?}");
    }
}
