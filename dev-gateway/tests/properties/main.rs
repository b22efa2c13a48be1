//! Property tests of handshakes, messages and fault plans.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

mod events;
mod fault_plan;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

fn any_handshake() -> impl Strategy<Value = String> {
    let name = select(vec![
        "Sec-WebSocket-Protocol",
        "sec-websocket-protocol",
        "Origin",
        "Cookie",
        "Host",
        "X-Forwarded-For",
        "X-Amzn-Trace-Id",
        "Upgrade",
        "Authorization",
        "x-api-key",
        "X-WEBSOCKET",
        "a--b",
        "User-Agent",
    ]);
    let value = prop_oneof!["[ -~]{0,40}", "termgate, [a-zA-Z0-9._-]{0,60}", "https://[a-z.]{0,12}", "[à-ÿ]{0,5}"];
    let header = (name, value).prop_map(|(name, value)| format!("{name}: {value}"));
    let parameter = ("(token|sessionId|x|%74oken|)", "[a-zA-Z0-9%+&=._~-]{0,40}")
        .prop_map(|(name, value)| format!("{name}={value}"));
    (vec(parameter, 0..4), vec(header, 0..8))
        .prop_map(|(query, headers)| format!("/prod?{}\n{}", query.join("&"), headers.join("\n")))
}

fn any_message() -> impl Strategy<Value = String> {
    let action = select(vec!["sendMessage", "chat_message", "$connect", "$disconnect", "$default", "other", ""]);
    prop_oneof![
        (action, "[ -~]{0,20}")
            .prop_map(|(action, text)| serde_json::json!({"action": action, "data": text}).to_string()),
        (select(vec!["7", "null", "[]", "\"sendMessage\",\"action\":\"other\""]))
            .prop_map(|value| format!("{{\"action\":{value}}}")),
        ".{0,60}",
        "[\\x00-\\x7f]{0,60}",
    ]
}

fn any_plan() -> impl Strategy<Value = String> {
    let name = "(in\\.|out\\.|in.in.|)(reorder|repeat|lose|delay|slow|throttle|account-throttle|account-throttle-for|account-rate|rate|gone|fail-delivered|cut-every|cut|cut-with|refuse|one-at-a-time|kill-within|cold|none|x)";
    let value = "(=(0|1|0\\.[0-9]{1,20}|1e-[0-9]{1,3}|-0|NaN|[0-9]{1,21}|[0-9]{1,5}\\.\\.[0-9]{1,5}|abort|close|either|on|off|))?";
    vec((name, value).prop_map(|(name, value)| name + &value), 0..6).prop_map(|parts| parts.join(","))
}

#[test]
fn accepts_ordinary_input() {
    assert!(events::handshake("/prod?token=a.b.c&sessionId=lab-7\nHost: 127.0.0.1:3000\nOrigin: https://labs.example"));
    assert!(fault_plan::holds("reorder=0.2,in.lose=0.02,delay=0..50,cut-every=200"));
}

proptest! {
    #[test]
    fn handshake_events_keep_headers_and_query(lines in any_handshake()) {
        events::handshake(&lines);
    }

    #[test]
    fn messages_arrive_unchanged(body in any_message()) {
        events::message(&body);
    }

    #[test]
    fn plans_survive_printing_and_parsing(text in any_plan()) {
        fault_plan::holds(&text);
    }
}
