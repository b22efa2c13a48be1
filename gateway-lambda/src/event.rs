//! API Gateway's events, parsed at the edge into what the gateway acts on. Only the fields that it reads are named: what else
//! an event holds may change without anyone noticing here.

use crate::browser::Endpoint;
use crate::config::Config;
use crate::error::HandleError;
use crate::identity::Identity;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};
use shared_protocol::ConnectionId;
use std::collections::HashMap;

/// What an event asks for.
#[derive(Debug)]
pub(crate) enum Event {
    /// The `REQUEST` authorizer is asked whether a connection may be opened.
    Authorize {
        /// What may then be invoked.
        method_arn: String,
        /// The browser's opening request.
        handshake: Handshake,
    },
    /// `$connect`: a connection opens when this is answered with 200.
    Connect(Handshake),
    /// `$disconnect`: a connection is gone. Best effort: it may never come.
    Disconnect {
        /// The close code, when API Gateway knows it.
        code: Option<i64>,
    },
    /// A message on any of the routes.
    Message {
        /// What the browser sent, byte for byte.
        body: Bytes,
    },
}

/// Where an event came from.
#[derive(Debug)]
pub(crate) struct Source {
    /// As in the log: `authorizer`, or the route key.
    pub(crate) route: &'static str,
    pub(crate) connection: ConnectionId,
    /// API Gateway's id of this request.
    pub(crate) request_id: String,
    /// The way back to the browser.
    pub(crate) endpoint: Endpoint,
    /// Who is on the connection, when our authorizer said so.
    pub(crate) identity: Option<Identity>,
    /// When the connection was opened, in milliseconds since 1970.
    pub(crate) connected_at: Option<u64>,
    /// When API Gateway received this request, in milliseconds since 1970.
    pub(crate) received_at: Option<u64>,
}

/// What a browser may say while it opens a connection.
#[derive(Debug, Default)]
pub(crate) struct Handshake {
    /// The token from `?token=`, or offered as a subprotocol.
    pub(crate) token: Option<String>,
    /// `?sessionId=`.
    pub(crate) session_id: Option<String>,
    /// The `Origin` header.
    pub(crate) origin: Option<String>,
    /// Whether the `termgate` subprotocol was offered, and so must be chosen.
    pub(crate) subprotocol: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    r#type: Option<String>,
    method_arn: Option<String>,
    headers: Option<HashMap<String, String>>,
    multi_value_headers: Option<HashMap<String, Vec<String>>>,
    query_string_parameters: Option<HashMap<String, String>>,
    request_context: Option<RawContext>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawContext {
    route_key: Option<String>,
    connection_id: Option<String>,
    request_id: Option<String>,
    domain_name: Option<String>,
    stage: Option<String>,
    connected_at: Option<u64>,
    request_time_epoch: Option<u64>,
    authorizer: Option<Map<String, Value>>,
    disconnect_status_code: Option<i64>,
}

/// Reads an event.
pub(crate) fn parse(event: Value, config: &Config) -> Result<(Source, Event), HandleError> {
    let mut raw: Raw = serde_json::from_value(event).map_err(|error| HandleError::BadEvent(fault(&error)))?;
    let context = raw.request_context.take().ok_or_else(|| missing("requestContext"))?;
    let authorizer = raw.r#type.as_deref() == Some("REQUEST");
    let route = if authorizer { "authorizer" } else { route(context.route_key.as_deref())? };
    let (source, disconnect_code) = source(route, context, config)?;
    let event = match route {
        "authorizer" => {
            let method_arn = raw.method_arn.take().ok_or_else(|| missing("methodArn"))?;
            Event::Authorize { method_arn, handshake: handshake(raw) }
        }
        "$connect" => Event::Connect(handshake(raw)),
        "$disconnect" => Event::Disconnect { code: disconnect_code },
        _ => Event::Message { body: body(raw)? },
    };
    Ok((source, event))
}

/// What is wrong, without the value that is wrong: it may be a token or a keystroke.
fn fault(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(['"', '`']).next().unwrap_or_default().trim_end().to_owned()
}

fn missing(field: &str) -> HandleError {
    HandleError::BadEvent(format!("`{field}` is missing"))
}

/// The routes that the API is set up with. Messages are all handled alike: the routes are there for those who choose by `action`.
fn route(key: Option<&str>) -> Result<&'static str, HandleError> {
    const ROUTES: [&str; 5] = ["$connect", "$disconnect", "$default", "sendMessage", "chat_message"];
    let key = key.ok_or_else(|| missing("requestContext.routeKey"))?;
    let known = ROUTES.into_iter().find(|route| *route == key);
    known.ok_or_else(|| HandleError::BadEvent(format!("the route {key:?} is none of {ROUTES:?}")))
}

fn source(route: &'static str, raw: RawContext, config: &Config) -> Result<(Source, Option<i64>), HandleError> {
    let connection = raw.connection_id.ok_or_else(|| missing("requestContext.connectionId"))?;
    let connection = ConnectionId::new(connection)
        .map_err(|error| HandleError::BadEvent(format!("`requestContext.connectionId`: {error}")))?;
    let domain = raw.domain_name.or_else(|| config.domain_name.clone());
    let domain = domain.ok_or_else(|| missing("requestContext.domainName"))?;
    let source = Source {
        route,
        request_id: raw.request_id.unwrap_or_else(|| format!("{connection}:unnamed")),
        endpoint: config.endpoint(&domain, raw.stage.as_deref().unwrap_or_default()),
        identity: raw.authorizer.as_ref().and_then(Identity::from_context),
        connected_at: raw.connected_at,
        received_at: raw.request_time_epoch,
        connection,
    };
    Ok((source, raw.disconnect_status_code))
}

fn body(raw: Raw) -> Result<Bytes, HandleError> {
    let text = raw.body.unwrap_or_default();
    if raw.is_base64_encoded != Some(true) {
        return Ok(text.into());
    }
    let bytes = STANDARD.decode(text).map_err(|_| HandleError::BadEvent("`body` is not base64".to_owned()))?;
    Ok(bytes.into())
}

fn handshake(raw: Raw) -> Handshake {
    let mut query = raw.query_string_parameters.unwrap_or_default();
    let header = |name: &str| {
        let single = raw.headers.iter().flatten().find(|(key, _)| key.eq_ignore_ascii_case(name));
        let many = raw.multi_value_headers.iter().flatten().find(|(key, _)| key.eq_ignore_ascii_case(name));
        // Of a repeated header, `headers` holds only the last.
        many.map(|(_, values)| values.join(",")).or_else(|| single.map(|(_, value)| value.clone()))
    };
    let offered = header("sec-websocket-protocol").unwrap_or_default();
    let mut offered: Vec<&str> = offered.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let count = offered.len();
    offered.retain(|name| *name != shared_protocol::gateway::SUBPROTOCOL);
    let subprotocol = offered.len() < count;
    // A token is only a token beside the protocol that it was offered for; any other protocol is somebody else's.
    let beside = if subprotocol { offered.first().map(|token| (*token).to_owned()) } else { None };
    Handshake {
        token: query.remove("token").filter(|token| !token.is_empty()).or(beside),
        session_id: query.remove("sessionId"),
        origin: header("origin"),
        subprotocol,
    }
}
