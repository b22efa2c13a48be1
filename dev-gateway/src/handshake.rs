//! How a connection comes to be, in API Gateway's order: upgrade request, authorizer, `$connect`, 101. And, because it is
//! the same task to the end, what follows: messages, then `$disconnect`.

use crate::authorizer::{self, Refusal};
use crate::connections::{Opened, Registry};
use crate::events::{Api, Handshake, Origin, Stamp};
use crate::faults::{ConnectionFaults, Cut, Faults, OpenConnection};
use crate::integration::{Integration, IntegrationError};
use crate::invoke::InvokeError;
use crate::messages::Messages;
use crate::quotas::Quotas;
use crate::routes::Routes;
use crate::socket::{self, Ending};
use crate::system::{fresh_hex, fresh_id};
use axum::body::Body;
use axum::extract::Request;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_util::sync::CancellationToken;

/// How long the HTTP library may take to hand over a connection after 101 was answered.
const UPGRADE_WAIT: Duration = Duration::from_secs(10);

/// What every connection needs.
#[derive(Clone)]
pub(crate) struct Front {
    pub(crate) api: Arc<Api>,
    pub(crate) routes: Arc<Routes>,
    /// Whether the API has a REQUEST authorizer.
    pub(crate) authorizer: bool,
    pub(crate) quotas: Arc<Quotas>,
    pub(crate) registry: Registry,
    pub(crate) integration: Integration,
    pub(crate) stopping: CancellationToken,
    pub(crate) faults: Option<Faults>,
}

/// Whether a request asks for a WebSocket.
pub(crate) fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

impl Front {
    /// Answers an upgrade request, and serves the connection in a task of its own.
    pub(crate) async fn upgrade(self, from: SocketAddr, mut request: Request) -> Response<Body> {
        let path = request.uri().path().trim_matches('/');
        if !path.is_empty() && path != self.api.stage {
            return refuse(StatusCode::FORBIDDEN, "Forbidden", None);
        }
        if request.uri().path_and_query().is_some_and(|target| target.as_str().len() > self.quotas.url_bytes) {
            return refuse(StatusCode::URI_TOO_LONG, "Request-URI Too Large", None);
        }
        let version = request.headers().get(header::SEC_WEBSOCKET_VERSION).map(HeaderValue::as_bytes);
        let key = request.headers().get(header::SEC_WEBSOCKET_KEY);
        let (Some(b"13"), Some(key)) = (version, key) else {
            return refuse(StatusCode::BAD_REQUEST, "Bad Request", None);
        };
        if self.faults.as_ref().is_some_and(Faults::refuses) {
            return refuse(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests", None);
        }
        let accept = derive_accept_key(key.as_bytes());
        let (origin, handshake) = self.describe(from, &request);
        let upgrade = hyper::upgrade::on(&mut request);
        let (answer, answered) = oneshot::channel();
        // A task of its own: when the client leaves, this request's future is dropped, but what was begun goes on.
        let tasks = self.integration.tasks.clone();
        tasks.spawn(self.connection(origin, handshake, accept, upgrade, answer));
        answered.await.unwrap_or_else(|_| refuse(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error", None))
    }

    fn describe(&self, from: SocketAddr, request: &Request) -> (Origin, Handshake) {
        let system = self.integration.system.as_ref();
        let now = system.now();
        let seconds = crate::system::epoch_ms(now) / 1000;
        let trace = format!("Root=1-{seconds:08x}-{}", fresh_hex::<12>(system));
        let source_ip = from.ip().to_string();
        let user_agent = request.headers().get(header::USER_AGENT);
        let origin = Origin {
            api: self.api.clone(),
            connection_id: fresh_id(system),
            connected_at: now,
            user_agent: user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            authorizer: None,
            source_ip,
        };
        let handshake = Handshake::new(request.headers(), request.uri(), &origin, &trace);
        (origin, handshake)
    }

    async fn connection(
        self,
        mut origin: Origin,
        handshake: Handshake,
        accept: String,
        upgrade: OnUpgrade,
        answer: oneshot::Sender<Response<Body>>,
    ) {
        let stamp = self.integration.stamp();
        let subprotocol = match self.admit(&mut origin, &handshake, &stamp).await {
            Ok(subprotocol) => subprotocol,
            Err((status, message)) => {
                let ids = Some((origin.connection_id.as_str(), stamp.request_id.as_str()));
                let _ = answer.send(refuse(status, message, ids));
                return;
            }
        };
        let agent = origin.user_agent.as_deref();
        let opened = self.registry.open(&origin.connection_id, origin.connected_at, &origin.source_ip, agent);
        let open = self.faults.as_ref().map(|faults| faults.open(&origin.connection_id));
        tracing::info!(connection = origin.connection_id, "connected");
        let origin = Arc::new(origin);
        // When the client has left meanwhile, the upgrade fails below.
        let _ = answer.send(switch(&accept, subprotocol));
        let ending = self.serve(&origin, opened, upgrade, open).await;
        tracing::info!(connection = origin.connection_id, code = ending.code, reason = ending.reason, "disconnected");
    }

    /// From the answered upgrade to `$disconnect`.
    async fn serve(
        &self,
        origin: &Arc<Origin>,
        opened: Opened,
        upgrade: OnUpgrade,
        open: Option<OpenConnection>,
    ) -> Ending {
        let Ok(Ok(io)) = tokio::time::timeout(UPGRADE_WAIT, upgrade).await else {
            drop(opened);
            let ending = Ending::lost();
            self.disconnect(origin, &ending).await;
            return ending;
        };
        let (routes, integration) = (self.routes.clone(), self.integration.clone());
        let line = open.as_ref().map(|open| open.line.clone());
        let messages = Messages::new(origin.clone(), routes, integration, self.registry.clone(), line.clone());
        let on_message = |text: &str, permit| messages.take(text, permit);
        let ended = self.ended(line.as_deref());
        let closing = socket::serve(TokioIo::new(io), opened, &self.quotas, ended, on_message).await;
        // From here on it cannot be cut, nor posted to.
        drop(open);
        let ending = closing.ending();
        tokio::join!(closing.finish(), self.disconnect(origin, &ending));
        ending
    }

    /// Returns when the connection is to end although neither the client nor a limit wants it.
    async fn ended(&self, line: Option<&ConnectionFaults>) -> Ending {
        let cut = async {
            match line {
                Some(line) => line.is_cut().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.stopping.cancelled() => Ending::away(),
            cut = cut => match cut {
                Cut::Abort => Ending::lost(),
                Cut::Close => Ending::away(),
            },
        }
    }

    /// Asks the authorizer and `$connect`. Gives the subprotocol that the function chose.
    async fn admit(
        &self,
        origin: &mut Origin,
        handshake: &Handshake,
        stamp: &Stamp,
    ) -> Result<Option<HeaderValue>, (StatusCode, &'static str)> {
        if self.authorizer {
            origin.authorizer = Some(self.authorize(origin, handshake, stamp).await?);
        }
        let refused = |error: &IntegrationError| {
            tracing::warn!(connection = origin.connection_id, %error, "$connect failed");
            match error {
                IntegrationError::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "Endpoint request timed out"),
                _ => (StatusCode::BAD_GATEWAY, "Internal server error"),
            }
        };
        let event = origin.connect(handshake, stamp);
        let (status, answer) = self.integration.route(event, ()).await.map_err(|error| refused(&error))?;
        if !(200..300).contains(&status) {
            tracing::info!(connection = origin.connection_id, status, "$connect refused");
            return Err((StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY), "Refused by $connect"));
        }
        Ok(response_header(&answer, header::SEC_WEBSOCKET_PROTOCOL.as_str()))
    }

    async fn authorize(
        &self,
        origin: &Origin,
        handshake: &Handshake,
        stamp: &Stamp,
    ) -> Result<serde_json::Map<String, Value>, (StatusCode, &'static str)> {
        let asked = Instant::now();
        let answer = match self.integration.invoke(origin.authorize(handshake, stamp), ()).await {
            Ok(answer) => answer,
            Err(IntegrationError::Invoke(InvokeError::Function { message, .. })) if message == "Unauthorized" => {
                return Err((StatusCode::UNAUTHORIZED, "Unauthorized"));
            }
            Err(error) => {
                tracing::warn!(connection = origin.connection_id, %error, "the authorizer failed");
                return Err((StatusCode::INTERNAL_SERVER_ERROR, "Internal server error"));
            }
        };
        let decided = if answer.to_string().len() > self.quotas.authorizer_bytes {
            Err(Refusal::Unusable(format!("more than {} bytes", self.quotas.authorizer_bytes)))
        } else {
            authorizer::decide(&answer, &self.api.method_arn())
        };
        match decided {
            Ok(mut context) => {
                let latency = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
                context.insert("integrationLatency".into(), latency.into());
                Ok(context)
            }
            Err(Refusal::Denied) => Err((StatusCode::FORBIDDEN, "Forbidden")),
            Err(error) => {
                tracing::warn!(connection = origin.connection_id, %error, "the authorizer is misconfigured");
                Err((StatusCode::INTERNAL_SERVER_ERROR, "Internal server error"))
            }
        }
    }

    async fn disconnect(&self, origin: &Origin, ending: &Ending) {
        if self.faults.as_ref().is_some_and(Faults::is_silent) {
            return;
        }
        let event = origin.disconnect(ending.code, &ending.reason, &self.integration.stamp());
        if let Err(error) = self.integration.invoke(event, ()).await {
            tracing::warn!(connection = origin.connection_id, %error, "$disconnect failed");
        }
    }
}

/// A header of a Lambda proxy response, whatever its case and whichever of the two maps holds it.
fn response_header(answer: &Value, name: &str) -> Option<HeaderValue> {
    let named = |map: &str| {
        let headers = answer[map].as_object()?;
        headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
    };
    let multiple = named("multiValueHeaders").and_then(|values| values.get(0).cloned());
    let value = multiple.or_else(|| named("headers"))?;
    HeaderValue::from_str(value.as_str()?).ok()
}

fn switch(accept: &str, subprotocol: Option<HeaderValue>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(subprotocol) = subprotocol {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    response
}

/// API Gateway's refusal: a status and a JSON body, which no browser shows to its page.
fn refuse(status: StatusCode, message: &str, ids: Option<(&str, &str)>) -> Response<Body> {
    let mut body = json!({"message": message});
    if let Some((connection_id, request_id)) = ids {
        body["connectionId"] = connection_id.into();
        body["requestId"] = request_id.into();
    }
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
