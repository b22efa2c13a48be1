//! Who is connected, and the one way to reach a client. [`Clients`] is the seam between everything that posts (the
//! @connections routes, a function in this process) and the sockets: a layer of faults wraps it.

use crate::quotas::Quotas;
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Messages that wait for one client's socket. Small, so that a slow client soon slows who posts to it.
const OUTGOING_MESSAGES: usize = 16;

/// The clients of a gateway, by connection id: what @connections can do.
#[async_trait]
pub trait Clients: Send + Sync + 'static {
    /// Sends one message.
    async fn post(&self, connection_id: &str, data: Bytes) -> Result<(), PostError>;
    /// Says who it is; `None` when it is gone.
    async fn describe(&self, connection_id: &str) -> Option<ConnectionInfo>;
    /// Closes it with 1000, after what was posted before; false when it is gone.
    async fn close(&self, connection_id: &str) -> bool;
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// `$connect` has not returned yet, or the client left.
    #[error("the connection is not open")]
    Gone,
    /// Larger than a message may be.
    #[error("the message is too large")]
    TooLarge,
    /// The client does not read fast enough.
    #[error("the client's buffer is full")]
    Full,
    /// Not UTF-8, so no text message.
    #[error("the message is not UTF-8")]
    NotText,
    /// A failure of the gateway itself, which only happens on purpose.
    #[error("internal server error")]
    Failed,
}

/// What `GET @connections/{id}` tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// When its handshake came.
    pub connected_at: SystemTime,
    /// When a message last went either way.
    pub last_active_at: SystemTime,
    /// Its address.
    pub source_ip: String,
    /// What it calls itself.
    pub user_agent: Option<String>,
}

/// What waits for a client's socket, in order.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// A message.
    Text(Utf8Bytes),
    /// The end: nothing follows.
    Close,
}

/// When a message last went either way: one number that the idle timer and `GET` share.
#[derive(Debug)]
pub(crate) struct Activity {
    since: Instant,
    last_ms: AtomicU64,
}

impl Activity {
    fn new() -> Self {
        Self { since: Instant::now(), last_ms: AtomicU64::new(0) }
    }

    /// Marks now.
    pub(crate) fn touch(&self) {
        let ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(ms, Ordering::Relaxed);
    }

    fn last(&self) -> Duration {
        Duration::from_millis(self.last_ms.load(Ordering::Relaxed))
    }

    /// Returns once nothing happened for `limit`.
    pub(crate) async fn idle_for(&self, limit: Duration) {
        loop {
            let deadline = self.since + self.last() + limit;
            tokio::time::sleep_until(deadline).await;
            if self.since + self.last() + limit <= deadline {
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

/// The open connections of one gateway.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    open: Arc<Mutex<HashMap<String, Entry>>>,
    message_bytes: usize,
    post_timeout: Duration,
}

/// One open connection, as its socket sees it. Dropping it makes the id unknown.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) outgoing: mpsc::Receiver<Outgoing>,
    pub(crate) activity: Arc<Activity>,
    /// Takes the id out when it goes.
    pub(crate) entry: Registered,
}

/// Takes the id out of the registry when dropped.
#[derive(Debug)]
pub(crate) struct Registered {
    registry: Registry,
    connection_id: String,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.lock().remove(&self.connection_id);
    }
}

impl Registry {
    pub(crate) fn new(quotas: &Quotas) -> Self {
        Self { open: Arc::default(), message_bytes: quotas.message_bytes, post_timeout: quotas.post_timeout }
    }

    /// Makes an id reachable: from here on posts are taken, though the socket may be a moment away.
    pub(crate) fn open(
        &self,
        connection_id: &str,
        connected_at: SystemTime,
        source_ip: &str,
        user_agent: Option<&str>,
    ) -> Opened {
        let (sender, outgoing) = mpsc::channel(OUTGOING_MESSAGES);
        let activity = Arc::new(Activity::new());
        let entry = Entry {
            outgoing: sender,
            activity: activity.clone(),
            connected_at,
            source_ip: source_ip.to_owned(),
            user_agent: user_agent.map(ToOwned::to_owned),
        };
        self.lock().insert(connection_id.to_owned(), entry);
        let entry = Registered { registry: self.clone(), connection_id: connection_id.to_owned() };
        Opened { outgoing, activity, entry }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, connection_id: &str) -> Option<Entry> {
        self.lock().get(connection_id).cloned()
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
        let Some(entry) = self.lock().remove(connection_id) else { return false };
        // With a full queue the client does not read; the socket then ends because its last sender is gone.
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

    fn open(registry: &Registry) -> Opened {
        registry.open("c=", SystemTime::UNIX_EPOCH, "127.0.0.1", None)
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_is_waited_for_and_then_refused() {
        let registry = registry();
        let mut opened = open(&registry);
        for _ in 0..OUTGOING_MESSAGES {
            registry.post("c=", Bytes::from_static(b"x")).await.unwrap();
        }
        assert_eq!(registry.post("c=", Bytes::from_static(b"x")).await, Err(PostError::Full));
        opened.outgoing.recv().await.unwrap();
        assert_eq!(registry.post("c=", Bytes::from_static(b"x")).await, Ok(()));
    }

    #[tokio::test]
    async fn a_connection_is_reachable_exactly_while_open() {
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
    async fn idleness_counts_from_the_last_message() {
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
