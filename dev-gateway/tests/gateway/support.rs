//! Shared by the tests: a scripted function that records its events, clients, and waiting with a timeout.

use async_trait::async_trait;
use bytes::Bytes;
use dev_gateway::{Clients, DevGateway, Invoke, InvokeError, Options, Quotas, Running};
use futures_util::future::BoxFuture;
use futures_util::{SinkExt, Stream, StreamExt};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Notify, mpsc};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Timeout of one wait; long enough that only a failure reaches it.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Answer = Result<Value, InvokeError>;
type Handler = Box<dyn Fn(Value) -> BoxFuture<'static, Answer> + Send + Sync>;

pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(TIMEOUT, work).await.expect("it did not happen in time")
}

pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    within(async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Answers of a scripted function. By default it allows every connection and answers 200.
#[derive(Default)]
pub(crate) struct Script(HashMap<String, Handler>);

impl Script {
    /// Handles the events of a route; the authorizer's route is `authorizer`.
    pub(crate) fn on<F>(mut self, route: &str, handler: impl Fn(Value) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        self.0.insert(route.to_owned(), Box::new(move |event| Box::pin(handler(event))));
        self
    }

    /// Answers 200 once `release` is notified.
    pub(crate) fn hold(self, route: &str, release: &Arc<Notify>) -> Self {
        let release = release.clone();
        self.on(route, move |_| {
            let release = release.clone();
            async move {
                release.notified().await;
                Ok(json!({"statusCode": 200}))
            }
        })
    }

    pub(crate) fn answer(self, route: &str, answer: Answer) -> Self {
        self.on(route, move |_| std::future::ready(answer.clone()))
    }
}

pub(crate) fn policy(effect: &str) -> Value {
    json!({
        "principalId": "ada",
        "policyDocument": {"Statement": [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": "*"}]},
        "context": {"sid": "s1", "admin": false, "uexp": 7}
    })
}

pub(crate) fn function_error(message: &str) -> InvokeError {
    InvokeError::Function { kind: "Error".into(), message: message.into() }
}

/// Runs the script and records the events.
struct ScriptedFunction {
    script: Script,
    seen: mpsc::Sender<Value>,
}

fn route(event: &Value) -> &str {
    if event["type"] == "REQUEST" { "authorizer" } else { event["requestContext"]["routeKey"].as_str().unwrap() }
}

#[async_trait]
impl Invoke for ScriptedFunction {
    async fn invoke(&self, event: Value) -> Answer {
        self.seen.send(event.clone()).await.unwrap();
        match self.script.0.get(route(&event)) {
            Some(handler) => handler(event).await,
            None if route(&event) == "authorizer" => Ok(policy("Allow")),
            None => Ok(json!({"statusCode": 200})),
        }
    }
}

pub(crate) struct Fixture {
    pub(crate) running: Running,
    pub(crate) clients: Arc<dyn Clients>,
    seen: Mutex<mpsc::Receiver<Value>>,
}

impl Fixture {
    pub(crate) async fn start(script: Script) -> Self {
        Self::with_options(Options::default(), script).await
    }

    pub(crate) async fn connected() -> (Self, Socket, String) {
        Self::connected_to(Script::default()).await
    }

    pub(crate) async fn connected_to(script: Script) -> (Self, Socket, String) {
        let gateway = Self::start(script).await;
        let (socket, id) = gateway.connect().await;
        (gateway, socket, id)
    }

    pub(crate) async fn with_quotas(quotas: Quotas, script: Script) -> Self {
        Self::with_options(Options { quotas, ..Options::default() }, script).await
    }

    pub(crate) async fn with_options(options: Options, script: Script) -> Self {
        Self::with_gateway(DevGateway::new(options), script).await
    }

    pub(crate) async fn with_gateway(gateway: DevGateway, script: Script) -> Self {
        let (seen, events) = mpsc::channel(10_000);
        let clients = gateway.clients();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let running = gateway.start(listener, Arc::new(ScriptedFunction { script, seen })).unwrap();
        Self { running, clients, seen: Mutex::new(events) }
    }

    pub(crate) async fn event(&self) -> Value {
        within(self.seen.lock().await.recv()).await.unwrap()
    }

    pub(crate) fn try_event(&self) -> Option<Value> {
        self.seen.try_lock().ok()?.try_recv().ok()
    }

    /// The next event of this route. Drops the events before it.
    pub(crate) async fn event_of(&self, wanted: &str) -> Value {
        loop {
            let event = self.event().await;
            if route(&event) == wanted {
                return event;
            }
        }
    }

    /// Stops the gateway, which waits for all invocations. Returns the routes of the remaining events.
    pub(crate) async fn remaining_events(self) -> Vec<String> {
        within(self.running.shutdown()).await;
        let mut seen = self.seen.into_inner();
        std::iter::from_fn(|| seen.try_recv().ok()).map(|event| route(&event).to_owned()).collect()
    }

    pub(crate) fn url(&self, target: &str) -> String {
        format!("ws://{}{target}", self.running.addr())
    }

    /// Connects a client. Returns it with its connection id.
    pub(crate) async fn connect(&self) -> (Socket, String) {
        let (socket, _) = dial(self.url("/prod")).await.unwrap();
        let event = self.event_of("$connect").await;
        (socket, event["requestContext"]["connectionId"].as_str().unwrap().to_owned())
    }

    /// Status and body of a refused handshake.
    pub(crate) async fn refused(&self, target: &str) -> (StatusCode, Value) {
        match dial(self.url(target)).await {
            Err(Error::Http(response)) => {
                let body = response.body().as_deref().unwrap_or_default();
                (response.status(), serde_json::from_slice(body).unwrap_or_default())
            }
            other => panic!("it was not refused: {other:?}"),
        }
    }

    pub(crate) async fn http(&self, method: Method, target: &str, body: impl Into<Bytes>) -> Reply {
        http(self.running.addr(), method, target, &[], body.into()).await
    }
}

/// Opens a WebSocket with TCP_NODELAY.
pub(crate) async fn dial(request: impl IntoClientRequest + Unpin) -> Result<(Socket, Response), Error> {
    within(tokio_tungstenite::connect_async_with_config(request, None, true)).await
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) async fn http(
    addr: std::net::SocketAddr,
    method: Method,
    target: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Reply {
    let mut request = Request::builder().method(method).uri(target);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", addr.to_string());
    }
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let request = request.body(Full::new(body)).unwrap();
    within(async { exchange(TcpStream::connect(addr).await.unwrap(), request).await }).await
}

/// Sends one request.
pub(crate) async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Reply {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Reply { status: parts.status, headers: parts.headers, body }
}

pub(crate) fn connections(id: &str) -> String {
    format!("/prod/@connections/{}", id.replace('=', "%3D"))
}

pub(crate) async fn send(socket: &mut Socket, text: impl Into<String>) {
    within(socket.send(Message::text(text.into()))).await.unwrap();
}

pub(crate) async fn text(socket: &mut Socket) -> String {
    within(async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => return text.to_string(),
                Some(Ok(Message::Pong(_))) => {}
                other => panic!("no text: {other:?}"),
            }
        }
    })
    .await
}

/// Reads to the end of the connection.
pub(crate) async fn end(mut socket: Socket) {
    within(async { while socket.next().await.is_some_and(|next| next.is_ok()) {} }).await;
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
}

/// Receives the close frame, which must come next. Returns its code.
pub(crate) async fn next_close_code(frames: &mut (impl Stream<Item = Result<Message, Error>> + Unpin)) -> u16 {
    match within(frames.next()).await {
        Some(Ok(Message::Close(Some(frame)))) => frame.code.into(),
        other => panic!("another frame came before the close frame: {other:?}"),
    }
}

/// Receives frames until the close frame. Returns its code.
pub(crate) async fn close_code(socket: &mut Socket) -> u16 {
    within(async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(Message::Close(None))) => return 1005,
                Some(Ok(_)) => {}
                other => panic!("no close frame: {other:?}"),
            }
        }
    })
    .await
}
