//! Counts each request and logs it in one line, once it is answered: with its duration, and with the connection and session that
//! its token turned out to be for. In one layer, so that no handler can forget it.

use super::auth::request_id;
use super::{Service, TERMINAL_PATH};
use axum::extract::{MatchedPath, Request, State};
use axum::http::Extensions;
use axum::middleware::Next;
use axum::response::Response;
use shared_protocol::gateway::{DISCONNECT_PATH, MESSAGE_PATH, OUTPUT_PATH};
use shared_protocol::{ConnectionId, ErrorCode, SessionId};
use std::sync::{Arc, OnceLock};
use tokio::time::Instant;
use tracing::field::display;

/// Paths that machines ask for all day.
const QUIET: [&str; 4] = ["/health", super::METRICS_PATH, TERMINAL_PATH, "/ws-test"];

/// Stands for a path that is none of ours: what strangers make up must not become a label.
const ELSEWHERE: &str = "other";

/// Whom a request is for, once its token was checked.
#[derive(Debug, Clone, Default)]
pub(super) struct Subject(Arc<OnceLock<(Option<ConnectionId>, Option<SessionId>)>>);

impl Subject {
    /// Says so, for the log. The first word counts.
    pub(super) fn is(extensions: &Extensions, connection: Option<&ConnectionId>, session: Option<&SessionId>) {
        if let Some(Self(known)) = extensions.get() {
            let _ = known.set((connection.cloned(), session.cloned()));
        }
    }
}

/// On an answer: it is a refusal with this code.
#[derive(Debug, Clone, Copy)]
pub(super) struct RefusedWith(pub ErrorCode);

/// On an answer: another instance gave it, and that was logged.
#[derive(Debug, Clone, Copy)]
pub(super) struct PassedOn;

/// The layer.
pub(super) async fn layer(State(service): State<Arc<Service>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or(ELSEWHERE, MatchedPath::as_str);
    let (id, method) = (request_id(request.headers()).to_owned(), request.method().clone());
    let subject = Subject::default();
    request.extensions_mut().insert(subject.clone());
    let answer = next.run(request).await;
    let (took, status) = (started.elapsed(), answer.status());
    let waits = route == OUTPUT_PATH || status.is_informational();
    service.metrics.requests.answered(route, status.as_u16(), (!waits).then_some(took));
    let code = answer.extensions().get().map(|RefusedWith(code)| *code);
    if let Some(code) = code {
        service.metrics.streams.refused(code);
    }
    let (connection, session) = subject.0.get().cloned().unwrap_or_default();
    let (connection, named) = (connection.as_ref().map(display), session.as_ref().map(display));
    let (status, ms) = (status.as_u16(), took.as_millis() as u64);
    macro_rules! line {
        ($level:ident, $($text:tt)*) => {
            tracing::$level!(request = %id, session = named, connection, code = code.map(tracing::field::debug), status, ms, $($text)*)
        };
    }
    match (route, &connection) {
        _ if answer.extensions().get::<PassedOn>().is_some() => line!(debug, "answered from elsewhere"),
        (MESSAGE_PATH, Some(connection)) => line!(info, "[WS] Message from {connection}"),
        (DISCONNECT_PATH, Some(connection)) => match &session {
            Some(session) => line!(info, "[WS] Client disconnected: {connection}, Session: {session}"),
            None => line!(info, "[WS] Client disconnected: {connection}"),
        },
        (OUTPUT_PATH, _) if code.is_none() => line!(debug, "output"),
        (quiet, _) if QUIET.contains(&quiet) => line!(debug, "{method} {quiet}"),
        (other, _) => line!(info, "{method} {other}"),
    }
    answer
}
