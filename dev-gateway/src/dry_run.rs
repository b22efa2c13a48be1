//! The events that a browser's requests and messages would become, without a gateway that runs: what the fuzzer and the property
//! tests look at. Always of the same connection, at the same time.

use crate::events::{Api, Handshake, Origin, Stamp};
use crate::routes::Routes;
use http::{HeaderMap, Uri};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// The connection of every event.
pub const CONNECTION: &str = "AAAA1234=";

/// What the authorizer and `$connect` are given for a handshake.
pub fn handshake(headers: &HeaderMap, uri: &Uri) -> [Value; 2] {
    let origin = origin(None);
    let handshake = Handshake::new(headers, uri, &origin, "Root=1");
    [origin.authorize(&handshake, &stamp()), origin.connect(&handshake, &stamp())]
}

/// What the function is given for a message on an API with these routes, after its authorizer said this.
pub fn message(body: &str, routes: &[&str], authorizer: Map<String, Value>) -> Value {
    let routes = Routes::new(routes.iter().map(|key| (*key).to_owned()).collect());
    origin(Some(authorizer)).message(routes.select(body), "M".to_owned(), body, &stamp())
}

fn origin(authorizer: Option<Map<String, Value>>) -> Origin {
    Origin {
        api: Arc::new(Api { stage: "prod".into(), domain_name: "127.0.0.1:3000".into() }),
        connection_id: CONNECTION.into(),
        connected_at: UNIX_EPOCH + Duration::from_secs(1_800_000_000),
        source_ip: "192.0.2.1".into(),
        user_agent: None,
        authorizer,
    }
}

fn stamp() -> Stamp {
    Stamp { request_id: "R".into(), now: UNIX_EPOCH + Duration::from_secs(1_800_000_001) }
}
