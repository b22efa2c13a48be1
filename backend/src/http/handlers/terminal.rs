//! `/terminal`: the same messages and frames without a gateway. A WebSocket on hosts that allow it, and requests elsewhere.

mod connection;
pub(in crate::http) mod polled;

use crate::audit::{By, audit};
use crate::http::access_log::request_id;
use crate::http::auth::{TerminalQuery, direct_caller, origin_allowed, trust};
use crate::http::connection_limit::evicted;
use crate::http::context::{ServiceContext, TERMINAL_PATH};
use crate::http::error::{ErrorCodeExt, HttpError};
use crate::http::socket::{
    BrowserSocket, CloseReason, DRAINING, INVALID_SESSION, SERVER_ERROR, Socket, TOO_MANY, UNAUTHORIZED,
};
use crate::http::user_connections::UserConnectionGuard;
use crate::metrics::Transport;
use crate::session::Caller;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue};
use axum::response::Response;
use connection::Connection;
use shared_protocol::gateway::SUBPROTOCOL;
use shared_protocol::limits::MESSAGE_BYTES;
use shared_protocol::{ConnectionId, ErrorCode, SessionId, UserClaims};
use std::sync::Arc;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use websocket::{Opening, ServerSocket};

/// Read buffer of each connection, in bytes: enough for keystrokes, and cleared before each read.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// `GET /terminal`: opens a WebSocket.
pub(in crate::http) async fn handle(
    State(service): State<Arc<ServiceContext>>,
    Query(query): Query<TerminalQuery>,
    headers: HeaderMap,
    extensions: Extensions,
    opening: Opening,
) -> Result<Response, HttpError> {
    check_origin(&service, &headers)?;
    let name = format!("direct:{}", hex::encode(service.random.bytes::<12>()));
    let request = request_id(&headers).to_owned();
    let token = query.socket_token(&headers);
    let arrival = Arriving { name: &name, request: &request, transport: Transport::WebSocket };
    let verified = verify(&service, token.as_deref(), &arrival).and_then(|user| {
        let trusted = trust(&extensions, Some(&user.sub));
        trusted.map_err(|_| CloseReason(TOO_MANY, "there are too many connections"))?;
        Ok(user)
    });
    let evicted = evicted(&extensions);
    Ok(open(opening, move |socket| async move {
        let mut socket = BrowserSocket::new(socket);
        let arrival = Arriving { name: &name, request: &request, transport: Transport::WebSocket };
        let admitted = match verified {
            Ok(user) => admit(&service, &user, query.session, &arrival).await,
            Err(reason) => Err(reason),
        };
        let reason = match admitted {
            Ok(admitted) => serve(&service, &mut socket, admitted).await,
            Err(reason) => reason,
        };
        // A stranger's connection does not wait for an answer to its close if another one needs the place.
        tokio::select! {
            () = socket.close(reason) => {}
            () = evicted => {}
        }
    }))
}

/// Answers a handshake, and serves the WebSocket.
fn open<F>(opening: Opening, serve: impl FnOnce(ServerSocket) -> F + Send + 'static) -> Response
where
    F: Future<Output = ()> + Send + 'static,
{
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES))
        .max_frame_size(Some(MESSAGE_BYTES))
        .read_buffer_size(READ_BUFFER_BYTES);
    let is_offered = opening.offered.iter().any(|offered| offered == SUBPROTOCOL);
    opening.serve(is_offered.then_some(HeaderValue::from_static(SUBPROTOCOL)), config, serve)
}

/// A request for a WebSocket that cannot be passed on to the session's instance.
pub(in crate::http) struct Unforwarded(Opening);

impl Unforwarded {
    /// The request as it will be if passing it on fails; `None` if it is none that this service would open.
    pub(in crate::http) fn of(service: &ServiceContext, parts: &Parts) -> Option<Self> {
        let is_ours = parts.uri.path() == TERMINAL_PATH && origin_allowed(&service.config.auth, &parts.headers);
        let mut request = is_ours.then(|| Request::from_parts(parts.clone(), Body::empty()))?;
        Opening::of(&mut request).ok().map(Self)
    }

    /// Opens the WebSocket to close it with a code that says why: a browser hides the response to a handshake.
    pub(in crate::http) fn refuse(self, HttpError(error): &HttpError) -> Response {
        let reason = match error.code {
            ErrorCode::Draining => CloseReason(DRAINING, "the service is being replaced"),
            ErrorCode::LimitReached | ErrorCode::RateLimited => CloseReason(TOO_MANY, "there are too many connections"),
            _ => CloseReason(SERVER_ERROR, "the session's instance cannot be reached"),
        };
        let mut response = open(self.0, move |socket| BrowserSocket::new(socket).close(reason));
        response.extensions_mut().insert(ErrorCodeExt(error.code));
        response
    }
}

/// Refuses pages of other sites.
fn check_origin(service: &ServiceContext, headers: &HeaderMap) -> Result<(), HttpError> {
    if origin_allowed(&service.config.auth, headers) {
        return Ok(());
    }
    Err(HttpError::new(ErrorCode::Forbidden, "pages of this origin may not use the service"))
}

/// A connection that asks to be admitted.
struct Arriving<'a> {
    /// Its id.
    name: &'a str,
    /// Id of the request that opens it.
    request: &'a str,
    transport: Transport,
}

/// A connection that may reach its session, or its wall if it has none.
struct Admitted {
    session: Option<SessionId>,
    caller: Caller,
    /// When it asked.
    started: Instant,
    _guard: UserConnectionGuard,
}

/// Verifies a token that no extractor has seen.
fn verify(
    service: &ServiceContext,
    token: Option<&str>,
    Arriving { name, request, .. }: &Arriving<'_>,
) -> Result<UserClaims, CloseReason> {
    let token = token.ok_or_else(|| {
        drop(service.missing_token());
        CloseReason(UNAUTHORIZED, "a token is required")
    })?;
    service.config.auth.users.verify(token, service.now_seconds()).map_err(|error| {
        if service.refusal_log.claim_line() {
            tracing::info!(request, connection = name, bad = %error, "[Terminal] refused {name}");
        }
        drop(service.invalid_token(error));
        CloseReason(UNAUTHORIZED, "the token is not valid")
    })
}

/// Finds the session that the user may access.
async fn admit(
    service: &ServiceContext,
    user: &UserClaims,
    requested: Option<String>,
    &Arriving { name, request, transport }: &Arriving<'_>,
) -> Result<Admitted, CloseReason> {
    let started = Instant::now();
    let asked = requested.as_deref().filter(|id| SessionId::new(*id).is_ok());
    let asked = asked.or(user.sid.as_ref().map(SessionId::as_str)).unwrap_or("-");
    tracing::info!(request, session = asked, connection = name, "[Terminal] New connection attempt: {asked}");
    let invalid = |text| CloseReason(INVALID_SESSION, text);
    let requested = requested.map(SessionId::new).transpose();
    let requested = requested.map_err(|_| invalid("the session id is not valid"))?;
    if requested.is_some() && user.sid.is_some() && requested != user.sid {
        return Err(invalid("the token names another session"));
    }
    let session = requested.or_else(|| user.sid.clone());
    // A page without WebSockets has no wall.
    let has_wall = user.class.watched_group(user.role, user.admin).is_some();
    if session.is_none() && !(has_wall && transport == Transport::WebSocket) {
        return Err(invalid("no session is named"));
    }
    let connection = ConnectionId::new(name).map_err(|_| CloseReason(SERVER_ERROR, "no connection id"))?;
    let caller = Caller {
        request: request.to_owned(),
        ..direct_caller(user, session.as_ref(), connection, transport, &*service.clock)
    };
    if let Some(session) = session.as_ref().filter(|_| !caller.names_session) {
        let found = service.registry.record(session, &caller).await;
        found.map_err(|_| invalid("there is no such session"))?;
    }
    let guard = service.user_connections.acquire(&caller.user, caller.role).ok_or_else(|| {
        service.metrics.streams.record_error(ErrorCode::LimitReached);
        CloseReason(TOO_MANY, "this user has too many connections")
    })?;
    Ok(Admitted { session, caller, started, _guard: guard })
}

/// Serves a connection until either side closes it.
async fn serve(service: &Arc<ServiceContext>, socket: &mut impl Socket, admitted: Admitted) -> CloseReason {
    let Admitted { session, caller, started, _guard } = &admitted;
    let (Caller { connection, request, .. }, session) = (caller, session.as_ref());
    let name = session.map_or("-", SessionId::as_str);
    tracing::info!(request, session = name, %connection, "[Terminal] Session found for {name}");
    let ms = started.elapsed().as_millis() as u64;
    let kind = if caller.transport == Transport::Http { "http" } else { "websocket" };
    let by = By { user: &caller.user, session: name, connection: connection.as_str(), request, kind };
    audit!(Connect, by, { ms, }, "[Terminal:{name}] Connection established successfully in {ms}ms");
    let reason = Connection::new(service, session, caller).run(socket).await;
    disconnect(service, session, caller).await;
    let ms = started.elapsed().as_millis() as u64;
    audit!(Disconnect, by, { ms, }, "[WS] Client disconnected: {connection}, Session: {name}");
    reason
}

async fn disconnect(service: &ServiceContext, session: Option<&SessionId>, caller: &Caller) {
    service.walls.disconnect(&caller.connection);
    if let Some(session) = session
        && let Ok(session) = service.registry.running(session, caller).await
    {
        // Fails only if the session has ended, and the connection with it.
        let _ = session.disconnect(caller.connection.clone()).await;
    }
    if let Err(error) = service.store.mark_disconnected(&caller.connection).await {
        tracing::debug!(%error, "a closed connection stays listed until its record expires");
    }
}
