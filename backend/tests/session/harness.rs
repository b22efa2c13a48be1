//! A session on a scripted terminal, and helpers to talk to it.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use backend::clock::{Clock, SystemRandom};
use backend::metrics::Metrics;
use backend::session::{
    Arrival, Caller, Close, Limits, OutputResponse, PollToken, Registry, RegistryDeps, Reply, SessionHandle,
    ShellSettings,
};
use backend::store::{MemoryStore, SessionState, Store};
use backend::terminal::Size;
use backend::terminal::scripted::{Script, ScriptedSpawner};
use serde_json::{Value, json};
use shared_protocol::client::parse;
use shared_protocol::{ConnectionId, EndReason, Role, SessionId};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

pub(crate) const SIZE: Size = Size { cols: 80, rows: 24 };
/// Output through the gateway, in bytes a second.
pub(crate) const RATE: u64 = 1024 * 1024;
pub(crate) const GRACE: Duration = Duration::from_secs(300);

pub(crate) const LIMITS: Limits = Limits {
    detach_timeout: GRACE,
    idle_timeout: Duration::from_secs(1800),
    initial_lifetime: Duration::from_secs(14_400),
    extension: Duration::from_secs(3600),
    max_lifetime: Duration::from_secs(28_800),
    output_rate: RATE,
    scrollback: 100,
};
/// Wall time at the start, in seconds since 1970.
pub(crate) const WALL: u64 = 1_800_000_000;

/// A wall clock that follows the time of the test.
struct WallClock(Instant);

impl Clock for WallClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(WALL) + self.0.elapsed()
    }
}

pub(crate) struct Harness {
    pub(crate) begun: Instant,
    pub(crate) registry: Registry,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) script: Script,
    pub(crate) session: SessionHandle,
    pub(crate) metrics: Arc<Metrics>,
}

pub(crate) fn id() -> SessionId {
    SessionId::new("s").unwrap()
}

impl Harness {
    pub(crate) async fn new() -> Self {
        Self::with(LIMITS).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        let begun = Instant::now();
        let shells = ScriptedSpawner::default();
        let metrics = Metrics::new(0);
        let store = Arc::new(MemoryStore::default());
        let registry = Registry::new(RegistryDeps {
            instance: backend::store::contract::instance("here"),
            store: Arc::clone(&store) as Arc<dyn Store>,
            shells: Arc::new(shells.clone()),
            clock: Arc::new(WallClock(begun)),
            random: Arc::new(SystemRandom),
            metrics: Arc::clone(&metrics),
            settings: ShellSettings { shell: "/bin/bash".into(), user: "u".into(), home: "/".into() },
            limits,
            sessions_per_user: 2,
            sessions: 3,
        });
        let session = registry.running_or_new(&id(), &caller("ada", "first"), SIZE).await.unwrap();
        Self { begun, registry, store, script: shells.last().unwrap(), session, metrics }
    }

    /// A session with ada attached as `page`, her `attached` frame and her follower's token.
    pub(crate) async fn attached() -> (Self, Caller, Value, PollToken) {
        Self::attached_with(LIMITS).await
    }

    pub(crate) async fn attached_with(limits: Limits) -> (Self, Caller, Value, PollToken) {
        let (harness, ada) = (Self::with(limits).await, caller("ada", "c1"));
        let (attached, token) = harness.attach(&ada, "page").await;
        (harness, ada, attached, token)
    }

    pub(crate) async fn say(&self, who: &Caller, message: Value) -> Reply {
        let envelope = parse(message.to_string().as_bytes()).unwrap();
        self.session.deliver(who.clone(), envelope.inbound).await.unwrap()
    }

    pub(crate) async fn attach(&self, who: &Caller, client: &str) -> (Value, PollToken) {
        let reply = self.say(who, json!({"type":"attach","client":client,"cols":80,"rows":24})).await;
        (frame(reply.frame), reply.follow.expect("an attach is granted a follower"))
    }

    pub(crate) async fn fetch(&self, who: &Caller, token: PollToken, wait: Duration) -> OutputResponse {
        self.session.output(who.connection.clone(), token, wait).await.unwrap()
    }

    /// The next frame within five seconds. The token becomes the one for the frame after it.
    pub(crate) async fn next(&self, who: &Caller, token: &mut PollToken) -> Value {
        let fetched = self.fetch(who, *token, Duration::from_secs(5)).await;
        *token = fetched.next.expect("the follower goes on");
        frame(fetched.frame)
    }

    /// All frames that are ready, and the next token.
    pub(crate) async fn fetch_all(&self, who: &Caller, mut token: PollToken) -> (Vec<Value>, Option<PollToken>) {
        let mut frames = Vec::new();
        loop {
            // Paused time advances only when the session is idle.
            let fetched = self.fetch(who, token, Duration::from_millis(1)).await;
            let Some(next) = fetched.next else { return (frames, None) };
            token = next;
            if fetched.frame.is_none() {
                return (frames, Some(token));
            }
            frames.push(frame(fetched.frame));
        }
    }

    /// Waits until this many seconds after the start.
    pub(crate) async fn at(&self, seconds: u64) {
        tokio::time::sleep_until(self.begun + Duration::from_secs(seconds)).await;
    }

    /// Follows like a page until it is stopped, or until `until` seconds after the start. Returns events and errors with their
    /// seconds, and how it stopped.
    pub(crate) async fn watch(&self, who: &Caller, token: PollToken, until: u64) -> (Vec<(u64, Value)>, Watched) {
        let (mut token, until) = (token, self.begun + Duration::from_secs(until));
        let mut heard = Vec::new();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return (heard, Watched::Open(token));
            }
            let wait = left.min(Duration::from_secs(20));
            let Ok(fetched) = self.session.output(who.connection.clone(), token, wait).await else {
                return (heard, Watched::Stopped(None));
            };
            if let Some(bytes) = fetched.frame {
                let frame = frame(Some(bytes));
                if let Some(pos) = frame["pos"].as_u64() {
                    let pos = pos + frame["len"].as_u64().unwrap_or(1);
                    let ack = json!({"type":"ack","epoch":frame["epoch"],"pos":pos}).to_string();
                    // The session may be gone.
                    let _ = self.session.deliver(who.clone(), parse(ack.as_bytes()).unwrap().inbound).await;
                }
                if frame["type"] == "event" || frame["type"] == "error" {
                    heard.push((self.begun.elapsed().as_secs(), frame));
                }
            }
            match fetched.next {
                Some(next) => token = next,
                None => return (heard, Watched::Stopped(fetched.close)),
            }
        }
    }

    pub(crate) async fn ended(&self) -> EndReason {
        self.session.closed().await;
        // The tombstone is written before the task is gone from the registry.
        while self.registry.live(&id()).is_some() {
            tokio::task::yield_now().await;
        }
        match self.store.session(&id()).await.unwrap().unwrap().state {
            SessionState::Ended { reason, .. } => reason,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until the session has done all its work.
    pub(crate) async fn settle(&self) {
        self.say(&caller("ada", "settle"), json!({"type":"ping"})).await;
    }
}

/// Result of watching.
#[derive(Debug, PartialEq)]
pub(crate) enum Watched {
    Open(PollToken),
    Stopped(Option<Close>),
}

/// The second, the kind of event or code of error, and the end reason of each.
pub(crate) fn told(heard: &[(u64, Value)]) -> Vec<(u64, &str, &str)> {
    heard
        .iter()
        .map(|(second, frame)| {
            let kind = frame["kind"].as_str().or(frame["code"].as_str()).unwrap_or_default();
            (*second, kind, frame["reason"].as_str().unwrap_or_default())
        })
        .collect()
}

/// The same caller with a token that expires this many seconds after the start.
pub(crate) fn until(seconds: u64, who: Caller) -> Caller {
    Caller { expires_at: WALL + seconds, ..who }
}

pub(crate) fn caller(user: &str, connection: &str) -> Caller {
    Caller {
        expires_at: u64::MAX,
        request: "test".into(),
        connection: ConnectionId::new(connection).unwrap(),
        user: user.into(),
        role: Role::Controller,
        admin: false,
        names_session: true,
        direct: false,
        issued_at: None,
        arrival: Arrival::default(),
    }
}

pub(crate) fn frame(bytes: Option<bytes::Bytes>) -> Value {
    serde_json::from_slice(&bytes.expect("a frame")).unwrap()
}

pub(crate) fn input(attached: &Value, seq: u64, data: &str) -> Value {
    json!({"type":"input","seq":seq,"epoch":attached["epoch"],"data":data})
}

pub(crate) fn ack(attached: &Value, pos: u64) -> Value {
    json!({"type":"ack","epoch":attached["epoch"],"pos":pos})
}
