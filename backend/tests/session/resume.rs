//! The stream after a loss or a pause: sent again, the missing part of it, or a snapshot.

use crate::harness::{Harness, ack, caller, frame, question};
use backend::session::{Caller, Grant};
use serde_json::{Value, json};
use shared_protocol::Role;
use shared_protocol::relay::MemberReport;
use std::time::Duration;
use tokio::time::Instant;

const KIB: usize = 1024;

/// Text of this many bytes, of which a screen shows little.
fn text(bytes: usize) -> String {
    "0123456789abcde\n".repeat(bytes / 16) + &"x".repeat(bytes % 16)
}

/// Prints, and waits until the session has read it.
async fn print(harness: &Harness, output: &str) {
    let end = harness.script.taken() + output.len();
    harness.script.print(output);
    while harness.script.taken() < end {
        harness.settle().await;
    }
}

/// The next frame of the stream.
async fn next_of_stream(harness: &Harness, who: &Caller, grant: Option<Grant>) -> Value {
    let mut token = harness.token(who, grant).unwrap();
    loop {
        let next = harness.next(&mut token).await;
        if next.get("pos").is_some() {
            return next;
        }
    }
}

/// Has ada's page, which has this size, show all so far and lose its connection; the program then prints this, the terminal gets
/// another size if it is to, and the page comes back. Returns the first frame that it gets, and the position that it has.
async fn comes_back_after(output: &str, (cols, rows): (u16, u16), is_resized: bool) -> (Value, Value) {
    let (harness, ada) = (Harness::new().await, caller("ada", "c1"));
    let attach = json!({"type":"attach","client":"page","cols":cols,"rows":rows});
    let attached = frame(harness.say(&ada, attach.clone()).await.frame);
    print(&harness, "$ ").await;
    let pong = frame(harness.say(&ada, json!({"type":"ping"})).await.frame);
    let pos = &pong["head"];
    harness.say(&ada, ack(&attached, pos.as_u64().unwrap())).await;
    harness.session.disconnect(ada.connection.clone()).await.unwrap();
    print(&harness, output).await;
    if is_resized {
        harness.say(&caller("ada", "plain"), json!({"type":"resize","cols":cols - 1,"rows":rows})).await;
    }
    let again = caller("ada", "c2");
    let mut resume = attach;
    resume["resume"] = json!({"epoch": attached["epoch"], "pos": pos});
    let grant = harness.say(&again, resume).await.grant;
    (next_of_stream(&harness, &again, grant).await, pos.clone())
}

#[tokio::test(start_paused = true)]
async fn a_page_that_comes_back_gets_what_it_missed_up_to_256_kib() {
    let window = (80, 24);
    for (bytes, is_resized, kind) in [
        (256 * KIB, false, "output"),
        (256 * KIB + 1, false, "snapshot"),
        (2048 * KIB, false, "snapshot"),
        (100, true, "snapshot"),
    ] {
        let (first, pos) = comes_back_after(&text(bytes), window, is_resized).await;
        assert_eq!(first["type"], kind, "{bytes} bytes, resized: {is_resized}");
        if kind == "output" {
            assert_eq!(first["pos"], pos);
        } else {
            assert_eq!(first["scope"], "full", "{bytes}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn more_than_256_kib_come_as_they_were_printed_where_a_snapshot_is_longer() {
    // Each cell has a colour of its own, and is printed once.
    let cell = |n: usize| format!("\x1b[38;2;{};{};{}mx", 100 + n % 100, 100 + n / 100 % 100, 100 + n / 10_000);
    let output: String = (0..15_000).map(cell).collect();
    assert!(output.len() > 256 * KIB);
    let (first, pos) = comes_back_after(&output, (1000, 200), false).await;
    assert_eq!((&first["type"], &first["pos"]), (&json!("output"), &pos));
}

#[tokio::test(start_paused = true)]
async fn a_new_page_gets_the_start_as_it_was_printed_up_to_2_kib() {
    for (bytes, kind) in [(2 * KIB, "output"), (2 * KIB + 1, "snapshot")] {
        let (harness, ada) = (Harness::new().await, caller("ada", "c1"));
        print(&harness, &text(bytes)).await;
        let attach = json!({"type":"attach","client":"page","cols":80,"rows":24});
        let grant = harness.say(&ada, attach).await.grant;
        let first = next_of_stream(&harness, &ada, grant).await;
        assert_eq!(first["type"], kind, "{bytes} bytes");
        assert!(kind == "output" || first["scope"] == "full", "{first}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_viewer_far_behind_gets_the_current_screen() {
    let mut behind = Vec::new();
    for bytes in (600..1000).step_by(20).map(|kib| kib * KIB) {
        let (harness, vic) = (Harness::new().await, Caller { role: Role::Viewer, ..caller("vic", "c1") });
        let attach = json!({"type":"attach","client":"page","cols":80,"rows":24,"accept":["z"]});
        let reply = harness.say(&vic, attach).await;
        let attached = frame(reply.frame);
        let token = harness.token(&vic, reply.grant).unwrap();
        print(&harness, "$").await;
        let (_, token) = harness.fetch_all(token).await;
        harness.say(&vic, ack(&attached, 1)).await;
        print(&harness, &text(bytes)).await;
        let (frames, _) = harness.fetch_all(token.unwrap()).await;
        let scopes: Vec<_> = frames.iter().filter(|f| f["type"] == "snapshot").map(|f| &f["scope"]).collect();
        assert!(scopes.iter().all(|scope| **scope == "screen"), "{scopes:?}");
        // The relay has taken two frames before it asks.
        let sent: u64 = frames[..2].iter().filter_map(|frame| frame["len"].as_u64()).sum();
        behind.push((bytes as u64 - sent, !scopes.is_empty()));
        if scopes.is_empty() {
            let longest = frames.iter().filter_map(|frame| frame["len"].as_u64()).max();
            assert_eq!(longest, Some(256 * KIB as u64), "the most that one frame stands for");
        }
    }
    assert!(behind.iter().all(|(bytes, is_skipped)| *is_skipped == (*bytes > 640 * KIB as u64)), "{behind:?}");
    assert!(behind[0].1 != behind[behind.len() - 1].1, "{behind:?}");
}

#[tokio::test(start_paused = true)]
async fn output_is_sent_again_after_3_s_and_soon_after_a_reported_loss() {
    for (is_lost, ms) in [(false, 3000), (true, 300)] {
        let (harness, ada) = (Harness::new().await, caller("ada", "c1"));
        let attach = json!({"type":"attach","client":"page","cols":80,"rows":24});
        let Some(Grant::Relay(grant)) = harness.say(&ada, attach).await.grant else { panic!("no grant") };
        let relays = harness.registry.relays();
        let relay = relays.find(&grant, "c1").unwrap();
        let ask = async |number: u64, reports: Vec<MemberReport>| {
            let question = question(number, reports);
            relay.report(&question);
            relays.ask(&relay, &question, Duration::from_secs(20)).await.frames
        };
        harness.script.print("once");
        let first = ask(1, vec![]).await;
        let [sent] = &first[..] else { panic!("{first:?}") };
        let lost = if is_lost { sent.number } else { 0 };
        let report = MemberReport { member: sent.member, settled: sent.number, lost, ..MemberReport::default() };
        let asked = Instant::now();
        let again = ask(2, vec![report]).await;
        assert_eq!(asked.elapsed(), Duration::from_millis(ms), "lost: {is_lost}");
        assert_eq!(frame(Some(again[0].frame.clone()))["data"], "once");
    }
}
