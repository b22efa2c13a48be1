//! Options of a Redis for tests, and the configuration file made from them.

use super::tls_files::TlsFiles;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Options of a [`RedisServer`](super::RedisServer).
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
    pub(super) password: Option<String>,
    pub(super) tls: bool,
    pub(super) args: Vec<String>,
}

impl RedisOptions {
    /// Sets the password of the default user (`requirepass`). Any characters; the URL escapes them.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Accepts TLS only, with a certificate of [`RedisServer::authority`](super::RedisServer::authority).
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Adds arguments for `redis-server`, which override the configuration file: `["--maxmemory", "1mb"]`.
    #[must_use]
    pub fn args<T: Into<String>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// The part of a URL before the host.
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

    /// Writes the configuration file; `socket` is the name of a Unix socket in the folder.
    pub(super) fn write(&self, folder: &Path, port: u16, socket: &str, tls: Option<&TlsFiles>) -> PathBuf {
        let file = |path: &Path| quoted(&path.display().to_string());
        let mut lines = vec![
            "bind 127.0.0.1".to_owned(),
            "daemonize no".to_owned(),
            "appendonly no".to_owned(),
            "save \"\"".to_owned(),
            format!("dir {}", file(folder)),
            format!("unixsocket {}", file(&folder.join(socket))),
        ];
        match tls {
            Some(tls) => lines.extend([
                "port 0".to_owned(),
                format!("tls-port {port}"),
                "tls-auth-clients no".to_owned(),
                format!("tls-ca-cert-file {}", file(&tls.authority)),
                format!("tls-cert-file {}", file(&tls.certificate)),
                format!("tls-key-file {}", file(&tls.key)),
            ]),
            None => lines.push(format!("port {port}")),
        }
        lines.extend(self.password.iter().map(|password| format!("requirepass {}", quoted(password))));
        let path = folder.join("redis.conf");
        std::fs::write(&path, lines.join("\n") + "\n").expect("the server's folder is writable");
        path
    }
}

/// Quotes a value for the configuration file, with every special byte in hexadecimal.
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
