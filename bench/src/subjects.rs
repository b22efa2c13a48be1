//! Who is measured: Termgate in each way that it can be reached, and the peers that are there. All have the same shell, and are measured
//! by clients in this process.

use crate::line::Line;
use crate::peers::Peer;
use e2e::{Function, Setting, Stack};

/// Sessions of each subject in a run: each figure has fresh ones.
pub(crate) const VARIABLES: &[(&str, &str)] =
    &[("OUTPUT_BYTES_PER_SECOND", "0"), ("MAX_SESSIONS_PER_USER", "2000"), ("MAX_SESSIONS", "2000")];

/// What the service logs: where it listens, and no line for each request.
pub(crate) const QUIET: &str = "warn,backend::app=info";

/// Everyone, started.
pub(crate) struct Subjects {
    in_process: Stack,
    bootstrap: Stack,
    peers: Vec<Peer>,
}

impl Subjects {
    pub(crate) async fn start() -> Self {
        let setting = |function| Setting { log: QUIET, variables: VARIABLES, ..Setting::new(function) };
        Self {
            in_process: Stack::start_with(setting(Function::InProcess)).await,
            bootstrap: Stack::start_with(setting(Function::Bootstrap)).await,
            peers: Peer::all().await,
        }
    }

    /// A terminal at a prompt with each.
    pub(crate) async fn lines(&self) -> Vec<(String, Line)> {
        let mut lines = Vec::new();
        let session = format!("bench-{}", fresh());
        lines.push(("Termgate, `/terminal`".to_owned(), self.direct(&session).await));
        let chains =
            [("Termgate, function in process", &self.in_process), ("Termgate, real function", &self.bootstrap)];
        for (name, stack) in chains {
            let session = format!("bench-{}", fresh());
            lines.push((name.to_owned(), Line::Termgate(Box::new(stack.terminal("ada", &session).await))));
        }
        for peer in &self.peers {
            lines.push((peer.name.to_owned(), peer.connect().await));
        }
        for (_, line) in &mut lines {
            line.keys("PS1='$ '; echo be'g'in\r").await;
            line.until("begin\r\n").await;
            line.until("$ ").await;
        }
        lines
    }

    async fn direct(&self, session: &str) -> Line {
        let token = self.in_process.token("ada", session);
        let service = self.in_process.service_url().replace("http", "ws");
        let mut terminal =
            self.in_process.direct(&format!("{service}/terminal?sessionId={session}&token={token}")).await;
        terminal.attach().await;
        Line::Termgate(Box::new(terminal))
    }

    pub(crate) async fn stop(self) {
        self.in_process.stop().await;
        self.bootstrap.stop().await;
        for peer in self.peers {
            peer.stop().await;
        }
    }
}

/// A number that was not there before in this run.
fn fresh() -> usize {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}
