//! The events that API Gateway hands to a function, field by field as it writes them. Pure: time and ids come in.
//! Shapes follow events recorded from AWS (the fixtures of awslabs/aws-lambda-rust-runtime, `lambda-events`).

use crate::system::epoch_ms;
use axum::extract::Query;
use http::{HeaderMap, Uri, header};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::SystemTime;
use time::OffsetDateTime;
use time::macros::format_description;

/// Account in every ARN: twelve digits that belong to nobody.
pub(crate) const ACCOUNT: &str = "000000000000";
/// Region in every ARN.
pub(crate) const REGION: &str = "us-east-1";
/// Id of the one API that this gateway serves.
const API_ID: &str = "dev0000000";

/// What every event of this gateway says.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    /// The stage.
    pub(crate) stage: String,
    /// `host:port`, where AWS has the API's domain.
    pub(crate) domain_name: String,
}

impl Api {
    /// What an authorizer is asked to allow.
    pub(crate) fn method_arn(&self) -> String {
        format!("arn:aws:execute-api:{REGION}:{ACCOUNT}:{API_ID}/{}/$connect", self.stage)
    }
}

/// What every event of one connection says.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// The API.
    pub(crate) api: Arc<Api>,
    /// The connection.
    pub(crate) connection_id: String,
    /// When the handshake came.
    pub(crate) connected_at: SystemTime,
    /// The client's address.
    pub(crate) source_ip: String,
    /// What the client calls itself.
    pub(crate) user_agent: Option<String>,
    /// What the authorizer said: rides on every event after it.
    pub(crate) authorizer: Option<Map<String, Value>>,
}

/// When an event happened, and its id.
#[derive(Debug, Clone)]
pub(crate) struct Stamp {
    pub(crate) request_id: String,
    pub(crate) now: SystemTime,
}

/// The client's handshake: its headers and query, in the order they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Handshake {
    headers: Vec<(String, String)>,
    query: Vec<(String, String)>,
}

impl Handshake {
    /// Takes from a request what API Gateway passes on, and adds what it adds.
    pub(crate) fn new(headers: &HeaderMap, uri: &Uri, origin: &Origin, trace: &str) -> Self {
        let hop = [header::CONNECTION, header::UPGRADE];
        let mut passed: Vec<(String, String)> = headers
            .iter()
            .filter(|(name, _)| !hop.contains(name))
            .map(|(name, value)| (canonical(name.as_str()), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let port = origin.api.domain_name.rsplit(':').next().unwrap_or_default();
        for (name, value) in [
            ("X-Amzn-Trace-Id", trace),
            ("X-Forwarded-For", &origin.source_ip),
            ("X-Forwarded-Port", port),
            ("X-Forwarded-Proto", "http"),
        ] {
            passed.push((name.to_owned(), value.to_owned()));
        }
        let query = Query::<Vec<(String, String)>>::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default();
        Self { headers: passed, query }
    }

    /// Adds headers and query to an event: the last value of each name, and all of them.
    fn add_to(&self, event: &mut Map<String, Value>) {
        event.insert("headers".into(), single(&self.headers));
        event.insert("multiValueHeaders".into(), multiple(&self.headers));
        if !self.query.is_empty() {
            event.insert("queryStringParameters".into(), single(&self.query));
            event.insert("multiValueQueryStringParameters".into(), multiple(&self.query));
        }
    }
}

impl Origin {
    /// The event for a REQUEST authorizer.
    pub(crate) fn authorize(&self, handshake: &Handshake, stamp: &Stamp) -> Value {
        let mut event = Map::new();
        event.insert("type".into(), "REQUEST".into());
        event.insert("methodArn".into(), self.api.method_arn().into());
        handshake.add_to(&mut event);
        event.insert("stageVariables".into(), json!({}));
        event.insert("requestContext".into(), self.context("$connect", "CONNECT", stamp).into());
        event.into()
    }

    /// The event of `$connect`.
    pub(crate) fn connect(&self, handshake: &Handshake, stamp: &Stamp) -> Value {
        let mut event = Map::new();
        handshake.add_to(&mut event);
        event.insert("requestContext".into(), self.context("$connect", "CONNECT", stamp).into());
        event.insert("isBase64Encoded".into(), false.into());
        event.into()
    }

    /// The event of one message. It carries no headers.
    pub(crate) fn message(&self, route_key: &str, message_id: String, body: &str, stamp: &Stamp) -> Value {
        let mut context = self.context(route_key, "MESSAGE", stamp);
        context.insert("messageId".into(), message_id.into());
        let mut event = Map::new();
        event.insert("requestContext".into(), context.into());
        event.insert("body".into(), body.into());
        event.insert("isBase64Encoded".into(), false.into());
        event.into()
    }

    /// The event of `$disconnect`, whose headers are nearly empty on AWS too.
    pub(crate) fn disconnect(&self, code: u16, reason: &str, stamp: &Stamp) -> Value {
        let mut context = self.context("$disconnect", "DISCONNECT", stamp);
        context.insert("disconnectStatusCode".into(), code.into());
        context.insert("disconnectReason".into(), reason.into());
        let headers =
            [("Host", self.api.domain_name.as_str()), ("x-api-key", ""), ("X-Forwarded-For", ""), ("x-restapi", "")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut event = Map::new();
        event.insert("headers".into(), single(&headers));
        event.insert("multiValueHeaders".into(), multiple(&headers));
        event.insert("requestContext".into(), context.into());
        event.insert("isBase64Encoded".into(), false.into());
        event.into()
    }

    fn context(&self, route_key: &str, event_type: &str, stamp: &Stamp) -> Map<String, Value> {
        let mut identity = Map::from_iter([("sourceIp".to_owned(), Value::from(self.source_ip.as_str()))]);
        if let Some(user_agent) = &self.user_agent {
            identity.insert("userAgent".into(), user_agent.as_str().into());
        }
        let fields = [
            ("routeKey", Value::from(route_key)),
            ("eventType", event_type.into()),
            ("extendedRequestId", stamp.request_id.as_str().into()),
            ("requestId", stamp.request_id.as_str().into()),
            ("requestTime", request_time(stamp.now).into()),
            ("requestTimeEpoch", epoch_ms(stamp.now).into()),
            ("messageDirection", "IN".into()),
            ("stage", self.api.stage.as_str().into()),
            ("connectedAt", epoch_ms(self.connected_at).into()),
            ("identity", identity.into()),
            ("domainName", self.api.domain_name.as_str().into()),
            ("connectionId", self.connection_id.as_str().into()),
            ("apiId", API_ID.into()),
        ];
        let mut context: Map<String, Value> =
            fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if let Some(authorizer) = &self.authorizer {
            context.insert("authorizer".into(), authorizer.clone().into());
        }
        context
    }
}

/// `09/Feb/2024:18:11:43 +0000`
fn request_time(time: SystemTime) -> String {
    let format = format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
    OffsetDateTime::from(time).format(format).unwrap_or_default()
}

/// A header's name as clients write it and API Gateway passes it on; the HTTP library only keeps it in lower case.
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
    let mut all = Map::new();
    for (name, value) in pairs {
        if let Value::Array(values) = all.entry(name.clone()).or_insert_with(|| json!([])) {
            values.push(value.as_str().into());
        }
    }
    all.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn origin() -> Origin {
        Origin {
            api: Arc::new(Api { stage: "prod".into(), domain_name: "127.0.0.1:3000".into() }),
            connection_id: "AAAA1234=".into(),
            connected_at: UNIX_EPOCH + Duration::from_millis(1_707_502_303_419),
            source_ip: "192.0.2.1".into(),
            user_agent: None,
            authorizer: None,
        }
    }

    fn stamp() -> Stamp {
        Stamp { request_id: "ABCD1234=".into(), now: UNIX_EPOCH + Duration::from_millis(1_707_502_303_420) }
    }

    #[test]
    fn a_disconnect_event_is_the_recorded_one() {
        let event = origin().disconnect(1005, "Client-side close frame status not set", &stamp());
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
    fn a_handshake_keeps_every_value_and_its_names() {
        let mut headers = HeaderMap::new();
        headers.insert("sec-websocket-key", "k".parse().unwrap());
        headers.insert("upgrade", "websocket".parse().unwrap());
        headers.append("x-many", "1".parse().unwrap());
        headers.append("x-many", "2".parse().unwrap());
        let uri = "/prod?token=a%2Bb&x=1&x=2".parse().unwrap();
        let event = origin().authorize(&Handshake::new(&headers, &uri, &origin(), "Root=1"), &stamp());
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
