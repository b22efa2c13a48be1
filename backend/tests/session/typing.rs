//! Input: its order, its bounds, and whose window the terminal has.

use crate::harness::{Harness, SIZE, Token, caller, frame, input};
use backend::metrics::SnapshotCause;
use backend::session::Caller;
use backend::terminal::InterruptKey;
use serde_json::json;
use shared_protocol::Role;
use shared_protocol::server::Tty;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn input_is_applied_in_order_once_and_acknowledged() {
    let (harness, ada, attached, mut token) = Harness::attached().await;
    for (seq, data) in [(3, "c"), (1, "a"), (1, "a"), (2, "b"), (3, "c")] {
        assert!(harness.say(&ada, input(&attached, seq, data)).await.frame.is_none());
    }
    assert_eq!(harness.script.input(), b"abc");
    let asked = Instant::now();
    let ack = harness.next(&mut token).await;
    assert_eq!(asked.elapsed(), Duration::from_millis(100), "nothing else was sent for 100 ms");
    assert_eq!((&ack["type"], &ack["ackSeq"]), (&json!("input_ack"), &json!(3)));
}

#[tokio::test(start_paused = true)]
async fn a_missing_message_is_asked_for_after_two_seconds() {
    let (harness, ada, attached, mut token) = Harness::attached().await;
    harness.say(&ada, input(&attached, 1, "a")).await;
    harness.say(&ada, input(&attached, 3, "c")).await;
    let asked = Instant::now();
    assert_eq!(harness.next(&mut token).await["type"], "input_ack");
    assert_eq!(harness.metrics.streams.input_gaps.get(), 0, "it may still come");
    let gap = harness.next(&mut token).await;
    assert_eq!(asked.elapsed(), Duration::from_secs(2));
    assert_eq!((&gap["code"], &gap["have"]), (&json!("INPUT_GAP"), &json!(1)));
    assert_eq!(harness.script.input(), b"a");
    assert_eq!((harness.metrics.streams.input_gaps.get(), harness.metrics.streams.input.get()), (1, 1));
    harness.say(&ada, input(&attached, 2, "b")).await;
    assert_eq!(harness.metrics.streams.input.get(), 3);
}

#[tokio::test(start_paused = true)]
async fn input_for_another_epoch_is_rejected() {
    let (harness, ada, attached, mut token) = Harness::attached().await;
    let stale = json!({"type":"input","seq":1,"epoch":attached["epoch"].as_u64().unwrap() - 1,"data":"rm -rf /\r"});
    assert_eq!(harness.ask(&ada, stale, &mut token).await["code"], "STALE_EPOCH");
    assert_eq!(harness.script.input(), b"");
}

#[tokio::test(start_paused = true)]
async fn input_waits_for_a_program_that_does_not_read() {
    let (harness, ada, attached, _) = Harness::attached().await;
    harness.script.set_room(10);
    let chunk = "x".repeat(20_000);
    for seq in 1..=8 {
        harness.say(&ada, input(&attached, seq, &chunk)).await;
    }
    let pong = frame(harness.say(&ada, json!({"type":"ping"})).await.frame);
    assert_eq!(pong["ackSeq"], 4, "what fits into the queue is taken, the rest waits unacknowledged");
    harness.script.set_room(usize::MAX);
    harness.settle().await;
    let pong = frame(harness.say(&ada, json!({"type":"ping"})).await.frame);
    assert_eq!((pong["ackSeq"].as_u64(), harness.script.input().len()), (Some(8), 160_000));
}

#[tokio::test(start_paused = true)]
async fn the_size_follows_the_controller_that_typed_last() {
    let harness = Harness::new().await;
    let (ada, bob) = (caller("ada", "c1"), caller("bob", "c2"));
    let (attached, token) = harness.attach(&ada, "page-a").await;
    let attach = json!({"type":"attach","client":"page-b","cols":100,"rows":30});
    harness.say(&bob, attach).await;
    assert_eq!(harness.script.sizes().last(), Some(&SIZE), "attaching changes nothing for the one who works");
    harness.say(&bob, input(&attached, 1, "b")).await;
    harness.say(&ada, input(&attached, 1, "a")).await;
    assert_eq!(harness.script.input(), b"ba");
    let sizes: Vec<_> = harness.script.sizes().iter().map(|size| (size.cols, size.rows)).collect();
    assert_eq!(sizes, [(80, 24), (100, 30), (80, 24)]);
    let (frames, _) = harness.fetch_all(token).await;
    let controllers = frames.iter().filter(|frame| frame["kind"] == "controller");
    let controllers: Vec<_> = controllers.map(|frame| (&frame["who"], &frame["user"])).collect();
    assert_eq!(controllers, [(&json!(2), &json!("bob")), (&json!(1), &json!("ada"))], "everyone is told");
    let heard = json!(frames).to_string();
    assert!(!heard.contains("page-a") && !heard.contains("page-b"), "of no client's id");
}

const INTERRUPTS: Option<InterruptKey> = Some(InterruptKey { flushes: true, continues: false, echo: b"" });

fn interrupt(attached: &serde_json::Value, seq: u64, after: u64) -> serde_json::Value {
    json!({"type":"interrupt","seq":seq,"epoch":attached["epoch"],"afterSeq":after})
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_overtakes_pending_input_and_acts_once() {
    let (harness, ada, attached, _) = Harness::attached().await;
    harness.script.set_interrupt_key(INTERRUPTS);
    harness.script.set_room(3);
    harness.say(&ada, input(&attached, 1, "abcdef")).await;
    harness.say(&ada, input(&attached, 3, "never")).await;
    harness.say(&ada, interrupt(&attached, 4, 3)).await;
    assert_eq!(harness.script.interrupts(), 1, "it does not wait for the second message");
    harness.say(&ada, interrupt(&attached, 4, 3)).await;
    harness.script.set_room(usize::MAX);
    harness.say(&ada, input(&attached, 5, "after")).await;
    harness.say(&ada, input(&attached, 2, "never")).await;
    assert_eq!(harness.script.input(), b"abcafter", "what was typed before it is taken back, what comes after is not");
    harness.say(&ada, interrupt(&attached, 4, 3)).await;
    assert_eq!(harness.script.interrupts(), 1, "a repeat does nothing");
    let pong = frame(harness.say(&ada, json!({"type":"ping"})).await.frame);
    assert_eq!(pong["ackSeq"], 5);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_is_a_key_in_its_turn_where_it_makes_no_signal() {
    let (harness, ada, attached, _) = Harness::attached().await;
    harness.say(&ada, interrupt(&attached, 2, 1)).await;
    assert_eq!(harness.script.input(), b"");
    harness.say(&ada, input(&attached, 1, "a")).await;
    assert_eq!(harness.script.input(), b"a\x03");
    let viewer = Caller { role: Role::Viewer, ..caller("vic", "c2") };
    harness.script.set_interrupt_key(INTERRUPTS);
    let (attached, _) = harness.attach(&viewer, "page-v").await;
    harness.say(&viewer, interrupt(&attached, 1, 0)).await;
    assert_eq!(harness.script.interrupts(), 0, "a viewer interrupts nothing");
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_skips_unsent_output() {
    let (harness, ada, attached, token) = Harness::attached().await;
    harness.script.set_interrupt_key(INTERRUPTS);
    harness.script.print(vec![b'y'; 300_000]);
    while harness.script.taken() < 300_000 {
        harness.settle().await;
    }
    let first = harness.fetch(token, Duration::from_millis(1)).await;
    harness.say(&ada, interrupt(&attached, 1, 0)).await;
    let (frames, next) = harness.fetch_all(first.next.unwrap()).await;
    assert!(frames.len() < 6, "{} frames instead of the flood", frames.len());
    assert!(frames[1..].iter().all(|frame| frame["type"] == "snapshot"), "after what the relay has already");
    assert_eq!(harness.metrics.streams.snapshots.of(SnapshotCause::Interrupt).get(), 1);
    harness.script.print("$ ");
    let (frames, _) = harness.fetch_all(next.unwrap()).await;
    let end = frames.last().unwrap();
    assert_eq!((&end["type"], &end["data"], &end["pos"]), (&json!("output"), &json!("$ "), &json!(300_000)));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_repeats_events_that_may_be_lost() {
    let (harness, ada, attached, mut token) = Harness::attached().await;
    harness.script.set_interrupt_key(INTERRUPTS);
    harness.script.print("\x1b]2;lost on the way\x07");
    while harness.next(&mut token).await["kind"] != "title" {}
    harness.script.print(vec![b'y'; 300_000]);
    harness.next(&mut token).await;
    while harness.script.taken() < 300_000 {
        harness.settle().await;
    }
    harness.say(&ada, interrupt(&attached, 1, 0)).await;
    let (frames, _) = harness.fetch_all(token).await;
    let mut events = frames.iter().filter_map(|frame| frame["events"].as_array()).flatten();
    assert!(events.any(|event| event["title"] == "lost on the way"));
}

#[tokio::test(start_paused = true)]
async fn a_window_of_more_than_200_000_cells_has_fewer_rows() {
    let (harness, ada, attached, _) = Harness::attached().await;
    for (seq, window, expected) in
        [(1, (1000, 200), 200), (2, (1000, 201), 200), (3, (200, 1000), 1000), (4, (201, 1000), 995)]
    {
        let (cols, rows) = window;
        let resize = json!({"type":"resize","seq":seq,"epoch":attached["epoch"],"cols":cols,"rows":rows});
        harness.say(&ada, resize).await;
        assert_eq!(harness.script.sizes().last().map(|size| (size.cols, size.rows)), Some((cols, expected)));
    }
}

#[tokio::test(start_paused = true)]
async fn early_messages_are_held_up_to_a_bound() {
    let (harness, ada, attached, mut token) = Harness::attached().await;
    let refused = harness.ask(&ada, input(&attached, 1001, "x"), &mut token).await;
    let full = (&json!("INPUT_FULL"), &json!(0), &json!(true));
    assert_eq!((&refused["code"], &refused["have"], &refused["retryable"]), full, "1,000 messages");
    let early = "x".repeat(30_000);
    for seq in 2..36 {
        harness.say(&ada, input(&attached, seq, &early)).await;
    }
    let refused = harness.ask(&ada, input(&attached, 36, &early), &mut token).await;
    assert_eq!((&refused["code"], &refused["have"], &refused["retryable"]), full, "1 MiB");
    harness.say(&ada, input(&attached, 1, "x")).await;
    let pong = frame(harness.say(&ada, json!({"type":"ping"})).await.frame);
    assert!(pong["ackSeq"].as_u64() >= Some(3), "what was held is applied: {pong}");
}

#[tokio::test(start_paused = true)]
async fn a_frame_says_what_it_has_and_whether_the_shell_waits() {
    let (harness, ada, attached, mut token) = Harness::attached().await;
    let output = async |token: &mut Token| loop {
        let next = harness.next(token).await;
        if next["type"] == "output" {
            return next;
        }
    };
    harness.script.set_tty(Tty { echo: true, canonical: true });
    harness.script.mark("C");
    harness.script.mark("D;0");
    harness.script.print("$ ");
    harness.script.mark("B");
    let shown = output(&mut token).await;
    let end = shown["pos"].as_u64().unwrap() + shown["len"].as_u64().unwrap();
    assert_eq!((&shown["prompt"], &shown["head"], &shown["ackSeq"]), (&json!(true), &json!(end), &json!(0)));
    harness.say(&ada, input(&attached, 1, "l")).await;
    harness.script.print("l");
    let echo = output(&mut token).await;
    assert_eq!((&echo["data"], &echo["ackSeq"], echo.get("prompt")), (&json!("l"), &json!(1), None));
    let pong = frame(harness.say(&ada, json!({"type":"ping"})).await.frame);
    assert_eq!([&pong["epoch"], &pong["head"], &pong["ackSeq"]], [&attached["epoch"], &echo["head"], &json!(1)]);
}

#[tokio::test(start_paused = true)]
async fn input_waits_until_the_shell_has_taken_a_command() {
    let (harness, ada, attached, _) = Harness::attached().await;
    harness.script.mark("B");
    harness.settle().await;
    let command = json!({"type":"command","seq":1,"epoch":attached["epoch"],"id":"c","command":"cat"});
    harness.say(&ada, command).await;
    harness.say(&ada, input(&attached, 2, "text")).await;
    harness.settle().await;
    assert_eq!(harness.script.input(), b"cat\r");
    harness.script.mark("C");
    harness.settle().await;
    assert_eq!(harness.script.input(), b"cat\rtext");
}
