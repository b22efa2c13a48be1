//! What a Redis for tests can be started with, and the configuration file that says it to the server.

use super::certificates::Certificates;
use super::{RedisServer, SOCKET};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// How a [`RedisServer`] is started.
///
/// ```no_run
/// # async fn example() {
/// use test_servers::RedisOptions;
/// let full = RedisOptions::default()
///     .password("open sesame")
///     .tls()
///     .args(["--maxmemory", "1mb", "--maxmemory-policy", "allkeys-lru"])
///     .start()
///     .await;
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    password: Option<String>,
    tls: bool,
    args: Vec<String>,
}

impl RedisOptions {
    /// The password that the default user needs (`requirepass`). Any characters; the URL escapes them.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Speaks TLS only, with a certificate of an authority made for this server: see [`RedisServer::authority`].
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// More arguments for `redis-server`, which win over what is set here: `["--maxmemory", "1mb"]`.
    #[must_use]
    pub fn args<T: Into<String>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Starts it, and waits until it answers.
    ///
    /// # Panics
    /// When `redis-server` is not installed or does not start.
    pub async fn start(self) -> RedisServer {
        RedisServer::launch("redis-server", self).await
    }

    pub(super) fn encrypted(&self) -> bool {
        self.tls
    }

    pub(super) fn password_text(&self) -> Option<&str> {
        self.password.as_deref()
    }

    pub(super) fn more(&self) -> &[String] {
        &self.args
    }

    /// What stands before the host in a URL.
    pub(super) fn userinfo(&self) -> String {
        let Some(password) = &self.password else { return String::new() };
        let mut text = String::from(":");
        for byte in password.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                text.push(char::from(byte));
            } else {
                write!(text, "%{byte:02X}").expect("a string can be written to");
            }
        }
        text + "@"
    }

    /// Writes the configuration file.
    pub(super) fn write(&self, folder: &Path, port: u16, certificates: Option<&Certificates>) -> PathBuf {
        let mut lines = vec![
            "bind 127.0.0.1".to_owned(),
            "daemonize no".to_owned(),
            "appendonly no".to_owned(),
            "save \"\"".to_owned(),
            format!("dir {}", quoted(&folder.display().to_string())),
            format!("unixsocket {}", quoted(&folder.join(SOCKET).display().to_string())),
        ];
        if let Some(certificates) = certificates {
            let file = |path: &Path| quoted(&path.display().to_string());
            lines.extend(["port 0".to_owned(), format!("tls-port {port}"), "tls-auth-clients no".to_owned()]);
            lines.push(format!("tls-ca-cert-file {}", file(&certificates.authority)));
            lines.push(format!("tls-cert-file {}", file(&certificates.certificate)));
            lines.push(format!("tls-key-file {}", file(&certificates.key)));
        } else {
            lines.push(format!("port {port}"));
        }
        lines.extend(self.password.iter().map(|password| format!("requirepass {}", quoted(password))));
        let path = folder.join("redis.conf");
        std::fs::write(&path, lines.join("\n") + "\n").expect("the server's folder can be written");
        path
    }
}

/// As the configuration file wants it: each byte that could mean something, in hexadecimal.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !b"\"\\".contains(&byte) {
            quoted.push(char::from(byte));
        } else {
            write!(quoted, "\\x{byte:02x}").expect("a string can be written to");
        }
    }
    quoted + "\""
}
