//! Builds the events of a browser's requests and messages without a running gateway, for the fuzzer and the property
//! tests. Connection and time are constant.

use crate::events::{Api, ConnectionContext, EventMeta, Handshake};
use crate::routes::Routes;
use http::{HeaderMap, Uri};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// Connection id of every event.
pub const CONNECTION: &str = "AAAA1234=";

/// The events of the authorizer and of `$connect` for a handshake.
pub fn handshake(headers: &HeaderMap, uri: &Uri) -> [Value; 2] {
    let context = context(None);
    let handshake = Handshake::new(headers, uri, &context, "Root=1");
    [context.authorize(&handshake, &meta()), context.connect(&handshake, &meta())]
}

/// The event of a message on an API with these routes and this authorizer context.
pub fn message(body: &str, routes: &[&str], authorizer: Map<String, Value>) -> Value {
    let routes = Routes(routes.iter().map(|key| (*key).to_owned()).collect());
    context(Some(authorizer)).message(routes.select(body), "M".to_owned(), body, &meta())
}

fn context(authorizer: Option<Map<String, Value>>) -> ConnectionContext {
    ConnectionContext {
        api: Arc::new(Api { stage: "prod".into(), domain_name: "127.0.0.1:3000".into(), ..Api::default() }),
        connection_id: CONNECTION.into(),
        connected_at: UNIX_EPOCH + Duration::from_secs(1_800_000_000),
        source_ip: "192.0.2.1".into(),
        user_agent: None,
        authorizer,
    }
}

fn meta() -> EventMeta {
    EventMeta { request_id: "R".into(), now: UNIX_EPOCH + Duration::from_secs(1_800_000_001) }
}
