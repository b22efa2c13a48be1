//! A gateway of fakes.

use crate::support::{NOW, SECRET, claims, fixture_with, id, identity, row, token};
use auth_tokens::{UserKey, UserTokenVerifier};
use bytes::Bytes;
use gateway_lambda::backend::Call;
use gateway_lambda::clock::ManualClock;
use gateway_lambda::{
    Config, Connection, Connections, ConnectionsError, Deps, Gateway, HandleError, MemoryConnections, RecordingBrowser,
    Reply, ScriptedBackend, SystemRandom,
};
use serde_json::Value;
use shared_protocol::ConnectionId;
use shared_protocol::relay::RelayQuestion;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Lambda's time limit where a test does not depend on it.
pub(crate) const LAMBDA_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) struct Harness {
    pub(crate) gateway: Gateway,
    pub(crate) backend: Arc<ScriptedBackend>,
    pub(crate) browser: Arc<RecordingBrowser>,
    pub(crate) connections: Arc<FaultyConnections>,
}

impl Harness {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(UserTokenVerifier::new(UserKey::hs256(SECRET.as_bytes()).unwrap()));
        change(&mut config);
        let backend = Arc::new(ScriptedBackend::default());
        let browser = Arc::new(RecordingBrowser::default());
        let connections = Arc::new(FaultyConnections::default());
        let gateway = Gateway::new(Deps {
            config,
            backend: backend.clone(),
            connections: connections.clone(),
            browser: browser.clone(),
            clock: Arc::new(ManualClock::new(NOW)),
            random: Arc::new(SystemRandom),
        });
        Self { gateway, backend, browser, connections }
    }

    /// A gateway that knows these connections, all of one identity.
    pub(crate) async fn with_rows(connections: &[&str]) -> Self {
        let harness = Self::new();
        for connection in connections {
            harness.put(&row(connection, identity())).await;
        }
        harness
    }

    pub(crate) async fn put(&self, row: &Connection) {
        self.connections.put(row).await.unwrap();
    }

    /// Handles an event, and checks that no task outlives it.
    pub(crate) async fn try_handle(&self, event: Value, lambda_timeout: Duration) -> Result<Value, HandleError> {
        let deadline = Instant::now() + lambda_timeout;
        let handled = self.gateway.handle(event, deadline).await;
        assert!(Instant::now() <= deadline, "the deadline was missed");
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert_eq!(tasks, 0, "a task outlives the event");
        handled
    }

    pub(crate) async fn handle(&self, event: Value) -> Value {
        self.try_handle(event, LAMBDA_TIMEOUT).await.unwrap()
    }

    /// Handles a message, and checks the response.
    pub(crate) async fn message(&self, event: Value) {
        assert_eq!(self.handle(event).await, serde_json::json!({"statusCode": 200}));
    }

    /// The relay's questions with their times, in order.
    pub(crate) fn questions(&self) -> Vec<(RelayQuestion, Instant)> {
        let questions = self.backend.calls().into_iter().filter_map(|call| match call {
            Call::Relay { question, at, .. } => Some((question, at)),
            _ => None,
        });
        questions.collect()
    }

    pub(crate) fn disconnects(&self) -> usize {
        self.backend.calls().iter().filter(|call| matches!(call, Call::Disconnect(_))).count()
    }

    /// Codes of the delivered `error` frames.
    pub(crate) fn errors(&self) -> Vec<String> {
        let frames = self.browser.frames();
        let frames = frames.iter().filter_map(|frame| serde_json::from_str::<Value>(frame).ok());
        frames
            .filter(|frame| frame["type"] == "error")
            .map(|frame| frame["code"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// An event of `fixtures/` with a valid token.
pub(crate) fn fixture(name: &str) -> Value {
    fixture_with(name, &token(&claims()))
}

/// An event of `fixtures/` with another value of a field.
pub(crate) fn with(name: &str, pointer: &str, value: Value) -> Value {
    let mut event = fixture(name);
    *event.pointer_mut(pointer).unwrap() = value;
    event
}

/// An event of `fixtures/` without a field.
pub(crate) fn without(name: &str, pointer: &str) -> Value {
    let mut event = fixture(name);
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    event.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(field).unwrap();
    event
}

/// A reply with a frame, and a relay's grant.
pub(crate) fn frame(text: &str, grant: Option<&str>) -> Reply {
    let frame = Some(Bytes::copy_from_slice(text.as_bytes()));
    Reply { frame, grant: grant.map(str::to_owned), ..Reply::default() }
}

/// Connections in memory that count reads and can be made to fail.
#[derive(Default)]
pub(crate) struct FaultyConnections {
    rows: MemoryConnections,
    /// Calls of `get` so far.
    pub(crate) reads: AtomicUsize,
    /// True while every call fails.
    pub(crate) broken: AtomicBool,
}

impl FaultyConnections {
    /// True for each connection that has a row.
    pub(crate) async fn rows_exist(&self, ids: &[&str]) -> Vec<bool> {
        let mut left = Vec::new();
        for name in ids {
            left.push(self.rows.get(&id(name), NOW).await.unwrap().is_some());
        }
        left
    }

    fn working_rows(&self) -> Result<&MemoryConnections, ConnectionsError> {
        match self.broken.load(Ordering::Relaxed) {
            true => Err(ConnectionsError { action: "work", reason: "it was broken by the test".into() }),
            false => Ok(&self.rows),
        }
    }
}

#[async_trait::async_trait]
impl Connections for FaultyConnections {
    async fn put(&self, connection: &Connection) -> Result<(), ConnectionsError> {
        self.working_rows()?.put(connection).await
    }

    async fn get(&self, id: &ConnectionId, now: u64) -> Result<Option<Connection>, ConnectionsError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.working_rows()?.get(id, now).await
    }

    async fn touch(&self, id: &ConnectionId, expires_at: u64) -> Result<(), ConnectionsError> {
        self.working_rows()?.touch(id, expires_at).await
    }

    async fn remove(&self, id: &ConnectionId) -> Result<(), ConnectionsError> {
        self.working_rows()?.remove(id).await
    }

    async fn count_by_user(&self, sub: &str, now: u64) -> Result<usize, ConnectionsError> {
        self.working_rows()?.count_by_user(sub, now).await
    }

    async fn list_idle_by_user(&self, sub: &str, now: u64, until: u64) -> Result<Vec<ConnectionId>, ConnectionsError> {
        self.working_rows()?.list_idle_by_user(sub, now, until).await
    }
}
