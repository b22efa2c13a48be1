//! API Gateway's events, parsed into a closed enum. Unknown fields are ignored.

use crate::backend::Caller;
use crate::config::Config;
use crate::error::HandleError;
use crate::identity::Identity;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};
use shared_protocol::ConnectionId;
use shared_protocol::gateway::OfferedProtocols;
use std::collections::HashMap;

#[derive(Debug)]
pub(crate) enum Event {
    /// Invocation of the `REQUEST` authorizer, before `$connect`; the policy allows or denies `method_arn`.
    Authorize { method_arn: String, handshake: Handshake },
    /// `$connect`: a connection opens when this is answered with 200. `connected_at` is in milliseconds since 1970.
    Connect { handshake: Handshake, connected_at: Option<u64> },
    /// `$disconnect`: a connection is closed, with the close code if API Gateway knows it. The event may never come.
    Disconnect { code: Option<i64> },
    /// A message on any of the routes, with the browser's bytes unchanged.
    Message { body: Bytes },
}

#[derive(Debug)]
pub(crate) struct Source {
    /// `authorizer`, or the route key.
    pub(crate) route: &'static str,
    /// The caller, with the identity if our authorizer sent it.
    pub(crate) caller: Caller,
}

/// Parameters of the request that opens a connection.
#[derive(Debug, Default)]
pub(crate) struct Handshake {
    /// `carrier=1` of the query: the connection is a carrier.
    pub(crate) carrier: bool,
    /// The token from `?token=`, or offered as a subprotocol.
    pub(crate) token: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) origin: Option<String>,
    /// True if the `termgate` subprotocol was offered, and so must be chosen.
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

pub(crate) fn parse(event: Value, config: &Config) -> Result<(Source, Event), HandleError> {
    let mut raw: Raw = serde_json::from_value(event).map_err(|error| HandleError::BadEvent(redacted(&error)))?;
    let context = raw.request_context.take().ok_or_else(|| missing("requestContext"))?;
    let authorizer = raw.r#type.as_deref() == Some("REQUEST");
    let route = if authorizer { "authorizer" } else { route(context.route_key.as_deref())? };
    let (connected_at, code) = (context.connected_at, context.disconnect_status_code);
    let received_at = context.request_time_epoch;
    let mut source = source(route, context, config)?;
    let event = match route {
        "authorizer" => {
            let method_arn = raw.method_arn.take().ok_or_else(|| missing("methodArn"))?;
            Event::Authorize { method_arn, handshake: handshake(raw) }
        }
        "$connect" => {
            source.caller.received_at = received_at;
            Event::Connect { handshake: handshake(raw), connected_at }
        }
        "$disconnect" => Event::Disconnect { code },
        _ => {
            source.caller.received_at = received_at;
            Event::Message { body: body(raw)? }
        }
    };
    Ok((source, event))
}

/// The error without the wrong value, which may be a token or a keystroke.
fn redacted(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(['"', '`']).next().unwrap_or_default().trim_end().to_owned()
}

fn missing(field: &str) -> HandleError {
    HandleError::BadEvent(format!("`{field}` is missing"))
}

/// Checks that the API has this route. All message routes behave alike; they exist for clients that set `action`.
fn route(key: Option<&str>) -> Result<&'static str, HandleError> {
    const ROUTES: [&str; 5] = ["$connect", "$disconnect", "$default", "sendMessage", "chat_message"];
    let key = key.ok_or_else(|| missing("requestContext.routeKey"))?;
    let known = ROUTES.into_iter().find(|route| *route == key);
    known.ok_or_else(|| HandleError::BadEvent(format!("the route {key:?} is none of {ROUTES:?}")))
}

fn source(route: &'static str, raw: RawContext, config: &Config) -> Result<Source, HandleError> {
    let connection = raw.connection_id.ok_or_else(|| missing("requestContext.connectionId"))?;
    let connection = ConnectionId::new(connection)
        .map_err(|error| HandleError::BadEvent(format!("`requestContext.connectionId`: {error}")))?;
    let domain = raw.domain_name.or_else(|| config.domain_name.clone());
    let domain = domain.ok_or_else(|| missing("requestContext.domainName"))?;
    let caller = Caller {
        request_id: raw.request_id.ok_or_else(|| missing("requestContext.requestId"))?,
        identity: raw.authorizer.as_ref().and_then(Identity::from_context),
        received_at: None,
        connection,
        endpoint: config.endpoint(&domain, raw.stage.as_deref().unwrap_or_default()),
    };
    Ok(Source { route, caller })
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
    let offered = OfferedProtocols::of([offered.as_str()]);
    Handshake {
        token: query.remove("token").filter(|token| !token.is_empty()).or_else(|| offered.token.map(str::to_owned)),
        session_id: query.remove("sessionId"),
        carrier: query.get("carrier").is_some_and(|carrier| carrier == "1"),
        origin: header("origin"),
        subprotocol: offered.termgate,
    }
}
