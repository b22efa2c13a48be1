//! Other web terminals, each started on a port of its own: ttyd, terminado and wetty, where `make bench` has installed them.

use crate::dialect::Dialect;
use crate::line::{Foreign, Line, PATIENCE};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// The same shell for everyone.
const SHELL: [&str; 3] = ["/bin/bash", "--norc", "--noprofile"];

/// One that runs.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    dialect: Dialect,
    port: u16,
    child: Child,
}

impl Peer {
    /// Those that are there.
    pub(crate) async fn all() -> Vec<Self> {
        let mut peers = Vec::new();
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        if let Some(program) = on_path("ttyd").or_else(|| there(here.join(".ttyd/ttyd"))) {
            let mut command = Command::new(program);
            // A client that is not being measured answers no pings.
            command.args(["--writable", "--port", "0", "--interface", "127.0.0.1", "--ping-interval", "3600"]);
            command.args(SHELL);
            peers.push(Self::start("ttyd", Dialect::Ttyd, command, "port: ").await);
        }
        if let Some(python) = there(here.join(".venv/bin/python")) {
            let mut command = Command::new(python);
            command.arg(here.join("peers/terminado_server.py"));
            peers.push(Self::start("terminado", Dialect::Terminado, command, "listening on ").await);
        }
        if there(here.join("peers/node_modules/wetty")).is_some() {
            let mut command = Command::new("node");
            command.arg(here.join("peers/wetty_server.mjs")).env("NODE_ENV", "production");
            peers.push(Self::start("wetty", Dialect::Wetty, command, "listening on ").await);
        }
        peers
    }

    async fn start(name: &'static str, dialect: Dialect, mut command: Command, before_port: &str) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let (out, err) = (child.stdout.take().expect("it is piped"), child.stderr.take().expect("it is piped"));
        let port = timeout(PATIENCE, async {
            tokio::select! {
                Some(port) = port(out, before_port) => port,
                Some(port) = port(err, before_port) => port,
                else => panic!("{name} ended without a word of its port"),
            }
        });
        let port = port.await.unwrap_or_else(|_| panic!("{name} does not say its port"));
        Self { name, dialect, port, child }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/{}", self.port, self.dialect.place().0)
    }

    /// A terminal of it, with its first output, by its own address or that of something before it.
    pub(crate) async fn connect(&self, url: &str) -> Line {
        Line::Foreign(Box::new(Foreign::open(self.dialect, url).await))
    }

    pub(crate) async fn stop(mut self) {
        // It holds nothing that is worth a farewell.
        let _ = self.child.kill().await;
    }
}

/// The port that it says it listens on. What it says later is thrown away, or it would wait for a reader.
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

fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).find_map(|folder| there(folder.join(program)))
}

fn there(path: PathBuf) -> Option<PathBuf> {
    path.exists().then_some(path)
}
