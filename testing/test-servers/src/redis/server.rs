//! The running `redis-server`.

use super::options::RedisOptions;
use super::tls_files::TlsFiles;
use crate::port::Port;
use crate::process::{Process, Program};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisResult, Value};
use std::iter::once;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::time::timeout;

const REDIS: Program = Program { name: "redis-server", package: "redis-server" };

/// Longest that one command may take: detects a frozen server.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// Socket of [`RedisServer::command`], in the server's folder: works without certificates, and past any proxy.
const SOCKET: &str = "redis.socket";

/// A running `redis-server` on a loopback port. Killed on drop.
///
/// The port stays reserved for as long as this value lives: connections are refused while the server is dead.
#[derive(Debug)]
pub struct RedisServer {
    // Dropped before the folder that it works in. None while it is killed.
    process: Option<Process>,
    options: RedisOptions,
    tls: Option<TlsFiles>,
    port: Port,
    folder: TempDir,
}

impl RedisOptions {
    /// Starts the server, and waits until it answers.
    ///
    /// # Panics
    /// When `redis-server` is not installed or does not start.
    pub async fn start(self) -> RedisServer {
        let folder = tempfile::tempdir().expect("the temporary folder is writable");
        let tls = self.tls.then(|| TlsFiles::write(folder.path()));
        let mut server = RedisServer { process: None, options: self, tls, port: Port::reserve(), folder };
        server.launch().await;
        server
    }
}

impl RedisServer {
    /// Starts a server without password and TLS, and waits until it answers.
    ///
    /// # Panics
    /// When `redis-server` is not installed or does not start.
    pub async fn start() -> Self {
        RedisOptions::default().start().await
    }

    /// Its URL, with the password: `redis://[:password@]127.0.0.1:port/`, or `rediss://` with TLS.
    pub fn url(&self) -> String {
        self.url_through(self.address())
    }

    /// Its URL by way of a proxy. The certificate is for the host 127.0.0.1, on any port.
    pub fn url_through(&self, address: SocketAddr) -> String {
        let scheme = if self.tls.is_some() { "rediss" } else { "redis" };
        format!("{scheme}://{}{address}/", self.options.userinfo())
    }

    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    pub fn port(&self) -> u16 {
        self.address().port()
    }

    /// With TLS, the certificate (PEM) of the authority that clients must trust. The file is deleted with this value.
    pub fn authority(&self) -> Option<&Path> {
        self.tls.as_ref().map(|files| files.authority.as_path())
    }

    /// Kills the server as a crash would (`SIGKILL`), and waits for its exit. Its data is lost.
    pub async fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill().await;
        }
    }

    /// Kills the server, if it runs, and starts an empty one on the same port.
    pub async fn restart(&mut self) {
        self.kill().await;
        self.launch().await;
    }

    /// Freezes the server (`SIGSTOP`): the kernel still accepts connections, and nothing answers.
    ///
    /// # Panics
    /// When it is killed.
    pub async fn pause(&self) {
        self.running().pause().await;
    }

    /// Thaws the server (`SIGCONT`); it then answers everything that was sent meanwhile.
    ///
    /// # Panics
    /// When it is killed.
    pub async fn resume(&self) {
        self.running().resume().await;
    }

    /// Executes one command on a connection of its own, and returns the answer as text: numbers in decimal, null as
    /// `(nil)`, an error as `(error) …`, a line for each item of a list.
    ///
    /// # Panics
    /// When the server is killed or frozen.
    pub async fn command(&self, words: &[&str]) -> String {
        let answered = timeout(COMMAND_TIMEOUT, self.try_command(words)).await;
        match answered.unwrap_or_else(|_| panic!("redis-server: no answer to {words:?} within {COMMAND_TIMEOUT:?}")) {
            Ok(value) => text(&value),
            Err(error) => match error.code() {
                Some(code) => format!("(error) {code} {}", error.detail().unwrap_or_default()),
                None => panic!("redis-server: no answer to {words:?}: {error}"),
            },
        }
    }

    async fn try_command(&self, words: &[&str]) -> RedisResult<Value> {
        let stream = UnixStream::connect(self.folder.path().join(SOCKET)).await?;
        let mut login = RedisConnectionInfo::default().set_skip_set_lib_name();
        if let Some(password) = &self.options.password {
            login = login.set_password(password);
        }
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let mut command = redis::Cmd::new();
        command.arg(words);
        let connecting = MultiplexedConnection::new_with_config(&login, stream, config);
        let (mut connection, driver) = connecting.await?;
        let driver = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(driver));
        let answer = command.query_async(&mut connection).await;
        drop(driver);
        answer
    }

    async fn launch(&mut self) {
        let configuration = self.options.write(self.folder.path(), self.port(), SOCKET, self.tls.as_ref());
        let args = once(configuration.into_os_string()).chain(self.options.args.iter().map(Into::into));
        let mut process = REDIS.start(args, self.folder.path());
        // It opens the port and the socket before it serves either.
        process.ready(async |_| self.try_command(&["PING"]).await.is_ok()).await;
        self.process = Some(process);
    }

    fn running(&self) -> &Process {
        self.process.as_ref().expect("redis-server was killed and not started again")
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Nil => "(nil)".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Okay => "OK".to_owned(),
        Value::SimpleString(text) => text.clone(),
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join("\n"),
        other => panic!("not an answer of RESP 2: {other:?}"),
    }
}
