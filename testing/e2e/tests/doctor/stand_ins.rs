//! Stand-ins: a function with other variables or another clock than the stack's, and servers that do not do what they should.

use crate::table::target;
use dev_gateway::{ClientsBrowser, DevGateway, InProcess, Invoke, Options, Running};
use doctor::Target;
use e2e::Stack;
use futures_util::{SinkExt, StreamExt};
use gateway_lambda::{
    BackendConfig, Clock, Config, Connections, Deps, Gateway, HttpBackend, MemoryConnections, SystemClock, SystemRandom,
};
use shared_protocol::gateway::SUBPROTOCOL;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;

/// A function of the stack with something else.
pub(crate) struct Api {
    /// Its variables beside the secrets.
    pub(crate) variables: Vec<(&'static str, String)>,
    /// Seconds that its clock is ahead.
    pub(crate) ahead: i64,
    /// Lambda's timeout.
    pub(crate) timeout: Duration,
    pub(crate) connections: Arc<dyn Connections>,
}

impl Api {
    pub(crate) fn of(service: &str) -> Self {
        let variables = vec![("BACKEND_URL", service.to_owned())];
        let timeout = Duration::from_secs(30);
        Self { variables, ahead: 0, timeout, connections: Arc::new(MemoryConnections::default()) }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    pub(crate) async fn start(self) -> Running {
        let gateway = DevGateway::new(Options::default());
        let [jwt, signing] = Stack::secrets();
        let secrets = [("JWT_SECRET", jwt.to_owned()), ("GATEWAY_SECRET", signing.to_owned())];
        let variables: Vec<_> = secrets.into_iter().chain(self.variables).collect();
        let lookup =
            |name: &str| variables.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        let clock = Arc::new(Shifted(self.ahead));
        let deps = Deps {
            config: Config::from_lookup(lookup).unwrap(),
            backend: Arc::new(HttpBackend::new(BackendConfig::from_lookup(lookup).unwrap(), clock.clone())),
            connections: self.connections,
            browser: Arc::new(ClientsBrowser::new(gateway.clients())),
            clock,
            random: Arc::new(SystemRandom),
        };
        started(gateway, Arc::new(InProcess::new(Gateway::new(deps), self.timeout))).await
    }
}

pub(crate) async fn started(gateway: DevGateway, function: Arc<dyn Invoke>) -> Running {
    gateway.start(TcpListener::bind("127.0.0.1:0").await.unwrap(), function).unwrap()
}

/// A run of the doctor at this gateway, with a token of the stack.
pub(crate) fn at(gateway: &Running) -> Target {
    let token = auth_tokens::sign_user_token(&Stack::claims("ada", Some("doctors")), Stack::secrets()[0].as_bytes());
    target(format!("ws://{}/prod", gateway.addr()), token.unwrap())
}

/// A clock that is wrong by some seconds.
struct Shifted(i64);

impl Clock for Shifted {
    fn now(&self) -> SystemTime {
        let by = Duration::from_secs(self.0.unsigned_abs());
        if self.0 < 0 { SystemClock.now() - by } else { SystemClock.now() + by }
    }
}

/// An address at which nothing listens.
pub(crate) async fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// Runs `serve` on each connection. Returns the address.
async fn server<F: Future<Output = ()> + Send>(serve: impl Fn(TcpStream) -> F + Copy + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move { serve(stream).await });
        }
    });
    address
}

/// A server that accepts connections and never answers.
pub(crate) async fn silent() -> SocketAddr {
    server(|mut stream| async move { drop(tokio::io::copy(&mut stream, &mut tokio::io::sink()).await) }).await
}

/// A server that gives every request this status and an HTML page.
pub(crate) async fn answering(status: &'static str) -> SocketAddr {
    server(move |mut stream| async move {
        drop(stream.read(&mut [0; 4096]).await);
        let page = "<p>Hello</p>";
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}", page.len());
        drop(stream.write_all(answer.as_bytes()).await);
    })
    .await
}

/// Accepts the subprotocol that the doctor offers.
struct Subprotocol;

impl Callback for Subprotocol {
    fn on_request(self, _: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
        response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
        Ok(response)
    }
}

/// API Gateway without a `$default` route: it answers itself.
pub(crate) async fn without_routes() -> SocketAddr {
    server(|stream| async move {
        let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, Subprotocol).await else { return };
        while let Some(Ok(_)) = socket.next().await {
            let forbidden = r#"{"message":"Forbidden","connectionId":"abc=","requestId":"def="}"#;
            drop(socket.send(Message::text(forbidden)).await);
        }
    })
    .await
}
