//! Other web terminals, each on a port of its own: ttyd, terminado and wetty, if `make bench` has installed them.

use crate::client::{Client, PeerClient, STEP_TIMEOUT};
use crate::peer_protocol::PeerProtocol;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// The same shell for all peers.
const SHELL: [&str; 3] = ["/bin/bash", "--norc", "--noprofile"];

pub(crate) struct Peer {
    pub(crate) name: &'static str,
    protocol: PeerProtocol,
    port: u16,
    child: Child,
}

impl Peer {
    /// Starts all installed peers.
    pub(crate) async fn all() -> Vec<Self> {
        let mut peers = Vec::new();
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        if let Some(program) = find_on_path("ttyd").or_else(|| existing(here.join(".ttyd/ttyd"))) {
            let mut command = Command::new(program);
            // Clients that wait for their turn answer no pings.
            command.args(["--writable", "--port", "0", "--interface", "127.0.0.1", "--ping-interval", "3600"]);
            command.args(SHELL);
            peers.push(Self::start("ttyd", PeerProtocol::Ttyd, command, "port: ").await);
        }
        if let Some(python) = existing(here.join(".venv/bin/python")) {
            let mut command = Command::new(python);
            command.arg(here.join("peers/terminado_server.py"));
            peers.push(Self::start("terminado", PeerProtocol::Terminado, command, "listening on ").await);
        }
        if existing(here.join("peers/node_modules/wetty")).is_some() {
            let mut command = Command::new("node");
            command.arg(here.join("peers/wetty_server.mjs")).env("NODE_ENV", "production");
            peers.push(Self::start("wetty", PeerProtocol::Wetty, command, "listening on ").await);
        }
        peers
    }

    async fn start(name: &'static str, protocol: PeerProtocol, mut command: Command, before_port: &str) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let (out, err) = (child.stdout.take().expect("it is piped"), child.stderr.take().expect("it is piped"));
        let port = timeout(STEP_TIMEOUT, async {
            tokio::select! {
                Some(port) = port(out, before_port) => port,
                Some(port) = port(err, before_port) => port,
                else => panic!("{name} ended without reporting its port"),
            }
        });
        let port = port.await.unwrap_or_else(|_| panic!("{name} does not report its port"));
        Self { name, protocol, port, child }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().unwrap_or_else(|| panic!("{} ended by itself", self.name))
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/{}", self.port, self.protocol.endpoint().0)
    }

    /// Connects to a terminal by the peer's URL or that of a proxy, and waits for its first output.
    pub(crate) async fn connect(&self, url: &str) -> Client {
        Client::Peer(Box::new(PeerClient::open(self.protocol, url).await))
    }

    pub(crate) async fn stop(mut self) {
        let _ = self.child.kill().await;
    }
}

/// Reads the port from the peer's output, then discards the rest so that the pipe never fills.
async fn port(output: impl AsyncRead + Unpin + Send + 'static, before: &str) -> Option<u16> {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Some((_, rest)) = line.split_once(before) else { continue };
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        return digits.parse().ok();
    }
    None
}

fn find_on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).find_map(|folder| existing(folder.join(program)))
}

fn existing(path: PathBuf) -> Option<PathBuf> {
    path.exists().then_some(path)
}
