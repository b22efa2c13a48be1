//! An attacker exhausts a resource: the attacker is stopped at its quota, and the victim's shell still responds.

use crate::harness::{Harness, processes_of, says, uid_of};
use crate::support::{Terminal, until};
use backend::sandbox::SandboxSettings;
use shared_protocol::gateway::MESSAGE_PATH;
use shared_protocol::{EndReason, StreamEvent};
use std::time::Duration;

/// Time for the victim's shell to respond during an attack; other tests may load the machine too.
const ECHO_TIMEOUT: Duration = Duration::from_secs(10);

async fn assert_responsive(shell: &mut Terminal) {
    let echoed = tokio::time::timeout(ECHO_TIMEOUT, shell.command("echo still here")).await;
    let (output, code) = echoed.unwrap_or_else(|_| panic!("the shell did not respond within {ECHO_TIMEOUT:?}"));
    assert_eq!((&*output, code), ("still here\n", 0));
}

pub(crate) fn warns_of_limits(event: &StreamEvent) -> bool {
    matches!(event, StreamEvent::Closing { reason: EndReason::Limits, .. })
}

/// An attacker and a victim.
pub(crate) struct Attack {
    pub(crate) harness: Harness,
    pub(crate) eve: Terminal,
    /// The attacker's uid.
    pub(crate) uid: u32,
    pub(crate) ada: Terminal,
}

impl Attack {
    pub(crate) async fn new() -> Self {
        let (harness, eve, uid) = Harness::with_shell().await;
        let ada = harness.shell("ada").await;
        Self { harness, eve, uid, ada }
    }

    /// Runs a command line that exceeds a quota. Returns the attacker's last screen.
    pub(crate) async fn ends_after(mut self, line: &str) -> String {
        self.eve.keys(&format!("{line}\r")).await;
        self.ends().await
    }

    /// Checks that the attacker's session ends for exceeding a quota, and that the victim's shell responds.
    async fn ends(mut self) -> String {
        assert_responsive(&mut self.ada).await;
        self.eve.event(warns_of_limits).await;
        let exit = self.eve.event(|event| matches!(event, StreamEvent::Exit { .. })).await;
        assert!(matches!(exit, StreamEvent::Exit { reason: EndReason::Limits, .. }), "{exit:?}");
        let screen = self.eve.screen();
        assert!(screen.contains("This session uses"), "{screen}");
        self.harness.wait_for_cleanup(self.uid).await;
        assert_responsive(&mut self.ada).await;
        self.harness.service.stop().await;
        screen
    }
}

#[tokio::test]
async fn a_fork_bomb() {
    let Attack { harness, mut eve, uid, mut ada } = Attack::new().await;
    eve.keys("bomb() { bomb | bomb & }; bomb\r").await;
    eve.sees("Resource temporarily unavailable").await;
    assert_responsive(&mut ada).await;
    assert!(processes_of(uid).len() as u64 <= harness.settings.processes, "more processes than the quota");
    drop(harness.shell("bob").await);
    harness.assert_healthy().await;
    harness.end(eve, uid).await;
    assert_responsive(&mut ada).await;
    harness.service.stop().await;
}

/// A shell that may start no process shows its prompt, tells of commands and ends them as ever.
#[tokio::test]
async fn a_full_table_of_processes() {
    let (harness, mut eve, uid) = Harness::with_shell().await;
    eve.epoch = 0;
    eve.send(r#"{"type":"attach","client":"first","cols":80,"rows":24,"commands":true}"#).await;
    while eve.epoch == 0 {
        eve.receive().await.unwrap();
    }
    let fill = "import os, time
while True:
    try: os.fork() or time.sleep(1000)
    except BlockingIOError: break
open(\"full\", \"w\").close()
time.sleep(1000)";
    eve.keys(&format!("/usr/bin/python3 -c '{fill}' &\r")).await;
    assert_eq!(eve.command("until [ -e full ]; do :; done").await.1, 0);
    for word in ["one", "two"] {
        assert_responsive(&mut eve).await;
        eve.keys(&format!("[ -z {word} ]\r")).await;
        let line = format!("[ -z {word} ]");
        let is_told = |event: &StreamEvent| matches!(event, StreamEvent::Command(command) if command.line.as_ref() == Some(&line));
        let told = tokio::time::timeout(ECHO_TIMEOUT, eve.event(is_told)).await.expect("the line comes in time");
        let StreamEvent::Command(begun) = told else { unreachable!("it is a command") };
        let is_over = |event: &StreamEvent| matches!(event, StreamEvent::Command(command) if command.number == begun.number && command.exit_code == Some(1));
        tokio::time::timeout(ECHO_TIMEOUT, eve.event(is_over)).await.expect("its end comes in time");
    }
    eve.keys("/bin/true\r").await;
    eve.sees("Resource temporarily unavailable").await;
    harness.end(eve, uid).await;
    harness.service.stop().await;
}

#[tokio::test]
async fn memory() {
    let mut attack = Attack::new().await;
    let one = "/usr/bin/python3 -c 'bytearray(600 << 20)' 2>&1 | tail -1";
    assert_eq!(says(&mut attack.eve, one).await, "MemoryError", "the kernel limits a single process");
    let four = "for i in 1 2 3 4; do /usr/bin/python3 -c 'import time; x = bytearray(b\"x\" * (200 << 20)); time.sleep(1000)' & done";
    attack.ends_after(four).await;
}

#[tokio::test]
async fn memory_without_a_process() {
    let attack = Attack::new().await;
    let left = format!("/dev/shm/left-{}-1", attack.uid);
    attack.ends_after("for i in 1 2 3 4 5 6 7 8 9; do head -c 60M /dev/zero >/dev/shm/left-$UID-$i; done").await;
    assert!(!std::path::Path::new(&left).exists());
}

/// Processes that stay below the quota, and screens of the service that do not.
#[tokio::test]
async fn memory_that_the_service_holds() {
    let harness = Harness::with(|settings| settings.memory = 64 << 20).await;
    let (mut eve, ada) = (harness.shell("eve").await, harness.shell("ada").await);
    let uid = uid_of(&mut eve).await;
    let hold = "import os, time
def memory(pid):
    lines = open(f\"/proc/{pid}/status\")
    return sum(int(line.split()[1]) for line in lines if line.startswith((\"RssAnon\", \"RssShmem\", \"VmPTE\")))
held = []
while memory(\"self\") + memory(os.getppid()) < 60 << 10: held.append(bytearray(b\"x\") * (1 << 20))
open(\"held\", \"w\").close()
time.sleep(1000)";
    eve.keys(&format!("/usr/bin/python3 -c '{hold}' &\r")).await;
    assert_eq!(eve.command("until [ -e held ]; do :; done").await.1, 0);
    largest_window(&mut eve).await;
    let attack = Attack { harness, eve, uid, ada };
    attack.ends_after(&format!("printf '{FILL}'")).await;
}

/// Fills both screens and the history of the largest window.
const FILL: &str = r"x\e[999999bx\e[999999b\e[?1049hx\e[999999b";

async fn largest_window(shell: &mut Terminal) {
    shell.ordered("resize", r#","cols":1000,"rows":1000"#).await;
    shell.event(|event| matches!(event, StreamEvent::Size { cols: 1000, rows: 200 })).await;
}

/// A few bytes, in ten sessions: what the service holds for them is bounded, and shown.
#[tokio::test]
async fn screens_of_ten_sessions() {
    const SCREENS: u64 = 10 * 600_000 * 16;
    let more_uids = |settings: &mut SandboxSettings| settings.uids = *settings.uids.start()..=*settings.uids.end() + 10;
    let harness = Harness::with(more_uids).await;
    let mut ada = harness.shell("ada").await;
    let mut shells = Vec::new();
    for number in 0..10 {
        let mut shell = harness.shell(&format!("eve-{number}")).await;
        largest_window(&mut shell).await;
        shell.keys(&format!("printf '{FILL}'; echo do''ne\r")).await;
        shell.sees("done").await;
        shells.push(shell);
    }
    let held = async || {
        let text = harness.service.metrics().await.text().await.unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix("termgate_sessions_held_bytes "));
        value.unwrap().parse::<u64>().unwrap()
    };
    until("the count", async || held().await >= SCREENS).await;
    assert!(held().await <= SCREENS + (20 << 20), "{}", held().await);
    assert_responsive(&mut ada).await;
    harness.service.stop().await;
}

#[tokio::test]
async fn disk() {
    let mut attack = Attack::new().await;
    let (output, code) = attack.eve.command("head -c 70M /dev/zero >big; rm big").await;
    assert!(code == 0 && output.contains("File size limit exceeded"), "{output}");
    attack.ends_after("for i in 1 2 3 4 5 6 7 8 9; do head -c 20M /dev/zero >part$i; done").await;
}

#[tokio::test]
async fn unlinked_files() {
    let hold = "import os, time
for number in range(9):
    file = open(\"big\", \"wb\"); os.unlink(\"big\"); os.dup(file.fileno()); file.write(bytes(20 << 20)); file.flush()
time.sleep(1000)";
    Attack::new().await.ends_after(&format!("/usr/bin/python3 -c '{hold}'")).await;
}

#[tokio::test]
async fn usage_below_the_hard_limit_can_be_reduced() {
    let harness = Harness::new().await;
    let mut eve = harness.shell("eve").await;
    eve.keys("for i in 1 2 3 4; do head -c 20M /dev/zero >part$i; done\r").await;
    eve.event(warns_of_limits).await;
    assert!(eve.screen().contains("MB of disk, and may use 64: it ends unless it soon uses less"), "{}", eve.screen());
    assert_eq!(eve.command("rm part*").await.1, 0);
    eve.event(|event| matches!(event, StreamEvent::Stays { reason: EndReason::Limits })).await;
    assert_responsive(&mut eve).await;
    harness.service.stop().await;
}

#[tokio::test]
async fn memory_that_processes_share_counts_once() {
    let harness = Harness::new().await;
    let mut eve = harness.shell("eve").await;
    let share = "import os, time
memory = bytearray(150 << 20)
for page in range(0, len(memory), 4096): memory[page] = 1
for number in range(4): os.fork() or time.sleep(1000)
open(\"shared\", \"w\").close()
time.sleep(1000)";
    eve.keys(&format!("(/usr/bin/python3 -c '{share}' &) &>/dev/null\r")).await;
    assert_eq!(eve.command("until [ -e shared ]; do :; done").await.1, 0);
    // A warning about disk proves that usage was checked, and that memory was within its quota.
    eve.keys("for i in 1 2 3 4; do head -c 20M /dev/zero >part$i; done\r").await;
    eve.event(warns_of_limits).await;
    assert!(eve.screen().contains("MB of disk") && !eve.screen().contains("of memory"), "{}", eve.screen());
    harness.service.stop().await;
}

#[tokio::test]
async fn terminals_and_descriptors() {
    let mut attack = Attack::new().await;
    let files = "/usr/bin/python3 -c 'import os
try:
    while True: os.open(\"/dev/null\", 0)
except OSError as e: print(e.errno)'";
    assert_eq!(says(&mut attack.eve, files).await, "24", "EMFILE: the kernel limits a single process");
    // Not all of the machine's terminals, because other tests need some.
    let take = "import os, time
for number in range(100): os.open(\"/dev/ptmx\", os.O_RDWR | os.O_NOCTTY)
time.sleep(1000)";
    attack.eve.keys(&format!("for i in 1 2 3 4 5; do /usr/bin/python3 -c '{take}' & done\r")).await;
    let mut bob = attack.harness.shell("bob").await;
    assert_responsive(&mut bob).await;
    attack.ends().await;
}

#[tokio::test]
async fn system_v_objects() {
    Attack::new().await.ends_after("for i in {1..200}; do ipcmk -S 1; done >/dev/null").await;
}

#[tokio::test]
async fn a_flood_of_output() {
    let Attack { harness, mut eve, mut ada, .. } = Attack::new().await;
    eve.keys("yes $(printf %01000d)\r").await;
    eve.sees("00000000").await;
    // From here on the attacker's page reads nothing.
    assert_responsive(&mut ada).await;
    harness.assert_healthy().await;
    harness.service.stop().await;
}

/// A few bytes that ask for a lot: resets and edits of the largest screen, read without end because no page looks.
#[tokio::test]
async fn work_that_few_bytes_ask_for() {
    let harness = Harness::new().await;
    let mut ada = harness.shell("ada").await;
    for (name, flood) in [("eve", r"\ec"), ("mallory", r"\e#8\e[1 @\e[?2J")] {
        let mut shell = harness.shell(name).await;
        largest_window(&mut shell).await;
        shell.keys(&format!("echo g''o; while :; do printf '{flood}{flood}{flood}{flood}'; done\r")).await;
        shell.sees("go").await;
    }
    for _ in 0..20 {
        assert_responsive(&mut ada).await;
        harness.assert_healthy().await;
    }
    harness.service.stop().await;
}

/// Connections from a shell, half of them with the head of a request and never its body, half of them WebSockets that need no
/// token: none of them keeps a page out.
#[tokio::test]
async fn connections_of_strangers() {
    let variables = [("USER", "root"), ("MAX_HTTP_CONNECTIONS", "400")];
    let harness = Harness::configured(&variables, |_| {}).await;
    let (mut eve, mut ada) = (harness.shell("eve").await, harness.shell("ada").await);
    let port = harness.service.address.port();
    let hold = format!(
        "import os, socket, time
begin = b\"POST /api/ws/message HTTP/1.1\\r\\nHost: x\\r\\nAuthorization: Bearer x\\r\\nContent-Length: 9\\r\\n\\r\\n\"
upgrade = b\"GET /ws-test HTTP/1.1\\r\\nHost: x\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n\"
upgrade += b\"Sec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\\r\\n\\r\\n\"
held = []
for number in range(800):
    own = (\"127.0.%d.%d\" % divmod(number + 1, 250), 0)
    try:
        held.append(socket.create_connection((\"127.0.0.1\", {port}), source_address=own))
        held[-1].sendall([begin, upgrade][number % 2])
    except OSError: pass
open(\"held-%d\" % os.getpid(), \"w\").close()
time.sleep(1000)"
    );
    eve.keys(&format!("for i in 1 2 3 4; do (/usr/bin/python3 -c '{hold}' &); done &>/dev/null\r")).await;
    assert_eq!(eve.command("until [ $(ls held-* | wc -l) = 4 ]; do sleep 0.1; done 2>/dev/null").await.1, 0);
    for page in ["a", "b", "c"] {
        let attach = format!(r#"{{"type":"attach","client":"{page}","cols":80,"rows":24}}"#);
        let attached = harness.service.gateway(MESSAGE_PATH, Some("bob"), &attach).await;
        assert_eq!(attached.status(), 200, "through the gateway");
        drop(harness.page("bea", page).await);
        harness.assert_healthy().await;
    }
    assert_responsive(&mut ada).await;
    harness.service.stop().await;
}

#[tokio::test]
async fn orphans_are_reaped() {
    let (harness, mut eve, uid) = Harness::with_shell().await;
    // More than the quota of processes, which zombies count for.
    let (output, code) = eve.command("for i in {1..300}; do (sleep 0.01 &); done; wait").await;
    assert!(code == 0, "{output}");
    until("the reaper", async || processes_of(uid).iter().all(|stat| !stat.contains(") Z "))).await;
    // The reaper left the service's own child alone.
    eve.keys("exit 7\r").await;
    let exit = eve.event(|event| matches!(event, StreamEvent::Exit { .. })).await;
    assert!(matches!(exit, StreamEvent::Exit { exit_code: 7, signal: None, .. }), "{exit:?}");
    harness.service.stop().await;
}
