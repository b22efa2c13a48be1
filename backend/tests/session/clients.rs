//! Viewers, plain connections, and what each may do.

use crate::harness::{Harness, caller, frame, id};
use backend::session::Caller;
use backend::terminal::Size;
use serde_json::{Value, json};
use shared_protocol::{ClassClaims, Role};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

#[tokio::test(start_paused = true)]
async fn a_viewer_can_only_watch_and_chat() {
    let harness = Harness::new().await;
    let class = ClassClaims { name: Some("Victoria".into()), ..ClassClaims::default() };
    let viewer = Caller { role: Role::Viewer, class, ..caller("vic", "c2") };
    let (attached, mut token) = harness.attach(&viewer, "page-v").await;
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
        let refused = harness.ask(&viewer, message.clone(), &mut token).await;
        assert_eq!(refused["code"], "READ_ONLY", "{message}");
    }
    assert_eq!((harness.script.input(), harness.script.sizes().len()), (Vec::new(), 1));
    harness.say(&viewer, json!({"type":"chat_message","seq":7,"epoch":epoch,"data":{"message":"hello"}})).await;
    let (frames, _) = harness.fetch_all(token).await;
    let chat = frames.iter().find(|frame| frame["kind"] == "chat").unwrap();
    assert_eq!((&chat["from"], &chat["message"]), (&json!("vic"), &json!("hello")));
    assert_eq!(chat["name"], json!("Victoria"));
    assert!(frames.iter().all(|frame| frame["kind"] != "ends"), "the lifetime was not extended");
}

/// Chat messages that reached a client, and refusals of its own, in `count` messages from `first` on.
async fn chat(harness: &Harness, caller: &Caller, epoch: &Value, first: u64, count: u64) {
    for seq in first..first + count {
        let data = json!({"message": format!("{}-{seq}", caller.user)});
        harness.say(caller, json!({"type":"chat_message","seq":seq,"epoch":epoch,"data":data})).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_chats_ten_times_at_once_and_then_once_a_second() {
    let harness = Harness::new().await;
    let (vic, eve) = (caller("vic", "c2"), caller("eve", "c3"));
    let [vic, eve] = [vic, eve].map(|caller| Caller { role: Role::Viewer, ..caller });
    let (attached, vics) = harness.attach(&vic, "page-v").await;
    let (_, eves) = harness.attach(&eve, "page-e").await;
    let epoch = &attached["epoch"];
    chat(&harness, &vic, epoch, 1, 30).await;
    chat(&harness, &eve, epoch, 1, 1).await;
    let (frames, vics) = harness.fetch_all(vics).await;
    let told = |frames: &[Value], of: &str| frames.iter().filter(|frame| frame[of] == "chat").count();
    let refused = |frames: &[Value]| frames.iter().filter(|frame| frame["code"] == "RATE_LIMITED").count();
    assert_eq!((told(&frames, "kind"), refused(&frames)), (11, 20), "ten of vic's, and eve's");
    tokio::time::advance(Duration::from_secs(2)).await;
    chat(&harness, &vic, epoch, 31, 5).await;
    let (frames, _) = harness.fetch_all(vics.unwrap()).await;
    assert_eq!((told(&frames, "kind"), refused(&frames)), (2, 3));
    let (frames, _) = harness.fetch_all(eves).await;
    assert_eq!((told(&frames, "kind"), refused(&frames)), (13, 0));
}

#[tokio::test(start_paused = true)]
async fn a_slow_one_shot_command_is_answered_twice() {
    let harness = Harness::new().await;
    let plain = caller("ada", "plain");
    let command = json!({"type":"command","id":"7","command":"make"});
    let asked = Instant::now();
    let busy = frame(harness.say(&plain, command.clone()).await.frame);
    assert_eq!((&busy["code"], &busy["id"]), (&json!("BUSY"), &json!("7")));
    assert_eq!(asked.elapsed(), Duration::from_secs(3), "no prompt was ever marked");
    harness.script.mark("B");
    let asked = Instant::now();
    let started = harness.say(&plain, command).await;
    assert_eq!(asked.elapsed(), Duration::from_secs(20));
    let token = harness.token(&plain, started.grant).expect("a relay brings its result");
    assert_eq!(frame(started.frame)["type"], "command_started");
    assert_eq!(harness.script.input(), b"make\r");
    harness.script.mark("C");
    harness.script.print("built\r\n");
    harness.script.mark("D;4");
    harness.script.mark("B");
    let result = frame(harness.fetch(token, Duration::from_secs(5)).await.frame);
    assert_eq!((&result["type"], &result["id"]), (&json!("command_result"), &json!("7")));
    assert_eq!((&result["result"], &result["exitCode"]), (&json!("built\n"), &json!(4)));
    assert!(harness.say(&plain, json!({"type":"ping"})).await.grant.is_none(), "nothing more will come");
}

#[tokio::test(start_paused = true)]
async fn unattached_connections_get_direct_answers() {
    let harness = Harness::new().await;
    let plain = caller("ada", "plain");
    for t in [json!(5), json!("x"), json!([null]), json!({"a": 1.5})] {
        let pong = frame(harness.say(&plain, json!({"type":"ping","t":t})).await.frame);
        assert_eq!((&pong["type"], &pong["t"], pong.get("head")), (&json!("pong"), &t, None));
    }
    let unknown = frame(harness.say(&plain, json!({"action":"dance"})).await.frame);
    assert_eq!((&unknown["type"], &unknown["received"]), (&json!("unknown_command"), &json!("dance")));
    for kind in ["input", "close", "interrupt", "extend"] {
        let refused = frame(harness.say(&plain, json!({"type":kind,"data":"x"})).await.frame);
        assert_eq!(refused["code"], "NOT_ATTACHED", "{kind}");
        let help = refused["message"].as_str().unwrap();
        assert!(help.contains(kind) && help.contains("`attach` first") && help.contains("`command`"), "{help}");
    }
    let early = frame(harness.say(&plain, json!({"type":"ack","epoch":1,"pos":1})).await.frame);
    assert_eq!(early["code"], "NOT_ATTACHED");
    let resized = harness.say(&plain, json!({"type":"resize","cols":100,"rows":40})).await;
    assert!(resized.grant.is_none(), "nothing will come");
    assert_eq!(frame(resized.frame)["type"], "resize_ack");
    assert_eq!(harness.script.sizes().last(), Some(&Size { cols: 100, rows: 40 }));
}

#[tokio::test(start_paused = true)]
async fn a_plain_chat_message_reaches_everyone_and_is_answered() {
    let (harness, _, _, token) = Harness::attached().await;
    let (eve, vic) = (caller("eve", "plain-1"), caller("vic", "plain-2"));
    let vic = Caller { role: Role::Viewer, ..vic };
    let say = |who: &Caller, text: &str| {
        let message = json!({"action":"chat_message","data":{"message":text,"sessionId":id()}});
        let who = who.clone();
        let harness = &harness;
        async move { harness.say(&who, message).await }
    };
    let is_chat = |frame: &Value, from: &str, text: &str| {
        (&frame["type"], &frame["from"], &frame["message"]) == (&json!("chat_message"), &json!(from), &json!(text))
    };
    let first = say(&eve, "Hello").await;
    let eves = harness.token(&eve, first.grant);
    let answer = frame(first.frame);
    assert!(is_chat(&answer, "eve", "Hello") && answer["timestamp"].is_u64(), "{answer}");
    // A viewer may chat. Those who chatted hear it at once.
    let answer = frame(say(&vic, "Hi").await.frame);
    assert!(is_chat(&answer, "vic", "Hi"), "{answer}");
    let heard = frame(harness.fetch(eves.unwrap(), Duration::from_secs(5)).await.frame);
    assert!(is_chat(&heard, "vic", "Hi"), "{heard}");
    let (frames, _) = harness.fetch_all(token).await;
    let chats: Vec<_> = frames.iter().filter(|frame| frame["kind"] == "chat").map(|chat| &chat["message"]).collect();
    assert_eq!(chats, ["Hello", "Hi"], "an attached client hears them in its stream");
}

#[tokio::test(start_paused = true)]
async fn plain_chat_has_the_rate_of_its_user() {
    let harness = Harness::new().await;
    let plain = caller("ada", "plain");
    let message = json!({"type":"chat_message","data":{"message":"x"}});
    let token = harness.token(&plain, harness.say(&plain, message.clone()).await.grant);
    for _ in 0..10 {
        harness.say(&plain, message.clone()).await;
    }
    let (frames, _) = harness.fetch_all(token.unwrap()).await;
    let refused = frames.iter().filter(|frame| frame["code"] == "RATE_LIMITED").count();
    assert_eq!((frames.len(), refused), (10, 1), "the first one had its answer");
}

#[tokio::test(start_paused = true)]
async fn an_attached_client_must_number_its_messages() {
    let (harness, ada, _, mut token) = Harness::attached().await;
    let refused = harness.ask(&ada, json!({"type":"input","data":"x"}), &mut token).await;
    assert_eq!(refused["code"], "BAD_FIELD");
}

#[tokio::test(start_paused = true)]
async fn terminal_queries_of_programs_are_answered() {
    let harness = Harness::new().await;
    harness.script.print("ab\x1b[6n");
    harness.settle().await;
    assert_eq!(harness.script.input(), b"\x1b[1;3R", "no client is needed");
    let ada = caller("ada", "c1");
    let (_, token) = harness.attach(&ada, "page").await;
    harness.script.print("\x1b]2;my title\x07");
    let (frames, _) = harness.fetch_all(token).await;
    let title = frames.iter().find(|frame| frame["kind"] == "title").unwrap();
    assert_eq!(title["title"], "my title");
    assert_eq!(harness.script.input(), b"\x1b[1;3R", "replayed history sends no query again");
}

#[tokio::test(start_paused = true)]
async fn the_directory_is_told_when_it_changes_and_to_those_who_come_later() {
    let (harness, _, attached, token) = Harness::attached().await;
    assert_eq!(attached["directory"], json!(null));
    for (number, (output, known)) in [
        ("\x1b]7;file:///srv/lab%207\x07", Some("/srv/lab 7")),
        ("\x1b]7;file:///srv/lab%207\x07\x1b]7;file://elsewhere/etc\x07", Some("/srv/lab 7")),
        ("\x1b]7;file:///a\x07\x1b]7;file:///srv/%1B\x07", None),
        ("\x1b]7;file:///b\x07", Some("/b")),
    ]
    .into_iter()
    .enumerate()
    {
        harness.script.print(output);
        harness.settle().await;
        let (attached, _) = harness.attach(&caller("vic", &format!("v{number}")), &format!("late-{number}")).await;
        assert_eq!(attached["directory"], json!(known), "{output:?}");
    }
    let (frames, _) = harness.fetch_all(token).await;
    let told: Vec<_> =
        frames.iter().filter(|frame| frame["kind"] == "directory").map(|frame| &frame["directory"]).collect();
    assert_eq!(told, [&json!("/srv/lab 7"), &json!(null), &json!("/b")]);
}

#[tokio::test(start_paused = true)]
async fn changed_terminal_settings_are_announced_without_output() {
    let (harness, _, _, token) = Harness::attached().await;
    harness.script.print("Password: ");
    let (frames, next) = harness.fetch_all(token).await;
    assert_eq!(frames.len(), 1);
    sleep_until(Instant::now() + Duration::from_millis(300)).await;
    harness.script.set_tty(shared_protocol::server::Tty { echo: false, canonical: true });
    let event = frame(harness.fetch(next.unwrap(), Duration::from_millis(1500)).await.frame);
    assert_eq!((&event["kind"], &event["echo"], &event["canonical"]), (&json!("tty"), &json!(false), &json!(true)));
}
