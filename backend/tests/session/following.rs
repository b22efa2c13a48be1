//! Who fetches frames, what is sent again, and who holds the program back.

use crate::world::{World, ack, frame, input, speaker};
use serde_json::json;
use shared_protocol::{ServerFrame, ServerMessage};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

#[tokio::test(start_paused = true)]
async fn output_waits_for_the_follower_and_the_follower_for_output() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (attached, ticket) = world.attach(&ada, "page").await;
    assert_eq!(
        (&attached["type"], &attached["pos"], &attached["inputSeq"]),
        (&json!("attached"), &json!(0), &json!(0))
    );
    world.script.print("early");
    let fetched = world.fetch(&ada, ticket, Duration::from_secs(5)).await;
    assert_eq!(frame(fetched.frame)["data"], "early");
    let wait = world.fetch(&ada, fetched.next.unwrap(), Duration::from_secs(1));
    let asked = Instant::now();
    let (fetched, ()) = tokio::join!(wait, async { world.script.print("late") });
    assert_eq!((frame(fetched.frame)["data"].as_str(), asked.elapsed()), (Some("late"), Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn what_a_program_pours_out_is_gathered_into_fuller_frames() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (_, ticket) = world.attach(&ada, "page").await;
    world.script.print(vec![b'x'; 10_000]);
    let fetched = world.fetch(&ada, ticket, Duration::from_secs(5)).await;
    assert_eq!(frame(fetched.frame)["len"], 10_000, "the first comes at once");
    let asked = Instant::now();
    let wait = world.fetch(&ada, fetched.next.unwrap(), Duration::from_secs(5));
    let later = async {
        world.script.print(vec![b'y'; 100]);
        sleep_until(asked + Duration::from_millis(5)).await;
        world.script.print(vec![b'z'; 5_000]);
    };
    let (fetched, ()) = tokio::join!(wait, later);
    assert_eq!((frame(fetched.frame)["len"].as_u64(), asked.elapsed()), (Some(5_100), Duration::from_millis(8)));
    let asked = Instant::now();
    world.script.print(vec![b'x'; 100_000]);
    let fetched = world.fetch(&ada, fetched.next.unwrap(), Duration::from_secs(5)).await;
    assert!(frame(fetched.frame)["len"].as_u64().unwrap() > 20_000);
    assert_eq!(asked.elapsed(), Duration::ZERO, "a full frame waits for nothing");
}

#[tokio::test(start_paused = true)]
async fn a_poll_ends_after_its_time() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (_, ticket) = world.attach(&ada, "page").await;
    let asked = Instant::now();
    let nothing = world.fetch(&ada, ticket, Duration::from_secs(5)).await;
    assert!(nothing.frame.is_none() && nothing.next.is_some() && nothing.close.is_none());
    assert_eq!(asked.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn only_a_message_without_a_live_follower_is_granted_one() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (attached, ticket) = world.attach(&ada, "page").await;
    assert!(world.say(&ada, input(&attached, 1, "a")).await.follow.is_none(), "the grant is fresh");
    sleep_until(Instant::now() + Duration::from_secs(3)).await;
    let regranted = world.say(&ada, input(&attached, 2, "b")).await.follow.expect("the grant was never used");
    let stopped = world.fetch(&ada, ticket, Duration::from_secs(5)).await;
    assert!(stopped.frame.is_none() && stopped.next.is_none(), "the old generation is told to stop");
    let renewed = world.say(&ada, json!({"type":"follow","epoch":attached["epoch"],"pos":0})).await.follow;
    assert_ne!(renewed.unwrap(), regranted, "`follow` always renews");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_given_again() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (_, ticket) = world.attach(&ada, "page").await;
    world.script.print("once");
    let first = world.fetch(&ada, ticket, Duration::from_secs(1)).await;
    let again = world.fetch(&ada, ticket, Duration::from_secs(1)).await;
    assert_eq!((first.frame, first.next), (again.frame, again.next));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_acknowledged_is_sent_again() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (attached, ticket) = world.attach(&ada, "page").await;
    world.script.print("lost on the way");
    let first = world.fetch(&ada, ticket, Duration::from_secs(1)).await;
    let again = world.fetch(&ada, first.next.unwrap(), Duration::from_secs(5)).await;
    assert_eq!(frame(first.frame), frame(again.frame), "after two seconds without a word");
    world.say(&ada, ack(&attached, 15)).await;
    let quiet = world.fetch(&ada, again.next.unwrap(), Duration::from_secs(20)).await;
    assert!(quiet.frame.is_none(), "an acknowledgement ends it");
}

#[tokio::test(start_paused = true)]
async fn keys_acknowledge_what_they_say_that_they_do() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (attached, ticket) = world.attach(&ada, "page").await;
    world.script.print("shown");
    let shown = world.fetch(&ada, ticket, Duration::from_secs(1)).await;
    let mut key = input(&attached, 1, "k");
    key["ack"] = json!(5);
    world.say(&ada, key).await;
    let taken = world.fetch(&ada, shown.next.unwrap(), Duration::from_secs(5)).await;
    assert_eq!(frame(taken.frame)["type"], "input_ack");
    let quiet = world.fetch(&ada, taken.next.unwrap(), Duration::from_secs(20)).await;
    assert!(quiet.frame.is_none(), "nothing is sent again");
}

#[tokio::test(start_paused = true)]
async fn a_repair_starts_again_where_the_client_says() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (attached, ticket) = world.attach(&ada, "page").await;
    world.script.print("0123456789");
    world.fetch(&ada, ticket, Duration::from_millis(1)).await;
    let repair = json!({"type":"follow","epoch":attached["epoch"],"pos":4,"repair":true});
    let ticket = world.say(&ada, repair).await.follow.unwrap();
    let frame = frame(world.fetch(&ada, ticket, Duration::from_millis(1)).await.frame);
    assert_eq!((&frame["pos"], &frame["data"]), (&json!(4), &json!("456789")));
}

#[tokio::test(start_paused = true)]
async fn a_followed_controller_holds_the_program_back() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (attached, ticket) = world.attach(&ada, "page").await;
    world.script.print(vec![b'x'; 2_000_000]);
    let (frames, next) = world.fetch_all(&ada, ticket).await;
    let sent: u64 = frames.iter().filter_map(|frame| frame["len"].as_u64()).sum();
    assert!((512 * 1024..640 * 1024).contains(&sent), "{sent}");
    assert_eq!(world.script.taken() as u64, sent, "the terminal is read no further");
    world.say(&ada, ack(&attached, sent - 400_000)).await;
    world.settle().await;
    assert_eq!(world.script.taken() as u64, sent, "not before most of it was parsed");
    world.say(&ada, ack(&attached, sent)).await;
    let (more, _) = world.fetch_all(&ada, next.unwrap()).await;
    assert!(more.len() > 10);
}

#[tokio::test(start_paused = true)]
async fn nobody_holds_it_back_for_ever() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (_, ticket) = world.attach(&ada, "page").await;
    world.script.print(vec![b'x'; 2_000_000]);
    let (_, mut next) = world.fetch_all(&ada, ticket).await;
    let held = Instant::now();
    while world.script.taken() < 2_000_000 {
        assert!(held.elapsed() < Duration::from_secs(12), "a client that parses nothing is given up");
        next = world.fetch(&ada, next.unwrap(), Duration::from_secs(1)).await.next;
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_follower_the_program_runs_on_and_the_page_skips_to_now() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (attached, ticket) = world.attach(&ada, "page").await;
    world.script.print("$");
    world.fetch(&ada, ticket, Duration::from_millis(1)).await;
    world.say(&ada, ack(&attached, 1)).await;
    sleep_until(Instant::now() + Duration::from_secs(4)).await;
    let mut flood: Vec<u8> = (0..300_000).flat_map(|line| format!("line {line}\r\n").into_bytes()).collect();
    flood.extend_from_slice(b"the end");
    world.script.print(&flood);
    while world.script.taken() <= flood.len() {
        world.settle().await;
    }
    let ticket = world.say(&ada, json!({"type":"follow","epoch":attached["epoch"],"pos":1})).await.follow.unwrap();
    let (frames, _) = world.fetch_all(&ada, ticket).await;
    let (first, last) = (&frames[0], frames.last().unwrap());
    assert_eq!((&first["type"], &first["part"]), (&json!("snapshot"), &json!(1)));
    let parts =
        frames.iter().map(|frame| match serde_json::from_value::<ServerFrame>(frame.clone()).unwrap().message {
            ServerMessage::Snapshot(snapshot) => snapshot.payload.decode().unwrap(),
            other => panic!("{other:?}"),
        });
    let mut screen = vt::Screen::new(80, 24, 0);
    screen.feed(&parts.collect::<Vec<_>>().concat(), &mut Vec::new());
    let lines: Vec<String> = screen.text().lines().map(str::to_owned).collect();
    assert_eq!((lines[22].as_str(), lines[23].as_str()), ("line 299999", "the end"));
    assert_eq!((&last["part"], &last["pos"]), (&last["parts"], &json!(flood.len() + 1)));
    assert_eq!((&first["skipped"], &first["scope"]), (&json!(flood.len()), &json!("screen")));
}

#[tokio::test(start_paused = true)]
async fn much_output_is_deflated_for_those_who_can_inflate() {
    let world = World::new().await;
    let (plain, packed) = (speaker("ada", "c1"), speaker("bob", "c2"));
    let (_, ticket) = world.attach(&plain, "page-1").await;
    let attach = json!({"type":"attach","client":"page-2","cols":80,"rows":24,"accept":["gif","z"]});
    let packed_ticket = world.say(&packed, attach).await.follow.unwrap();
    let log: String = (0..3000).map(|n| format!("   Compiling crate-{n} v1.{n}.0\r\n")).collect();
    world.script.print(&log[..1000]);
    let short = world.fetch(&packed, packed_ticket, Duration::from_millis(1)).await;
    assert_eq!(frame(short.frame)["len"], 1000, "little is sent as it is");
    world.script.print(&log[1000..]);
    world.settle().await;
    let long = frame(world.fetch(&packed, short.next.unwrap(), Duration::from_millis(1)).await.frame);
    assert!(long["z"].is_string() && long["len"].as_u64().unwrap() > 60_000, "{}", long["len"]);
    let (frames, _) = world.fetch_all(&plain, ticket).await;
    assert!(frames.iter().all(|frame| frame.get("z").is_none()));
}

#[tokio::test(start_paused = true)]
async fn beyond_its_budget_a_session_shows_the_screen_now_and_then() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (attached, mut ticket) = world.attach(&ada, "page").await;
    let (begun, mut bytes, mut snapshots, mut end) = (Instant::now(), 0, 0, 0);
    while begun.elapsed() < Duration::from_secs(10) {
        if end + 100_000 > world.script.taken() as u64 {
            world.script.print("0123456789abcde\n".repeat(16 * 1024));
        }
        let fetched = world.fetch(&ada, ticket, Duration::from_secs(1)).await;
        ticket = fetched.next.unwrap();
        let Some(bytes_of_frame) = fetched.frame else { continue };
        let frame = frame(Some(bytes_of_frame));
        bytes += frame["len"].as_u64().unwrap_or(0) as usize;
        snapshots += usize::from(frame["type"] == "snapshot" && frame["part"] == 1);
        end = frame["pos"].as_u64().unwrap() + frame["len"].as_u64().unwrap_or(0);
        world.say(&ada, ack(&attached, end)).await;
    }
    assert!((16..28).contains(&(bytes / 1024 / 1024)), "a burst, then the rate: {bytes}");
    assert!((10..45).contains(&snapshots), "at most four a second: {snapshots}");
}
