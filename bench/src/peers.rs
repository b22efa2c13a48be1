//! Other web terminals, each started on a port of its own: `ttyd` where it is on the PATH, terminado where `make bench` has installed it.

use crate::line::{Dialect, Line, PATIENCE};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

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
        if let Some(program) = on_path("ttyd") {
            let mut command = Command::new(program);
            command.args(["--writable", "--port", "0", "--interface", "127.0.0.1"]).args(SHELL);
            peers.push(Self::start("ttyd", Dialect::Ttyd, command, "port: ").await);
        }
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
        if python.exists() {
            let mut command = Command::new(python);
            command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/terminado_server.py"));
            peers.push(Self::start("terminado", Dialect::Terminado, command, "listening on ").await);
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

    /// A terminal of it.
    pub(crate) async fn connect(&self) -> Line {
        let (path, protocol) = match self.dialect {
            Dialect::Terminado => ("websocket", None),
            Dialect::Ttyd => ("ws", Some("tty")),
        };
        let url = format!("ws://127.0.0.1:{}/{path}", self.port);
        let mut request = url.into_client_request().expect("an address");
        if let Some(protocol) = protocol {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse().expect("a header's value"));
        }
        let (mut socket, _) = connect_async_with_config(request, None, true).await.expect("the peer listens");
        let first = match self.dialect {
            Dialect::Terminado => Message::text(r#"["set_size", 40, 120]"#),
            Dialect::Ttyd => Message::binary(r#"{"AuthToken":"","columns":120,"rows":40}"#),
        };
        futures_util::SinkExt::send(&mut socket, first).await.expect("the peer listens");
        Line::foreign(socket, self.dialect)
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
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|program| program.is_file())
}
