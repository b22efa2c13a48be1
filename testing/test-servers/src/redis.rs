//! A real Redis for tests: a process of its own that forgets everything when it dies, which tests can make it do.

mod certificates;
mod options;
mod process;
mod resp;

pub use options::RedisOptions;

use crate::port::Port;
use certificates::Certificates;
use process::Process;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// How long one command may take. A frozen server is noticed by this.
const PATIENCE: Duration = Duration::from_secs(10);

/// The socket for [`RedisServer::command`], in the server's folder: no certificates there, and no proxy between.
const SOCKET: &str = "redis.socket";

/// A running `redis-server` without persistence on a loopback port. Killed on drop.
///
/// The port is the server's own for as long as this value lives: connections are refused while the server is dead.
#[derive(Debug)]
pub struct RedisServer {
    // The process goes before the folder that it works in.
    process: Option<Process>,
    program: &'static str,
    options: RedisOptions,
    certificates: Option<Certificates>,
    port: Port,
    folder: TempDir,
}

impl RedisServer {
    /// Starts one without a password, unencrypted, and waits until it answers.
    ///
    /// # Panics
    /// When `redis-server` is not installed or does not start; so does every other way of starting it.
    pub async fn start() -> Self {
        RedisOptions::default().start().await
    }

    /// Starts `program` with options.
    async fn launch(program: &'static str, options: RedisOptions) -> Self {
        let folder = tempfile::tempdir().expect("the folder for temporary files can be written");
        let certificates = options.encrypted().then(|| Certificates::write(folder.path()));
        let mut server = Self { process: None, program, options, certificates, port: Port::take(), folder };
        server.run().await;
        server
    }

    /// Where it is, with the password: `redis://[:password@]127.0.0.1:port/`, or `rediss://` with TLS.
    pub fn url(&self) -> String {
        self.url_through(self.address())
    }

    /// The same, by way of a proxy. With TLS too: the certificate is for the host 127.0.0.1, not for a port.
    pub fn url_through(&self, address: SocketAddr) -> String {
        let scheme = if self.certificates.is_some() { "rediss" } else { "redis" };
        format!("{scheme}://{}{address}/", self.options.userinfo())
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address().port()
    }

    /// With TLS, the certificate (PEM) of the authority that signed the server's: what a client has to trust. The file is
    /// gone with this value.
    pub fn authority(&self) -> Option<&Path> {
        self.certificates.as_ref().map(|certificates| certificates.authority.as_path())
    }

    /// Kills it as a crash would (`SIGKILL`), and waits for its end. Its state is lost and its port refuses connections.
    pub async fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill().await;
        }
    }

    /// Kills it, if it runs, and starts an empty one on the same port.
    pub async fn restart(&mut self) {
        self.kill().await;
        self.run().await;
    }

    /// Freezes it (`SIGSTOP`): connections stay, new ones are still accepted by the kernel, and nothing answers.
    ///
    /// # Panics
    /// When it is killed.
    pub async fn pause(&self) {
        self.running().pause().await;
    }

    /// Lets it go on (`SIGCONT`) with all that was sent to it meanwhile.
    ///
    /// # Panics
    /// When it is killed.
    pub async fn resume(&self) {
        self.running().resume().await;
    }

    /// Sends one command on a connection of its own, beside port and proxy, and returns the answer as text: a status or string
    /// as it is, numbers in decimal, nothing as `(nil)`, an error as `(error) …`, the items of a list a line each.
    ///
    /// # Panics
    /// When the server is killed or frozen.
    pub async fn command(&self, words: &[&str]) -> String {
        let answered = timeout(PATIENCE, self.try_command(words)).await;
        let answer = answered.unwrap_or_else(|_| panic!("redis-server: no answer to {words:?} within {PATIENCE:?}"));
        answer.unwrap_or_else(|error| panic!("redis-server: no answer to {words:?}: {error}"))
    }

    async fn try_command(&self, words: &[&str]) -> std::io::Result<String> {
        let mut connection = resp::Connection::new(UnixStream::connect(self.folder.path().join(SOCKET)).await?);
        if let Some(password) = self.options.password_text() {
            connection.ask(&["AUTH", password]).await?;
        }
        connection.ask(words).await
    }

    async fn run(&mut self) {
        let configuration = self.options.write(self.folder.path(), self.port(), self.certificates.as_ref());
        let mut process = Process::start(self.program, &configuration, self.options.more(), self.folder.path());
        // It answers on its socket once it listens on its port too: both are opened before it serves anybody.
        process.ready(async || self.try_command(&["PING"]).await.is_ok_and(|answer| answer == "PONG")).await;
        self.process = Some(process);
    }

    fn running(&self) -> &Process {
        self.process.as_ref().expect("redis-server was killed and not started again")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[should_panic(expected = "install the Debian package redis-server")]
    async fn a_machine_without_redis_is_told_what_to_install() {
        RedisServer::launch("redis-server-that-is-not-installed", RedisOptions::default()).await;
    }
}
