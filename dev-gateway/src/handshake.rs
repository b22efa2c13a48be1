//! Opens a connection in API Gateway's order (upgrade request, authorizer, `$connect`, 101), then serves it in the same
//! task until `$disconnect`.

use crate::authorizer::{self, AuthorizerError};
use crate::connections::{OpenConnection, Registry};
use crate::events::{Api, ConnectionContext, EventMeta, Handshake};
use crate::faults::{ConnectionFaults, ConnectionFaultsGuard, Cut, Faults};
use crate::integration::{Integration, IntegrationError};
use crate::invoke::InvokeError;
use crate::messages::Messages;
use crate::quotas::Quotas;
use crate::routes::Routes;
use crate::socket::{self, Disconnect};
use crate::system::{fresh_id, trace_root};
use axum::Json;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use websocket::Opening;

/// Longest wait for the HTTP library to hand over the connection after the 101 response.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(crate) struct ConnectionServer {
    pub(crate) api: Arc<Api>,
    pub(crate) routes: Arc<Routes>,
    /// True if the API has a REQUEST authorizer.
    pub(crate) authorizer: bool,
    pub(crate) quotas: Arc<Quotas>,
    pub(crate) registry: Registry,
    pub(crate) integration: Integration,
    /// Cancelled when the gateway stops.
    pub(crate) stopping: CancellationToken,
    pub(crate) faults: Option<Faults>,
}

/// Status and message of a rejected handshake.
type Rejection = (StatusCode, &'static str);

pub(crate) fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

impl ConnectionServer {
    /// Answers an upgrade request, and serves the connection in its own task.
    pub(crate) async fn upgrade(self, from: SocketAddr, mut request: Request) -> Response {
        let path = request.uri().path().strip_prefix('/').unwrap_or_default();
        if path.strip_suffix('/').unwrap_or(path) != self.api.stage {
            return reject((StatusCode::FORBIDDEN, "Forbidden"), None);
        }
        if request.uri().path_and_query().is_some_and(|target| target.as_str().len() > self.quotas.url_bytes) {
            return reject((StatusCode::URI_TOO_LONG, "Request-URI Too Large"), None);
        }
        let opening = match Opening::of(&mut request) {
            Ok(opening) => opening,
            Err(error) => {
                tracing::info!(%error, "no handshake of a WebSocket");
                return reject((StatusCode::BAD_REQUEST, "Bad Request"), None);
            }
        };
        if self.faults.as_ref().is_some_and(Faults::refuses_handshake) {
            return reject((StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"), None);
        }
        let (context, handshake) = self.describe(from, &request);
        let (response, responded) = oneshot::channel();
        // Its own task, because this request's future is dropped when the client leaves.
        let tasks = self.integration.tasks.clone();
        tasks.spawn(self.connection(context, handshake, opening, response));
        responded.await.unwrap_or_else(|_| reject((StatusCode::INTERNAL_SERVER_ERROR, "Internal server error"), None))
    }

    fn describe(&self, from: SocketAddr, request: &Request) -> (ConnectionContext, Handshake) {
        let system = self.integration.system.as_ref();
        let user_agent = request.headers().get(header::USER_AGENT);
        let context = ConnectionContext {
            api: self.api.clone(),
            connection_id: fresh_id(system),
            connected_at: system.now(),
            user_agent: user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            authorizer: None,
            source_ip: from.ip().to_string(),
        };
        let handshake = Handshake::new(request.headers(), request.uri(), &context, &trace_root(system));
        (context, handshake)
    }

    async fn connection(
        self,
        mut context: ConnectionContext,
        handshake: Handshake,
        opening: Opening,
        response: oneshot::Sender<Response>,
    ) {
        let meta = self.integration.event_meta();
        let subprotocol = match self.admit(&mut context, &handshake, &meta).await {
            Ok(subprotocol) => subprotocol,
            Err(rejection) => {
                let _ = response.send(reject(rejection, Some((&context.connection_id, &meta.request_id))));
                return;
            }
        };
        let agent = context.user_agent.as_deref();
        let opened = self.registry.open(&context.connection_id, context.connected_at, &context.source_ip, agent);
        let faults = self.faults.as_ref().map(|faults| faults.open(&context.connection_id));
        tracing::info!(connection = context.connection_id, "connected");
        let context = Arc::new(context);
        // If the client has left, the upgrade fails below.
        let _ = response.send(opening.response(subprotocol));
        let Disconnect { code, reason, .. } = self.serve(&context, opened, opening.upgrade, faults).await;
        tracing::info!(connection = context.connection_id, code, reason, "disconnected");
    }

    /// Serves a connection from the 101 response to `$disconnect`.
    async fn serve(
        &self,
        context: &Arc<ConnectionContext>,
        opened: OpenConnection,
        upgrade: OnUpgrade,
        faults: Option<ConnectionFaultsGuard>,
    ) -> Disconnect {
        let Ok(Ok(io)) = tokio::time::timeout(UPGRADE_TIMEOUT, upgrade).await else {
            drop(opened);
            let lost = Disconnect::lost();
            self.disconnect(context, &lost).await;
            return lost;
        };
        let messages = Messages {
            context: context.clone(),
            routes: self.routes.clone(),
            integration: self.integration.clone(),
            registry: self.registry.clone(),
            faults: faults.as_ref().map(|guard| guard.faults.clone()),
        };
        let on_message = |text: &str, permit| messages.process(text, permit);
        let ended = self.ended(messages.faults.as_deref());
        let closing = socket::serve(TokioIo::new(io), opened, &self.quotas, ended, on_message).await;
        // Ends cuts and posts.
        drop(faults);
        let disconnect = closing.disconnect();
        tokio::join!(closing.finish(), self.disconnect(context, &disconnect));
        disconnect
    }

    /// Waits until the gateway stops or a fault cuts the connection.
    async fn ended(&self, faults: Option<&ConnectionFaults>) -> Disconnect {
        let cut = async {
            match faults {
                Some(faults) => faults.wait_for_cut().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.stopping.cancelled() => Disconnect::going_away(),
            cut = cut => match cut {
                Cut::Abort => Disconnect::lost(),
                Cut::Close => Disconnect::going_away(),
            },
        }
    }

    /// Invokes the authorizer and `$connect`. Returns the subprotocol that the function chose.
    async fn admit(
        &self,
        context: &mut ConnectionContext,
        handshake: &Handshake,
        meta: &EventMeta,
    ) -> Result<Option<HeaderValue>, Rejection> {
        if self.authorizer {
            context.authorizer = Some(self.authorize(context, handshake, meta).await?);
        }
        let failed = |error: IntegrationError| {
            tracing::warn!(connection = context.connection_id, %error, "$connect failed");
            match error {
                IntegrationError::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "Endpoint request timed out"),
                // Reported by users: re:Post, "API Gateway proxy integration does not forward Lambda throttling".
                IntegrationError::Invoke(InvokeError::Throttled) => {
                    (StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
                }
                _ => (StatusCode::BAD_GATEWAY, "Internal server error"),
            }
        };
        let (status, answer) = self.integration.route(context.connect(handshake, meta), ()).await.map_err(failed)?;
        if !(200..300).contains(&status) {
            tracing::info!(connection = context.connection_id, status, "$connect refused");
            return Err((StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY), "Refused by $connect"));
        }
        Ok(response_header(&answer, header::SEC_WEBSOCKET_PROTOCOL.as_str()))
    }

    /// Invokes the authorizer. Returns its context for later events.
    async fn authorize(
        &self,
        context: &ConnectionContext,
        handshake: &Handshake,
        meta: &EventMeta,
    ) -> Result<Map<String, Value>, Rejection> {
        const BROKEN: Rejection = (StatusCode::INTERNAL_SERVER_ERROR, "Internal server error");
        let started = Instant::now();
        let answer = match self.integration.invoke(context.authorize(handshake, meta), ()).await {
            Ok(answer) => answer,
            Err(IntegrationError::Invoke(InvokeError::Function { message, .. })) if message == "Unauthorized" => {
                return Err((StatusCode::UNAUTHORIZED, "Unauthorized"));
            }
            Err(error) => {
                tracing::warn!(connection = context.connection_id, %error, "the authorizer failed");
                return Err(BROKEN);
            }
        };
        let max = self.quotas.authorizer_bytes;
        let evaluated = if answer.to_string().len() > max {
            Err(AuthorizerError::Unusable(format!("more than {max} bytes")))
        } else {
            authorizer::evaluate(&answer, &self.api.method_arn())
        };
        match evaluated {
            Ok(mut authorizer) => {
                let latency = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
                authorizer.insert("integrationLatency".into(), latency.into());
                Ok(authorizer)
            }
            Err(AuthorizerError::Denied) => Err((StatusCode::FORBIDDEN, "Forbidden")),
            Err(error) => {
                tracing::warn!(connection = context.connection_id, %error, "the authorizer is misconfigured");
                Err(BROKEN)
            }
        }
    }

    async fn disconnect(&self, context: &ConnectionContext, disconnect: &Disconnect) {
        if self.faults.as_ref().is_some_and(Faults::skips_disconnect) {
            return;
        }
        let event = context.disconnect(disconnect.code, &disconnect.reason, &self.integration.event_meta());
        if let Err(error) = self.integration.invoke(event, ()).await {
            tracing::warn!(connection = context.connection_id, %error, "$disconnect failed");
        }
    }
}

/// Finds a header of a Lambda proxy response in either of the two maps, ignoring case.
fn response_header(answer: &Value, name: &str) -> Option<HeaderValue> {
    let named = |map: &str| {
        let headers = answer[map].as_object()?;
        headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
    };
    let multiple = named("multiValueHeaders").and_then(|values| values.get(0).cloned());
    let value = multiple.or_else(|| named("headers"))?;
    HeaderValue::from_str(value.as_str()?).ok()
}

/// API Gateway's rejection, with the ids of connection and request once there are some.
fn reject((status, message): Rejection, ids: Option<(&str, &str)>) -> Response {
    let mut body = json!({"message": message});
    if let Some((connection_id, request_id)) = ids {
        body["connectionId"] = connection_id.into();
        body["requestId"] = request_id.into();
    }
    (status, Json(body)).into_response()
}
