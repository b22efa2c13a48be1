//! What the tests share: a function that does as it is told and remembers every event, clients, and waits with a deadline.

use async_trait::async_trait;
use bytes::Bytes;
use dev_gateway::{Clients, DevGateway, Invoke, InvokeError, Options, Quotas, Running};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Longest that a test waits for one thing. Far more than it takes, so that only a fault gets there.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Answer = Result<Value, InvokeError>;
type Handler = Box<dyn Fn(Value) -> BoxFuture<'static, Answer> + Send + Sync>;

/// Waits, but not for ever.
pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work).await.expect("it did not happen in time")
}

/// Asks again and again until it is so.
pub(crate) async fn until(mut so: impl FnMut() -> bool) {
    within(async {
        while !so() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// A function by script: what is not scripted is allowed, and answered with 200.
#[derive(Default)]
pub(crate) struct Script(HashMap<String, Handler>);

impl Script {
    /// Does this for events of a route; the authorizer counts as `authorizer`.
    pub(crate) fn on<F>(mut self, route: &str, handler: impl Fn(Value) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        self.0.insert(route.to_owned(), Box::new(move |event| Box::pin(handler(event))));
        self
    }

    /// Always gives this answer.
    pub(crate) fn answer(self, route: &str, answer: Answer) -> Self {
        self.on(route, move |_| std::future::ready(answer.clone()))
    }
}

/// A policy that an authorizer may answer.
pub(crate) fn policy(effect: &str) -> Value {
    json!({
        "principalId": "ada",
        "policyDocument": {"Statement": [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": "*"}]},
        "context": {"sid": "s1", "admin": false, "uexp": 7}
    })
}

pub(crate) fn broken(message: &str) -> InvokeError {
    InvokeError::Function { kind: "Error".into(), message: message.into() }
}

struct Scripted {
    script: Script,
    seen: mpsc::Sender<Value>,
}

fn route(event: &Value) -> &str {
    if event["type"] == "REQUEST" { "authorizer" } else { event["requestContext"]["routeKey"].as_str().unwrap() }
}

#[async_trait]
impl Invoke for Scripted {
    async fn invoke(&self, event: Value) -> Answer {
        self.seen.send(event.clone()).await.unwrap();
        match self.script.0.get(route(&event)) {
            Some(handler) => handler(event).await,
            None if route(&event) == "authorizer" => Ok(policy("Allow")),
            None => Ok(json!({"statusCode": 200})),
        }
    }
}

/// A running gateway with a scripted function.
pub(crate) struct Fixture {
    pub(crate) running: Running,
    pub(crate) clients: Arc<dyn Clients>,
    seen: Mutex<mpsc::Receiver<Value>>,
}

impl Fixture {
    pub(crate) async fn start(script: Script) -> Self {
        Self::with(Options::default(), script).await
    }

    pub(crate) async fn limited(quotas: Quotas, script: Script) -> Self {
        Self::with(Options { quotas, ..Options::default() }, script).await
    }

    pub(crate) async fn with(options: Options, script: Script) -> Self {
        let (seen, events) = mpsc::channel(10_000);
        let gateway = DevGateway::new(options);
        let clients = gateway.clients();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let running = gateway.start(listener, Arc::new(Scripted { script, seen })).unwrap();
        Self { running, clients, seen: Mutex::new(events) }
    }

    /// The next event of any kind.
    pub(crate) async fn event(&self) -> Value {
        within(self.seen.lock().await.recv()).await.unwrap()
    }

    /// An event that is there already.
    pub(crate) fn try_event(&self) -> Option<Value> {
        self.seen.try_lock().ok()?.try_recv().ok()
    }

    /// The next event of this route; those before it are dropped.
    pub(crate) async fn event_of(&self, wanted: &str) -> Value {
        loop {
            let event = self.event().await;
            if route(&event) == wanted {
                return event;
            }
        }
    }

    /// Stops the gateway, which waits for all that runs, and gives the routes of the events not looked at yet.
    pub(crate) async fn rest(self) -> Vec<String> {
        within(self.running.shutdown()).await;
        let mut seen = self.seen.into_inner();
        std::iter::from_fn(|| seen.try_recv().ok()).map(|event| route(&event).to_owned()).collect()
    }

    pub(crate) fn url(&self, target: &str) -> String {
        format!("ws://{}{target}", self.running.addr())
    }

    /// A client that got in, and its connection id.
    pub(crate) async fn connect(&self) -> (Socket, String) {
        let (socket, _) = dial(self.url("/prod")).await.unwrap();
        let event = self.event_of("$connect").await;
        (socket, event["requestContext"]["connectionId"].as_str().unwrap().to_owned())
    }

    /// The status of a handshake that is refused, with its body.
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

/// Opens a WebSocket, without Nagle's delays.
pub(crate) async fn dial(request: impl IntoClientRequest + Unpin) -> Result<(Socket, Response), Error> {
    within(tokio_tungstenite::connect_async_with_config(request, None, true)).await
}

/// An HTTP answer.
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
    within(async {
        let io = TokioIo::new(TcpStream::connect(addr).await.unwrap());
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply { status: parts.status, headers: parts.headers, body }
    })
    .await
}

/// The path of a connection's @connections.
pub(crate) fn connections(id: &str) -> String {
    format!("/prod/@connections/{}", id.replace('=', "%3D"))
}

/// The next text that the client gets.
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

/// The close code that the client gets, after whatever else.
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
