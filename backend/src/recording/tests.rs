//! Recordings as they are written and read: parts, gaps in time, killed instances, new epochs, bounds, and stores that fail.

mod faults;

use super::{
    ActiveRecording, Happening, Meta, PART_BYTES, PART_TIME, RECORDING_BYTES, RecordingSettings, Recordings, Replay,
    ReplayError, pieces,
};
use crate::metrics::Metrics;
use futures_util::TryStreamExt;
use object_store::memory::InMemory;
use object_store::throttle::{ThrottleConfig, ThrottledStore};
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::Value;
use shared_protocol::{Epoch, SessionId};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Start of each recording, in ms since 1970.
const START: u64 = 1_800_000_000_000;

fn id() -> SessionId {
    SessionId::new("lab-7").unwrap()
}

fn meta(sub: &str, started: u64) -> Meta {
    Meta { session: id(), sub: sub.into(), grp: None, started, cols: 80, rows: 24 }
}

fn recordings_in(objects: Arc<dyn ObjectStore>, settings: RecordingSettings) -> Arc<Recordings> {
    Arc::new(Recordings::in_store(settings, objects, Metrics::new(0)))
}

fn recordings() -> Arc<Recordings> {
    recordings_in(Arc::new(InMemory::new()), RecordingSettings::default())
}

async fn begin(recordings: &Recordings, epoch: u64, now: u64) -> ActiveRecording {
    recordings.begin(meta("ada", now), 17, Epoch(epoch), now).await.unwrap()
}

fn print(recording: &ActiveRecording, text: &str) -> bool {
    recording.buffer.push(recording.clock()(Instant::now()), Happening::Output(text.into()))
}

/// The lines of the latest recording, as a player reads them: the header, and each event with its time in ms.
async fn replay(recordings: &Arc<Recordings>) -> (Value, Vec<(u64, String, String)>) {
    let found = Replay::find(recordings, &id(), None, |_| true).await.unwrap();
    let bytes: Vec<_> = found.stream(Arc::clone(recordings)).try_collect().await.unwrap();
    let text = String::from_utf8(bytes.concat()).unwrap();
    let mut lines = text.lines();
    let header: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    let mut time = 0.0;
    let events = lines.map(|line| {
        let (interval, code, data): (f64, String, String) = serde_json::from_str(line).unwrap();
        time += interval;
        ((time * 1000.0_f64).round() as u64, code, data)
    });
    (header, events.collect())
}

fn event(at: u64, code: &str, data: &str) -> (u64, String, String) {
    (at, code.into(), data.into())
}

async fn parts(recordings: &Recordings) -> usize {
    recordings.list(&recordings.root).await.unwrap().len() - 1
}

#[tokio::test(start_paused = true)]
async fn a_recording_is_read_as_it_was_written() {
    let recordings = recordings();
    let recording = begin(&recordings, 1, START).await;
    assert!(print(&recording, "$ "));
    sleep(Duration::from_millis(1500)).await;
    recording.buffer.push(1500, Happening::Resize { cols: 100, rows: 30 });
    recording.buffer.push(1500, Happening::Exit(3));
    recording.finish().await;
    let (header, events) = replay(&recordings).await;
    assert_eq!(
        (&header["version"], &header["term"]["cols"], &header["timestamp"]),
        (&3.into(), &80.into(), &(START / 1000).into())
    );
    assert_eq!(events, [event(0, "o", "$ "), event(1500, "r", "100x30"), event(1500, "x", "3")]);
}

#[tokio::test(start_paused = true)]
async fn a_part_is_written_when_it_is_full_or_due() {
    let recordings = recordings();
    let recording = begin(&recordings, 1, START).await;
    print(&recording, "hello");
    sleep(PART_TIME / 2).await;
    assert_eq!(parts(&recordings).await, 0);
    sleep(PART_TIME / 2 + Duration::from_millis(1)).await;
    assert_eq!(parts(&recordings).await, 1, "it is due by its first event");
    for _ in 0..10 {
        assert!(print(&recording, &"x".repeat(PART_BYTES / 8)));
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(parts(&recordings).await, 2, "one is full");
    recording.finish().await;
    assert_eq!(parts(&recordings).await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_killed_instance_loses_seconds_and_a_new_epoch_goes_on() {
    let recordings = recordings();
    let first = begin(&recordings, 1, START).await;
    print(&first, "kept");
    sleep(PART_TIME * 2).await;
    print(&first, "lost");
    sleep(PART_TIME / 2).await;
    // As a process that is killed: nothing more is written.
    drop(first);
    let now = START + 60_000;
    let second = begin(&recordings, 2, now).await;
    print(&second, "again");
    second.buffer.push(60_000, Happening::Exit(0));
    second.finish().await;
    let (_, events) = replay(&recordings).await;
    let expected = [
        event(0, "o", "kept"),
        event(60_000, "m", "A new shell: the one before was lost."),
        event(60_000, "r", "80x24"),
        event(60_000, "o", "\u{1b}cagain"),
        event(60_000, "x", "0"),
    ];
    assert_eq!(events, expected);
}

#[tokio::test(start_paused = true)]
async fn a_stale_instance_overwrites_nothing_of_its_successor() {
    let recordings = recordings();
    let stale = begin(&recordings, 1, START).await;
    let next = begin(&recordings, 2, START + 1000).await;
    print(&stale, "stale");
    print(&next, "next");
    stale.finish().await;
    next.finish().await;
    let (_, events) = replay(&recordings).await;
    let printed: Vec<_> = events.iter().filter(|(_, code, _)| code == "o").map(|(.., data)| &**data).collect();
    assert_eq!(printed, ["stale", "\u{1b}cnext"]);
}

#[tokio::test(start_paused = true)]
async fn a_missing_part_is_marked_and_shifts_nothing() {
    let recordings = recordings();
    let recording = begin(&recordings, 1, START).await;
    for text in ["one", "two", "three"] {
        print(&recording, text);
        sleep(PART_TIME * 2).await;
    }
    recording.finish().await;
    let mut objects = recordings.list(&recordings.root).await.unwrap();
    objects.sort_by(|one, other| one.location.cmp(&other.location));
    recordings.objects.delete(&objects[1].location).await.unwrap();
    let (_, events) = replay(&recordings).await;
    let missing = event(20_000, "m", "A part of the recording is missing.");
    assert_eq!(events, [event(0, "o", "one"), missing, event(40_000, "o", "three")]);
}

#[tokio::test(start_paused = true)]
async fn a_recording_ends_at_its_largest_size_but_has_the_exit() {
    let settings = RecordingSettings { max_bytes: 1000, ..RecordingSettings::default() };
    let recordings = recordings_in(Arc::new(InMemory::new()), settings);
    let recording = begin(&recordings, 1, START).await;
    for _ in 0..20 {
        print(&recording, &"x".repeat(100));
        sleep(Duration::from_millis(20)).await;
    }
    assert!(recording.buffer.is_full());
    recording.buffer.push(400, Happening::Exit(0));
    recording.finish().await;
    let (_, events) = replay(&recordings).await;
    let outputs = events.iter().filter(|(_, code, _)| code == "o").count();
    assert!((8..=10).contains(&outputs), "{outputs}");
    let end = events.iter().rev().take(2).map(|(_, code, _)| &**code).collect::<Vec<_>>();
    assert_eq!(end, ["x", "m"]);
    // Nor does the next epoch write any more.
    let next = begin(&recordings, 2, START + 1000).await;
    print(&next, "more");
    next.finish().await;
    let (_, events) = replay(&recordings).await;
    assert!(!events.iter().any(|(.., data)| data == "more"));
}

#[tokio::test(start_paused = true)]
async fn a_slow_store_holds_nothing_up_and_one_that_hangs_fails_the_start() {
    let slow = |wait| {
        let config = ThrottleConfig { wait_put_per_call: wait, ..ThrottleConfig::default() };
        Arc::new(ThrottledStore::new(InMemory::new(), config))
    };
    let recordings_on_slow = recordings_in(slow(Duration::from_secs(2)), RecordingSettings::default());
    let recording = begin(&recordings_on_slow, 1, START).await;
    let mut refused = 0;
    for _ in 0..100 {
        refused += usize::from(!print(&recording, &"x".repeat(PART_BYTES / 8)));
        tokio::task::yield_now().await;
    }
    assert!(refused > 50, "{refused}: what does not fit is refused at once");
    sleep(Duration::from_secs(10)).await;
    assert!(recording.buffer.has_room(), "it has caught up");
    recording.finish().await;
    let hanging = recordings_in(slow(Duration::from_secs(3600)), RecordingSettings::default());
    let begun = Instant::now();
    hanging.begin(meta("ada", START), 17, Epoch(1), START).await.unwrap_err();
    assert_eq!(begun.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn however_long_its_lines_get_a_recording_keeps_to_its_memory() {
    let config = ThrottleConfig { wait_put_per_call: Duration::from_millis(100), ..ThrottleConfig::default() };
    let store = Arc::new(ThrottledStore::new(InMemory::new(), config));
    let recordings = recordings_in(store, RecordingSettings::default());
    let recording = begin(&recordings, 1, START).await;
    // Each control character has six in a line.
    let (escapes, line) = ("\x1b".repeat(PART_BYTES), "\"".repeat(8 * 1024));
    let mut highest = 0;
    for turn in 0..200 {
        let mut outputs = pieces(escapes.as_bytes()).map(|piece| Happening::Output(piece.to_vec()));
        let _ = outputs.all(|output| recording.buffer.push(turn, output));
        let _ = recording.buffer.push(turn, Happening::Input(b"\x7f".repeat(4096)));
        let _ = recording.buffer.push(turn, Happening::Marker(line.clone().into()));
        sleep(Duration::from_millis(1)).await;
        highest = highest.max(recording.buffer.held());
    }
    assert!((RECORDING_BYTES / 2..=RECORDING_BYTES).contains(&highest), "{highest}");
    recording.finish().await;
    let sizes = recordings.list(&recordings.root).await.unwrap().into_iter().map(|object| object.size);
    assert!(sizes.max().unwrap() as usize <= RECORDING_BYTES, "a part is no longer than its memory");
}

#[tokio::test(start_paused = true)]
async fn each_reader_gets_the_latest_recording_that_they_may_read() {
    let recordings = recordings();
    for (user, created_at) in [("ada", 1), ("ada", 2), ("eve", 3)] {
        let begun = recordings.begin(meta(user, START + created_at), created_at, Epoch(1), START + created_at).await;
        begun.unwrap().finish().await;
    }
    for (reader, started, found) in [
        ("ada", None, Some(2)),
        ("ada", Some(START + 1), Some(1)),
        ("ada", Some(START + 3), None),
        ("eve", None, Some(3)),
        ("mallory", None, None),
    ] {
        let replay = Replay::find(&recordings, &id(), started, |meta| meta.sub == reader).await;
        match (replay, found) {
            (Ok(replay), Some(number)) => {
                assert_eq!((&*replay.meta.sub, replay.meta.started), (reader, START + number));
            }
            (Err(ReplayError::NotFound), None) => {}
            (other, _) => panic!("{reader}: {other:?}"),
        }
    }
    let other = SessionId::new("lab-8").unwrap();
    assert!(matches!(Replay::find(&recordings, &other, None, |_| true).await, Err(ReplayError::NotFound)));
}

#[tokio::test(start_paused = true)]
async fn one_of_a_thousand_recordings_is_found_in_time() {
    let config = ThrottleConfig { wait_get_per_call: Duration::from_millis(50), ..ThrottleConfig::default() };
    let store = Arc::new(ThrottledStore::new(InMemory::new(), config));
    let recordings = recordings_in(store, RecordingSettings::default());
    for at in START..START + 1000 {
        let sub = if at == START { "ada" } else { "eve" };
        recordings.begin(meta(sub, at), at, Epoch(1), at).await.unwrap().finish().await;
    }
    for (reader, started, seconds) in [("eve", None, 0), ("ada", None, 6), ("ada", Some(START), 6)] {
        let begun = Instant::now();
        let found = Replay::find(&recordings, &id(), started, |meta| meta.sub == reader).await.unwrap();
        assert_eq!((&*found.meta.sub, begun.elapsed().as_secs()), (reader, seconds), "{started:?}");
    }
    // Another day's are not read.
    let later = START + 86_400_000;
    recordings.begin(meta("eve", later), later, Epoch(1), later).await.unwrap().finish().await;
    let begun = Instant::now();
    Replay::find(&recordings, &id(), Some(later), |_| true).await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_belongs_to_another_user_now_continues_no_recording() {
    let recordings = recordings();
    begin(&recordings, 1, START).await.finish().await;
    let theirs = recordings.begin(meta("eve", START), 17, Epoch(2), START).await;
    assert!(theirs.unwrap_err().to_string().contains("belongs to another"));
}
