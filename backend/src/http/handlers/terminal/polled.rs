//! `POST /terminal/messages`, `/frames` and `/close`: a connection for pages whose network blocks WebSockets. Messages come one a
//! line, several in a request; frames are the answer to a poll that is held until there is one.

use super::{Admitted, Arriving, admit, check_origin, serve};
use crate::http::access_log::{RequestContext, request_id};
use crate::http::auth::{TerminalQuery, bearer};
use crate::http::context::ServiceContext;
use crate::http::error::{HttpError, read_body, read_body_as};
use crate::http::outbox::{PollAnswer, PollError};
use crate::http::polled::{DeliverError, Polled, PolledSocket};
use crate::http::socket::{CloseReason, INVALID_SESSION, Incoming, Socket, TOO_MANY};
use crate::metrics::Transport;
use crate::store::SessionState;
use auth_tokens::{TokenError, body_hash};
use axum::body::Bytes;
use axum::extract::{FromRequest, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use serde::Deserialize;
use shared_protocol::gateway::{CLOSE_HEADER, CONNECTION_HEADER};
use shared_protocol::limits::FRAME_BYTES;
use shared_protocol::polling::{MAX_MESSAGES, MAX_POLL_MS};
use shared_protocol::{ConnectionId, EndReason, ErrorCode, SessionId, UserClaims};
use std::sync::Arc;
use std::time::Duration;

/// A request of a connection: its token is valid or has opened the connection, and its origin is allowed.
pub(in crate::http) struct PolledRequest {
    /// The user; none if the token has expired since it opened the connection, which ends with it and says so.
    user: Option<UserClaims>,
    token_hash: String,
    /// Session of the query, if it has one.
    session: Option<String>,
    /// Absent in the request that opens the connection.
    connection: Option<ConnectionId>,
    request: String,
    body: Bytes,
}

impl FromRequest<Arc<ServiceContext>> for PolledRequest {
    type Rejection = HttpError;

    async fn from_request(request: Request, service: &Arc<ServiceContext>) -> Result<Self, HttpError> {
        let headers = request.headers();
        check_origin(service, headers)?;
        let user = service.verify_bearer(headers, request.extensions());
        let token_hash = body_hash(bearer(headers).unwrap_or_default().as_bytes());
        let connection = headers.get(CONNECTION_HEADER).map(|id| {
            let id = id.to_str().ok().and_then(|id| ConnectionId::new(id).ok());
            id.ok_or_else(|| HttpError::new(ErrorCode::BadField, "the connection id is not valid"))
        });
        let connection = connection.transpose()?;
        let user = match user {
            Ok(user) => Some(user),
            Err(HttpError(error))
                if error.code == ErrorCode::TokenExpired
                    && connection.as_ref().is_some_and(|id| service.polled.find(id, &token_hash).is_some()) =>
            {
                None
            }
            Err(error) => return Err(error),
        };
        let query = Query::<TerminalQuery>::try_from_uri(request.uri());
        let Query(TerminalQuery { session, .. }) =
            query.map_err(|_| HttpError::new(ErrorCode::BadField, "the query is not valid"))?;
        let (sub, sid) = (user.as_ref().map(|user| &*user.sub), user.as_ref().and_then(|user| user.sid.as_ref()));
        RequestContext::set(request.extensions(), sub, connection.as_ref(), sid);
        let request_id = request_id(headers).to_owned();
        // Last, so that a request without a token costs no memory.
        let body = read_body(request.into_body()).await?;
        Ok(Self { user, token_hash, session, connection, request: request_id, body })
    }
}

impl PolledRequest {
    /// The connection that the request names, which its token has opened: one of another token is as good as none.
    async fn find(&self, service: &ServiceContext) -> Result<Arc<Polled>, HttpError> {
        let id = self.connection.as_ref();
        let id = id.ok_or_else(|| HttpError::new(ErrorCode::BadField, "`x-connection-id` is missing"))?;
        if service.request_rate.check(id).is_err() {
            return Err(HttpError::new(ErrorCode::RateLimited, "too many requests of this connection"));
        }
        match service.polled.find(id, &self.token_hash) {
            Some(polled) => Ok(polled),
            None if service.is_draining() || self.was_replaced(service).await => {
                Err(HttpError::new(ErrorCode::Draining, "the service is being replaced; open another connection"))
            }
            None => Err(gone()),
        }
    }

    /// True if the user's session has lost its shell because an instance was replaced: the connection went with it.
    async fn was_replaced(&self, service: &ServiceContext) -> bool {
        let Some(user) = &self.user else { return false };
        let named = self.session.as_ref().and_then(|id| SessionId::new(id.clone()).ok());
        let Some(session) = named.or_else(|| user.sid.clone()) else { return false };
        let Ok(Some(record)) = service.store.session(&session).await else { return false };
        let is_theirs = user.sid == Some(session) || record.creator.user == user.sub;
        is_theirs && matches!(record.state, SessionState::Ended { reason: EndReason::ServerRestart, .. })
    }

    /// The messages of the body, one a line.
    fn messages(&self) -> Result<Vec<Incoming>, HttpError> {
        let lines = self.body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        let lines: Vec<&[u8]> = lines.collect();
        if lines.is_empty() {
            return Err(HttpError::new(ErrorCode::BadMessage, "the body has no message"));
        }
        if lines.len() > MAX_MESSAGES || lines.iter().any(|line| line.len() > FRAME_BYTES) {
            let text = format!("the body has more than {MAX_MESSAGES} messages, or one above {FRAME_BYTES} bytes");
            return Err(HttpError::new(ErrorCode::TooLarge, text));
        }
        Ok(lines.into_iter().map(|line| Incoming::Text(self.body.slice_ref(line))).collect())
    }
}

fn gone() -> HttpError {
    HttpError::new(ErrorCode::ConnectionGone, "there is no such connection; open another")
}

/// `POST /terminal/messages`: messages of a connection. Without a connection, opens one, whose first poll this is too.
pub(in crate::http) async fn messages(
    State(service): State<Arc<ServiceContext>>,
    request: PolledRequest,
) -> Result<Response, HttpError> {
    let messages = request.messages()?;
    if request.connection.is_some() {
        deliver(&*request.find(&service).await?, messages).await?;
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let user = request.user.as_ref().ok_or(TokenError::Expired)?;
    let name = format!("http:{}", hex::encode(service.random.bytes::<12>()));
    let arriving = Arriving { name: &name, request: &request.request, transport: Transport::Http };
    let admitted = admit(&service, user, request.session, &arriving).await.map_err(refused)?;
    let id = admitted.caller.connection.clone();
    let (polled, socket) = service.polled.open(id.clone(), request.token_hash);
    // First, so that the connection ends even if this request does not go on.
    tokio::spawn(run(Arc::clone(&service), socket, admitted));
    deliver(&polled, messages).await?;
    let mut response = poll(&polled, 1).await?;
    if let Ok(id) = HeaderValue::try_from(id.as_str()) {
        response.headers_mut().insert(CONNECTION_HEADER, id);
    }
    Ok(response)
}

/// Serves a connection to its end.
async fn run(service: Arc<ServiceContext>, mut socket: PolledSocket, admitted: Admitted) {
    let id = admitted.caller.connection.clone();
    let reason = serve(&service, &mut socket, admitted).await;
    socket.close(reason).await;
    service.polled.remove(&id);
}

async fn deliver(polled: &Polled, messages: Vec<Incoming>) -> Result<(), HttpError> {
    polled.deliver(messages).await.map_err(|error| match error {
        DeliverError::Closed => gone(),
        DeliverError::Full => HttpError::new(ErrorCode::RateLimited, "this connection exceeds its message rate"),
    })
}

/// Body of a poll.
#[derive(Deserialize)]
struct Poll {
    /// Counts from 2, because the answer that opened the connection was the first.
    number: u64,
}

/// `POST /terminal/frames`: frames as soon as there is one.
pub(in crate::http) async fn frames(
    State(service): State<Arc<ServiceContext>>,
    request: PolledRequest,
) -> Result<Response, HttpError> {
    let Poll { number } = read_body_as(&request.body)?;
    poll(&*request.find(&service).await?, number).await
}

/// `POST /terminal/close`: the client leaves.
pub(in crate::http) async fn close(State(service): State<Arc<ServiceContext>>, request: PolledRequest) -> StatusCode {
    if let Some(id) = &request.connection {
        service.polled.close(id, &request.token_hash);
    }
    StatusCode::NO_CONTENT
}

async fn poll(polled: &Polled, number: u64) -> Result<Response, HttpError> {
    let answer = polled.outbox.poll(number, Duration::from_millis(MAX_POLL_MS)).await;
    let PollAnswer { frames, close } = answer.map_err(|error| match error {
        PollError::Replaced => HttpError::new(ErrorCode::Busy, "a later poll has replaced this one"),
        PollError::Impossible => HttpError::new(ErrorCode::BadField, "`number` is not the next one"),
    })?;
    let mut headers = HeaderMap::new();
    if let Some(code) = close {
        headers.insert(CLOSE_HEADER, HeaderValue::from(code));
    }
    if frames.is_empty() {
        return Ok((StatusCode::NO_CONTENT, headers).into_response());
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    let mut body = BytesMut::with_capacity(frames.iter().map(|frame| frame.len() + 1).sum());
    for frame in &frames {
        body.extend_from_slice(frame);
        body.extend_from_slice(b"\n");
    }
    Ok((headers, body.freeze()).into_response())
}

/// The error response for a connection that is not admitted.
fn refused(CloseReason(code, text): CloseReason) -> HttpError {
    let code = match code {
        INVALID_SESSION => ErrorCode::SessionNotFound,
        TOO_MANY => ErrorCode::LimitReached,
        _ => ErrorCode::Internal,
    };
    HttpError::new(code, text)
}
