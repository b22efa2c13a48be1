//! Viewers, plain connections, and what each may do.

use crate::world::{World, frame, speaker};
use backend::session::Speaker;
use backend::terminal::Size;
use serde_json::json;
use shared_protocol::Role;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

#[tokio::test(start_paused = true)]
async fn a_viewer_watches_and_chats_and_nothing_else() {
    let world = World::new().await;
    let viewer = Speaker { role: Role::Viewer, ..speaker("vic", "c2") };
    let (attached, ticket) = world.attach(&viewer, "page-v").await;
    assert_eq!(attached["role"], "viewer");
    let epoch = &attached["epoch"];
    for message in [
        json!({"type":"input","seq":1,"epoch":epoch,"data":"x"}),
        json!({"type":"resize","seq":2,"epoch":epoch,"cols":10,"rows":10}),
        json!({"type":"command","seq":3,"epoch":epoch,"id":"i","command":"ls"}),
        json!({"type":"interrupt","seq":4,"epoch":epoch,"afterSeq":0}),
        json!({"type":"close","seq":5,"epoch":epoch}),
        json!({"type":"extend","seq":6,"epoch":epoch}),
        json!({"type":"command","command":"ls"}),
        json!({"type":"resize","cols":10,"rows":10}),
    ] {
        let refused = frame(world.say(&viewer, message.clone()).await.frame);
        assert_eq!(refused["code"], "READ_ONLY", "{message}");
    }
    assert_eq!((world.script.input(), world.script.sizes().len()), (Vec::new(), 1));
    world.say(&viewer, json!({"type":"chat_message","seq":7,"epoch":epoch,"data":{"message":"hello"}})).await;
    let (frames, _) = world.fetch_all(&viewer, ticket).await;
    let chat = frames.iter().find(|frame| frame["kind"] == "chat").unwrap();
    assert_eq!((&chat["from"], &chat["message"]), (&json!("vic"), &json!("hello")));
    assert!(frames.iter().all(|frame| frame["kind"] != "ends"), "nobody got more time");
}

#[tokio::test(start_paused = true)]
async fn a_plain_command_that_takes_long_is_answered_twice() {
    let world = World::new().await;
    let plain = speaker("ada", "plain");
    let command = json!({"type":"command","id":"7","command":"make"});
    let asked = Instant::now();
    let busy = frame(world.say(&plain, command.clone()).await.frame);
    assert_eq!((&busy["code"], &busy["id"]), (&json!("BUSY"), &json!("7")));
    assert_eq!(asked.elapsed(), Duration::from_secs(3), "no prompt was ever marked");
    world.script.mark("B");
    let asked = Instant::now();
    let started = world.say(&plain, command).await;
    assert_eq!(asked.elapsed(), Duration::from_secs(20));
    let ticket = started.follow.expect("its result will come by a follower");
    assert_eq!(frame(started.frame)["type"], "command_started");
    assert_eq!(world.script.input(), b"make\r");
    world.script.mark("C");
    world.script.print("built\r\n");
    world.script.mark("D;4");
    world.script.mark("B");
    let result = frame(world.fetch(&plain, ticket, Duration::from_secs(5)).await.frame);
    assert_eq!((&result["type"], &result["id"]), (&json!("command_result"), &json!("7")));
    assert_eq!((&result["result"], &result["exitCode"]), (&json!("built\n"), &json!(4)));
    assert!(world.say(&plain, json!({"type":"ping"})).await.follow.is_none(), "nothing more will come");
}

#[tokio::test(start_paused = true)]
async fn plain_and_unattached_connections_get_direct_answers() {
    let world = World::new().await;
    let plain = speaker("ada", "plain");
    let pong = frame(world.say(&plain, json!({"type":"ping","t":5})).await.frame);
    assert_eq!((&pong["type"], &pong["t"], pong.get("head")), (&json!("pong"), &json!(5), None));
    let unknown = frame(world.say(&plain, json!({"action":"dance"})).await.frame);
    assert_eq!((&unknown["type"], &unknown["received"]), (&json!("unknown_command"), &json!("dance")));
    let unordered = frame(world.say(&plain, json!({"type":"input","data":"x"})).await.frame);
    assert_eq!(unordered["type"], "unknown_command");
    let early = frame(world.say(&plain, json!({"type":"ack","epoch":1,"pos":1})).await.frame);
    assert_eq!(early["code"], "NOT_ATTACHED");
    let resized = world.say(&plain, json!({"type":"resize","cols":100,"rows":40})).await;
    assert!(resized.follow.is_none(), "a plain connection has no follower");
    assert_eq!(frame(resized.frame)["type"], "resize_ack");
    assert_eq!(world.script.sizes().last(), Some(&Size { cols: 100, rows: 40 }));
}

#[tokio::test(start_paused = true)]
async fn an_attached_client_without_seq_is_told_what_is_missing() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    world.attach(&ada, "page").await;
    let refused = frame(world.say(&ada, json!({"type":"input","data":"x"})).await.frame);
    assert_eq!(refused["code"], "BAD_FIELD");
}

#[tokio::test(start_paused = true)]
async fn the_service_answers_what_programs_ask_their_terminal() {
    let world = World::new().await;
    world.script.print("ab\x1b[6n");
    world.settle().await;
    assert_eq!(world.script.input(), b"\x1b[1;3R", "nobody needs to be there");
    let ada = speaker("ada", "c1");
    let (_, ticket) = world.attach(&ada, "page").await;
    world.script.print("\x1b]2;my title\x07");
    let (frames, _) = world.fetch_all(&ada, ticket).await;
    let title = frames.iter().find(|frame| frame["kind"] == "title").unwrap();
    assert_eq!(title["title"], "my title");
    assert_eq!(world.script.input(), b"\x1b[1;3R", "replayed history asks nobody again");
}

#[tokio::test(start_paused = true)]
async fn settings_of_the_terminal_are_told_even_when_nothing_is_printed() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (_, ticket) = world.attach(&ada, "page").await;
    world.script.print("Password: ");
    let (frames, next) = world.fetch_all(&ada, ticket).await;
    assert_eq!(frames.len(), 1);
    sleep_until(Instant::now() + Duration::from_millis(300)).await;
    world.script.set_tty(shared_protocol::server::Tty { echo: false, canonical: true });
    let event = frame(world.fetch(&ada, next.unwrap(), Duration::from_millis(1500)).await.frame);
    assert_eq!((&event["kind"], &event["echo"], &event["canonical"]), (&json!("tty"), &json!(false), &json!(true)));
}
