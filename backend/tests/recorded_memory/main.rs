//! Memory that a recording adds to a session at the peak of a flood, counted by the allocator: the same flood with a recording
//! and without. One test, because everything in the process is counted.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../session/harness.rs"]
#[expect(dead_code, reason = "the tests of sessions use all of it")]
mod harness;
mod stuck_bucket;

use backend::metrics::Metrics;
use backend::recording::{Recorded, RecordingSettings, Recordings};
use harness::{Harness, LIMITS, caller};
use object_store::local::LocalFileSystem;
use object_store::throttle::{ThrottleConfig, ThrottledStore};
use peak_alloc::PeakAlloc;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use stuck_bucket::StuckBucket;
use tokio::runtime::Builder;
use tokio::time::sleep;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const KIB: usize = 1024;

/// Most that a recording may add, in bytes. A frame to the page is 32 KiB, and one more of it may be on its way in one of two
/// floods.
const MOST: usize = 128 * KIB;

/// Most that a request to a bucket takes beside the part, with its connection, in bytes. However many sessions are recorded, an
/// instance has at most 64 at a time.
const REQUEST: usize = 64 * KIB;

/// Bytes of a flood: several times the session's log.
const FLOOD: usize = 4 * 1024 * KIB;

/// Bytes that the program prints at once.
const STEP: usize = 64 * KIB;

/// Begins a session with a page, lets the store do its worst, and floods it. Returns the highest memory of all that, in bytes.
async fn flood(recordings: Arc<Recordings>, text: &str, worst: impl FnOnce()) -> usize {
    let is_recorded = recordings.settings.recorded == Recorded::All;
    let before = MEMORY.current_usage();
    let ada = caller("ada", "c1");
    let harness = Harness::recorded_in(recordings, &ada, LIMITS).await;
    let (attached, token) = harness.attach(&ada, "page").await;
    assert_eq!(attached["recording"]["state"] == "on", is_recorded);
    worst();
    let lines = text.repeat(STEP / text.len());
    let prints = async {
        for _ in 0..FLOOD / lines.len() {
            let printed = harness.script.taken() + lines.len();
            harness.script.print(&lines);
            while harness.script.taken() < printed {
                sleep(Duration::from_millis(1)).await;
            }
        }
    };
    MEMORY.reset_peak_usage();
    tokio::select! {
        () = prints => {}
        stopped = harness.watch(&ada, token, 3600) => panic!("the page is gone: {stopped:?}"),
    }
    MEMORY.peak_usage() - before
}

fn settings(recorded: Recorded) -> RecordingSettings {
    RecordingSettings { recorded, ..RecordingSettings::default() }
}

/// Memory of a flood that is written into a folder, each of whose writes takes so long.
fn in_folder(recorded: Recorded, text: &str, wait: Duration) -> usize {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let home = tempfile::tempdir().unwrap();
    let store =
        |path: &Path| ThrottledStore::new(LocalFileSystem::new_with_prefix(path).unwrap(), ThrottleConfig::default());
    let store = Arc::new(store(home.path()));
    let recordings = Arc::new(Recordings::in_store(settings(recorded), Arc::clone(&store) as _, Metrics::new(0)));
    let slow = || store.config_mut(|config| config.wait_put_per_call = wait);
    runtime.block_on(flood(recordings, text, slow))
}

/// The same for a bucket that takes no part to its end.
fn in_bucket(recorded: Recorded, text: &str) -> usize {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let bucket = StuckBucket::start().await;
        let settings = RecordingSettings { place: bucket.place(), ..settings(recorded) };
        let recordings = Arc::new(Recordings::open(settings, Metrics::new(0)).unwrap());
        let peak = flood(recordings, text, || ()).await;
        assert_eq!(bucket.has_part(), recorded == Recorded::All, "it hangs at a part");
        peak
    })
}

#[test]
fn a_recording_adds_at_most_128_kib_at_the_peak_of_a_flood() {
    let log = "a line of a log that fills the width of a \x1b[32mterminal\x1b[0m\r\n";
    // Statics and thread pools come with the first.
    in_folder(Recorded::All, log, Duration::ZERO);
    in_bucket(Recorded::All, log);
    // A control character has six in a line.
    for (name, text) in [("log", log), ("escapes", "\x1b"), ("quotes", "\"")] {
        let check = |store: &str, with: usize, without: usize, most: usize| {
            let more = with.saturating_sub(without);
            println!("{name}, {store}: {} KiB more than {} KiB", more / KIB, without / KIB);
            assert!(more <= most, "{name}, {store}: {with} bytes with a recording, {without} without");
            assert!(more >= MOST / 4, "{name}, {store}: {more} bytes more: the recording had no flood");
        };
        let without = in_folder(Recorded::None, text, Duration::ZERO);
        for ms in [0, 20, 5000] {
            let with = in_folder(Recorded::All, text, Duration::from_millis(ms));
            check(&format!("a folder whose writes take {ms} ms"), with, without, MOST);
        }
        let (with, without) = (in_bucket(Recorded::All, text), in_bucket(Recorded::None, text));
        check("a bucket that is stuck", with, without, MOST + REQUEST);
    }
}
