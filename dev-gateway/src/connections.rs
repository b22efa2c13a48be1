//! The open connections. [`Clients`] is the interface to the sockets for everything that posts: the @connections routes
//! and a function in this process. The fault and usage layers wrap it.

use crate::quotas::Quotas;
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Messages queued for one client's socket. Small, so that a slow client soon slows down posts.
const MAX_QUEUED_MESSAGES: usize = 16;

/// The clients of a gateway by connection id, with the operations of @connections.
#[async_trait]
pub trait Clients: Send + Sync + 'static {
    /// Sends a message.
    async fn post(&self, connection_id: &str, data: Bytes) -> Result<(), PostError>;
    /// Describes the client; `None` if it is not connected.
    async fn describe(&self, connection_id: &str) -> Option<ConnectionInfo>;
    /// Closes with 1000 after all earlier posts. Returns false if the client is not connected.
    async fn close(&self, connection_id: &str) -> bool;
}

/// Failure of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// `$connect` has not returned yet, or the client left.
    #[error("the connection is not open")]
    Gone,
    /// The message exceeds the quota.
    #[error("the message is too large")]
    TooLarge,
    /// The client does not read fast enough.
    #[error("the client's buffer is full")]
    Full,
    /// The message is not UTF-8.
    #[error("the message is not UTF-8")]
    NotText,
    /// An internal failure, which only fault injection causes.
    #[error("internal server error")]
    Failed,
}

/// The data of `GET @connections/{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// Time of the handshake.
    pub connected_at: SystemTime,
    /// Time of the last message in either direction.
    pub last_active_at: SystemTime,
    /// The client's IP address.
    pub source_ip: String,
    /// The client's `User-Agent`.
    pub user_agent: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Outgoing {
    Text(Utf8Bytes),
    /// Close the connection; nothing follows.
    Close,
}

/// Time of the last message in either direction, for the idle timer and `GET`.
#[derive(Debug)]
pub(crate) struct Activity {
    opened: Instant,
    /// Milliseconds from opening to the last message.
    last_ms: AtomicU64,
}

impl Activity {
    fn new() -> Self {
        Self { opened: Instant::now(), last_ms: AtomicU64::new(0) }
    }

    pub(crate) fn touch(&self) {
        let ms = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(ms, Ordering::Relaxed);
    }

    fn last(&self) -> Duration {
        Duration::from_millis(self.last_ms.load(Ordering::Relaxed))
    }

    /// Waits until no message was recorded for `limit`.
    pub(crate) async fn idle_for(&self, limit: Duration) {
        loop {
            let deadline = self.opened + self.last() + limit;
            tokio::time::sleep_until(deadline).await;
            if self.opened + self.last() + limit <= deadline {
                return;
            }
        }
    }
}

#[derive(Debug, Clone)]
struct Entry {
    outgoing: mpsc::Sender<Outgoing>,
    activity: Arc<Activity>,
    connected_at: SystemTime,
    source_ip: String,
    user_agent: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Registry {
    open: Arc<Mutex<HashMap<String, Entry>>>,
    message_bytes: usize,
    post_timeout: Duration,
}

/// The socket's side of an open connection.
#[derive(Debug)]
pub(crate) struct OpenConnection {
    pub(crate) outgoing: mpsc::Receiver<Outgoing>,
    pub(crate) activity: Arc<Activity>,
    pub(crate) entry: RegistryEntryGuard,
}

/// Removes the connection from the registry when dropped.
#[derive(Debug)]
pub(crate) struct RegistryEntryGuard {
    registry: Registry,
    connection_id: String,
}

impl Drop for RegistryEntryGuard {
    fn drop(&mut self) {
        self.registry.open.lock().remove(&self.connection_id);
    }
}

impl Registry {
    pub(crate) fn new(quotas: &Quotas) -> Self {
        Self { open: Arc::default(), message_bytes: quotas.message_bytes, post_timeout: quotas.post_timeout }
    }

    /// Registers a connection. Posts are queued from now on, also before the socket is open.
    pub(crate) fn open(
        &self,
        connection_id: &str,
        connected_at: SystemTime,
        source_ip: &str,
        user_agent: Option<&str>,
    ) -> OpenConnection {
        let (sender, outgoing) = mpsc::channel(MAX_QUEUED_MESSAGES);
        let activity = Arc::new(Activity::new());
        let entry = Entry {
            outgoing: sender,
            activity: activity.clone(),
            connected_at,
            source_ip: source_ip.to_owned(),
            user_agent: user_agent.map(ToOwned::to_owned),
        };
        self.open.lock().insert(connection_id.to_owned(), entry);
        let entry = RegistryEntryGuard { registry: self.clone(), connection_id: connection_id.to_owned() };
        OpenConnection { outgoing, activity, entry }
    }

    fn find(&self, connection_id: &str) -> Option<Entry> {
        self.open.lock().get(connection_id).cloned()
    }
}

#[async_trait]
impl Clients for Registry {
    async fn post(&self, connection_id: &str, data: Bytes) -> Result<(), PostError> {
        if data.len() > self.message_bytes {
            return Err(PostError::TooLarge);
        }
        let text = Utf8Bytes::try_from(data).map_err(|_| PostError::NotText)?;
        let entry = self.find(connection_id).ok_or(PostError::Gone)?;
        match tokio::time::timeout(self.post_timeout, entry.outgoing.send(Outgoing::Text(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(PostError::Gone),
            Err(_) => Err(PostError::Full),
        }
    }

    async fn describe(&self, connection_id: &str) -> Option<ConnectionInfo> {
        self.find(connection_id).map(|entry| ConnectionInfo {
            connected_at: entry.connected_at,
            last_active_at: entry.connected_at + entry.activity.last(),
            source_ip: entry.source_ip,
            user_agent: entry.user_agent,
        })
    }

    async fn close(&self, connection_id: &str) -> bool {
        let Some(entry) = self.open.lock().remove(connection_id) else { return false };
        // If the queue stays full, the socket ends because its last sender is gone.
        let _ = tokio::time::timeout(self.post_timeout, entry.outgoing.send(Outgoing::Close)).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> Registry {
        Registry::new(&Quotas { message_bytes: 8, ..Quotas::default() })
    }

    fn open(registry: &Registry) -> OpenConnection {
        registry.open("c=", SystemTime::UNIX_EPOCH, "127.0.0.1", None)
    }

    #[tokio::test(start_paused = true)]
    async fn a_post_waits_for_a_full_queue_and_then_fails() {
        let registry = registry();
        let mut opened = open(&registry);
        for _ in 0..MAX_QUEUED_MESSAGES {
            registry.post("c=", Bytes::from_static(b"x")).await.unwrap();
        }
        assert_eq!(registry.post("c=", Bytes::from_static(b"x")).await, Err(PostError::Full));
        opened.outgoing.recv().await.unwrap();
        assert_eq!(registry.post("c=", Bytes::from_static(b"x")).await, Ok(()));
    }

    #[tokio::test]
    async fn a_connection_is_reachable_while_open() {
        let registry = registry();
        assert_eq!(registry.post("c=", Bytes::new()).await, Err(PostError::Gone));
        let opened = open(&registry);
        assert_eq!(registry.post("c=", Bytes::from_static(b"123456789")).await, Err(PostError::TooLarge));
        assert_eq!(registry.post("c=", Bytes::from_static(b"\xff")).await, Err(PostError::NotText));
        assert!(registry.describe("c=").await.is_some());
        drop(opened);
        assert!(registry.describe("c=").await.is_none());
        assert!(!registry.close("c=").await);
    }

    #[tokio::test(start_paused = true)]
    async fn idle_time_counts_from_the_last_message() {
        let activity = Activity::new();
        let started = Instant::now();
        let touched = async {
            tokio::time::advance(Duration::from_millis(600)).await;
            activity.touch();
        };
        tokio::join!(activity.idle_for(Duration::from_secs(1)), touched);
        assert_eq!(started.elapsed().as_millis(), 1600);
    }
}
