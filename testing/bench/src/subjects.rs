//! Subjects: Termgate by each route, and the installed peers. All run the same shell, with clients in this process.

use crate::client::Client;
use crate::delay_proxy::DelayProxy;
use crate::peers::Peer;
use e2e::{Function, HttpBridge, HttpFaults, Stack, StackOptions, Terminal};
use std::net::SocketAddr;
use std::time::Duration;

/// Limits high enough that none applies: each figure opens new sessions and types fast.
pub(crate) const VARIABLES: &[(&str, &str)] = &[
    ("OUTPUT_BYTES_PER_SECOND", "0"),
    ("MAX_SESSIONS_PER_USER", "2000"),
    ("MAX_SESSIONS", "2000"),
    ("MESSAGES_PER_SECOND", "1000000"),
];

/// Log filter of the service: its address, and no line per request.
const QUIET: &str = "warn,backend::app=info";

/// Processes of the real function: one per relay, and one per concurrent message.
pub(crate) const FUNCTION_PROCESSES: usize = 128;

/// One instance, and the function in the gateway's process.
pub(crate) fn in_process(variables: &'static [(&'static str, &'static str)]) -> StackOptions {
    StackOptions { log: QUIET, variables, ..StackOptions::new(Function::InProcess) }
}

pub(crate) struct Subjects {
    pub(crate) in_process: Stack,
    /// The page without WebSockets, in front of the first stack's service. It adds a hop on this machine.
    http: HttpBridge,
    pub(crate) bootstrap: Stack,
    pub(crate) peers: Vec<Peer>,
    /// Selects subjects whose name contains this.
    only: Option<String>,
}

impl Subjects {
    pub(crate) async fn start(only: Option<String>) -> Self {
        let real = StackOptions {
            function: Function::Bootstrap,
            function_log: "off",
            processes: FUNCTION_PROCESSES,
            ..in_process(VARIABLES)
        };
        let in_process = Stack::start_with(in_process(VARIABLES)).await;
        Self {
            http: HttpBridge::start(in_process.service_url(), HttpFaults::none()).await,
            in_process,
            bootstrap: Stack::start_with(real).await,
            peers: Peer::all().await,
            only,
        }
    }

    /// A client of each subject, at a prompt.
    pub(crate) async fn clients(&self) -> Vec<(String, Client)> {
        let mut clients = Vec::new();
        let session = format!("bench-{}", next_number());
        let service = self.in_process.backend.address(0);
        let terminal = direct(&self.in_process, service, "ada", &session).await;
        clients.push(("Termgate, `/terminal`".to_owned(), Client::Termgate(Box::new(terminal))));
        let session = format!("bench-{}", next_number());
        let terminal = self.in_process.terminal_at(&self.http.url(), "ada", &session).await;
        clients.push(("Termgate, HTTP requests".to_owned(), Client::Termgate(Box::new(terminal))));
        let chains =
            [("Termgate, function in process", &self.in_process), ("Termgate, real function", &self.bootstrap)];
        for (name, stack) in chains {
            let session = format!("bench-{}", next_number());
            clients.push((name.to_owned(), Client::Termgate(Box::new(stack.terminal("ada", &session).await))));
        }
        for peer in &self.peers {
            clients.push((peer.name.to_owned(), peer.connect(&peer.url()).await));
        }
        clients.retain(|(name, _)| self.only.as_ref().is_none_or(|only| name.contains(only)));
        set_prompt(&mut clients).await;
        clients
    }

    /// A client of each peer with this latency, and the proxies, which must outlive the clients.
    pub(crate) async fn delayed_peers(&self, round_trip: Duration) -> (Vec<(String, Client)>, Vec<DelayProxy>) {
        let (mut clients, mut proxies) = (Vec::new(), Vec::new());
        for peer in &self.peers {
            let proxy = DelayProxy::start(&peer.url(), round_trip).await;
            clients.push((peer.name.to_owned(), peer.connect(&proxy.url(&peer.url())).await));
            proxies.push(proxy);
        }
        (clients, proxies)
    }

    pub(crate) async fn stop(self) {
        self.in_process.stop().await;
        self.bootstrap.stop().await;
        for peer in self.peers {
            peer.stop().await;
        }
    }
}

/// A terminal connected to the service itself, attached to the session.
pub(crate) async fn direct(stack: &Stack, service: SocketAddr, user: &str, session: &str) -> Terminal {
    let token = stack.token(user, session);
    let mut terminal = stack.direct(&format!("ws://{service}/terminal?sessionId={session}&token={token}")).await;
    terminal.attach().await;
    terminal
}

/// Sets the same prompt in each terminal, and waits for it.
pub(crate) async fn set_prompt(clients: &mut [(String, Client)]) {
    for (_, client) in clients {
        client.keys("PS1='$ '; echo be'g'in\r").await;
        client.expect("begin\r\n").await;
        client.expect("$ ").await;
    }
}

/// Measures each client once a round, in turn, so that the machine's other load affects all of them.
pub(crate) async fn interleaved(
    mut clients: Vec<(String, Client)>,
    rounds: u16,
    mut measure: impl AsyncFnMut(&str, &mut Client) -> Vec<f64>,
) -> Vec<(String, Vec<f64>)> {
    let mut measured: Vec<_> = clients.iter().map(|(subject, _)| (subject.clone(), Vec::new())).collect();
    for _ in 0..rounds {
        for ((subject, client), (_, found)) in clients.iter_mut().zip(&mut measured) {
            found.extend(measure(subject, client).await);
        }
    }
    measured
}

/// A number that is unique in this run.
pub(crate) fn next_number() -> usize {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}
