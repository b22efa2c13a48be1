//! The first connection to Redis: retries while the server starts, and fails at once where a retry cannot help.

use super::RedisStore;
use super::address::Address;
use super::connect::connect;
use super::connection::{Command, ManagedConnection};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Time that the service waits for Redis at its own start: deployments start both at the same time.
pub const START_TIMEOUT: Duration = Duration::from_secs(60);

/// First and longest delay between two attempts.
const RETRY_DELAY: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(4)];

/// A failed start of the store. Completes a sentence that begins with the name of the URL's variable; never shows the password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// A bad URL or certificate file.
    #[error("{0}")]
    Unusable(String),
    /// A refusal that lasts until the configuration changes.
    #[error("{0}")]
    Refused(String),
    /// No server answered in time.
    #[error("{why} (tried for {waited:?})")]
    Away {
        /// The last failure.
        why: String,
        /// Time that was waited.
        waited: Duration,
    },
}

impl RedisStore {
    /// Connects to `redis[s]://[user][:password@]host[:port][/database]`. TLS trusts the authorities in the file (PEM), or
    /// the public ones without it. Retries until `timeout` while the server is not there or not ready.
    pub async fn connect(url: &str, authority: Option<&Path>, timeout: Duration) -> Result<Self, ConnectError> {
        let address = Address::new(url, authority).map_err(ConnectError::Unusable)?;
        let started = Instant::now();
        let [mut delay, longest] = RETRY_DELAY;
        let made = loop {
            let failure = match connect(&address).await {
                Ok(made) => break made,
                Err(failure) if failure.permanent => return Err(ConnectError::Refused(failure.why)),
                Err(failure) => failure,
            };
            if started.elapsed() + delay > timeout {
                return Err(ConnectError::Away { why: failure.why, waited: timeout });
            }
            tracing::warn!(why = failure.why, retry_in = ?delay, "waiting for Redis");
            sleep(delay).await;
            delay = (delay * 2).min(longest);
        };
        let store = Self { connection: ManagedConnection::keep(address, made) };
        store.log_server().await;
        Ok(store)
    }

    /// Logs the server's version, and warns about an eviction policy that can delete sessions. Some servers hide both.
    async fn log_server(&self) {
        let command = Command { key: "INFO".into(), command: redis::cmd("INFO") };
        let answer = self.connection.call().execute_one(command).await;
        let text: String = match answer.map(redis::from_redis_value) {
            Ok(Ok(text)) => text,
            Ok(Err(_)) | Err(_) => {
                tracing::info!("connected to Redis, which hides its version");
                return;
            }
        };
        let fact = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let version = fact("valkey_version").or(fact("redis_version")).unwrap_or("unknown");
        let policy = fact("maxmemory_policy");
        tracing::info!(version, policy, "connected to Redis");
        if policy.is_some_and(|policy| policy != "noeviction") {
            tracing::warn!(
                policy,
                "Redis may evict running sessions when its memory is full: set maxmemory-policy to noeviction"
            );
        }
    }
}
