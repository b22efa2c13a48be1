//! Counts every request and logs it in one line after its response, with its id, its duration, and the connection and session
//! of its token. Layers, so that no handler can forget it.

use super::context::{CHECKS_ROUTE, FILES_ROUTE, HAND_OUT_ROUTE, METRICS_PATH, ServiceContext, TERMINAL_PATH};
use super::error::ErrorCodeExt;
use super::peer_client::Forwarded;
use crate::audit::{By, audit};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use shared_protocol::client::logged_type;
use shared_protocol::gateway::{DISCONNECT_PATH, GROUP_PATH, HAND_OUT_PATH, MESSAGE_PATH, REQUEST_ID_HEADER};
use shared_protocol::polling::{CLOSE_PATH, FRAMES_PATH, MESSAGES_PATH};
use shared_protocol::relay::RELAY_PATH;
use shared_protocol::{ConnectionId, GatewayClaims, SessionId};
use std::sync::{Arc, OnceLock};
use tokio::time::Instant;
use tracing::field::display;

/// Paths logged at debug level: machines poll them, or the handler logs each connection itself.
const QUIET_PATHS: [&str; 8] =
    ["/health", METRICS_PATH, TERMINAL_PATH, MESSAGES_PATH, FRAMES_PATH, CLOSE_PATH, GROUP_PATH, "/ws-test"];

/// Label of every unknown path: text that a caller chose must not become a label.
const UNKNOWN_ROUTE: &str = "other";

/// Longest id accepted from a caller, in bytes.
const MAX_ID_BYTES: usize = 128;

/// The connection and session of a request, once its token is verified. An extension of the request.
#[derive(Debug, Clone, Default)]
pub(super) struct RequestContext(Arc<OnceLock<Known>>);

/// Facts of a request with a valid token.
#[derive(Debug, Clone, Default)]
struct Known {
    user: Option<String>,
    connection: Option<ConnectionId>,
    session: Option<SessionId>,
    /// Type of the message in the body of [`MESSAGE_PATH`].
    message: Option<&'static str>,
}

impl RequestContext {
    /// Records who is asked for, where, by whom, for the log; the first call wins.
    pub(super) fn set(
        extensions: &Extensions,
        user: Option<&str>,
        connection: Option<&ConnectionId>,
        session: Option<&SessionId>,
    ) {
        let (connection, session) = (connection.cloned(), session.cloned());
        Self::record(extensions, Known { user: user.map(str::to_owned), connection, session, message: None });
    }

    /// Records a request of the gateway, with the type of the message that it brings.
    pub(super) fn set_gateway(extensions: &Extensions, claims: &GatewayClaims, body: &[u8]) {
        let message = (claims.path == MESSAGE_PATH).then(|| logged_type(body));
        let (user, connection) = (Some(claims.sub.clone()), Some(claims.cid.clone()));
        Self::record(extensions, Known { user, connection, session: claims.sid.clone(), message });
    }

    fn record(extensions: &Extensions, facts: Known) {
        if let Some(Self(known)) = extensions.get() {
            let _ = known.set(facts);
        }
    }
}

pub(super) async fn layer(State(service): State<Arc<ServiceContext>>, mut request: Request, next: Next) -> Response {
    let (started, _open) = (Instant::now(), service.metrics.requests.begin());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or(UNKNOWN_ROUTE, MatchedPath::as_str);
    let (id, method) = (request_id(request.headers()).to_owned(), request.method().clone());
    let context = RequestContext::default();
    request.extensions_mut().insert(context.clone());
    let response = next.run(request).await;
    let (took, status) = (started.elapsed(), response.status());
    // The duration of a request for frames, which waits, of a script, a file or a WebSocket says nothing about the service.
    let is_long = [RELAY_PATH, FRAMES_PATH, GROUP_PATH, HAND_OUT_PATH, CHECKS_ROUTE, FILES_ROUTE, HAND_OUT_ROUTE]
        .contains(&route)
        || status.is_informational();
    service.metrics.requests.record_response(route, status.as_u16(), (!is_long).then_some(took));
    let code = response.extensions().get().map(|ErrorCodeExt(code)| *code);
    if let Some(code) = code {
        service.metrics.streams.record_error(code);
    }
    let Known { user, connection, session, message } = context.0.get().cloned().unwrap_or_default();
    let kind = format!("{method} {route}");
    let by = By {
        user: user.as_deref().unwrap_or("-"),
        session: session.as_ref().map_or("-", SessionId::as_str),
        connection: connection.as_ref().map_or("-", ConnectionId::as_str),
        request: &id,
        kind: &kind,
    };
    let (connection, named) = (connection.as_ref().map(display), session.as_ref().map(display));
    let (status, ms) = (status.as_u16(), took.as_millis() as u64);
    macro_rules! line {
        ($level:ident, $($text:tt)*) => {
            tracing::$level!(request = %id, session = named, connection, code = code.map(tracing::field::debug), status, ms, $($text)*)
        };
    }
    match (route, &connection) {
        _ if response.extensions().get::<Forwarded>().is_some() => line!(debug, "answered by another instance"),
        (MESSAGE_PATH, Some(connection)) => {
            line!(info, "[WS] Message from {connection}: {}", message.unwrap_or_default());
        }
        (DISCONNECT_PATH, Some(connection)) => {
            let session = session.as_ref().map_or_else(String::new, |session| format!(", Session: {session}"));
            audit!(Disconnect, by, { status, ms, }, "[WS] Client disconnected: {connection}{session}");
        }
        (RELAY_PATH, _) if code.is_none() => line!(debug, "relay"),
        (quiet, _) if QUIET_PATHS.contains(&quiet) => line!(debug, "{method} {quiet}"),
        (_, None) if status >= 400 && !service.refusal_log.claim_line() => {}
        (other, _) if user.is_some() => {
            audit!(Api, by, { code = code.map(tracing::field::debug), status, ms, }, "{method} {other}");
        }
        (other, _) => line!(info, "{method} {other}"),
    }
    response
}

/// The id of a request, for logs.
pub(super) fn request_id(headers: &HeaderMap) -> &str {
    headers.get(REQUEST_ID_HEADER).and_then(|id| id.to_str().ok()).unwrap_or("-")
}

/// Gives every request an id, or keeps the gateway's, so that the logs of all components share one id.
pub(super) async fn identify(State(service): State<Arc<ServiceContext>>, mut request: Request, next: Next) -> Response {
    let name = HeaderName::from_static(REQUEST_ID_HEADER);
    let usable = |id: &HeaderValue| id.len() <= MAX_ID_BYTES && id.to_str().is_ok_and(|id| !id.is_empty());
    let given = request.headers().get(&name).filter(|id| usable(id)).cloned();
    let id = given.or_else(|| HeaderValue::try_from(hex::encode(service.random.bytes::<8>())).ok());
    let Some(id) = id else { return next.run(request).await };
    request.headers_mut().insert(name.clone(), id.clone());
    let mut response = next.run(request).await;
    response.headers_mut().insert(name, id);
    response
}
