//! A load balancer for tests: haproxy in front of several backends, as a cloud puts one in front of a service.

use crate::poll::until;
use crate::port::Port;
use crate::process::{Process, Program};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const HAPROXY: Program = Program { name: "haproxy", package: "haproxy" };

/// Longest wait of [`LoadBalancer::wait_healthy`].
const HEALTHY_TIMEOUT: Duration = Duration::from_secs(20);

/// haproxy's admin socket, in the temporary folder.
const ADMIN_SOCKET: &str = "admin.socket";

/// Health checks of a backend: two failures in a row take it out, one success brings it back.
const HEALTH_CHECK: &str = "check inter 200ms fall 2 rise 1";

/// An HTTP/1.1 reverse proxy that distributes requests round robin over its healthy backends. Killed on drop.
///
/// A backend is healthy while `GET /health` answers 200 within 1 s. haproxy itself answers 502 when a backend closes a
/// connection before its response, 503 when a backend refuses or none is healthy, 504 when the response takes longer than
/// 90 s. It never retries a request. WebSockets are forwarded.
#[derive(Debug)]
pub struct LoadBalancer {
    // Dropped before the folder that contains its files.
    _process: Process,
    port: Port,
    folder: TempDir,
}

/// Responses sent to clients, including haproxy's own; without health checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseCounts {
    /// All responses. A WebSocket's 101 counts too.
    pub total: u64,
    /// Responses with status 500 to 599.
    pub server_errors: u64,
}

impl LoadBalancer {
    /// Starts haproxy, and waits until all backends are healthy. More can be added: see [`add`](Self::add).
    ///
    /// # Panics
    /// When haproxy is not installed or does not start, or when a backend is not healthy within 20 s.
    pub async fn start(backends: &[SocketAddr]) -> Self {
        let balancer = Self::start_unchecked(backends).await;
        balancer.wait_healthy(backends.len()).await;
        balancer
    }

    /// Starts haproxy with backends that may start later.
    pub async fn start_unchecked(backends: &[SocketAddr]) -> Self {
        let (port, folder) = (Port::reserve(), tempfile::tempdir().expect("the temporary folder is writable"));
        let socket = folder.path().join(ADMIN_SOCKET);
        let file = folder.path().join("haproxy.cfg");
        std::fs::write(&file, configuration(port.address(), &socket)).expect("the server's folder is writable");
        let mut process = HAPROXY.start([Path::new("-db"), Path::new("-f"), &file], folder.path());
        process.ready(async |_| execute(&socket, "show info").await.is_ok()).await;
        let balancer = Self { _process: process, port, folder };
        for backend in backends {
            balancer.add(*backend).await;
        }
        balancer
    }

    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Adds a backend. It receives requests after its first successful health check.
    pub async fn add(&self, backend: SocketAddr) {
        let name = name(backend);
        let add = format!("add server {name} {backend} {HEALTH_CHECK}");
        let answer = self.execute(&add).await;
        assert!(answer.contains("New server registered"), "{add}: {answer}");
        // A server that leaves maintenance counts as healthy until a check fails.
        let enable = format!("enable server {name}; set server {name} health down; enable health {name}");
        let answer = self.execute(&enable).await;
        assert_eq!(answer.trim(), "", "{enable}");
    }

    /// Removes a backend from the rotation. Its open requests and WebSockets go on.
    pub async fn remove(&self, backend: SocketAddr) {
        let answer = self.execute(&format!("set server {} state maint", name(backend))).await;
        assert_eq!(answer.trim(), "", "{backend} can be removed");
    }

    /// Waits until exactly `count` backends are healthy.
    ///
    /// # Panics
    /// When they are not within 20 s.
    pub async fn wait_healthy(&self, count: usize) {
        until(&format!("{count} healthy backends"), HEALTHY_TIMEOUT, async || {
            let statistics = self.execute("show stat").await;
            let rows = rows(&statistics, ["svname", "status"]);
            let healthy = rows.filter(|[name, status]| *name != "BACKEND" && status.starts_with("UP"));
            healthy.count() == count
        })
        .await;
    }

    /// Counts the responses since the start.
    pub async fn responses(&self) -> ResponseCounts {
        let statistics = self.execute("show stat").await;
        let columns = ["svname", "hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other"];
        let mut rows = rows(&statistics, columns);
        let [_, counts @ ..] = rows.find(|row| row[0] == "FRONTEND").expect("haproxy reports its frontend");
        let counts = counts.map(|count| count.parse::<u64>().expect("a count"));
        ResponseCounts { total: counts.iter().sum(), server_errors: counts[4] }
    }

    async fn execute(&self, command: &str) -> String {
        let answered = execute(&self.folder.path().join(ADMIN_SOCKET), command).await;
        answered.unwrap_or_else(|error| panic!("haproxy does not answer {command:?}: {error}"))
    }
}

/// One server connection per request and no retries, so that each failure of a backend reaches the client. A client that
/// closes its connection cancels its request (`abortonclose`). Requests that wait take up to 29 s.
fn configuration(address: SocketAddr, socket: &Path) -> String {
    format!(
        "global
    stats socket {} mode 600 level admin
    nbthread 1
defaults
    mode http
    retries 0
    option http-server-close
    option abortonclose
    option forwardfor
    timeout connect 5s
    timeout server 90s
    timeout client 1h
    timeout tunnel 1h
    timeout check 1s
frontend clients
    bind {address}
    default_backend instances
backend instances
    balance roundrobin
    option httpchk
    http-check send meth GET uri /health ver HTTP/1.1 hdr Host health-check
    http-check expect status 200
",
        socket.display()
    )
}

fn name(backend: SocketAddr) -> String {
    format!("instances/s{}", backend.port())
}

/// Executes one line of commands of haproxy's runtime API.
async fn execute(socket: &PathBuf, command: &str) -> io::Result<String> {
    let mut connection = UnixStream::connect(socket).await?;
    connection.write_all(format!("{command}\n").as_bytes()).await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// The named columns of haproxy's CSV statistics, whose first line is `# column,column,…`.
fn rows<'a, const N: usize>(csv: &'a str, columns: [&str; N]) -> impl Iterator<Item = [&'a str; N]> {
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().trim_start_matches("# ").split(',').collect();
    let places = columns.map(|column| header.iter().position(|name| *name == column).expect("a known column"));
    lines.filter(|line| !line.is_empty()).map(move |line| {
        let fields: Vec<&str> = line.split(',').collect();
        places.map(|place| fields.get(place).copied().unwrap_or_default())
    })
}
