//! How the service begins with Redis: it waits for a server that is not there yet, and not for one that will never let it in.

use super::RedisStore;
use super::address::Address;
use super::connect::connect;
use super::connection::{Command, ManagedConnection};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long the service waits for Redis when it starts: deployments start both at the same time.
pub const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Between attempts: first, and longest.
const RETRY: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(4)];

/// Why there is no store: the end of a sentence that begins with the variable that holds the URL. Never shows the password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The URL, or the file of certificates, cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// The server will not let the service in until somebody changes something.
    #[error("{0}")]
    Refused(String),
    /// Nobody was there for as long as was waited.
    #[error("{why} (tried for {waited:?})")]
    Away {
        /// The last failure.
        why: String,
        /// How long.
        waited: Duration,
    },
}

impl RedisStore {
    /// Connects to `redis[s]://[user][:password@]host[:port][/database]`. With TLS, the public authorities are trusted. Tries
    /// for as long as `patience` while the server is not there or not ready.
    pub async fn connect(url: &str, patience: Duration) -> Result<Self, ConnectError> {
        Self::connect_trusting(url, None, patience).await
    }

    /// The same; with TLS, the authorities whose certificates (PEM) are in the file are trusted, and no others.
    pub async fn connect_trusting(
        url: &str,
        authority: Option<&Path>,
        patience: Duration,
    ) -> Result<Self, ConnectError> {
        let address = Address::new(url, authority).map_err(ConnectError::Unusable)?;
        let started = Instant::now();
        let [mut pause, longest] = RETRY;
        let made = loop {
            let refusal = match connect(&address).await {
                Ok(made) => break made,
                Err(refusal) if refusal.permanent => return Err(ConnectError::Refused(refusal.why)),
                Err(refusal) => refusal,
            };
            if started.elapsed() + pause > patience {
                return Err(ConnectError::Away { why: refusal.why, waited: patience });
            }
            tracing::warn!(why = refusal.why, again_in = ?pause, "waiting for Redis");
            sleep(pause).await;
            pause = (pause * 2).min(longest);
        };
        let store = Self { connection: ManagedConnection::keep(address, made) };
        store.look_at_server().await;
        Ok(store)
    }

    /// Says what the server is, and what of it does not fit. Some servers do not tell.
    async fn look_at_server(&self) {
        let command = Command { key: "INFO".into(), command: redis::cmd("INFO") };
        let answer = self.connection.call().execute_one(command).await;
        let text: String = match answer.map(redis::from_redis_value) {
            Ok(Ok(text)) => text,
            Ok(Err(_)) | Err(_) => {
                tracing::info!("connected to Redis, which does not say what it is");
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
                "Redis may forget sessions that run when its memory is full: set maxmemory-policy to noeviction"
            );
        }
    }
}
