//! Questions, retransmissions, coalescing, backpressure and snapshots.

use crate::harness::{Harness, ack, caller, frame, input};
use backend::metrics::{RetransmissionCause, SnapshotCause};
use serde_json::json;
use shared_protocol::{ServerFrame, ServerMessage};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

#[tokio::test(start_paused = true)]
async fn output_and_questions_wait_for_each_other() {
    let (harness, _, attached, mut token) = Harness::attached().await;
    assert_eq!((&attached["type"], &attached["pos"]), (&json!("attached"), &json!(0)));
    assert_eq!(attached["inputSeq"], 0);
    harness.script.print("early");
    assert_eq!(harness.next(&mut token).await["data"], "early");
    let asked = Instant::now();
    let (late, ()) = tokio::join!(harness.next(&mut token), async { harness.script.print("late") });
    assert_eq!((late["data"].as_str(), asked.elapsed()), (Some("late"), Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn bulk_output_is_coalesced_into_fuller_frames() {
    let (harness, _, _, mut token) = Harness::attached().await;
    harness.script.print(vec![b'x'; 10_000]);
    assert_eq!(harness.next(&mut token).await["len"], 10_000, "the first comes at once");
    let asked = Instant::now();
    let later = async {
        harness.script.print(vec![b'y'; 100]);
        sleep_until(asked + Duration::from_millis(5)).await;
        harness.script.print(vec![b'z'; 5_000]);
    };
    let (fuller, ()) = tokio::join!(harness.next(&mut token), later);
    assert_eq!((fuller["len"].as_u64(), asked.elapsed()), (Some(5_100), Duration::from_millis(8)));
    let asked = Instant::now();
    harness.script.print(vec![b'x'; 100_000]);
    assert!(harness.next(&mut token).await["len"].as_u64().unwrap() > 20_000);
    assert_eq!(asked.elapsed(), Duration::ZERO, "a full frame waits for nothing");
}

#[tokio::test(start_paused = true)]
async fn a_question_times_out_without_a_frame() {
    let (harness, _, _, token) = Harness::attached().await;
    let asked = Instant::now();
    let nothing = harness.fetch(token, Duration::from_secs(5)).await;
    assert!(nothing.frame.is_none() && nothing.next.is_some() && !nothing.close);
    assert_eq!(asked.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn only_a_message_without_a_live_relay_is_granted_one() {
    let (harness, ada, attached, token) = Harness::attached().await;
    assert!(harness.say(&ada, input(&attached, 1, "a")).await.grant.is_none(), "the grant is fresh");
    sleep_until(Instant::now() + Duration::from_secs(3)).await;
    harness.registry.relays().tick(Instant::now());
    harness.settle().await;
    let regranted = harness.say(&ada, input(&attached, 2, "b")).await.grant;
    assert!(regranted.is_some(), "the grant was never used");
    let stopped = harness.fetch(token, Duration::from_secs(5)).await;
    assert!(stopped.frame.is_none() && stopped.next.is_none(), "the old relay is told to stop");
}

#[tokio::test(start_paused = true)]
async fn unacknowledged_output_is_sent_again() {
    let (harness, ada, attached, mut token) = Harness::attached().await;
    harness.script.print("lost on the way");
    let resent = || harness.metrics.streams.retransmissions.of(RetransmissionCause::Overdue).get();
    let first = harness.next(&mut token).await;
    assert_eq!(resent(), 0);
    assert_eq!(harness.next(&mut token).await, first, "after two seconds without a word");
    assert_eq!((resent(), harness.metrics.streams.output.get()), (1, 15), "what is sent twice was printed once");
    harness.say(&ada, ack(&attached, 15)).await;
    let quiet = harness.fetch(token, Duration::from_secs(20)).await;
    assert!(quiet.frame.is_none(), "an acknowledgement ends it");
}

#[tokio::test(start_paused = true)]
async fn input_can_carry_an_acknowledgement() {
    let (harness, ada, attached, mut token) = Harness::attached().await;
    harness.script.print("shown");
    harness.next(&mut token).await;
    let mut key = input(&attached, 1, "k");
    key["ack"] = json!(5);
    harness.say(&ada, key).await;
    assert_eq!(harness.next(&mut token).await["type"], "input_ack");
    let quiet = harness.fetch(token, Duration::from_secs(20)).await;
    assert!(quiet.frame.is_none(), "nothing is sent again");
}

#[tokio::test(start_paused = true)]
async fn a_repair_starts_again_where_the_client_asks() {
    let (harness, ada, attached, mut token) = Harness::attached().await;
    harness.script.print("0123456789");
    harness.fetch(token, Duration::from_millis(1)).await;
    let repair = json!({"type":"follow","epoch":attached["epoch"],"pos":4,"repair":true});
    harness.say(&ada, repair).await;
    let frame = harness.next(&mut token).await;
    assert_eq!((&frame["pos"], &frame["data"]), (&json!(4), &json!("456789")));
    assert_eq!(harness.metrics.streams.retransmissions.of(RetransmissionCause::Asked).get(), 1);
    assert_eq!(harness.metrics.streams.retransmissions.of(RetransmissionCause::Overdue).get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_carried_controller_applies_backpressure() {
    let (harness, ada, attached, token) = Harness::attached().await;
    harness.script.print(vec![b'x'; 2_000_000]);
    let (frames, next) = harness.fetch_all(token).await;
    let sent: u64 = frames.iter().filter_map(|frame| frame["len"].as_u64()).sum();
    assert!((512 * 1024..640 * 1024).contains(&sent), "{sent}");
    assert_eq!(harness.script.taken() as u64, sent, "the terminal is read no further");
    assert_eq!(harness.metrics.streams.backpressure_pauses.get(), 1);
    harness.say(&ada, ack(&attached, sent - 400_000)).await;
    harness.settle().await;
    assert_eq!(harness.script.taken() as u64, sent, "not before most of it was parsed");
    assert_eq!(harness.metrics.streams.backpressure_pauses.get(), 1, "one pause counts once");
    harness.say(&ada, ack(&attached, sent)).await;
    let (more, _) = harness.fetch_all(next.unwrap()).await;
    assert!(more.len() > 10);
    assert_eq!(harness.metrics.streams.backpressure_pauses.get(), 2, "and again");
}

#[tokio::test(start_paused = true)]
async fn backpressure_ends_without_progress() {
    let (harness, _, _, token) = Harness::attached().await;
    harness.script.print(vec![b'x'; 2_000_000]);
    let (_, mut next) = harness.fetch_all(token).await;
    let held = Instant::now();
    while harness.script.taken() < 2_000_000 {
        assert!(held.elapsed() < Duration::from_secs(12), "a client that parses nothing is given up");
        next = harness.fetch(next.unwrap(), Duration::from_secs(1)).await.next;
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_relay_the_program_runs_on_and_the_page_gets_a_snapshot() {
    let (harness, ada, attached, token) = Harness::attached().await;
    harness.script.print("$");
    harness.fetch(token, Duration::from_millis(1)).await;
    harness.say(&ada, ack(&attached, 1)).await;
    sleep_until(Instant::now() + Duration::from_secs(4)).await;
    harness.registry.relays().tick(Instant::now());
    let mut flood: Vec<u8> = (0..300_000).flat_map(|line| format!("line {line}\r\n").into_bytes()).collect();
    flood.extend_from_slice(b"the end");
    harness.script.print(&flood);
    while harness.script.taken() <= flood.len() {
        harness.settle().await;
    }
    let follow = json!({"type":"follow","epoch":attached["epoch"],"pos":1});
    let token = harness.token(&ada, harness.say(&ada, follow).await.grant).unwrap();
    let (frames, _) = harness.fetch_all(token).await;
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
    assert_eq!(harness.metrics.streams.snapshots.of(SnapshotCause::Lost).get(), 1);
}

#[tokio::test(start_paused = true)]
async fn bulk_output_is_deflated_for_clients_that_accept_it() {
    let harness = Harness::new().await;
    let (plain, packed) = (caller("ada", "c1"), caller("bob", "c2"));
    let (_, token) = harness.attach(&plain, "page-1").await;
    let attach = json!({"type":"attach","client":"page-2","cols":80,"rows":24,"accept":["gif","z"]});
    let mut packed_token = harness.token(&packed, harness.say(&packed, attach).await.grant).unwrap();
    let log: String = (0..3000).map(|n| format!("   Compiling crate-{n} v1.{n}.0\r\n")).collect();
    harness.script.print(&log[..4095]);
    assert_eq!(harness.next(&mut packed_token).await["kind"], "joined");
    let little = harness.next(&mut packed_token).await;
    assert_eq!((&little["len"], little.get("z")), (&json!(4095), None), "little is sent as it is");
    harness.script.print(&log[4095..8191]);
    let enough = harness.next(&mut packed_token).await;
    assert_eq!((&enough["len"], enough["z"].is_string()), (&json!(4096), true), "4 KiB");
    harness.script.print(&log[8191..]);
    harness.settle().await;
    let long = harness.next(&mut packed_token).await;
    assert!(long["z"].is_string() && long["len"].as_u64().unwrap() > 60_000, "{}", long["len"]);
    let (frames, _) = harness.fetch_all(token).await;
    assert!(frames.iter().all(|frame| frame.get("z").is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_page_whose_emulator_failed_never_gets_the_start_as_it_was_printed() {
    let (harness, ada, attached, token) = Harness::attached().await;
    harness.script.print(b"\x1b[999;999H\x1b[1J");
    let (frames, _) = harness.fetch_all(token).await;
    assert_eq!(frames[0]["type"], "output");
    let attach = json!({"type":"attach","client":"page","cols":80,"rows":24,"snapshot":true});
    let epoch = &attached["epoch"];
    let repair = json!({"type":"follow","epoch":epoch,"pos":0,"repair":true});
    let resume = json!({"type":"attach","client":"page","cols":80,"rows":24,"snapshot":true,
        "resume":{"epoch":epoch,"pos":0}});
    let mut token = token;
    for message in [attach, repair, resume] {
        let reply = harness.say(&ada, message.clone()).await;
        token = harness.token(&ada, reply.grant).unwrap_or(token);
        let (frames, next) = harness.fetch_all(token).await;
        token = next.unwrap();
        let kinds: Vec<_> = frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
        assert!(kinds.contains(&"snapshot") && !kinds.contains(&"output"), "{message}: {kinds:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_sends_snapshots_instead_of_the_stream() {
    let (harness, ada, attached, mut token) = Harness::attached().await;
    let (begun, mut bytes, mut snapshots, mut end) = (Instant::now(), 0, 0, 0);
    while begun.elapsed() < Duration::from_secs(10) {
        if end + 100_000 > harness.script.taken() as u64 {
            harness.script.print("0123456789abcde\n".repeat(16 * 1024));
        }
        let fetched = harness.fetch(token, Duration::from_secs(1)).await;
        token = fetched.next.unwrap();
        let Some(bytes_of_frame) = fetched.frame else { continue };
        let frame = frame(Some(bytes_of_frame));
        bytes += frame["len"].as_u64().unwrap_or(0) as usize;
        snapshots += usize::from(frame["type"] == "snapshot" && frame["part"] == 1);
        end = frame["pos"].as_u64().unwrap() + frame["len"].as_u64().unwrap_or(0);
        harness.say(&ada, ack(&attached, end)).await;
    }
    assert!((16..28).contains(&(bytes / 1024 / 1024)), "a burst, then the rate: {bytes}");
    assert!((10..45).contains(&snapshots), "at most four a second: {snapshots}");
}
