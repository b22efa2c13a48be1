//! The fixtures have the documented shapes: AWS's own Rust types of the events can read them.

use crate::harness::fixture;
use crate::support::CONNECTION;
use aws_lambda_events::apigw::{ApiGatewayCustomAuthorizerRequestTypeRequest, ApiGatewayWebsocketProxyRequest};
use serde_json::Value;

#[test]
fn every_fixture_parses_as_the_event_of_its_name() {
    let folder = format!("{}/fixtures", env!("CARGO_MANIFEST_DIR"));
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: Vec<String> = names.collect();
    assert!(names.len() >= 15, "{names:?}");
    for name in names {
        let event = fixture(name.strip_suffix(".json").unwrap());
        match name.split(['-', '.']).next().unwrap() {
            "authorizer" => authorizer(event, &name),
            kind => route(event, kind, &name),
        }
    }
}

fn authorizer(event: Value, name: &str) {
    let event: ApiGatewayCustomAuthorizerRequestTypeRequest = serde_json::from_value(event).unwrap();
    assert_eq!(event.type_.as_deref(), Some("REQUEST"), "{name}");
    assert!(event.method_arn.unwrap().ends_with("/prod/$connect"), "{name}");
    assert!(event.headers.contains_key("sec-websocket-key"), "{name}");
}

fn route(event: Value, kind: &str, name: &str) {
    let authorized = !name.contains("without-authorizer");
    let event: ApiGatewayWebsocketProxyRequest = serde_json::from_value(event).unwrap();
    let context = event.request_context;
    let route = context.route_key.as_deref().unwrap();
    let (event_type, routes): (_, &[&str]) = match kind {
        "connect" => ("CONNECT", &["$connect"]),
        "disconnect" => ("DISCONNECT", &["$disconnect"]),
        "message" => ("MESSAGE", &["$default", "sendMessage", "chat_message"]),
        other => panic!("{name}: {other}"),
    };
    assert_eq!(context.event_type.as_deref(), Some(event_type), "{name}");
    assert!(routes.contains(&route), "{name}: {route}");
    assert_eq!(context.connection_id.as_deref(), Some(CONNECTION), "{name}");
    assert_eq!(context.message_id.is_some(), kind == "message", "{name}");
    assert_eq!(event.body.is_some(), kind == "message", "{name}");
    assert_eq!(context.disconnect_status_code.is_some(), kind == "disconnect", "{name}");
    assert_eq!(context.authorizer.fields.contains_key("sub"), authorized, "{name}");
    assert_eq!(event.headers.is_empty(), kind == "message", "{name}");
}
