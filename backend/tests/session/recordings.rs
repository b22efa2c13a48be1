//! A session and its recording: who is recorded, what people are told, and that nothing of it holds the shell up.

use crate::harness::{Harness, LIMITS, SIZE, caller, id, input};
use backend::metrics::Metrics;
use backend::recording::{Recorded, RecordingSettings, Recordings, Replay};
use backend::session::Caller;
use futures_util::TryStreamExt;
use object_store::memory::InMemory;
use object_store::throttle::{ThrottleConfig, ThrottledStore};
use serde_json::{Value, json};
use shared_protocol::server::Tty;
use shared_protocol::{ClassClaims, EndReason};
use std::sync::Arc;
use std::time::Duration;

const PART_TIME: Duration = backend::recording::PART_TIME;

/// A user whose token asks for a recording.
fn recorded() -> Caller {
    let class = ClassClaims { rec: true, ..ClassClaims::default() };
    Caller { class, ..caller("ada", "c1") }
}

/// A store whose parts take this long.
fn slow(settings: RecordingSettings, wait: Duration) -> (Arc<Recordings>, Arc<ThrottledStore<InMemory>>) {
    let store = Arc::new(ThrottledStore::new(InMemory::new(), ThrottleConfig::default()));
    let recordings = Arc::new(Recordings::in_store(settings, Arc::clone(&store) as _, Metrics::new(0)));
    store.config_mut(|config| config.wait_put_per_call = wait);
    (recordings, store)
}

/// The events of the recording: code and data.
async fn read(recordings: &Arc<Recordings>) -> Vec<(String, String)> {
    let found = Replay::find(recordings, &id(), None, |_| true).await.unwrap();
    let bytes: Vec<_> = found.stream(Arc::clone(recordings)).try_collect().await.unwrap();
    let text = String::from_utf8(bytes.concat()).unwrap();
    let events = text.lines().skip(1).map(|line| {
        let (_, code, data): (f64, String, String) = serde_json::from_str(line).unwrap();
        (code, data)
    });
    events.collect()
}

fn event(code: &str, data: &str) -> (String, String) {
    (code.into(), data.into())
}

#[tokio::test(start_paused = true)]
async fn a_recording_has_output_sizes_and_the_exit() {
    let recordings = Recordings::in_memory(RecordingSettings::default());
    let harness = Harness::recorded_in(Arc::clone(&recordings), &recorded(), LIMITS).await;
    let (attached, _) = harness.attach(&recorded(), "page").await;
    assert_eq!(attached["recording"], json!({"state": "on", "days": 30}));
    harness.script.print("$ ");
    harness.settle().await;
    harness.say(&recorded(), input(&attached, 1, "secret")).await;
    let resize = json!({"type":"resize","seq":2,"epoch":attached["epoch"],"cols":100,"rows":30});
    harness.say(&recorded(), resize).await;
    harness
        .say(&recorded(), json!({"type":"chat_message","seq":3,"epoch":attached["epoch"],"data":{"message":"psst"}}))
        .await;
    harness.script.print("bye\r\n");
    harness.settle().await;
    harness.script.exit(3);
    assert_eq!(harness.ended().await, EndReason::Exited);
    let expected = [event("o", "$ "), event("r", "100x30"), event("o", "bye\r\n"), event("x", "3")];
    assert_eq!(read(&recordings).await, expected, "no input, no chat");
}

#[tokio::test(start_paused = true)]
async fn what_is_typed_is_recorded_where_the_operator_wants_it_but_no_password() {
    let recordings = Recordings::in_memory(RecordingSettings { input: true, ..RecordingSettings::default() });
    let harness = Harness::recorded_in(Arc::clone(&recordings), &recorded(), LIMITS).await;
    let (attached, _) = harness.attach(&recorded(), "page").await;
    assert_eq!(attached["recording"], json!({"state": "on", "input": true, "days": 30}));
    for (seq, echo, keys) in [(1, true, "yes\r"), (2, false, "hunter2"), (3, false, "\r"), (4, true, "no\r")] {
        harness.script.set_tty(Tty { echo, canonical: true });
        harness.say(&recorded(), input(&attached, seq, keys)).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    harness.script.exit(0);
    harness.ended().await;
    let hidden = event("m", "Typing is not recorded here.");
    assert_eq!(read(&recordings).await, [event("i", "yes\r"), hidden, event("i", "no\r"), event("x", "0")]);
}

#[tokio::test(start_paused = true)]
async fn a_recording_has_a_marker_where_each_command_begins() {
    let recordings = Recordings::in_memory(RecordingSettings::default());
    let harness = Harness::recorded_in(Arc::clone(&recordings), &recorded(), LIMITS).await;
    for (kind, line) in [("line", "make test"), ("none", ""), ("line", "exit 3")] {
        harness.script.mark("B");
        harness.script.print("$ ");
        harness.script.mark("C");
        harness.script.tell_line(kind, "/", line);
        harness.script.print("out");
        harness.script.mark("D;0");
    }
    harness.settle().await;
    harness.script.exit(3);
    harness.ended().await;
    let command = |line: &str, before: &str| [event("o", before), event("m", line)];
    let commands = [("make test", "$ "), ("A command that is hidden.", "out$ "), ("exit 3", "out$ ")];
    let mut expected = commands.map(|(line, before)| command(line, before)).concat();
    expected.extend([event("o", "out"), event("x", "3")]);
    assert_eq!(read(&recordings).await, expected);
}

#[tokio::test(start_paused = true)]
async fn the_token_that_creates_a_session_decides_unless_the_operator_does() {
    for (setting, token, is_recorded) in [
        (Recorded::Asked, false, false),
        (Recorded::Asked, true, true),
        (Recorded::All, false, true),
        (Recorded::None, true, false),
    ] {
        let settings = RecordingSettings { recorded: setting, ..RecordingSettings::default() };
        let creator = if token { recorded() } else { caller("ada", "c1") };
        let recordings = Recordings::in_memory(settings);
        let harness = Harness::recorded_in(Arc::clone(&recordings), &creator, LIMITS).await;
        // A later token turns nothing on or off.
        let (attached, _) = harness.attach(&if token { caller("ada", "c1") } else { recorded() }, "page").await;
        let told = attached["recording"]["state"].as_str();
        assert_eq!(told, is_recorded.then_some("on"), "{setting:?} {token}");
        harness.script.exit(0);
        harness.ended().await;
        assert_eq!(Replay::find(&recordings, &id(), None, |_| true).await.is_ok(), is_recorded, "{setting:?} {token}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_store_the_shell_starts_and_its_people_are_told() {
    let hanging = Duration::from_secs(3600);
    let (recordings, _) = slow(RecordingSettings::default(), hanging);
    let harness = Harness::recorded_in(recordings, &recorded(), LIMITS).await;
    let (attached, _) = harness.attach(&recorded(), "page").await;
    assert_eq!(attached["recording"], json!({"state": "off", "days": 30}));
    assert_eq!(harness.metrics.recordings.failures.get(), 1);
    harness.script.print("it works");
    harness.settle().await;
}

#[tokio::test(start_paused = true)]
async fn where_a_recording_is_required_no_shell_starts_without_it() {
    let settings = RecordingSettings { required: true, ..RecordingSettings::default() };
    let (recordings, store) = slow(settings, Duration::ZERO);
    let harness = Harness::recorded_in(recordings, &recorded(), LIMITS).await;
    harness.script.exit(0);
    harness.ended().await;
    store.config_mut(|config| config.wait_put_per_call = Duration::from_secs(3600));
    let (next, other) = (shared_protocol::SessionId::new("t").unwrap(), recorded());
    let refused = harness.registry.running_or_new(&next, &other, SIZE).await.unwrap_err();
    assert!(refused.message.contains("must be recorded"), "{refused}");
    store.config_mut(|config| config.wait_put_per_call = Duration::ZERO);
    harness.registry.running_or_new(&next, &other, SIZE).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_behind_leaves_a_gap_and_then_the_screen() {
    let (recordings, store) = slow(RecordingSettings::default(), Duration::ZERO);
    let harness = Harness::recorded_in(Arc::clone(&recordings), &recorded(), LIMITS).await;
    store.config_mut(|config| config.wait_put_per_call = Duration::from_secs(15));
    let flood = "0123456789\r\n".repeat(128 * 1024 / 12);
    for _ in 0..16 {
        harness.script.print(&flood);
        harness.settle().await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    harness.script.print("\x1b[2J\x1b[Hthe last screen");
    harness.settle().await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(harness.script.taken(), flood.len() * 16 + 22, "the program has waited for nothing");
    store.config_mut(|config| config.wait_put_per_call = Duration::ZERO);
    tokio::time::sleep(Duration::from_secs(20)).await;
    harness.script.print("!");
    harness.settle().await;
    harness.script.exit(0);
    harness.ended().await;
    let events = read(&recordings).await;
    let gaps = events.iter().filter(|(code, data)| code == "m" && data.starts_with("Output is missing")).count();
    assert_eq!(gaps, 1);
    let at = events.iter().position(|(code, _)| code == "m").unwrap();
    assert_eq!(events[at + 1], event("r", "80x24"));
    assert!(events[at + 2].1.starts_with("\u{1b}c") && events[at + 2].1.contains("the last screen"));
    assert_eq!(events.last().unwrap(), &event("x", "0"));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_behind_for_a_while_leaves_no_gap_and_a_session_that_ends_has_all() {
    let (recordings, store) = slow(RecordingSettings::default(), Duration::ZERO);
    let harness = Harness::recorded_in(Arc::clone(&recordings), &recorded(), LIMITS).await;
    store.config_mut(|config| config.wait_put_per_call = Duration::from_millis(100));
    let mut printed = String::new();
    for number in 0..14 {
        let burst: String = (0..6000).map(|line| format!("{number} {line}\r\n")).collect();
        harness.script.print(&burst);
        harness.settle().await;
        printed += &burst;
    }
    harness.script.exit(0);
    // The last parts take a second.
    tokio::time::sleep(Duration::from_secs(5)).await;
    harness.ended().await;
    let events = read(&recordings).await;
    let output: String = events.iter().filter(|(code, _)| code == "o").map(|(_, data)| data.as_str()).collect();
    assert!(output == printed && printed.len() > 600_000, "{} of {}", output.len(), printed.len());
    assert_eq!(events.iter().map(|(code, _)| code.as_str()).filter(|code| *code != "o").collect::<Vec<_>>(), ["x"]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_in_the_log_goes_to_the_recording_once_the_store_takes_it() {
    let (recordings, store) = slow(RecordingSettings::default(), Duration::ZERO);
    let harness = Harness::recorded_in(Arc::clone(&recordings), &recorded(), LIMITS).await;
    store.config_mut(|config| config.wait_put_per_call = Duration::from_secs(5));
    harness.script.print("0123456789\r\n".repeat(40_000));
    harness.settle().await;
    // Nothing else wakes the session.
    tokio::time::sleep(Duration::from_secs(120)).await;
    let events = read(&recordings).await;
    let output: usize = events.iter().map(|(_, data)| data.len()).sum();
    assert_eq!((output, events.iter().all(|(code, _)| code == "o")), (12 * 40_000, true));
}

/// The highest memory that the service said it holds for a session that prints, in bytes.
async fn held_in_a_flood(creator: &Caller) -> u64 {
    let (recordings, store) = slow(RecordingSettings::default(), Duration::ZERO);
    let harness = Harness::recorded_in(recordings, creator, LIMITS).await;
    store.config_mut(|config| config.wait_put_per_call = Duration::from_secs(3600));
    for _ in 0..20 {
        harness.script.print("0123456789\r\n".repeat(8 * 1024));
        harness.settle().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    *harness.script.held().iter().max().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_recorded_session_has_at_most_128_kib_more_although_the_store_hangs() {
    let more = held_in_a_flood(&recorded()).await.saturating_sub(held_in_a_flood(&caller("ada", "c1")).await);
    assert!((64 * 1024..=128 * 1024).contains(&more), "{more}");
}

/// Prints until the writer, whose store takes 15 s for a part, is behind; then this, and the store is fast again.
async fn behind(harness: &Harness, store: &ThrottledStore<InMemory>, then: &str) {
    store.config_mut(|config| config.wait_put_per_call = Duration::from_secs(15));
    for _ in 0..16 {
        harness.script.print("0123456789\r\n".repeat(128 * 1024 / 12));
        harness.settle().await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    harness.script.print(then);
    harness.settle().await;
    store.config_mut(|config| config.wait_put_per_call = Duration::ZERO);
    tokio::time::sleep(Duration::from_secs(20)).await;
}

#[tokio::test(start_paused = true)]
async fn a_gap_ends_with_the_screen_although_nothing_is_printed() {
    let (recordings, store) = slow(RecordingSettings::default(), Duration::ZERO);
    let harness = Harness::recorded_in(Arc::clone(&recordings), &recorded(), LIMITS).await;
    behind(&harness, &store, "\x1b[2J\x1b[Hthe last screen").await;
    tokio::time::sleep(PART_TIME).await;
    let events = read(&recordings).await;
    assert!(events.last().unwrap().1.contains("the last screen"));
    harness.script.exit(0);
    harness.ended().await;
    assert_eq!(read(&recordings).await.last().unwrap(), &event("x", "0"));
}

#[tokio::test(start_paused = true)]
async fn a_gap_before_a_screen_of_too_many_colours_ends_all_the_same() {
    let (recordings, store) = slow(RecordingSettings::default(), Duration::ZERO);
    let harness = Harness::recorded_in(Arc::clone(&recordings), &recorded(), LIMITS).await;
    harness.say(&recorded(), json!({"type": "resize", "cols": 400, "rows": 100})).await;
    let cell = |n: usize| format!("\x1b[38;2;{};{};{}mx", n % 256, n / 256, 255 - n % 256);
    behind(&harness, &store, &(0..40_000).map(cell).collect::<String>()).await;
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        harness.script.print("on and on");
        harness.settle().await;
    }
    harness.script.exit(0);
    harness.ended().await;
    let events = read(&recordings).await;
    let gap = events.iter().position(|(_, data)| data.starts_with("Output is missing")).unwrap();
    let codes: Vec<_> = events[gap + 1..].iter().map(|(code, _)| code.as_str()).collect();
    assert_eq!(codes, ["r", "o", "m", "o", "o", "o", "o", "o", "x"], "the size stands once");
    assert!(events[gap + 3].1.starts_with("The screen is missing") && events[gap + 4].1 == "on and on");
}

#[tokio::test(start_paused = true)]
async fn people_are_told_when_a_recording_has_its_largest_size() {
    let settings = RecordingSettings { max_bytes: 1000, ..RecordingSettings::default() };
    let recordings = Recordings::in_memory(settings);
    let harness = Harness::recorded_in(Arc::clone(&recordings), &recorded(), LIMITS).await;
    let (_, token) = harness.attach(&recorded(), "page").await;
    harness.script.print("x".repeat(2000));
    harness.settle().await;
    tokio::time::sleep(PART_TIME).await;
    harness.script.print("more");
    harness.settle().await;
    let (frames, _) = harness.fetch_all(token).await;
    let told: Vec<_> = frames.iter().filter(|frame| frame["kind"] == "recording").collect();
    // The page acknowledges nothing, so the service may repeat it.
    assert!(!told.is_empty() && told.iter().all(|again| again["pos"] == told[0]["pos"]), "{told:?}");
    assert_eq!((&told[0]["state"], &told[0]["days"]), (&json!("off"), &json!(30)));
    let (again, _) = harness.attach(&recorded(), "another").await;
    assert_eq!(again["recording"]["state"], Value::from("off"));
    harness.script.exit(0);
    harness.ended().await;
    let events = read(&recordings).await;
    assert!(!events.iter().any(|(_, data)| data == "more") && events.last().unwrap().0 == "x");
}
