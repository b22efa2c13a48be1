//! The service's memory for a session counts as the session's own: its screens, and output for pages that read nothing.

use crate::harness::{Harness, LIMITS, caller};
use backend::session::{Caller, Watcher};
use serde_json::json;
use shared_protocol::{ClassClaims, GroupId, Role};
use std::sync::Arc;
use tokio::runtime::{Builder, Handle};

/// Fills both screens, and the history of one, with thirty bytes.
const FILL: &str = "x\x1b[999999bx\x1b[999999b\x1b[?1049hx\x1b[999999b";

/// Memory of a screen or a history that is full, in bytes: 200,000 cells.
const FULL: u64 = 200_000 * 16;

fn held(harness: &Harness) -> u64 {
    *harness.script.held().last().unwrap()
}

fn shown(harness: &Harness) -> u64 {
    let (text, name) = (harness.metrics.text(), "termgate_sessions_held_bytes ");
    text.lines().find_map(|line| line.strip_prefix(name)).unwrap().parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn screens_and_what_waits_for_pages_count_as_memory_of_the_session() {
    let harness = Harness::new().await;
    let ada = caller("ada", "c1");
    harness.say(&ada, json!({"type":"attach","client":"page","cols":1000,"rows":1000})).await;
    harness.at(2).await;
    let fresh = held(&harness);
    assert!((1024..256 * 1024).contains(&fresh), "{fresh}: a row costs what it holds");
    harness.script.print(FILL);
    harness.at(4).await;
    let full = held(&harness);
    // The scrollback of these tests is 100 lines.
    assert!((5 * FULL / 2..7 * FULL / 2).contains(&full), "{full}");
    assert_eq!(shown(&harness), full);
    // Each gets a snapshot of both screens, whose parts wait for a relay that never asks.
    for name in ["vic", "val", "vera"] {
        let viewer = Caller { role: Role::Viewer, ..caller(name, name) };
        harness.attach(&viewer, name).await;
    }
    harness.at(6).await;
    let waiting = held(&harness);
    assert!(waiting >= full + 3 * 400_000, "{waiting}, and {full} before");
    assert_eq!(shown(&harness), waiting);
    harness.script.exit(0);
    harness.at(60).await;
    assert_eq!(shown(&harness), 0, "of a session that is over");
}

/// How often timers and news wake the thread of a session in ten minutes in which nothing happens.
fn wakes(is_watched: bool) -> u64 {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let class = ClassClaims { grp: GroupId::new("class-7").ok(), ..ClassClaims::default() };
        let harness = Harness::created_by(&Caller { class, ..caller("ada", "c1") }, LIMITS).await;
        harness.attach(&caller("ada", "c1"), "page").await;
        harness.script.print("$ ");
        let sessions = harness.registry.classes().running_here(&GroupId::new("class-7").unwrap());
        let grace = [Arc::new(Watcher { user: "grace".into(), name: "Grace".into() })];
        let guards: Vec<_> = sessions.iter().filter(|_| is_watched).map(|session| session.slot.watch(&grace)).collect();
        // The relay that never asks is given up, and the first sight is there.
        harness.at(120).await;
        assert_eq!((sessions.len(), sessions[0].slot.latest().is_some()), (1, is_watched));
        let parks = || Handle::current().metrics().worker_park_count(0);
        let before = parks();
        harness.at(720).await;
        drop(guards);
        parks() - before
    })
}

#[test]
fn an_idle_session_that_a_wall_watches_wakes_no_more_often_than_another() {
    let (alone, watched) = (wakes(false), wakes(true));
    assert!(alone <= 60, "{alone} in ten minutes");
    assert!(watched <= alone, "{watched}, and {alone} without a wall");
}

#[tokio::test(start_paused = true)]
async fn memory_is_counted_at_most_once_a_second_and_not_while_nothing_happens() {
    let harness = Harness::new().await;
    let ada = caller("ada", "c1");
    harness.attach(&ada, "page").await;
    harness.at(2).await;
    let before = harness.script.held().len();
    for _ in 0..100 {
        harness.script.print("x");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    harness.at(10).await;
    let counts = harness.script.held().len() - before;
    assert!((4..=7).contains(&counts), "{counts} in five seconds");
    harness.at(40).await;
    let idle = harness.script.held().len() - before - counts;
    // The relay that never asks is given up meanwhile.
    assert!(idle <= 2, "{idle} in half a minute: a count is no news");
}
