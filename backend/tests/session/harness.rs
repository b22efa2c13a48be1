//! A session on a scripted terminal, and helpers to talk to it.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use auth_tokens::LEEWAY_SECONDS;
use backend::clock::{Clock, SystemRandom};
use backend::metrics::{Metrics, Transport};
use backend::recording::{RecordingSettings, Recordings};
use backend::relay::{Relay, Relays};
use backend::session::{Arrival, Caller, Grant, Limits, Registry, RegistryDeps, Reply, SessionHandle, ShellSettings};
use backend::store::{MemoryStore, SessionState, Store};
use backend::terminal::Size;
use backend::terminal::scripted::{Script, ScriptedSpawner};
use backend::webhooks::Webhooks;
use serde_json::{Value, json};
use shared_protocol::client::parse;
use shared_protocol::relay::{MemberReport, RelayAction, RelayFrame, RelayQuestion};
use shared_protocol::{ClassClaims, ConnectionId, EndReason, Role, SessionId};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::runtime::Handle;
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

/// A wall clock that follows the time of the test, until it jumps.
pub(crate) struct WallClock {
    begun: Instant,
    /// How far it has jumped, in seconds; below zero if back.
    jumped: AtomicI64,
}

impl WallClock {
    pub(crate) fn jump(&self, seconds: i64) {
        self.jumped.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for WallClock {
    fn now(&self) -> SystemTime {
        let wall = WALL.saturating_add_signed(self.jumped.load(Ordering::Relaxed));
        UNIX_EPOCH + Duration::from_secs(wall) + self.begun.elapsed()
    }

    fn steady_ms(&self) -> u64 {
        WALL * 1000 + self.begun.elapsed().as_millis() as u64
    }
}

pub(crate) struct Harness {
    pub(crate) begun: Instant,
    pub(crate) clock: Arc<WallClock>,
    pub(crate) registry: Registry,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) script: Script,
    shells: ScriptedSpawner,
    pub(crate) session: SessionHandle,
    pub(crate) metrics: Arc<Metrics>,
    /// Relays that were granted so far; a token is an index.
    carriers: Mutex<Vec<Carrier>>,
    /// Epoch of the last attach.
    epoch: AtomicU64,
    /// Requests so far.
    requests: AtomicU64,
}

/// A relay as the function runs it, with posts that take no time.
struct Carrier {
    relay: Arc<Relay>,
    /// Number of the last question.
    asked: u64,
    /// Frames of the last answer that no test has taken.
    frames: VecDeque<RelayFrame>,
    /// Report on the frame that was taken last.
    sent: Option<MemberReport>,
}

/// A relay of the harness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token(usize);

/// Result of a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fetched {
    pub(crate) frame: Option<bytes::Bytes>,
    /// `None` once the relay is told to stop.
    pub(crate) next: Option<Token>,
    /// True if the connection closes after the frame.
    pub(crate) close: bool,
}

pub(crate) fn id() -> SessionId {
    SessionId::new("s").unwrap()
}

impl Harness {
    pub(crate) async fn new() -> Self {
        Self::with(LIMITS).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        Self::created_by(&caller("ada", "first"), limits).await
    }

    /// A session that this caller creates.
    pub(crate) async fn created_by(creator: &Caller, limits: Limits) -> Self {
        Self::recorded_in(Recordings::in_memory(RecordingSettings::default()), creator, limits).await
    }

    /// The same, with its recording.
    pub(crate) async fn recorded_in(recordings: Arc<Recordings>, creator: &Caller, limits: Limits) -> Self {
        let begun = Instant::now();
        let clock = Arc::new(WallClock { begun, jumped: AtomicI64::new(0) });
        let (shells, profiles) = (ScriptedSpawner::default(), Arc::default());
        let metrics = Metrics::new(0);
        let store = Arc::new(MemoryStore::default());
        let relays = |clock| Relays::new("here".into(), clock, Arc::new(SystemRandom), Arc::clone(&metrics));
        let registry = Registry::new(RegistryDeps {
            instance: backend::store::contract::instance("here"),
            liveness: Arc::default(),
            store: Arc::clone(&store) as Arc<dyn Store>,
            shells: backend::session::Shells::new(Arc::new(shells.clone())),
            clock: Arc::<WallClock>::clone(&clock),
            random: Arc::new(SystemRandom),
            metrics: Arc::clone(&metrics),
            recordings,
            webhooks: Webhooks::off(),
            relays: relays(Arc::<WallClock>::clone(&clock)),
            settings: ShellSettings { shell: "/bin/bash".into(), user: "u".into(), home: "/".into(), profiles },
            limits,
            sessions_per_user: 2,
            sessions: 3,
            runtime: Handle::current(),
        });
        let session = registry.running_or_new(&id(), creator, SIZE).await.unwrap();
        Self {
            begun,
            clock,
            registry,
            store,
            script: shells.last().unwrap(),
            shells,
            session,
            metrics,
            carriers: Mutex::default(),
            epoch: AtomicU64::new(0),
            requests: AtomicU64::new(0),
        }
    }

    /// One more session, and its terminal.
    pub(crate) async fn another(&self, id: &str) -> (SessionHandle, Script) {
        let id = SessionId::new(id).unwrap();
        let session = self.registry.running_or_new(&id, &caller("ada", "first"), SIZE).await.unwrap();
        (session, self.shells.last().unwrap())
    }

    /// A session with ada attached as `page`, her `attached` frame and her relay's token.
    pub(crate) async fn attached() -> (Self, Caller, Value, Token) {
        Self::attached_with(LIMITS).await
    }

    pub(crate) async fn attached_with(limits: Limits) -> (Self, Caller, Value, Token) {
        let (harness, ada) = (Self::with(limits).await, caller("ada", "c1"));
        let (attached, token) = harness.attach(&ada, "page").await;
        (harness, ada, attached, token)
    }

    /// Sends a message in a request of its own.
    pub(crate) async fn say(&self, who: &Caller, message: Value) -> Reply {
        let request = self.requests.fetch_add(1, Ordering::Relaxed);
        self.present(&Caller { signed_id: Some(format!("request-{request}")), ..who.clone() }, message).await
    }

    /// Presents a request as it is, which may have come before.
    pub(crate) async fn present(&self, who: &Caller, message: Value) -> Reply {
        let envelope = parse(message.to_string().as_bytes()).unwrap();
        self.session.deliver(who.clone(), envelope.inbound).await.unwrap()
    }

    pub(crate) async fn attach(&self, who: &Caller, client: &str) -> (Value, Token) {
        let reply = self.say(who, json!({"type":"attach","client":client,"cols":80,"rows":24})).await;
        let attached = frame(reply.frame);
        self.epoch.store(attached["epoch"].as_u64().unwrap(), Ordering::Relaxed);
        (attached, self.token(who, reply.grant).expect("an attach is granted a relay"))
    }

    /// The token of a granted relay.
    pub(crate) fn token(&self, who: &Caller, grant: Option<Grant>) -> Option<Token> {
        let Grant::Relay(grant) = grant? else { panic!("a WebSocket of the service") };
        let mut carriers = self.carriers.lock().unwrap();
        let relay = self.registry.relays().find(&grant, &who.endpoint).unwrap();
        carriers.push(Carrier { relay, asked: 0, frames: VecDeque::new(), sent: None });
        Some(Token(carriers.len() - 1))
    }

    /// The next frame of a relay, after a report on the one before.
    pub(crate) async fn fetch(&self, token: Token, wait: Duration) -> Fetched {
        let (relay, question) = {
            let mut carriers = self.carriers.lock().unwrap();
            let carrier = &mut carriers[token.0];
            if let Some(frame) = carrier.frames.pop_front() {
                return carrier.take(token, frame, true);
            }
            carrier.asked += 1;
            let reports = carrier.sent.take().into_iter().collect();
            (Arc::clone(&carrier.relay), question(carrier.asked, reports))
        };
        relay.report(&question);
        let answer = self.registry.relays().ask(&relay, &question, wait).await;
        let mut carriers = self.carriers.lock().unwrap();
        let carrier = &mut carriers[token.0];
        carrier.frames.extend(answer.frames);
        let more = answer.next.is_some();
        match carrier.frames.pop_front() {
            Some(frame) => carrier.take(token, frame, more),
            None => Fetched { frame: None, next: more.then_some(token), close: false },
        }
    }

    /// The next frame within five seconds. The token becomes the one for the frame after it.
    pub(crate) async fn next(&self, token: &mut Token) -> Value {
        let fetched = self.fetch(*token, Duration::from_secs(5)).await;
        *token = fetched.next.expect("the relay goes on");
        frame(fetched.frame)
    }

    /// Sends a message, and returns its reply, which comes with the frames of the relay.
    pub(crate) async fn ask(&self, who: &Caller, message: Value, token: &mut Token) -> Value {
        let reply = self.say(who, message).await;
        assert!(reply.frame.is_none(), "a client that a relay carries gets every frame from it");
        loop {
            let frame = self.next(token).await;
            if frame.get("pos").is_none() {
                return frame;
            }
        }
    }

    /// All frames that are ready, and the next token.
    pub(crate) async fn fetch_all(&self, mut token: Token) -> (Vec<Value>, Option<Token>) {
        let mut frames = Vec::new();
        loop {
            // Longer than a frame waits to be fuller. Paused time advances only when the session is idle.
            let fetched = self.fetch(token, Duration::from_millis(10)).await;
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
    pub(crate) async fn watch(&self, who: &Caller, token: Token, until: u64) -> (Vec<(u64, Value)>, Watched) {
        let (mut token, until) = (token, self.begun + Duration::from_secs(until));
        let mut heard = Vec::new();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return (heard, Watched::Open(token));
            }
            let wait = left.min(Duration::from_secs(20));
            let epoch = self.epoch.load(Ordering::Relaxed);
            let follow = json!({"type":"follow","epoch":epoch,"pos":0}).to_string();
            // The session may be gone.
            let _ = self.session.deliver(who.clone(), parse(follow.as_bytes()).unwrap().inbound).await;
            let fetched = self.fetch(token, wait).await;
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
            if fetched.close {
                return (heard, Watched::Stopped { closed: true });
            }
            match fetched.next {
                Some(next) => token = next,
                None => return (heard, Watched::Stopped { closed: fetched.close }),
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

    /// Waits until it has done its work.
    pub(crate) async fn settle(&self) {
        self.say(&caller("ada", "settle"), json!({"type":"ping"})).await;
    }
}

impl Carrier {
    fn take(&mut self, token: Token, frame: RelayFrame, more: bool) -> Fetched {
        let RelayFrame { member, number, action, frame, .. } = frame;
        self.sent = Some(MemberReport { member, settled: number, ..MemberReport::default() });
        let next = (more || !self.frames.is_empty()).then_some(token);
        Fetched { frame: Some(frame).filter(|frame| !frame.is_empty()), next, close: action != RelayAction::None }
    }
}

/// A question whose predecessors were all answered.
pub(crate) fn question(number: u64, reports: Vec<MemberReport>) -> RelayQuestion {
    let answered = number - 1;
    RelayQuestion { number, answered, reports, ..RelayQuestion::default() }
}

/// Result of watching.
#[derive(Debug, PartialEq)]
pub(crate) enum Watched {
    Open(Token),
    Stopped { closed: bool },
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
    Caller { valid_until_ms: (WALL + seconds + LEEWAY_SECONDS) * 1000, ..who }
}

pub(crate) fn caller(user: &str, connection: &str) -> Caller {
    Caller {
        valid_until_ms: u64::MAX,
        request: "test".into(),
        signed_id: None,
        connection: ConnectionId::new(connection).unwrap(),
        user: user.into(),
        role: Role::Controller,
        class: ClassClaims::default(),
        admin: false,
        names_session: true,
        transport: Transport::Gateway,
        carrier: false,
        // An API of its own for each, so that each is granted a relay.
        endpoint: connection.into(),
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
