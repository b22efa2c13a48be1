//! Set-up shared by the service's tests: a service on a free port, tokens for it, and clients for both transports.
#![expect(unreachable_pub, reason = "each test binary has its own copy")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod checks;
mod http_client;
mod jumping_clock;
pub mod relay;
mod screen;
mod tokens;

pub use http_client::client;
pub use jumping_clock::JumpingClock;
pub use tokens::{SECRET, gateway_claims, now, sign, user, user_token};

use backend::app::{App, AppDeps};
use backend::clock::{Clock, SystemRandom};
use backend::config::{Advertise, Config};
use backend::metrics::Metrics;
use backend::store::{MemoryStore, Store};
use backend::terminal::scripted::ScriptedSpawner;
use backend::terminal::{ShellSpawner, UnixSpawner};
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use screen::screen_text;
use serde_json::Value;
use shared_protocol::gateway::CONNECTION_HEADER;
use shared_protocol::relay::{RELAY_VERSION, RELAYS_HEADER};
use shared_protocol::server::Tty;
use shared_protocol::{GatewayClaims, Payload, ServerFrame, ServerMessage, StreamEvent, UserClaims};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// `ping`, which needs no session.
pub const PING: &str = r#"{"type":"ping"}"#;

/// `attach` of a page.
pub const ATTACH: &str = r#"{"type":"attach","client":"page","cols":80,"rows":24}"#;

/// Timeout of every step of a test.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// `METRICS_TOKEN` of every service of the tests.
pub const METRICS_TOKEN: &str = "a token for monitoring";

pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("{what} took too long"))
}

/// Polls a condition until it holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let poll = async {
        let mut interval = tokio::time::interval(Duration::from_millis(10));
        while !holds().await {
            interval.tick().await;
        }
    };
    within(what, poll).await;
}

/// A running service.
pub struct Service {
    pub address: SocketAddr,
    /// Its clock.
    pub clock: Arc<JumpingClock>,
    stop: Option<oneshot::Sender<()>>,
    pub served: tokio::task::JoinHandle<std::io::Result<()>>,
    home: tempfile::TempDir,
}

impl Service {
    /// A service with real shells.
    pub async fn start() -> Self {
        Self::with(&[], Arc::new(UnixSpawner)).await
    }

    /// A service with scripted terminals.
    pub async fn scripted() -> Self {
        Self::with(&[], Arc::new(ScriptedSpawner::default())).await
    }

    pub async fn with(variables: &[(&str, &str)], shells: Arc<dyn ShellSpawner>) -> Self {
        Self::one_of(variables, shells, Arc::new(MemoryStore::default())).await
    }

    /// An instance on this store, which may be shared with other instances.
    pub async fn one_of(variables: &[(&str, &str)], shells: Arc<dyn ShellSpawner>, store: Arc<dyn Store>) -> Self {
        Self::running_on(Handle::current(), variables, shells, store).await
    }

    /// The same with its sessions on this runtime.
    pub async fn running_on(
        session_runtime: Handle,
        variables: &[(&str, &str)],
        shells: Arc<dyn ShellSpawner>,
        store: Arc<dyn Store>,
    ) -> Self {
        let home = tempfile::tempdir().unwrap();
        let lookup = |name: &str| match name {
            "JWT_SECRET" => Some(SECRET.to_owned()),
            "HOME" => Some(home.path().to_str().unwrap().to_owned()),
            "USER" => Some("student".to_owned()),
            "METRICS_TOKEN" => Some(METRICS_TOKEN.to_owned()),
            _ => variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()),
        };
        let mut config = Config::from_lookup(lookup, &SystemRandom).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        config.advertise = Some(Advertise::Url(format!("http://{address}")));
        let (stop, stopped) = oneshot::channel();
        let (clock, random) = (Arc::new(JumpingClock::start()), Arc::new(SystemRandom));
        let metrics = Metrics::new(clock.now_ms());
        let its_clock = Arc::<JumpingClock>::clone(&clock);
        let app =
            App::new(AppDeps { config, store, shells, clock: its_clock, random, metrics, session_runtime }).unwrap();
        let served = tokio::spawn(app.serve(listener, async { drop(stopped.await) }));
        Self { address, clock, stop: Some(stop), served, home }
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Starts the drain without waiting for it.
    pub fn ask_to_stop(&mut self) {
        drop(self.stop.take());
    }

    pub async fn stop(mut self) {
        drop(self.stop.take());
        within("the drain", self.served).await.unwrap().unwrap();
    }

    pub fn terminal_url(&self, session: &str, token: &str) -> String {
        format!("ws://{}/terminal?sessionId={session}&token={token}", self.address)
    }

    /// Connects directly as `ada`, with a token that names the session.
    pub async fn terminal(&self, session: &str) -> Terminal {
        let token = user_token(&user("ada", Some(session)));
        Terminal::open(&self.terminal_url(session, &token)).await
    }

    /// The same, attached as a page of this name.
    pub async fn attached(&self, client: &str) -> Terminal {
        let mut terminal = self.terminal("s").await;
        terminal.attach(client).await;
        terminal
    }

    pub async fn request(&self, method: Method, path: &str, token: Option<&str>) -> reqwest::Response {
        let request = client().request(method, format!("http://{}{path}", self.address));
        let request = token.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        within("a request", request.send()).await.unwrap()
    }

    /// The metrics, as a monitoring system reads them.
    pub async fn metrics(&self) -> reqwest::Response {
        self.request(Method::GET, "/metrics", Some(METRICS_TOKEN)).await
    }

    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.request(Method::GET, path, None).await
    }

    /// A request as the gateway sends it.
    pub async fn post(&self, claims: &GatewayClaims, body: &str) -> reqwest::Response {
        let request = client().post(format!("http://{}{}", self.address, claims.path)).bearer_auth(sign(claims));
        let request = request
            .header(CONNECTION_HEADER, claims.cid.as_str())
            .header(RELAYS_HEADER, RELAY_VERSION)
            .body(body.to_owned());
        within("a request", request.send()).await.unwrap()
    }

    /// The same, with valid claims for connection `c=`.
    pub async fn gateway(&self, path: &str, session: Option<&str>, body: &str) -> reqwest::Response {
        self.post(&gateway_claims(path, body.as_bytes(), "c=", session), body).await
    }

    /// A request to `/api/sessions` and the rest of the path, with a user's token.
    pub async fn api(&self, method: Method, rest: &str, claims: &UserClaims) -> (u16, Value) {
        read(self.request(method, &format!("/api/sessions{rest}"), Some(&user_token(claims))).await).await
    }
}

/// Status and JSON body of a response; null without one.
pub async fn read(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or(Value::Null))
}

/// A client on `/terminal` that assembles the stream.
pub struct Terminal {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub epoch: u64,
    pub seq: u64,
    pub pos: u64,
    /// True if the test may not read for so long that the service retransmits.
    pub away: bool,
    /// Output so far.
    pub output: Vec<u8>,
    /// Where the shell is, as the service tells it.
    pub directory: Option<String>,
    /// The terminal's settings, as the service tells them. A shell that was quick has changed them before the page attaches.
    pub tty: Tty,
    /// Events so far.
    pub events: Vec<StreamEvent>,
    /// Direct replies so far.
    pub replies: Vec<ServerMessage>,
}

impl Terminal {
    pub async fn open(request: impl IntoClientRequest + Unpin) -> Self {
        let (socket, _) = within("connecting", connect_async(request)).await.unwrap();
        let (output, directory, events, replies) = (Vec::new(), None, Vec::new(), Vec::new());
        Self { socket, epoch: 0, seq: 0, pos: 0, away: false, output, directory, tty: Tty::default(), events, replies }
    }

    pub async fn attach(&mut self, client: &str) {
        self.attach_with(client, "").await;
    }

    /// Attaches, and asks for this directory if the session has no shell.
    pub async fn attach_in(&mut self, client: &str, directory: &str) {
        self.attach_with(client, &format!(r#","directory":{}"#, Value::from(directory))).await;
    }

    async fn attach_with(&mut self, client: &str, fields: &str) {
        self.send(&format!(r#"{{"type":"attach","client":"{client}","cols":80,"rows":24{fields}}}"#)).await;
        self.until("attaching", |page| (page.epoch != 0).then_some(())).await;
    }

    /// Reads frames until the shell is there.
    pub async fn is_in(&mut self, directory: Option<&str>) {
        let what = format!("{directory:?}");
        self.until(&what, |page| (page.directory.as_deref() == directory).then_some(())).await;
    }

    /// Reads frames until there is what is wanted.
    async fn until<T>(&mut self, what: &str, wanted: impl Fn(&Self) -> Option<T>) -> T {
        within(what, async {
            loop {
                if let Some(found) = wanted(self) {
                    return found;
                }
                self.receive().await.expect("the connection was closed");
            }
        })
        .await
    }

    pub async fn send(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Sends a numbered message; `fields` are its own.
    pub async fn ordered(&mut self, kind: &str, fields: &str) {
        self.seq += 1;
        let (seq, epoch) = (self.seq, self.epoch);
        self.send(&format!(r#"{{"type":"{kind}","seq":{seq},"epoch":{epoch}{fields}}}"#)).await;
    }

    pub async fn keys(&mut self, text: &str) {
        let text = serde_json::to_string(text).unwrap();
        self.ordered("input", &format!(r#","data":{text}"#)).await;
    }

    /// Runs a command and returns its result.
    pub async fn command(&mut self, line: &str) -> (String, i32) {
        let id = format!("c{}", self.seq);
        let line = serde_json::to_string(line).unwrap();
        self.ordered("command", &format!(r#","id":"{id}","command":{line}"#)).await;
        let result = |event: &StreamEvent| match event {
            StreamEvent::CommandResult { id: of, result, exit_code, .. } if *of == id => {
                Some((result.clone(), *exit_code))
            }
            _ => None,
        };
        self.until("a command", |page| page.events.iter().find_map(result)).await
    }

    /// Reads frames until the output contains this text.
    pub async fn sees(&mut self, text: &str) {
        let found = async {
            let mut from = 0;
            while !screen_text(&self.output[from..]).contains(text) {
                // Only new output and some before it, or a flood would cost the square of its length.
                from = self.output.len().saturating_sub(4096);
                self.receive().await.expect("the connection was closed");
            }
        };
        if tokio::time::timeout(DEADLINE, found).await.is_err() {
            panic!("{text:?} never came; the screen has {:?}", self.screen());
        }
    }

    /// Reads frames until an event matches.
    pub async fn event(&mut self, wanted: impl Fn(&StreamEvent) -> bool) -> StreamEvent {
        self.until("an event", |page| page.events.iter().find(|event| wanted(event)).cloned()).await
    }

    /// Reads frames until the latest settings of the terminal match.
    pub async fn settings(&mut self, wanted: impl Fn(Tty) -> bool) {
        self.until("settings", |page| wanted(page.tty).then_some(())).await;
    }

    /// Reads frames until a reply matches.
    pub async fn reply(&mut self, wanted: impl Fn(&ServerMessage) -> bool) -> ServerMessage {
        self.until("a reply", |page| page.replies.iter().find(|reply| wanted(reply)).cloned()).await
    }

    /// Reads frames until the connection closes; returns the close code.
    pub async fn close_code(&mut self) -> u16 {
        within("closing", async {
            loop {
                if let Err(code) = self.receive().await {
                    return code;
                }
            }
        })
        .await
    }

    /// Reads one frame; the error is the close code.
    pub async fn receive(&mut self) -> Result<(), u16> {
        let text = match within("a frame", self.socket.next()).await {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(close))) => return Err(close.map_or(1005, |close| close.code.into())),
            Some(Ok(_)) => return Ok(()),
            Some(Err(_)) | None => return Err(1006),
        };
        let frame: ServerFrame = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(text.len() <= shared_protocol::limits::FRAME_BYTES);
        let away = self.away;
        // Advances the position; returns how much of the range is a retransmission.
        let mut advance = |pos: u64, len: u64| {
            assert!(pos == self.pos || away && pos < self.pos, "the stream has no gap and no repeat");
            let had = (self.pos - pos).min(len);
            self.pos = self.pos.max(pos + len);
            had
        };
        match frame.message {
            ServerMessage::Attached(attached) => {
                self.epoch = attached.epoch.0;
                self.seq = attached.input_seq.0;
                self.pos = attached.pos.0;
                self.directory = attached.room.directory;
                self.tty = attached.tty;
                return Ok(());
            }
            ServerMessage::Output(output) => {
                let had = advance(output.pos.0, output.len.into()) as usize;
                let (Payload::Data(_) | Payload::B64(_)) = &output.payload else { panic!("`z` was not offered") };
                self.output.extend(&output.payload.decode().unwrap()[had..]);
            }
            ServerMessage::Event(event) => {
                if advance(event.pos.0, 1) == 0 {
                    self.take(event.event);
                }
            }
            ServerMessage::Snapshot(snapshot) => {
                self.pos = snapshot.pos.0;
                self.output.extend(snapshot.payload.decode().unwrap());
                snapshot.events.into_iter().for_each(|positioned| self.take(positioned.event));
            }
            other => {
                self.replies.push(other);
                return Ok(());
            }
        }
        let (epoch, pos) = (self.epoch, self.pos);
        // Fails if the service has closed the connection after its last frame.
        let _ = self.socket.send(Message::text(format!(r#"{{"type":"ack","epoch":{epoch},"pos":{pos}}}"#))).await;
        Ok(())
    }

    fn take(&mut self, event: StreamEvent) {
        match &event {
            StreamEvent::Directory { directory } => self.directory.clone_from(directory),
            StreamEvent::Tty(tty) => self.tty = *tty,
            _ => {}
        }
        self.events.push(event);
    }

    /// The output as text, without the prompt marks of the shell integration.
    pub fn screen(&self) -> String {
        screen_text(&self.output)
    }
}
