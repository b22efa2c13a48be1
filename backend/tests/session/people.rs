//! Events about people, the roles that get them, and the raised hand.

use crate::harness::{Harness, LIMITS, WALL, Watched, caller, id};
use backend::session::{Caller, WatchSlot, Watcher};
use serde_json::{Value, json};
use shared_protocol::{ClassClaims, EndReason, GroupId, Role};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

fn named(user: &str, connection: &str, role: Role, name: &str) -> Caller {
    let class = ClassClaims { name: Some(name.into()), ..ClassClaims::default() };
    Caller { role, class, ..caller(user, connection) }
}

fn kinds(frames: &[Value]) -> Vec<(&str, u64)> {
    let told = |frame: &Value| ["joined", "left", "hand"].into_iter().find(|kind| frame["kind"] == *kind);
    frames.iter().filter_map(|frame| Some((told(frame)?, frame["who"].as_u64().unwrap_or_default()))).collect()
}

#[tokio::test(start_paused = true)]
async fn everyone_hears_who_comes_and_who_left_a_minute_ago() {
    let harness = Harness::new().await;
    let ada = caller("ada", "c1");
    let (attached, token) = harness.attach(&ada, "page").await;
    assert_eq!(attached["people"].as_array().map(Vec::len), Some(1));
    assert_eq!((&attached["people"][0]["as"], &attached["people"][0]["who"]), (&json!("owner"), &attached["who"]));
    // An operator is listed as an instructor.
    let root = Caller { admin: true, ..named("root", "c2", Role::Viewer, "Grace") };
    let (watching, _) = harness.attach(&root, "page-g").await;
    let names: Vec<_> = watching["people"].as_array().unwrap().iter().map(|person| &person["as"]).collect();
    assert_eq!((names, &watching["who"]), (vec![&json!("owner"), &json!("instructor")], &json!(2)));
    let (frames, token) = harness.fetch_all(token).await;
    assert_eq!(kinds(&frames), [("joined", 2)]);
    let joined = frames.iter().find(|frame| frame["kind"] == "joined").unwrap();
    assert_eq!((&joined["name"], &joined["as"]), (&json!("Grace"), &json!("instructor")));
    let text = joined.to_string();
    assert!(!text.contains("page-g") && !text.contains("root"), "neither the client's id nor the user's: {text}");
    let leave = async {
        harness.at(5).await;
        harness.session.disconnect(root.connection.clone()).await.unwrap();
    };
    let ((heard, _), ()) = tokio::join!(harness.watch(&ada, token.unwrap(), 100), leave);
    let seconds: Vec<_> = heard.iter().map(|(second, frame)| (*second, &frame["kind"], &frame["who"])).collect();
    assert_eq!(seconds.last(), Some(&(65, &json!("left"), &json!(2))));
    assert_eq!(seconds.iter().filter(|(_, kind, _)| **kind == "left").count(), 1);
}

/// A session of a class, and where walls see it.
async fn in_class() -> (Harness, Caller, Arc<WatchSlot>) {
    let group = GroupId::new("class-7").unwrap();
    let class = ClassClaims { grp: Some(group.clone()), ..ClassClaims::default() };
    let ada = Caller { class, ..caller("ada", "c1") };
    let harness = Harness::created_by(&ada, LIMITS).await;
    let slot = Arc::clone(&harness.registry.classes().running_here(&group)[0].slot);
    (harness, ada, slot)
}

fn watcher(user: &str) -> [Arc<Watcher>; 1] {
    [Arc::new(Watcher { user: user.into(), name: format!("Name of {user}") })]
}

#[tokio::test(start_paused = true)]
async fn everyone_hears_once_whose_walls_show_the_session() {
    let (harness, ada, slot) = in_class().await;
    let (_, token) = harness.attach(&ada, "page").await;
    let grace = watcher("grace");
    let walls = async {
        harness.at(5).await;
        let first = slot.watch(&grace);
        harness.at(10).await;
        let second = slot.watch(&watcher("grace"));
        drop(first);
        harness.at(20).await;
        drop(second);
        // Back within a minute.
        harness.at(60).await;
        let third = slot.watch(&grace);
        harness.at(100).await;
        drop(third);
    };
    let ((heard, _), ()) = tokio::join!(harness.watch(&ada, token, 200), walls);
    let people = heard.iter().filter(|(_, frame)| frame["kind"] == "joined" || frame["kind"] == "left");
    let people: Vec<_> = people.map(|(second, frame)| (*second, &frame["kind"], &frame["who"])).collect();
    assert_eq!(people, [(5, &json!("joined"), &json!(2)), (160, &json!("left"), &json!(2))]);
    let joined = heard.iter().map(|(_, frame)| frame).find(|frame| frame["kind"] == "joined").unwrap();
    let [name, part, via] = ["name", "as", "via"].map(|field| joined[field].as_str().unwrap());
    assert_eq!((name, part, via), ("Name of grace", "instructor", "wall"));
    assert_eq!(joined["since"], (WALL + 5) * 1000, "since the first wall");
    // One who attaches later finds them in the list.
    let _guard = slot.watch(&grace);
    harness.at(210).await;
    let (attached, _) = harness.attach(&Caller { role: Role::Viewer, ..caller("vic", "c2") }, "page-v").await;
    let people: Vec<_> = attached["people"].as_array().unwrap().iter().map(|person| &person["via"]).collect();
    assert_eq!(people, [&Value::Null, &Value::Null, &json!("wall")]);
    assert!(!attached.to_string().contains("\"grace\""), "{attached}");
}

#[tokio::test(start_paused = true)]
async fn walls_that_come_and_go_keep_no_session_awake() {
    let (harness, ada, slot) = in_class().await;
    let begun = Instant::now();
    harness.attach(&ada, "page").await;
    for number in 0..4 {
        let _guard = slot.watch(&watcher(&format!("grace-{number}")));
        sleep(Duration::from_secs(400)).await;
        harness.say(&ada, json!({"type":"ping"})).await;
    }
    assert_eq!(harness.ended().await, EndReason::Idle);
    assert!((1800..1830).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert!(harness.registry.live(&id()).is_none());
}

#[tokio::test(start_paused = true)]
async fn only_the_owner_raises_a_hand_and_only_an_instructor_has_seen_it() {
    let harness = Harness::new().await;
    let (ada, bob) = (caller("ada", "c1"), caller("bob", "c2"));
    let root = Caller { admin: true, ..named("root", "c3", Role::Viewer, "Grace") };
    let (attached, mut adas) = harness.attach(&ada, "page").await;
    let (_, mut bobs) = harness.attach(&bob, "page-b").await;
    let (_, mut roots) = harness.attach(&root, "page-g").await;
    let epoch = &attached["epoch"];
    let hand = |seq: u64, up: bool| json!({"type":"hand","seq":seq,"epoch":epoch,"up":up});
    let seen = |seq: u64| json!({"type":"hand_seen","seq":seq,"epoch":epoch});
    for (who, message, token) in
        [(&bob, hand(1, true), &mut bobs), (&root, hand(1, true), &mut roots), (&ada, seen(1), &mut adas)]
    {
        assert_eq!(harness.ask(who, message, token).await["code"], "FORBIDDEN", "{}", who.user);
    }
    harness.say(&ada, hand(2, true)).await;
    harness.say(&root, seen(2)).await;
    let (late, _) = harness.attach(&named("vic", "c4", Role::Viewer, "Vic"), "page-v").await;
    assert_eq!((&late["hand"]["up"], &late["hand"]["seen"]), (&json!(true), &json!("Grace")));
    harness.say(&ada, hand(3, false)).await;
    assert_eq!(harness.ask(&ada, hand(4, true), &mut adas).await["code"], "RATE_LIMITED");
    let (frames, _) = harness.fetch_all(bobs).await;
    let hands: Vec<_> = frames.iter().filter(|frame| frame["kind"] == "hand").map(|hand| &hand["seen"]).collect();
    assert_eq!(hands, [&Value::Null, &json!("Grace"), &Value::Null]);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_missed_events_gets_the_whole_list() {
    let harness = Harness::new().await;
    // Viewers apply no back-pressure.
    let vic = named("vic", "c1", Role::Viewer, "Vic");
    let (attached, token) = harness.attach(&vic, "page-v").await;
    harness.script.print("hello");
    let (frames, token) = harness.fetch_all(token).await;
    let end = frames.iter().filter_map(|frame| frame["head"].as_u64()).max().unwrap();
    harness.say(&vic, json!({"type":"ack","epoch":attached["epoch"],"pos":end})).await;
    harness.attach(&named("eve", "c2", Role::Viewer, "Eve"), "page-e").await;
    // More than the ring holds, so that the event is gone. A turn reads 64 KiB.
    harness.script.print("x".repeat(2 * 1024 * 1024));
    for _ in 0..64 {
        harness.settle().await;
    }
    let (frames, _) = harness.fetch_all(token.unwrap()).await;
    let list = frames.iter().find(|frame| frame["type"] == "snapshot" && frame["people"].is_array());
    assert_eq!(list.unwrap()["people"].as_array().map(Vec::len), Some(2));
}

#[tokio::test(start_paused = true)]
async fn the_exit_stays_the_last_event() {
    let harness = Harness::new().await;
    let (ada, vic) = (caller("ada", "c1"), named("vic", "c2", Role::Viewer, "Vic"));
    let (_, token) = harness.attach(&ada, "page").await;
    harness.attach(&vic, "page-v").await;
    harness.session.disconnect(vic.connection.clone()).await.unwrap();
    let (_, Watched::Open(token)) = harness.watch(&ada, token, 58).await else { panic!("the session goes on") };
    harness.script.exit(0);
    harness.settle().await;
    // Ada has not acknowledged the exit, so the session is still there when the minute is over.
    harness.at(61).await;
    let (frames, _) = harness.fetch_all(token).await;
    let kinds: Vec<_> = frames.iter().filter_map(|frame| frame["kind"].as_str()).collect();
    assert!(kinds.contains(&"exit") && !kinds.contains(&"left"), "{kinds:?}");
}

#[tokio::test(start_paused = true)]
async fn one_who_is_here_by_a_wall_only_is_not_removed() {
    let (harness, ada, slot) = in_class().await;
    let (attached, mut token) = harness.attach(&ada, "page").await;
    let _guard = slot.watch(&watcher("grace"));
    let joined = harness.next(&mut token).await;
    assert_eq!((&joined["kind"], &joined["who"]), (&json!("joined"), &json!(2)));
    let remove = json!({"type":"remove","seq":1,"epoch":attached["epoch"],"who":2});
    assert_eq!(harness.ask(&ada, remove, &mut token).await["code"], "BUSY");
}
