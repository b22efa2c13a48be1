//! The events that API Gateway passes to a function. Pure: time and ids are arguments.
//! Shapes follow events recorded from AWS (the fixtures of awslabs/aws-lambda-rust-runtime, `lambda-events`).

use crate::system::epoch_ms;
use axum::extract::Query;
use http::{HeaderMap, Uri, header};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;
use time::OffsetDateTime;
use time::macros::format_description;

/// Account in every ARN: twelve digits that no account has.
pub(crate) const ACCOUNT: &str = "000000000000";
/// Region in every ARN.
pub(crate) const REGION: &str = "us-east-1";
/// Id of this gateway's only API.
const API_ID: &str = "dev0000000";

/// The fields that all events of a gateway share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Api {
    pub(crate) stage: String,
    /// `host:port`, where AWS has the API's domain.
    pub(crate) domain_name: String,
    /// The stage's variables.
    pub(crate) variables: BTreeMap<String, String>,
}

impl Api {
    /// The method that the authorizer's policy must allow.
    pub(crate) fn method_arn(&self) -> String {
        format!("arn:aws:execute-api:{REGION}:{ACCOUNT}:{API_ID}/{}/$connect", self.stage)
    }

    /// Adds the stage's variables to an event of a route, which has no field for none.
    fn add_variables(&self, mut event: Value) -> Value {
        if !self.variables.is_empty() {
            event["stageVariables"] = json!(self.variables);
        }
        event
    }
}

/// The fields that all events of a connection share.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionContext {
    pub(crate) api: Arc<Api>,
    pub(crate) connection_id: String,
    /// Time of the handshake.
    pub(crate) connected_at: SystemTime,
    pub(crate) source_ip: String,
    pub(crate) user_agent: Option<String>,
    /// The authorizer's context, once it has allowed the connection.
    pub(crate) authorizer: Option<Map<String, Value>>,
}

#[derive(Debug, Clone)]
pub(crate) struct EventMeta {
    pub(crate) request_id: String,
    pub(crate) now: SystemTime,
}

/// Headers and query of the handshake, in their order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Handshake {
    headers: Vec<(String, String)>,
    query: Vec<(String, String)>,
}

impl Handshake {
    /// Takes the headers that API Gateway passes on, and adds its own.
    pub(crate) fn new(headers: &HeaderMap, uri: &Uri, context: &ConnectionContext, trace: &str) -> Self {
        let hop = [header::CONNECTION, header::UPGRADE];
        let port = context.api.domain_name.rsplit(':').next().unwrap_or_default();
        let added = [
            ("X-Amzn-Trace-Id", trace),
            ("X-Forwarded-For", &context.source_ip),
            ("X-Forwarded-Port", port),
            ("X-Forwarded-Proto", "http"),
        ];
        let headers = headers
            .iter()
            .filter(|(name, _)| !hop.contains(name))
            .map(|(name, value)| (canonical(name.as_str()), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .chain(added.map(|(name, value)| (name.to_owned(), value.to_owned())))
            .collect();
        let query = Query::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default();
        Self { headers, query }
    }

    /// Adds headers and query to an event: the last value of each name, and all values.
    fn add_to(&self, mut event: Value) -> Value {
        event["headers"] = single(&self.headers);
        event["multiValueHeaders"] = multiple(&self.headers);
        if !self.query.is_empty() {
            event["queryStringParameters"] = single(&self.query);
            event["multiValueQueryStringParameters"] = multiple(&self.query);
        }
        event
    }
}

impl ConnectionContext {
    pub(crate) fn authorize(&self, handshake: &Handshake, meta: &EventMeta) -> Value {
        handshake.add_to(json!({
            "type": "REQUEST",
            "methodArn": self.api.method_arn(),
            "stageVariables": self.api.variables,
            "requestContext": self.request_context("$connect", "CONNECT", meta),
        }))
    }

    pub(crate) fn connect(&self, handshake: &Handshake, meta: &EventMeta) -> Value {
        let context = self.request_context("$connect", "CONNECT", meta);
        let event = json!({"requestContext": context, "isBase64Encoded": false});
        self.api.add_variables(handshake.add_to(event))
    }

    /// The event of a message. It has no headers.
    pub(crate) fn message(&self, route_key: &str, message_id: String, body: &str, meta: &EventMeta) -> Value {
        let mut context = self.request_context(route_key, "MESSAGE", meta);
        context["messageId"] = message_id.into();
        self.api.add_variables(json!({"requestContext": context, "body": body, "isBase64Encoded": false}))
    }

    /// The event of `$disconnect`, with nearly empty headers, as on AWS.
    pub(crate) fn disconnect(&self, code: u16, reason: &str, meta: &EventMeta) -> Value {
        let mut context = self.request_context("$disconnect", "DISCONNECT", meta);
        context["disconnectStatusCode"] = code.into();
        context["disconnectReason"] = reason.into();
        let host = self.api.domain_name.as_str();
        self.api.add_variables(json!({
            "headers": {"Host": host, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""},
            "multiValueHeaders": {"Host": [host], "x-api-key": [""], "X-Forwarded-For": [""], "x-restapi": [""]},
            "requestContext": context,
            "isBase64Encoded": false,
        }))
    }

    fn request_context(&self, route_key: &str, event_type: &str, meta: &EventMeta) -> Value {
        let mut context = json!({
            "routeKey": route_key,
            "eventType": event_type,
            "extendedRequestId": meta.request_id,
            "requestId": meta.request_id,
            "requestTime": request_time(meta.now),
            "requestTimeEpoch": epoch_ms(meta.now),
            "messageDirection": "IN",
            "stage": self.api.stage,
            "connectedAt": epoch_ms(self.connected_at),
            "identity": {"sourceIp": self.source_ip},
            "domainName": self.api.domain_name,
            "connectionId": self.connection_id,
            "apiId": API_ID,
        });
        if let Some(user_agent) = &self.user_agent {
            context["identity"]["userAgent"] = user_agent.as_str().into();
        }
        if let Some(authorizer) = &self.authorizer {
            context["authorizer"] = authorizer.clone().into();
        }
        context
    }
}

/// `09/Feb/2024:18:11:43 +0000`
fn request_time(time: SystemTime) -> String {
    let format = format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
    OffsetDateTime::from(time).format(format).unwrap_or_default()
}

/// Restores a header name's case, which API Gateway passes on and the HTTP library loses.
fn canonical(name: &str) -> String {
    let words = name.split('-').map(|word| match word {
        "websocket" => "WebSocket".to_owned(),
        _ => word.chars().enumerate().map(|(i, c)| if i == 0 { c.to_ascii_uppercase() } else { c }).collect(),
    });
    words.collect::<Vec<String>>().join("-")
}

fn single(pairs: &[(String, String)]) -> Value {
    pairs.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect::<Map<_, _>>().into()
}

fn multiple(pairs: &[(String, String)]) -> Value {
    let mut all = BTreeMap::<&str, Vec<&str>>::new();
    for (name, value) in pairs {
        all.entry(name).or_default().push(value);
    }
    json!(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn context() -> ConnectionContext {
        ConnectionContext {
            api: Arc::new(Api {
                stage: "prod".into(),
                domain_name: "127.0.0.1:3000".into(),
                variables: BTreeMap::new(),
            }),
            connection_id: "AAAA1234=".into(),
            connected_at: UNIX_EPOCH + Duration::from_millis(1_707_502_303_419),
            source_ip: "192.0.2.1".into(),
            user_agent: None,
            authorizer: None,
        }
    }

    fn meta() -> EventMeta {
        EventMeta { request_id: "ABCD1234=".into(), now: UNIX_EPOCH + Duration::from_millis(1_707_502_303_420) }
    }

    #[test]
    fn the_disconnect_event_equals_the_recorded_one() {
        let event = context().disconnect(1005, "Client-side close frame status not set", &meta());
        let recorded = json!({
            "headers": {"Host": "127.0.0.1:3000", "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""},
            "multiValueHeaders": {"Host": ["127.0.0.1:3000"], "x-api-key": [""], "X-Forwarded-For": [""], "x-restapi": [""]},
            "requestContext": {
                "routeKey": "$disconnect", "disconnectStatusCode": 1005, "eventType": "DISCONNECT",
                "extendedRequestId": "ABCD1234=", "requestTime": "09/Feb/2024:18:11:43 +0000", "messageDirection": "IN",
                "disconnectReason": "Client-side close frame status not set", "stage": "prod",
                "connectedAt": 1_707_502_303_419_u64, "requestTimeEpoch": 1_707_502_303_420_u64,
                "identity": {"sourceIp": "192.0.2.1"}, "requestId": "ABCD1234=", "domainName": "127.0.0.1:3000",
                "connectionId": "AAAA1234=", "apiId": "dev0000000"
            },
            "isBase64Encoded": false
        });
        assert_eq!(event, recorded);
    }

    #[test]
    fn the_stages_variables_are_on_every_event() {
        let variables = BTreeMap::from([("table".to_owned(), "rooms".to_owned())]);
        let api = Api { variables, ..Api::clone(&context().api) };
        let context = ConnectionContext { api: Arc::new(api), ..context() };
        let handshake = Handshake::default();
        for event in [
            context.authorize(&handshake, &meta()),
            context.connect(&handshake, &meta()),
            context.message("$default", "m".into(), "{}", &meta()),
            context.disconnect(1000, "", &meta()),
        ] {
            assert_eq!(event["stageVariables"], json!({"table": "rooms"}), "{event}");
        }
    }

    #[test]
    fn handshake_events_keep_all_values_and_the_case_of_names() {
        let mut headers = HeaderMap::new();
        headers.insert("sec-websocket-key", "k".parse().unwrap());
        headers.insert("upgrade", "websocket".parse().unwrap());
        headers.append("x-many", "1".parse().unwrap());
        headers.append("x-many", "2".parse().unwrap());
        let uri = "/prod?token=a%2Bb&x=1&x=2".parse().unwrap();
        let event = context().authorize(&Handshake::new(&headers, &uri, &context(), "Root=1"), &meta());
        assert_eq!(event["headers"]["Sec-WebSocket-Key"], "k");
        assert_eq!(event["headers"]["X-Many"], "2");
        assert_eq!(event["multiValueHeaders"]["X-Many"], json!(["1", "2"]));
        assert_eq!(event["headers"].get("Upgrade"), None);
        assert_eq!(event["headers"]["X-Forwarded-Port"], "3000");
        assert_eq!(event["queryStringParameters"], json!({"token": "a+b", "x": "2"}));
        assert_eq!(event["multiValueQueryStringParameters"]["x"], json!(["1", "2"]));
        assert_eq!(event["methodArn"], "arn:aws:execute-api:us-east-1:000000000000:dev0000000/prod/$connect");
    }
}
