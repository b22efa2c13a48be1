//! Property tests of the parsers: they never panic, refuse malformed messages, and their replies fit into a frame.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod client_frame;
mod server_frame;
#[path = "../support/mod.rs"]
mod support;

use client_frame::holds as parse;
use proptest::prelude::*;
use serde_json::{Value, json};
use shared_protocol::client::Inbound;
use shared_protocol::{ClientMessage, ErrorCode, limits};
use support::fixtures;

fn code(body: &str) -> Option<ErrorCode> {
    parse(body.as_bytes()).err().map(|malformed| malformed.code)
}

/// An `input` of exactly this many bytes.
fn input_of(bytes: usize) -> String {
    let frame = |data: &str| format!(r#"{{"type":"input","seq":1,"epoch":1,"data":"{data}"}}"#);
    frame(&"x".repeat(bytes - frame("").len()))
}

#[test]
fn a_message_may_be_as_long_as_a_frame_and_no_longer() {
    assert!(parse(input_of(limits::FRAME_BYTES).as_bytes()).is_ok());
    assert_eq!(code(&input_of(limits::FRAME_BYTES + 1)), Some(ErrorCode::TooLarge));
}

#[test]
fn a_message_whose_reply_would_not_fit_is_too_large() {
    let long = "x".repeat(limits::FRAME_BYTES - 100);
    assert_eq!(code(&json!({"type": "echo", "a": long}).to_string()), Some(ErrorCode::TooLarge));
    assert_eq!(code(&json!({"type": "ping", "t": long}).to_string()), Some(ErrorCode::TooLarge));
    // serde writes each of these numbers four times as long.
    let numbers = vec!["1e15"; 6000].join(",");
    assert_eq!(code(&format!(r#"{{"type":"echo","a":[{numbers}]}}"#)), Some(ErrorCode::TooLarge));
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    for depth in [1, 100, 127, 128, 129, 1000, 8000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let (open, close) = (open.repeat(depth), close.repeat(depth));
            let deep = if open.starts_with('[') { format!("{open}{close}") } else { format!("{open}1{close}") };
            if deep.len() > limits::FRAME_BYTES - 200 {
                continue;
            }
            let _ = parse(deep.as_bytes());
            for fixture in fixtures("client") {
                let text = fixture.text.trim_end().strip_suffix('}').expect("an object").to_owned();
                for field in ["future", "t", "data", "resume", "seq", "type", "action"] {
                    let _ = parse(format!("{text}, \"{field}\": {deep}}}").as_bytes());
                }
            }
            // A truncated message.
            let _ = parse(format!(r#"{{"type":"echo","a":{open}"#).as_bytes());
        }
    }
}

#[test]
fn a_repeated_field_is_refused() {
    for fixture in fixtures("client") {
        let text = fixture.text.trim_end().strip_suffix('}').expect("an object").to_owned();
        for (field, value) in fixture.json.as_object().expect("an object") {
            if fixture.name.starts_with("echo") && field != "type" {
                continue;
            }
            let twice = format!("{text}, {}: {value}}}", json!(field));
            assert_eq!(code(&twice), Some(ErrorCode::BadField), "{} with {field} twice", fixture.name);
        }
    }
}

#[test]
fn unsafe_integers_are_refused_in_every_number() {
    let huge = ["1e400", "-1e400", "-1", "0.5", "9007199254740992", "18446744073709551616", &"9".repeat(5000)];
    for fixture in fixtures("client") {
        for field in ["seq", "epoch", "pos", "who", "loan", "afterSeq", "cols", "rows"] {
            if fixture.json.get(field).is_none() {
                continue;
            }
            for number in huge {
                let mut json = fixture.json.clone();
                json[field] = "HERE".into();
                let text = json.to_string().replace("\"HERE\"", number);
                assert!(parse(text.as_bytes()).is_err(), "{} with {field} {number}", fixture.name);
            }
        }
    }
}

#[test]
fn a_field_of_the_wrong_type_is_refused() {
    let kinds = [json!(null), json!(true), json!(-7.5), json!("wrong kind of value"), json!([]), json!({})];
    for fixture in fixtures("client") {
        for (field, right) in fixture.json.as_object().expect("an object") {
            let anything = field == "t" || (fixture.name.starts_with("echo") && field != "type");
            if anything {
                continue;
            }
            for wrong in &kinds {
                // Null counts as absent where a field is optional. A message without a number is plain.
                let optional = ["seq", "resume", "theme", "ack", "visible", "loan", "line", "directory", "folder"];
                let absent = wrong.is_null() && optional.contains(&field.as_str());
                let same_kind = std::mem::discriminant(wrong) == std::mem::discriminant(right);
                if absent || (same_kind && !wrong.is_number()) {
                    continue;
                }
                let mut json = fixture.json.clone();
                json[field.as_str()] = wrong.clone();
                assert!(parse(json.to_string().as_bytes()).is_err(), "{} with {field} {wrong}", fixture.name);
            }
        }
    }
}

#[test]
fn lone_surrogates_and_invalid_utf8_are_refused() {
    for bad in [r"\ud800", r"\udc00", r"\ud83d\ud83d", r"\ud83dx"] {
        for template in [
            r#"{"type":"input","seq":1,"epoch":1,"data":"HERE"}"#,
            r#"{"type":"command","seq":1,"epoch":1,"id":"1","command":"HERE"}"#,
            r#"{"type":"chat_message","seq":1,"epoch":1,"data":{"message":"HERE"}}"#,
            r#"{"type":"HERE"}"#,
            r#"{"type":"ping","t":"HERE"}"#,
            r#"{"type":"echo","HERE":1}"#,
            r#"{"type":"ping","connectionId":"HERE"}"#,
        ] {
            let body = template.replace("HERE", bad);
            assert!(parse(body.as_bytes()).is_err(), "{body}");
            let raw = template.replace("HERE", "\u{fffd}").into_bytes();
            let broken: Vec<u8> = raw.iter().map(|&b| if b == 0xef { 0xff } else { b }).collect();
            assert!(parse(&broken).is_err(), "invalid UTF-8 in {template}");
        }
    }
}

#[test]
fn a_long_wrong_value_is_truncated_in_the_error() {
    let long = "\u{1}".repeat(5000);
    let body = json!({"type": "ack", "epoch": long, "pos": 0}).to_string();
    let malformed = parse(body.as_bytes()).expect_err("an epoch is a number");
    assert!(malformed.message.len() < 1000, "{} bytes", malformed.message.len());
}

/// Any JSON, limited in depth and size.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            proptest::collection::hash_map(any::<String>(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Folders of client messages.
const CLIENT: &[&str] = &["client", "plain"];

/// The text of any fixture of these folders.
fn any_fixture(folders: &'static [&'static str]) -> impl Strategy<Value = String> {
    let texts: Vec<String> = folders.iter().copied().flat_map(fixtures).map(|fixture| fixture.text).collect();
    proptest::sample::select(texts)
}

/// Positions where bytes are changed, inserted or removed.
type Damage = Vec<(proptest::sample::Index, u8, u8)>;

fn any_damage() -> impl Strategy<Value = Damage> {
    proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), 0u8..3), 1..6)
}

fn damaged(text: String, damage: Damage) -> Vec<u8> {
    let mut body = text.into_bytes();
    for (at, byte, how) in damage {
        let at = at.index(body.len());
        match how {
            0 => body[at] = byte,
            1 => body.insert(at, byte),
            _ => drop(body.remove(at)),
        }
    }
    body
}

proptest! {
    #[test]
    fn random_bytes(body in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(parse(&body).is_err());
    }

    #[test]
    fn random_json(json in any_json()) {
        let _ = parse(json.to_string().as_bytes());
    }

    #[test]
    fn a_fixture_with_one_changed_field(
        text in any_fixture(CLIENT),
        field in "(seq|epoch|pos|data|b64|cols|rows|client|t|id|command|accept|resume|repair|afterSeq|type|action|.*)",
        value in any_json(),
    ) {
        let mut json: Value = serde_json::from_str(&text).expect("a fixture");
        json[field] = value;
        let _ = parse(json.to_string().as_bytes());
    }

    #[test]
    fn a_damaged_fixture(text in any_fixture(CLIENT), damage in any_damage()) {
        let _ = parse(&damaged(text, damage));
    }

    #[test]
    fn a_damaged_frame_of_the_service(text in any_fixture(&["server"]), damage in any_damage()) {
        server_frame::holds(&damaged(text, damage));
    }

    #[test]
    fn a_frame_of_the_service_with_one_changed_field(
        text in any_fixture(&["server"]),
        field in "(epoch|pos|len|data|b64|z|head|ackSeq|parts|events|kind|type|t|received|.*)",
        value in any_json(),
    ) {
        let mut json: Value = serde_json::from_str(&text).expect("a fixture");
        json[field] = value;
        server_frame::holds(json.to_string().as_bytes());
    }

    #[test]
    fn an_unknown_type_is_a_variant(kind in ".{0,200}") {
        let known = fixtures("client").iter().any(|fixture| fixture.json["type"] == kind.as_str());
        prop_assume!(!known);
        let envelope = parse(json!({"type": kind, "seq": 1}).to_string().as_bytes()).expect("an unknown type");
        let start: String = kind.chars().take(64).collect();
        prop_assert_eq!(envelope.inbound, Inbound::Unknown { kind: start });
    }

    #[test]
    fn anything_larger_than_a_frame_is_too_large(extra in 1usize..200_000, fill in any::<u8>()) {
        let body = vec![fill; limits::FRAME_BYTES + extra];
        prop_assert_eq!(parse(&body).expect_err("too large").code, ErrorCode::TooLarge);
    }

    #[test]
    fn any_input_arrives_unchanged(text in any::<String>(), bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::STANDARD.encode(&bytes);
        for (field, sent, meant) in [("data", &text, text.as_bytes()), ("b64", &encoded, &bytes[..])] {
            let body = json!({"type": "input", "seq": 1, "epoch": 1, field: sent}).to_string();
            let Inbound::Message(ClientMessage::Input(input)) = parse(body.as_bytes()).expect("an input").inbound else {
                panic!("not an input");
            };
            prop_assert_eq!(input.keys.into_bytes().expect("checked while parsing"), meant);
        }
    }
}
