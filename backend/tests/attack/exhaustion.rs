//! An attacker takes all that there is: it gets its share, and the others theirs.

use crate::harness::{Harness, processes_of, says, uid_of};
use crate::support::{Terminal, until};
use shared_protocol::{EndReason, StreamEvent};
use std::time::Duration;

/// Longest that anyone waits for an echo while somebody else attacks; two processors may be shared with other tests.
const PATIENCE: Duration = Duration::from_secs(10);

async fn is_responsive(shell: &mut Terminal) {
    let echo = shell.command("echo still here");
    let echoed = tokio::time::timeout(PATIENCE, echo).await;
    let (said, code) = echoed.unwrap_or_else(|_| panic!("the victim's shell does not answer within {PATIENCE:?}"));
    assert_eq!((&*said, code), ("still here\n", 0));
}

/// Ended, for using too much, and swept up.
async fn is_ended(harness: &Harness, mut shell: Terminal, uid: u32) {
    let limits = |event: &StreamEvent| matches!(event, StreamEvent::Closing { reason: EndReason::Limits, .. });
    shell.event(limits).await;
    let exit = shell.event(|event| matches!(event, StreamEvent::Exit { .. })).await;
    assert!(matches!(exit, StreamEvent::Exit { reason: EndReason::Limits, .. }), "{exit:?}");
    assert!(shell.screen().contains("This session uses"), "{}", shell.screen());
    harness.is_swept(uid).await;
    until("the last of them to be collected", || processes_of(uid).is_empty()).await;
}

#[tokio::test]
async fn a_fork_bomb() {
    let harness = Harness::new().await;
    let (mut eve, mut ada) = (harness.shell("eve").await, harness.shell("ada").await);
    let uid = uid_of(&mut eve).await;
    eve.keys("bomb() { bomb | bomb & }; bomb\r").await;
    eve.sees("Resource temporarily unavailable").await;
    is_responsive(&mut ada).await;
    assert!(processes_of(uid).len() as u64 <= harness.settings.processes, "no more than it may have");
    drop(harness.shell("bob").await);
    harness.is_well().await;
    harness.end(eve, uid).await;
    until("the last of them to be collected", || processes_of(uid).is_empty()).await;
    is_responsive(&mut ada).await;
    harness.service.stop().await;
}

#[tokio::test]
async fn memory() {
    let harness = Harness::new().await;
    let (mut eve, mut ada) = (harness.shell("eve").await, harness.shell("ada").await);
    let uid = uid_of(&mut eve).await;
    let one = "/usr/bin/python3 -c 'bytearray(600 << 20)' 2>&1 | tail -1";
    assert_eq!(says(&mut eve, one).await, "MemoryError", "one process alone is stopped by the kernel");
    eve.keys("for i in 1 2 3 4; do /usr/bin/python3 -c 'import time; x = bytearray(b\"x\" * (200 << 20)); time.sleep(1000)' & done\r").await;
    is_responsive(&mut ada).await;
    is_ended(&harness, eve, uid).await;
    is_responsive(&mut ada).await;
    harness.service.stop().await;
}

#[tokio::test]
async fn memory_without_a_process() {
    let harness = Harness::new().await;
    let (mut eve, mut ada) = (harness.shell("eve").await, harness.shell("ada").await);
    let uid = uid_of(&mut eve).await;
    eve.keys("for i in 1 2 3 4 5 6 7 8 9; do head -c 60M /dev/zero >/dev/shm/left-$UID-$i; done\r").await;
    is_ended(&harness, eve, uid).await;
    assert!(!std::path::Path::new(&format!("/dev/shm/left-{uid}-1")).exists());
    is_responsive(&mut ada).await;
    harness.service.stop().await;
}

#[tokio::test]
async fn disk() {
    let harness = Harness::new().await;
    let (mut eve, mut ada) = (harness.shell("eve").await, harness.shell("ada").await);
    let uid = uid_of(&mut eve).await;
    let (said, code) = eve.command("head -c 70M /dev/zero >big; rm big").await;
    assert!(code == 0 && said.contains("File size limit exceeded"), "{said}");
    eve.keys("for i in 1 2 3 4 5 6 7 8 9; do head -c 20M /dev/zero >part$i; done\r").await;
    is_ended(&harness, eve, uid).await;
    is_responsive(&mut ada).await;
    harness.service.stop().await;
}

#[tokio::test]
async fn files_without_a_name() {
    let harness = Harness::new().await;
    let (mut eve, mut ada) = (harness.shell("eve").await, harness.shell("ada").await);
    let uid = uid_of(&mut eve).await;
    let hold = "import os, time
for number in range(9):
    file = open(\"big\", \"wb\"); os.unlink(\"big\"); os.dup(file.fileno()); file.write(bytes(20 << 20)); file.flush()
time.sleep(1000)";
    eve.keys(&format!("/usr/bin/python3 -c '{hold}'\r")).await;
    is_ended(&harness, eve, uid).await;
    is_responsive(&mut ada).await;
    harness.service.stop().await;
}

#[tokio::test]
async fn a_little_too_much_can_be_taken_back() {
    let harness = Harness::new().await;
    let mut eve = harness.shell("eve").await;
    eve.keys("for i in 1 2 3 4; do head -c 20M /dev/zero >part$i; done\r").await;
    eve.event(|event| matches!(event, StreamEvent::Closing { reason: EndReason::Limits, .. })).await;
    assert!(eve.screen().contains("MB of disk, and may use 64: it ends unless it soon uses less"), "{}", eve.screen());
    assert_eq!(eve.command("rm part*").await.1, 0);
    eve.event(|event| matches!(event, StreamEvent::Stays { reason: EndReason::Limits })).await;
    is_responsive(&mut eve).await;
    harness.service.stop().await;
}

#[tokio::test]
async fn what_processes_share_counts_once() {
    let harness = Harness::new().await;
    let mut eve = harness.shell("eve").await;
    let share = "import os, time
memory = bytearray(b\"x\" * (150 << 20))
for number in range(4): os.fork() or time.sleep(1000)
open(\"shared\", \"w\").close()
time.sleep(1000)";
    eve.keys(&format!("(/usr/bin/python3 -c '{share}' &) &>/dev/null\r")).await;
    assert_eq!(eve.command("until [ -e shared ]; do :; done").await.1, 0);
    // Of this a little too much is seen, and of memory nothing.
    eve.keys("for i in 1 2 3 4; do head -c 20M /dev/zero >part$i; done\r").await;
    eve.event(|event| matches!(event, StreamEvent::Closing { reason: EndReason::Limits, .. })).await;
    assert!(eve.screen().contains("MB of disk") && !eve.screen().contains("of memory"), "{}", eve.screen());
    harness.service.stop().await;
}

#[tokio::test]
async fn terminals_and_descriptors() {
    let harness = Harness::new().await;
    let (mut eve, mut ada) = (harness.shell("eve").await, harness.shell("ada").await);
    let uid = uid_of(&mut eve).await;
    let files = "/usr/bin/python3 -c 'import os
try:
    while True: os.open(\"/dev/null\", 0)
except OSError as e: print(e.errno)'";
    assert_eq!(says(&mut eve, files).await, "24", "too many open files of one process");
    // Not all that there are: they are the whole machine's, and other tests need some.
    let take = "import os, time
for number in range(100): os.open(\"/dev/ptmx\", os.O_RDWR | os.O_NOCTTY)
time.sleep(1000)";
    eve.keys(&format!("for i in 1 2 3 4 5; do /usr/bin/python3 -c '{take}' & done\r")).await;
    let mut bob = harness.shell("bob").await;
    is_responsive(&mut bob).await;
    is_ended(&harness, eve, uid).await;
    is_responsive(&mut ada).await;
    harness.service.stop().await;
}

#[tokio::test]
async fn objects_of_system_v() {
    let harness = Harness::new().await;
    let (mut eve, mut ada) = (harness.shell("eve").await, harness.shell("ada").await);
    let uid = uid_of(&mut eve).await;
    eve.keys("for i in {1..200}; do ipcmk -S 1; done >/dev/null\r").await;
    is_ended(&harness, eve, uid).await;
    is_responsive(&mut ada).await;
    harness.service.stop().await;
}

#[tokio::test]
async fn a_flood_of_output() {
    let harness = Harness::new().await;
    let (mut eve, mut ada) = (harness.shell("eve").await, harness.shell("ada").await);
    eve.keys("yes $(printf %01000d)\r").await;
    eve.sees("00000000").await;
    // Nobody takes the rest of it.
    is_responsive(&mut ada).await;
    harness.is_well().await;
    harness.service.stop().await;
}

#[tokio::test]
async fn orphans_do_not_pile_up() {
    let harness = Harness::new().await;
    let mut eve = harness.shell("eve").await;
    let uid = uid_of(&mut eve).await;
    // More in a row than it may have at once: zombies count, too.
    let (said, code) = eve.command("for i in {1..300}; do (sleep 0.01 &); done; wait").await;
    assert!(code == 0, "{said}");
    until("all orphans to be collected", || processes_of(uid).iter().all(|stat| !stat.contains(") Z "))).await;
    // And none of the service's own children was taken for one.
    eve.keys("exit 7\r").await;
    let exit = eve.event(|event| matches!(event, StreamEvent::Exit { .. })).await;
    assert!(matches!(exit, StreamEvent::Exit { exit_code: 7, signal: None, .. }), "{exit:?}");
    harness.service.stop().await;
}
