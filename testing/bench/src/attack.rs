//! Keystroke latency of a quiet session beside sessions that try to take the service from it, and the slowest answer of
//! `/health` meanwhile. Needs root, because sessions are isolated as on AWS.

use crate::client::{Client, STEP_TIMEOUT};
use crate::echo::type_key;
use crate::report::{Report, Row, Table};
use crate::stats::{ms, percentile};
use crate::subjects::{direct, in_process};
use e2e::Stack;
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Time of an attack before the measurement, and of each round of it.
const SETTLE_TIME: Duration = Duration::from_secs(3);
const ROUND: Duration = Duration::from_secs(2);
/// Time between a key's echo and the next key.
const KEY_INTERVAL: Duration = Duration::from_millis(10);
const HEALTH_INTERVAL: Duration = Duration::from_millis(100);
/// Time between two looks at an attacker's terminal, whose output is not kept.
const STEP: Duration = Duration::from_millis(250);
/// Uids of sessions, which nothing else on this machine uses.
const UIDS: &str = "3000000-3010000";

/// An attack from one or more sessions.
struct Attack {
    /// Name of the row.
    name: &'static str,
    /// Number of sessions, each of its own user.
    sessions: u32,
    /// Window of each session, in columns and rows.
    window: (u16, u16),
    /// Command line; `PORT` stands for the service's port.
    line: &'static str,
    /// True if each page also sends chat messages as fast as it can.
    chats: bool,
}

const WINDOW: (u16, u16) = (80, 24);
/// Larger than any that the service allows.
const LARGE: (u16, u16) = (1000, 1000);

const ATTACKS: [Attack; 8] = [
    Attack { name: "none", sessions: 0, window: WINDOW, line: "", chats: false },
    Attack {
        name: "2 sessions reset the largest screen",
        sessions: 2,
        window: LARGE,
        line: r"while :; do printf '\ec\ec\ec\ec'; done",
        chats: false,
    },
    Attack {
        name: "10 sessions fill and edit the largest screen",
        sessions: 10,
        window: LARGE,
        line: r"while :; do printf '\e#8\e[1 @\e[?2J\e[999L\e[999M'; done",
        chats: false,
    },
    Attack { name: "10 sessions run `yes`", sessions: 10, window: WINDOW, line: "yes", chats: false },
    Attack {
        name: "a fork bomb",
        sessions: 1,
        window: WINDOW,
        line: "bomb() { bomb | bomb & }; bomb 2>/dev/null",
        chats: false,
    },
    Attack {
        name: "240 processes that share 450 MB",
        sessions: 1,
        window: WINDOW,
        line: "/usr/bin/python3 -c 'import os, time
memory = bytearray(b\"x\" * (450 << 20))
for number in range(240): os.fork() or time.sleep(1000)
time.sleep(1000)'",
        chats: false,
    },
    Attack {
        name: "3,200 connections that never finish a request",
        sessions: 1,
        window: WINDOW,
        line: "for i in 1 2 3 4; do /usr/bin/python3 -c 'import socket, time
begin = b\"POST /api/ws/message HTTP/1.1\\r\\nHost: x\\r\\nAuthorization: Bearer x\\r\\nContent-Length: 9\\r\\n\\r\\n\"
while True:
    held = []
    for number in range(800):
        try:
            held.append(socket.create_connection((\"127.0.0.1\", PORT)))
            held[-1].sendall(begin)
        except OSError: pass' & done; wait",
        chats: false,
    },
    Attack { name: "3 pages chat as fast as they can", sessions: 3, window: WINDOW, line: "cat", chats: true },
];

pub(crate) async fn measure(rounds: u16, report: &mut Report) {
    if !rustix::process::geteuid().is_root() {
        println!("no figure beside attacks: it needs root, because sessions are isolated");
        return;
    }
    let mut rows = Vec::new();
    for attack in &ATTACKS {
        rows.push(attack.measure(ROUND * u32::from(rounds)).await);
    }
    let columns = vec!["p50", "p99", "max", "slowest /health"];
    report.add(Table { figure: "keystroke to echo of a quiet session beside an attack", unit: "ms", columns, rows });
}

impl Attack {
    async fn measure(&self, time: Duration) -> Row {
        let state = TempDir::new().expect("a temporary folder");
        // Shells of other users pass through it.
        set_permissions(state.path(), Permissions::from_mode(0o711)).expect("the folder is ours");
        let stack = Stack::start_with(in_process(isolation(&state))).await;
        let mut quiet = direct(&stack, stack.backend.address(0), "ada", "ada").await;
        quiet.run("cat >/dev/null").await;
        let mut attackers = JoinSet::new();
        for number in 0..self.sessions {
            attackers.spawn(self.begin(&stack, &format!("eve-{number}")).await);
        }
        let mut quiet = Client::Termgate(Box::new(quiet));
        quiet.read_for(SETTLE_TIME).await;
        let mut slowest = 0_f64;
        let times = tokio::select! {
            times = type_slowly(&mut quiet, time) => times,
            () = ask_health(&stack, &mut slowest) => unreachable!("it asks for ever"),
        };
        attackers.shutdown().await;
        stack.stop().await;
        let value = |share| percentile(&times, share).expect("keys were typed");
        let values = [("p50", value(0.5)), ("p99", value(0.99)), ("max", value(1.0)), ("slowest /health", slowest)];
        Row::new(self.name, values)
    }

    /// Begins in a session of its own; the returned future goes on with it.
    async fn begin(&self, stack: &Stack, user: &str) -> impl Future<Output = ()> + Send + 'static {
        let service = stack.backend.address(0);
        let mut terminal = direct(stack, service, user, user).await;
        terminal.resize(self.window.0, self.window.1).await;
        terminal.type_text(&format!("{}\r", self.line.replace("PORT", &service.port().to_string()))).await;
        let chats = self.chats;
        async move {
            while terminal.closed.is_none() {
                if chats {
                    terminal.chat(&"x".repeat(1000)).await;
                }
                terminal.read_until(Instant::now() + if chats { Duration::from_millis(1) } else { STEP }).await;
                terminal.stream.bytes.clear();
            }
        }
    }
}

/// Variables of a service that isolates sessions. They live as long as the program, as those of all stacks do.
fn isolation(state: &TempDir) -> &'static [(&'static str, &'static str)] {
    let state: &'static str = state.path().to_str().expect("a path of ASCII").to_owned().leak();
    let variables = [("SESSION_UIDS", UIDS), ("STATE_DIRECTORY", state), ("REQUIRE_ISOLATION", "true")];
    Box::leak(Box::new(variables))
}

/// Latencies of keys in ms, typed at a steady pace that leaves the machine to the attackers.
async fn type_slowly(quiet: &mut Client, time: Duration) -> Vec<f64> {
    let (mut times, begin) = (Vec::new(), Instant::now());
    for number in 0.. {
        if begin.elapsed() >= time {
            break;
        }
        times.push(type_key(quiet, number).await);
        quiet.read_for(KEY_INTERVAL).await;
    }
    times
}

/// Asks for `/health` for ever, and keeps the longest time until an answer, in ms.
async fn ask_health(stack: &Stack, slowest: &mut f64) {
    let (client, url) = (e2e::http(), format!("{}/health", stack.service_url()));
    loop {
        let started = Instant::now();
        let answer = client.get(&url).timeout(STEP_TIMEOUT).send().await.expect("the service answers");
        assert!(answer.status().is_success(), "/health answers {}", answer.status());
        *slowest = slowest.max(ms(started.elapsed()));
        sleep(HEALTH_INTERVAL).await;
    }
}
