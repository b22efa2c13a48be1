//! A gateway among fakes, and the events that it is given.

use async_trait::async_trait;
use auth_tokens::{UserKey, UserTokenVerifier, sign_user_token};
use bytes::Bytes;
use gateway_lambda::backend::Call;
use gateway_lambda::clock::FixedClock;
use gateway_lambda::{
    Config, Connection, Connections, ConnectionsError, Deps, Gateway, HandleError, Identity, MemoryConnections,
    RecordingBrowser, Reply, ScriptedBackend,
};
use serde_json::Value;
use shared_protocol::{ConnectionId, Role, SessionId, UserClaims};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// The time at which the fixtures were made.
pub(crate) const NOW: u64 = 1_795_000_000;
/// The connection of every fixture.
pub(crate) const CONNECTION: &str = "Lq3xTfoVDoECJ1w=";
/// Lambda's time limit where a test does not care.
pub(crate) const PLENTY: Duration = Duration::from_secs(60);

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// A gateway and its surroundings.
pub(crate) struct World {
    pub(crate) gateway: Gateway,
    pub(crate) backend: Arc<ScriptedBackend>,
    pub(crate) browser: Arc<RecordingBrowser>,
    pub(crate) connections: Arc<WatchedConnections>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let users = UserTokenVerifier::new(UserKey::hs256(SECRET).unwrap());
        let mut config = Config::new(users);
        change(&mut config);
        let backend = Arc::new(ScriptedBackend::new());
        let browser = Arc::new(RecordingBrowser::new());
        let connections = Arc::new(WatchedConnections::default());
        let gateway = Gateway::new(Deps {
            config,
            backend: backend.clone(),
            connections: connections.clone(),
            browser: browser.clone(),
            clock: Arc::new(FixedClock(NOW)),
        });
        Self { gateway, backend, browser, connections }
    }

    /// Handles an event, and sees to it that nothing goes on afterwards.
    pub(crate) async fn try_handle(&self, event: Value, limit: Duration) -> Result<Value, HandleError> {
        let deadline = Instant::now() + limit;
        let handled = self.gateway.handle(event, deadline).await;
        assert!(Instant::now() <= deadline, "the deadline was missed");
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert_eq!(tasks, 0, "something goes on after the event was handled");
        handled
    }

    pub(crate) async fn handle(&self, event: Value) -> Value {
        self.try_handle(event, PLENTY).await.unwrap()
    }

    /// A message whose integration answers as every message's does.
    pub(crate) async fn message(&self, event: Value) {
        assert_eq!(self.handle(event).await, serde_json::json!({"statusCode": 200}));
    }

    /// The values with which output was asked for, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        let asked = self.backend.calls().into_iter().filter_map(|call| match call {
            Call::Output { follow, .. } => Some(follow),
            _ => None,
        });
        asked.collect()
    }

    /// How often the service heard of a disconnect.
    pub(crate) fn disconnects(&self) -> usize {
        self.backend.calls().iter().filter(|call| matches!(call, Call::Disconnect(_))).count()
    }

    /// The `error` frames that were delivered, by code.
    pub(crate) fn errors(&self) -> Vec<String> {
        let frames = self.browser.frames();
        let frames = frames.iter().filter_map(|frame| serde_json::from_str::<Value>(frame).ok());
        frames
            .filter(|frame| frame["type"] == "error")
            .map(|frame| frame["code"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// An event of `fixtures/`, with a good token where it has one.
pub(crate) fn fixture(name: &str) -> Value {
    fixture_with(name, &token(&claims()))
}

pub(crate) fn fixture_with(name: &str, token: &str) -> Value {
    let path = format!("{}/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text.replace("TOKEN", token)).unwrap()
}

/// What the fixtures' authorizer says.
pub(crate) fn claims() -> UserClaims {
    UserClaims {
        sub: "ada".into(),
        exp: NOW + 3600,
        nbf: None,
        iat: Some(NOW - 10),
        iss: None,
        aud: None,
        sid: Some(session("lab-7")),
        role: Role::Controller,
        admin: false,
    }
}

pub(crate) fn token(claims: &UserClaims) -> String {
    sign_user_token(claims, SECRET).unwrap()
}

pub(crate) fn identity() -> Identity {
    Identity::new(claims(), None)
}

pub(crate) fn id(text: &str) -> ConnectionId {
    ConnectionId::new(text).unwrap()
}

pub(crate) fn session(text: &str) -> SessionId {
    SessionId::new(text).unwrap()
}

pub(crate) fn row(connection: &str, identity: Identity) -> Connection {
    Connection { id: id(connection), identity, connected_at: NOW * 1000, expires_at: NOW + 600 }
}

/// An answer with a frame, which names what to ask for next.
pub(crate) fn frame(text: &str, follow: Option<&str>) -> Reply {
    let frame = Some(Bytes::copy_from_slice(text.as_bytes()));
    Reply { frame, follow: follow.map(str::to_owned), ..Reply::default() }
}

/// Connections in memory that count the reads and fail when told to.
#[derive(Default)]
pub(crate) struct WatchedConnections {
    rows: MemoryConnections,
    pub(crate) reads: AtomicUsize,
    pub(crate) broken: AtomicBool,
}

impl WatchedConnections {
    pub(crate) async fn rows_left(&self, ids: &[&str]) -> Vec<bool> {
        let mut left = Vec::new();
        for name in ids {
            left.push(self.rows.get(&id(name), NOW).await.unwrap().is_some());
        }
        left
    }

    fn check(&self) -> Result<(), ConnectionsError> {
        match self.broken.load(Ordering::Relaxed) {
            true => Err(ConnectionsError { action: "work", reason: "it was broken by the test".into() }),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Connections for WatchedConnections {
    async fn put(&self, connection: &Connection) -> Result<(), ConnectionsError> {
        self.check()?;
        self.rows.put(connection).await
    }

    async fn get(&self, id: &ConnectionId, now: u64) -> Result<Option<Connection>, ConnectionsError> {
        self.check()?;
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.rows.get(id, now).await
    }

    async fn touch(&self, id: &ConnectionId, expires_at: u64) -> Result<(), ConnectionsError> {
        self.check()?;
        self.rows.touch(id, expires_at).await
    }

    async fn remove(&self, id: &ConnectionId) -> Result<(), ConnectionsError> {
        self.check()?;
        self.rows.remove(id).await
    }

    async fn count_by_user(&self, sub: &str, now: u64) -> Result<usize, ConnectionsError> {
        self.check()?;
        self.rows.count_by_user(sub, now).await
    }

    async fn list_idle_by_user(&self, sub: &str, now: u64, until: u64) -> Result<Vec<ConnectionId>, ConnectionsError> {
        self.check()?;
        self.rows.list_idle_by_user(sub, now, until).await
    }

    async fn list_by_session(&self, sid: &SessionId, now: u64) -> Result<Vec<ConnectionId>, ConnectionsError> {
        self.check()?;
        self.rows.list_by_session(sid, now).await
    }
}
