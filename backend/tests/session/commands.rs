//! The commands that people run at the prompt: who is told of them, what is stored, and what becomes of them at the end.

use crate::harness::{Harness, LIMITS, ack, caller, frame, id, input};
use backend::session::Caller;
use backend::store::{CommandRecord, Store};
use serde_json::{Value, json};
use shared_protocol::{ClassClaims, GroupId, Role};

fn named(user: &str, role: Role, name: &str) -> Caller {
    let class = ClassClaims { name: Some(name.into()), grp: GroupId::new("class-7").ok(), ..ClassClaims::default() };
    Caller { role, class, ..caller(user, user) }
}

fn attach(client: &str) -> Value {
    json!({"type": "attach", "client": client, "cols": 80, "rows": 24, "commands": true})
}

/// Plays a command at the prompt, and its end.
fn run(harness: &Harness, kind: &str, line: &str, code: i32) {
    harness.script.mark("C");
    harness.script.tell_line(kind, "/lab", line);
    harness.script.print("output");
    harness.script.mark(&format!("D;{code}"));
    harness.script.mark("B");
}

/// The commands in the store once there are so many.
async fn stored(harness: &Harness, count: usize) -> Vec<CommandRecord> {
    let created_at = harness.store.session(&id()).await.unwrap().unwrap().created_at;
    for _ in 0..100_000 {
        let commands = harness.store.commands(&id(), created_at, None, 2000).await.unwrap();
        if commands.len() >= count {
            return commands;
        }
        tokio::task::yield_now().await;
    }
    panic!("{count} commands are not stored");
}

fn told(frames: &[Value]) -> Vec<Value> {
    frames.iter().filter(|frame| frame["kind"] == "command").cloned().collect()
}

#[tokio::test(start_paused = true)]
async fn a_command_is_told_where_it_begins_and_ends_and_guests_hear_no_line() {
    let ada = named("ada", Role::Controller, "Ada");
    let harness = Harness::created_by(&ada, LIMITS).await;
    let grace = named("grace", Role::Instructor, "Grace");
    let (vic, bob) = (named("vic", Role::Viewer, "Vic"), named("bob", Role::Controller, "Bob"));
    let (mut tokens, mut attached) = (Vec::new(), Value::Null);
    for who in [&bob, &vic, &grace, &ada] {
        let reply = harness.say(who, attach(&who.user)).await;
        tokens.push(harness.token(who, reply.grant).unwrap());
        attached = frame(reply.frame);
    }
    harness.script.mark("B");
    harness.settle().await;
    harness.say(&ada, input(&attached, 1, "make ")).await;
    harness.say(&bob, input(&attached, 1, "test\r")).await;
    harness.script.print("make test\r\n");
    run(&harness, "line", "make test", 2);
    harness.settle().await;
    for (who, token) in [&bob, &vic, &grace].into_iter().zip(&tokens) {
        let (frames, _) = harness.fetch_all(*token).await;
        let [begun, ended] = &told(&frames)[..] else { panic!("{frames:?}") };
        let is_guest = who.user != "grace";
        assert_eq!(begun["line"], if is_guest { Value::Null } else { json!("make test") }, "{}", who.user);
        assert_eq!((&begun["number"], &begun["directory"]), (&json!(1), &json!("/lab")));
        assert_eq!(begun["by"], json!([{"who": 4, "name": "Ada"}, {"who": 1, "name": "Bob"}]));
        assert!(begun["began"].is_u64() && begun.get("ended").is_none() && begun.get("hidden").is_none());
        let known = ["number", "began", "ended", "exitCode"].map(|field| &ended[field]);
        assert!(known.iter().all(|field| field.is_number()) && ended.get("by").is_none(), "{ended}");
        assert_eq!(ended["exitCode"], 2);
        let at = |frame: &Value| frames.iter().position(|other| other == frame).unwrap();
        let shown = |part: &[Value]| part.iter().filter_map(|frame| frame["data"].as_str()).collect::<String>();
        assert!(shown(&frames[..at(begun)]).ends_with("make test\r\n"), "it begins behind its echo");
        assert_eq!(shown(&frames[at(begun)..at(ended)]), "output");
    }
    let [record] = &stored(&harness, 1).await[..] else { panic!("one command") };
    assert_eq!((record.command.line.as_deref(), record.command.exit_code), (Some("make test"), Some(2)));
    assert_eq!(json!(record.epoch), attached["epoch"]);
}

#[tokio::test(start_paused = true)]
async fn commands_are_stored_though_no_page_wants_the_event() {
    let (harness, _, _, token) = Harness::attached().await;
    harness.script.mark("B");
    run(&harness, "line", "ls", 0);
    let [record] = &stored(&harness, 1).await[..] else { panic!("one command") };
    assert!(record.command.by.is_empty(), "no one typed");
    let (frames, _) = harness.fetch_all(token).await;
    assert!(told(&frames).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_hidden_line_is_nowhere() {
    let (harness, ada, _, token) = Harness::attached().await;
    harness.say(&ada, attach("page")).await;
    harness.script.mark("B");
    harness.script.print(" echo secret\r\n");
    run(&harness, "unsure", "the line before", 0);
    run(&harness, "none", "secret", 0);
    run(&harness, "line", "%20secret", 0);
    for CommandRecord { command, .. } in stored(&harness, 3).await {
        assert!(command.hidden && command.line.is_none(), "{command:?}");
    }
    let (frames, _) = harness.fetch_all(token).await;
    assert_eq!(told(&frames).iter().filter(|event| event["hidden"] == true).count(), 6);
    assert!(!json!(told(&frames)).to_string().contains("secret"));
}

#[tokio::test(start_paused = true)]
async fn a_commands_sender_typed_it_attached_or_not() {
    let (harness, ada, attached, _) = Harness::attached().await;
    harness.script.mark("B");
    harness.settle().await;
    let command = json!({"type":"command","seq":1,"epoch":attached["epoch"],"id":"c","command":"ls"});
    harness.say(&ada, command).await;
    run(&harness, "line", "ls", 0);
    harness.settle().await;
    let bot = named("bot", Role::Controller, "Bot");
    let (_, records) = tokio::join!(harness.say(&bot, json!({"type":"command","command":"date"})), async {
        while !harness.script.input().ends_with(b"date\r") {
            tokio::task::yield_now().await;
        }
        run(&harness, "line", "date", 0);
        stored(&harness, 2).await
    });
    let by: Vec<_> = records.iter().map(|record| json!(record.command.by)).collect();
    let student = attached["people"][0]["name"].clone();
    assert_eq!(by, [json!([{"who": 1, "name": student}]), json!([{"name": "Bot"}])]);
}

#[tokio::test(start_paused = true)]
async fn the_command_that_ends_the_shell_is_stored_before_the_session_is_over() {
    let (harness, ada, attached, mut token) = Harness::attached().await;
    harness.say(&ada, attach("page")).await;
    harness.script.mark("B");
    harness.script.mark("C");
    harness.script.tell_line("line", "/", "exit 3");
    harness.script.exit(3);
    let mut kinds = Vec::new();
    while kinds.last() != Some(&json!("exit")) {
        let frame = harness.next(&mut token).await;
        if ["command", "exit"].iter().any(|kind| frame["kind"] == *kind) {
            kinds.push(frame["kind"].clone());
            harness.say(&ada, ack(&attached, frame["pos"].as_u64().unwrap() + 1)).await;
        }
    }
    assert_eq!(kinds, ["command", "command", "exit"]);
    harness.ended().await;
    let [record] = &stored(&harness, 1).await[..] else { panic!("one command") };
    assert_eq!((record.command.line.as_deref(), record.command.exit_code), (Some("exit 3"), Some(3)));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_tells_of_no_commands() {
    let harness = Harness::new().await;
    // Viewers apply no back-pressure.
    let vic = named("vic", Role::Viewer, "Vic");
    let reply = harness.say(&vic, attach("page")).await;
    let mut token = harness.token(&vic, reply.grant).unwrap();
    harness.script.print("$ ");
    let frame = harness.next(&mut token).await;
    harness.say(&vic, json!({"type":"ack","epoch":frame["epoch"],"pos":2})).await;
    for _ in 0..40 {
        run(&harness, "line", "ls", 0);
        harness.script.print("x".repeat(64 * 1024));
        harness.settle().await;
    }
    let (frames, _) = harness.fetch_all(token).await;
    let snapshots: Vec<_> = frames.iter().filter(|frame| frame["type"] == "snapshot").collect();
    assert!(!snapshots.is_empty() && !json!(snapshots).to_string().contains("command"), "{snapshots:?}");
}
