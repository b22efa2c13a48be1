//! Golden messages in `fixtures/`, which the page's tests read too: each round-trips through its Rust type, and each variant has
//! one. A new variant does not compile until it is named here, and fails until it has a fixture.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared_protocol::client::{self, Inbound, Plain};
use shared_protocol::error::ApiError;
use shared_protocol::gateway::{DisconnectRequest, DisconnectResponse};
use shared_protocol::relay::RelayQuestion;
use shared_protocol::{
    ClientMessage, ErrorCode, GatewayClaims, InstanceClaims, RelayClaims, ServerFrame, ServerMessage, StreamEvent,
    UserClaims, limits,
};
use std::collections::BTreeSet;
use support::{Fixture, fixtures};

/// Names of all variants, as a list and as a function. The match has no wildcard, so the list is complete.
macro_rules! variants {
    ($list:ident, $name:ident, $enum:ident: $($variant:ident)*) => {
        const $list: &[&str] = &[$(stringify!($variant)),*];
        fn $name(of: &$enum) -> &'static str {
            match of { $($enum::$variant { .. } => stringify!($variant)),* }
        }
    };
}

variants!(CLIENT, client_variant, ClientMessage:
    Attach Input Resize Theme Command TypeLine Interrupt Extend Close ChatMessage Hand HandSeen Ask Allow TakeBack GiveBack OnlyMe
    Remove Ack Follow Carry Wall WallAck Announce Upload UploadPart Download DownloadPart CancelTransfer Ping Echo);
variants!(SERVER, server_variant, ServerMessage:
    Attached Output Event Snapshot Pong Echo InputAck Renew Carried Wall Announced Transfer FilePart Stored TransferFailed Error UnknownCommand
    CommandResult CommandStarted ResizeAck ChatMessage);
variants!(EVENTS, event_variant, StreamEvent:
    Size Exit CommandResult Command Tty Title Directory Chat Notice Controller Joined Left Hand Control Recording Closing Ends Stays Restarted);

/// Reads a fixture as `T` and checks that it serializes to the same JSON.
fn round_trip<T: DeserializeOwned + Serialize>(fixture: &Fixture) -> T {
    let value: T = serde_json::from_value(fixture.json.clone()).unwrap_or_else(|e| panic!("{}: {e}", fixture.name));
    assert_eq!(serde_json::to_value(&value).unwrap(), fixture.json, "{} does not round-trip", fixture.name);
    value
}

fn text<'a>(fixture: &'a Fixture, field: &str) -> &'a str {
    fixture.json[field].as_str().unwrap()
}

fn assert_all_seen(kind: &str, all: &[&str], seen: &BTreeSet<&str>) {
    let missing: Vec<_> = all.iter().filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "no fixture for {kind} {missing:?}");
}

#[test]
fn every_client_message_round_trips() {
    let mut seen = BTreeSet::new();
    for fixture in fixtures("client") {
        let envelope = client::parse(fixture.text.as_bytes()).unwrap_or_else(|e| panic!("{}: {e}", fixture.name));
        let Inbound::Message(message) = envelope.inbound else { panic!("{}: {envelope:?}", fixture.name) };
        assert_eq!(serde_json::from_str::<Value>(&message.to_json()).unwrap(), fixture.json, "{}", fixture.name);
        assert!(fixture.name.starts_with(text(&fixture, "type")), "{} holds {message:?}", fixture.name);
        assert_eq!(message.order().is_some(), fixture.json.get("seq").is_some(), "{}", fixture.name);
        assert_eq!(client::logged_type(fixture.text.as_bytes()), text(&fixture, "type"), "{}", fixture.name);
        seen.insert(client_variant(&message));
    }
    assert_all_seen("client message", CLIENT, &seen);
}

#[test]
fn a_log_line_names_only_types_that_exist() {
    for (body, logged) in [
        (r#"{"action":"input"}"#, "input"),
        (r#"{"type":"ping","action":"echo"}"#, "ping"),
        (r#"{"type":"my password"}"#, "unknown"),
        (r#"{"type":7}"#, "unknown"),
        ("input", "unknown"),
        ("", "unknown"),
    ] {
        assert_eq!(client::logged_type(body.as_bytes()), logged, "{body}");
    }
}

#[test]
fn action_is_an_alias_of_type() {
    for fixture in fixtures("client") {
        let mut json = fixture.json.clone();
        let fields = json.as_object_mut().unwrap();
        let kind = fields.remove("type").unwrap();
        fields.insert("action".into(), kind);
        let renamed = client::parse(json.to_string().as_bytes()).unwrap();
        assert_eq!(renamed, client::parse(fixture.text.as_bytes()).unwrap(), "{}", fixture.name);
    }
}

#[test]
fn an_envelope_may_have_ids_and_unknown_fields() {
    for fixture in fixtures("client").into_iter().filter(|fixture| !fixture.name.starts_with("echo")) {
        let mut json = fixture.json.clone();
        json["connectionId"] = "KbT4dc2oDoECFzA=".into();
        json["sessionId"] = "lab-7".into();
        json["from_the_future"] = serde_json::json!({"a": [1]});
        let envelope = client::parse(json.to_string().as_bytes()).unwrap_or_else(|e| panic!("{}: {e}", fixture.name));
        assert_eq!(envelope.inbound, client::parse(fixture.text.as_bytes()).unwrap().inbound, "{}", fixture.name);
        assert_eq!(envelope.connection_id.unwrap().as_str(), "KbT4dc2oDoECFzA=");
        assert_eq!(envelope.session_id.unwrap().as_str(), "lab-7");
    }
}

#[test]
fn messages_without_a_number_are_plain() {
    let owned = |s: &str| s.to_owned();
    for fixture in fixtures("plain") {
        let plain = client::parse(fixture.text.as_bytes()).unwrap_or_else(|e| panic!("{}: {e}", fixture.name)).inbound;
        let expected = match fixture.name.as_str() {
            "command" => Inbound::Plain(Plain::Command { id: None, command: owned("ls -la") }),
            "command_action" => Inbound::Plain(Plain::Command { id: Some(owned("7")), command: owned("ls -la") }),
            "resize" => Inbound::Plain(Plain::Resize { cols: 80, rows: 24 }),
            "input" => Inbound::Plain(Plain::Unordered { kind: "input" }),
            "type_line" => Inbound::Plain(Plain::Unordered { kind: "type_line" }),
            "interrupt" => Inbound::Plain(Plain::Unordered { kind: "interrupt" }),
            "extend" => Inbound::Plain(Plain::Unordered { kind: "extend" }),
            "close" => Inbound::Plain(Plain::Unordered { kind: "close" }),
            "hand" => Inbound::Plain(Plain::Unordered { kind: "hand" }),
            "hand_seen" => Inbound::Plain(Plain::Unordered { kind: "hand_seen" }),
            "ask" => Inbound::Plain(Plain::Unordered { kind: "ask" }),
            "allow" => Inbound::Plain(Plain::Unordered { kind: "allow" }),
            "take_back" => Inbound::Plain(Plain::Unordered { kind: "take_back" }),
            "give_back" => Inbound::Plain(Plain::Unordered { kind: "give_back" }),
            "only_me" => Inbound::Plain(Plain::Unordered { kind: "only_me" }),
            "remove" => Inbound::Plain(Plain::Unordered { kind: "remove" }),
            "chat_message" | "chat_message_action" => Inbound::Plain(Plain::Chat { message: owned("Hello") }),
            "unknown" => Inbound::Unknown { kind: owned("reboot") },
            other => panic!("no expectation for {other}"),
        };
        assert_eq!(plain, expected, "{}", fixture.name);
    }
}

#[test]
fn every_server_frame_and_stream_event_round_trips() {
    let (mut seen, mut events) = (BTreeSet::new(), BTreeSet::new());
    for fixture in fixtures("server") {
        let frame: ServerFrame = round_trip(&fixture);
        assert!(fixture.name.starts_with(text(&fixture, "type")), "{} holds {frame:?}", fixture.name);
        assert!(frame.to_json().len() <= limits::FRAME_BYTES, "{}", fixture.name);
        seen.insert(server_variant(&frame.message));
        match &frame.message {
            ServerMessage::Event(event) => {
                let name = format!("event_{}", text(&fixture, "kind"));
                assert!(fixture.name.starts_with(&name), "{} holds {name}", fixture.name);
                events.insert(event_variant(&event.event));
            }
            ServerMessage::Output(output) => {
                if let Some(bytes) = output.payload.decode() {
                    assert_eq!(bytes.len(), output.len as usize, "{}", fixture.name);
                }
            }
            _ => {}
        }
    }
    assert_all_seen("server message", SERVER, &seen);
    assert_all_seen("stream event", EVENTS, &events);
}

#[test]
fn the_gateway_types_round_trip() {
    for fixture in fixtures("gateway") {
        match fixture.name.as_str() {
            "user_claims" => drop(round_trip::<UserClaims>(&fixture)),
            "gateway_claims" | "gateway_claims_no_session" => drop(round_trip::<GatewayClaims>(&fixture)),
            "instance_claims" => drop(round_trip::<InstanceClaims>(&fixture)),
            "relay_claims" => drop(round_trip::<RelayClaims>(&fixture)),
            "relay_question" | "relay_question_report" => drop(round_trip::<RelayQuestion>(&fixture)),
            "disconnect_request" | "disconnect_request_no_session" => drop(round_trip::<DisconnectRequest>(&fixture)),
            "disconnect_answer" => drop(round_trip::<DisconnectResponse>(&fixture)),
            "api_error" => drop(round_trip::<ApiError>(&fixture)),
            other => panic!("no type for {other}"),
        }
    }
}

#[test]
fn a_user_token_of_two_claims_is_for_a_controller() {
    let claims: UserClaims = serde_json::from_str(r#"{"sub":"ada","exp":1763643600,"name":"Ada"}"#).unwrap();
    assert_eq!((claims.role, claims.admin, claims.sid), (shared_protocol::Role::Controller, false, None));
}

#[test]
fn malformed_messages_are_refused_with_their_code() {
    for fixture in fixtures("malformed") {
        let body = text(&fixture, "body");
        let code: ErrorCode = serde_json::from_value(fixture.json["code"].clone()).unwrap();
        match client::parse(body.as_bytes()) {
            Ok(parsed) => panic!("{}: parsed as {parsed:?}", fixture.name),
            Err(malformed) => {
                assert_eq!(malformed.code, code, "{}: {malformed}", fixture.name);
                // The developer of a client need not know how this program reads a message.
                for word in
                    ["u16", "u64", "struct", "expected", "invalid type", "deserialize", "variant", " at line 1 column"]
                {
                    assert!(!malformed.message.contains(word), "{}: {malformed}", fixture.name);
                }
            }
        }
    }
}

#[test]
fn a_refusal_names_the_field() {
    for (text, sentence) in [
        (r#"{"type":"attach","client":"c","cols":80}"#, "`attach`: `rows` is missing"),
        (r#"{"type":"attach","client":"c","cols":"80","rows":24}"#, "`attach`: `cols` must be a whole number"),
        (r#"{"type":"attach","client":"c","cols":70000,"rows":24}"#, "`attach`: `cols` is out of range"),
        (r#"{"type":"attach","client":"c","cols":80,"rows":24,"resume":5}"#, "`attach`: `resume` must be an object"),
        (r#"{"type":"attach","client":"c","cols":80,"rows":24,"accept":"z"}"#, "`attach`: `accept` must be a list"),
        (r#"{"type":"chat_message","data":{"message":5}}"#, "`chat_message`: `data.message` must be a text"),
        (r#"{"type":"ack","epoch":1,"pos":1,"pos":2}"#, "`ack`: `pos` is given twice"),
        ("{", "the text is not valid JSON at line 1, column 1"),
    ] {
        assert_eq!(client::parse(text.as_bytes()).unwrap_err().message, sentence, "{text}");
    }
}
