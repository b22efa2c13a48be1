//! Who is measured: Termgate in each way that it can be reached, and the peers that are there. All have the same shell, and are measured
//! by clients in this process.

use crate::distance::Distance;
use crate::line::Line;
use crate::peers::Peer;
use e2e::{Function, Setting, Stack, Terminal};
use std::net::SocketAddr;
use std::time::Duration;

/// Sessions of each subject in a run: each figure has fresh ones. And nobody types as fast as this does.
pub(crate) const VARIABLES: &[(&str, &str)] = &[
    ("OUTPUT_BYTES_PER_SECOND", "0"),
    ("MAX_SESSIONS_PER_USER", "2000"),
    ("MAX_SESSIONS", "2000"),
    ("MESSAGES_PER_SECOND", "100000"),
];

/// What the service logs: where it listens, and no line for each request.
pub(crate) const QUIET: &str = "warn,backend::app=info";

/// Processes of the real function: one for each page that is followed, and for what all of them ask at once.
const PROCESSES: usize = 128;

/// One instance and the function in the gateway's process, with these settings of the service.
pub(crate) async fn in_process(variables: &'static [(&'static str, &'static str)]) -> Stack {
    Stack::start_with(Setting { log: QUIET, variables, ..Setting::new(Function::InProcess) }).await
}

/// Everyone, started.
pub(crate) struct Subjects {
    pub(crate) in_process: Stack,
    pub(crate) bootstrap: Stack,
    pub(crate) peers: Vec<Peer>,
    /// What is in the name of those that are looked at.
    only: Option<String>,
}

impl Subjects {
    pub(crate) async fn start(only: Option<String>) -> Self {
        let setting = |function| Setting {
            log: QUIET,
            function_log: "off",
            variables: VARIABLES,
            processes: PROCESSES,
            ..Setting::new(function)
        };
        Self {
            in_process: Stack::start_with(setting(Function::InProcess)).await,
            bootstrap: Stack::start_with(setting(Function::Bootstrap)).await,
            peers: Peer::all().await,
            only,
        }
    }

    /// A terminal at a prompt with each.
    pub(crate) async fn lines(&self) -> Vec<(String, Line)> {
        let mut lines = Vec::new();
        let session = format!("bench-{}", fresh());
        let service = self.in_process.backend.address(0);
        let terminal = direct(&self.in_process, service, "ada", &session).await;
        lines.push(("Termgate, `/terminal`".to_owned(), Line::Termgate(Box::new(terminal))));
        let chains =
            [("Termgate, function in process", &self.in_process), ("Termgate, real function", &self.bootstrap)];
        for (name, stack) in chains {
            let session = format!("bench-{}", fresh());
            lines.push((name.to_owned(), Line::Termgate(Box::new(stack.terminal("ada", &session).await))));
        }
        for peer in &self.peers {
            lines.push((peer.name.to_owned(), peer.connect(&peer.url()).await));
        }
        lines.retain(|(name, _)| self.only.as_ref().is_none_or(|only| name.contains(only)));
        settle(&mut lines).await;
        lines
    }

    /// A terminal of each peer from so far, and the way there, which must be kept.
    pub(crate) async fn far_peers(&self, round_trip: Duration) -> (Vec<(String, Line)>, Vec<Distance>) {
        let (mut lines, mut ways) = (Vec::new(), Vec::new());
        for peer in &self.peers {
            let way = Distance::before(&peer.url(), round_trip).await;
            lines.push((peer.name.to_owned(), peer.connect(&way.url(&peer.url())).await));
            ways.push(way);
        }
        (lines, ways)
    }

    pub(crate) async fn stop(self) {
        self.in_process.stop().await;
        self.bootstrap.stop().await;
        for peer in self.peers {
            peer.stop().await;
        }
    }
}

/// A terminal without a gateway, attached to a session of this user.
pub(crate) async fn direct(stack: &Stack, service: SocketAddr, user: &str, session: &str) -> Terminal {
    let token = stack.token(user, session);
    let mut terminal = stack.direct(&format!("ws://{service}/terminal?sessionId={session}&token={token}")).await;
    terminal.attach().await;
    terminal
}

/// Gives each the same prompt, and waits for it.
pub(crate) async fn settle(lines: &mut [(String, Line)]) {
    for (_, line) in lines {
        line.keys("PS1='$ '; echo be'g'in\r").await;
        line.until("begin\r\n").await;
        line.until("$ ").await;
    }
}

/// A number that was not there before in this run.
pub(crate) fn fresh() -> usize {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}
