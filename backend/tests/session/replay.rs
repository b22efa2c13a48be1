//! Requests of the gateway that are presented again by one who recorded them: each message counts once.

use crate::harness::{Harness, caller, frame, input};
use backend::metrics::Transport;
use backend::session::{Caller, Reply};
use backend::terminal::Size;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::advance;

/// The caller's request with this id.
fn request(who: &Caller, id: &str) -> Caller {
    Caller { signed_id: Some(id.into()), ..who.clone() }
}

fn code(reply: Reply) -> Value {
    assert!(reply.grant.is_none() && reply.close.is_none(), "it changes nothing");
    frame(reply.frame)["code"].clone()
}

fn command(line: &str) -> Value {
    json!({"type":"command","command":line})
}

/// A session whose shell waits for a command, and a plain client.
async fn with_prompt() -> (Harness, Caller) {
    let harness = Harness::new().await;
    harness.script.mark("B");
    (harness, caller("ada", "plain"))
}

/// Presents a command whose result comes at once.
async fn run(harness: &Harness, who: &Caller, line: &str) -> Value {
    let (script, before) = (harness.script.clone(), harness.script.input().len());
    let ends = async {
        while script.input().len() == before {
            tokio::task::yield_now().await;
        }
        script.mark("C");
        script.mark("D;0");
        script.mark("B");
    };
    let (reply, ()) = tokio::join!(harness.present(who, command(line)), ends);
    frame(reply.frame)
}

#[tokio::test(start_paused = true)]
async fn a_command_that_is_presented_again_runs_once() {
    let (harness, plain) = with_prompt().await;
    let (recorded, another) = (request(&plain, "r1"), request(&plain, "r2"));
    assert_eq!(run(&harness, &recorded, "make").await["type"], "command_result");
    assert_eq!(code(harness.present(&recorded, command("make")).await), "FORBIDDEN");
    assert_eq!(run(&harness, &another, "make").await["type"], "command_result", "another request");
    // The page that attaches on the same connection does not make them new.
    harness.attach(&plain, "page").await;
    for replayed in [recorded, another] {
        assert_eq!(code(harness.present(&replayed, command("make")).await), "FORBIDDEN");
    }
    assert_eq!(harness.script.input(), b"make\rmake\r");
}

#[tokio::test(start_paused = true)]
async fn a_replay_is_known_until_its_token_has_expired() {
    let (harness, plain) = with_prompt().await;
    let recorded = request(&plain, "r1");
    run(&harness, &recorded, "make").await;
    advance(Duration::from_millis(79_999)).await;
    harness.clock.jump(3600);
    assert_eq!(code(harness.present(&recorded, command("make")).await), "FORBIDDEN");
    advance(Duration::from_millis(1)).await;
    // The check of its token refuses it from now on.
    assert_eq!(run(&harness, &recorded, "make").await["type"], "command_result");
}

#[tokio::test(start_paused = true)]
async fn each_plain_message_that_acts_counts_once() {
    let (harness, _, _, token) = Harness::attached().await;
    let plain = caller("eve", "plain");
    let (wide, chat) =
        (json!({"type":"resize","cols":100,"rows":30}), json!({"type":"chat_message","data":{"message":"x"}}));
    assert_eq!(frame(harness.present(&request(&plain, "r1"), wide.clone()).await.frame)["type"], "resize_ack");
    harness.present(&request(&plain, "r2"), json!({"type":"resize","cols":90,"rows":20})).await;
    harness.present(&request(&plain, "r3"), chat.clone()).await;
    for (id, message) in [("r1", wide), ("r3", chat)] {
        assert_eq!(code(harness.present(&request(&plain, id), message).await), "FORBIDDEN", "{id}");
    }
    assert_eq!(harness.script.sizes().last(), Some(&Size { cols: 90, rows: 20 }));
    let (frames, _) = harness.fetch_all(token).await;
    assert_eq!(frames.iter().filter(|frame| frame["kind"] == "chat").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_floods_takes_no_other_s_room() {
    let harness = Harness::new().await;
    let (vic, ada) = (caller("vic", "c1"), caller("ada", "c2"));
    let resize = json!({"type":"resize","cols":80,"rows":24});
    for n in 0..1000 {
        let reply = harness.present(&request(&vic, &n.to_string()), resize.clone()).await;
        assert_eq!(frame(reply.frame)["type"], "resize_ack", "{n}");
    }
    assert_eq!(code(harness.present(&request(&vic, "1000"), resize.clone()).await), "RATE_LIMITED");
    assert_eq!(code(harness.present(&request(&vic, "0"), resize.clone()).await), "FORBIDDEN", "none is forgotten");
    assert_eq!(frame(harness.present(&request(&ada, "a"), resize.clone()).await.frame)["type"], "resize_ack");
    advance(Duration::from_secs(80)).await;
    assert_eq!(frame(harness.present(&request(&vic, "1000"), resize).await.frame)["type"], "resize_ack");
}

/// During a deployment: a function of before sends no id.
#[tokio::test(start_paused = true)]
async fn a_gateway_without_request_ids_carries_all_but_messages_that_count_once() {
    let (harness, plain) = with_prompt().await;
    let refused = frame(harness.present(&plain, command("ls")).await.frame);
    assert_eq!(refused["code"], "INTERNAL");
    assert!(refused["message"].as_str().unwrap().contains("older than the service"), "{refused}");
    let page = caller("ada", "page");
    let attach = json!({"type":"attach","client":"p","cols":80,"rows":24});
    let attached = frame(harness.present(&page, attach).await.frame);
    harness.present(&page, input(&attached, 1, "x")).await;
    assert_eq!(harness.script.input(), b"x");
}

#[tokio::test(start_paused = true)]
async fn a_direct_connection_needs_no_request_ids() {
    let (harness, plain) = with_prompt().await;
    let direct = Caller { transport: Transport::WebSocket, ..plain };
    for _ in 0..2 {
        assert_eq!(run(&harness, &direct, "ls").await["type"], "command_result");
    }
    assert_eq!(harness.script.input(), b"ls\rls\r");
}

/// A page's own messages have numbers and an epoch: the order refuses what it has had.
#[tokio::test(start_paused = true)]
async fn a_page_s_messages_presented_again_change_nothing() {
    let (harness, ada, attached, token) = Harness::attached().await;
    harness.script.set_interrupt_key(Some(backend::terminal::InterruptKey {
        flushes: true,
        continues: true,
        echo: b"^C",
    }));
    let epoch = &attached["epoch"];
    let fields = [
        json!({"type":"input","data":"a"}),
        json!({"type":"resize","cols":100,"rows":30}),
        json!({"type":"resize","cols":90,"rows":20}),
        json!({"type":"interrupt","afterSeq":3}),
        json!({"type":"hand","up":true}),
        json!({"type":"hand","up":false}),
        json!({"type":"only_me","on":true}),
        json!({"type":"only_me","on":false}),
        json!({"type":"extend"}),
        json!({"type":"chat_message","data":{"message":"x"}}),
        json!({"type":"input","data":"b"}),
    ];
    let messages: Vec<Value> = fields
        .into_iter()
        .zip(1..)
        .map(|(mut message, seq)| {
            (message["seq"], message["epoch"]) = (json!(seq), epoch.clone());
            message
        })
        .collect();
    for message in &messages {
        harness.say(&ada, message.clone()).await;
    }
    let effect = || (harness.script.input(), harness.script.sizes(), harness.script.interrupts());
    let (events, token) = harness.fetch_all(token).await;
    assert!(events.iter().filter(|frame| frame["type"] == "event").count() > 4, "{events:?}");
    let before = effect();
    for message in messages {
        let reply = harness.say(&ada, message.clone()).await;
        assert_eq!(reply.frame, None, "{message}");
    }
    assert_eq!(effect(), before);
    let (events, _) = harness.fetch_all(token.unwrap()).await;
    assert!(events.iter().all(|frame| frame["type"] == "input_ack"), "{events:?}");
}
