//! The tables and examples of `docs/protocol.md`: what they list is exactly what the types have, so that neither can gain or lose
//! a message, a field, a code, a claim, a header or a limit alone.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sentences;

use serde_json::Value;
use shared_protocol::relay::RelayQuestion;
use shared_protocol::{ClientMessage, EndReason, ErrorCode, Inbound, client, gateway, limits, relay};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use strum::VariantArray;

const PAGE: &str = include_str!("../../../docs/protocol.md");

/// Encodings of bytes: a frame has one of them, and `output` shows all.
const ENCODINGS: [&str; 3] = ["data", "b64", "z"];

/// The part of the page under this heading.
fn section(heading: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    rest.split("\n## ").next().unwrap()
}

/// The rows of the first table after this line, each as its cells.
fn table(text: &'static str, header: &str) -> Vec<Vec<&'static str>> {
    let (_, rest) = text.split_once(&format!("\n{header}\n")).unwrap_or_else(|| panic!("no table {header}"));
    let rows = rest.lines().skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim().trim_start_matches('|').split('|').map(str::trim).collect()).collect()
}

/// The words between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Names of the fields of a cell, and whether each may be absent: `accept?`, `data: {message}`, `data` or `b64`.
fn fields(cell: &str) -> BTreeMap<String, bool> {
    let mut depth = 0;
    let outside = |text: &str| -> String {
        text.chars()
            .filter(|c| {
                depth += i32::from(*c == '{');
                let is_outside = depth == 0;
                depth -= i32::from(*c == '}');
                is_outside
            })
            .collect()
    };
    let is_choice = cell.contains(" or ");
    let names: Vec<String> = quoted(cell).map(outside).collect();
    let names = names.iter().flat_map(|names| names.split(','));
    names
        .filter_map(|name| {
            let bare = name.trim().trim_end_matches([':', ' ']);
            let optional = bare.ends_with('?') || is_choice && ENCODINGS.contains(&bare);
            Some((bare.trim_end_matches('?').to_owned(), optional)).filter(|(name, _)| !name.is_empty())
        })
        .collect()
}

/// The fixtures of a folder that have this key, by its value.
fn fixtures(folder: &str, key: &str) -> BTreeMap<String, Vec<serde_json::Map<String, Value>>> {
    let mut found = BTreeMap::<_, Vec<_>>::new();
    for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder)).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let Value::Object(fixture) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
        if let Some(Value::String(name)) = fixture.get(key) {
            found.entry(name.clone()).or_default().push(fixture);
        }
    }
    found
}

/// Compares rows with fixtures: the same names, no field that only one of both has, and every required field in every fixture.
fn compare(rows: &[Vec<&str>], fixtures: &BTreeMap<String, Vec<serde_json::Map<String, Value>>>, always: &[&str]) {
    let mut listed = BTreeSet::new();
    for row in rows {
        let names: Vec<&str> = quoted(row[0]).collect();
        let fields = fields(row[1]);
        for name in names {
            listed.insert(name.to_owned());
            let of_name = fixtures.get(name).unwrap_or_else(|| panic!("no fixture of {name}"));
            if row[1].is_empty() || row[1] == "any" {
                continue;
            }
            for fixture in of_name {
                let extra = fixture.keys().filter(|key| !always.contains(&key.as_str()) && !fields.contains_key(*key));
                assert_eq!(extra.collect::<Vec<_>>(), Vec::<&String>::new(), "the page lacks fields of {name}");
                let missing = fields.iter().filter(|(field, optional)| !**optional && !fixture.contains_key(*field));
                assert_eq!(missing.collect::<Vec<_>>(), [], "{name} has not always what the page says");
            }
            let shown = fields.keys().filter(|field| !ENCODINGS.contains(&field.as_str()));
            let unused = shown.filter(|field| !of_name.iter().any(|fixture| fixture.contains_key(*field)));
            assert_eq!(unused.collect::<Vec<_>>(), Vec::<&String>::new(), "no fixture of {name} has these");
        }
    }
    assert_eq!(listed, fixtures.keys().cloned().collect(), "names of the page, and of the fixtures");
}

#[test]
fn messages_and_their_fields() {
    let rows = table(section("## Messages of a client"), "| `type` | fields | meaning |");
    compare(&rows, &fixtures("client", "type"), &["type"]);
}

#[test]
fn frames_and_their_fields() {
    let rows = table(section("## Frames of the service"), "| `type` | fields | meaning |");
    let always = ["type", "head", "ackSeq", "prompt", "epoch"];
    let mut frames = fixtures("server", "type");
    let events = frames.remove("event").unwrap();
    compare(&rows.into_iter().filter(|row| row[0] != "`event`").collect::<Vec<_>>(), &frames, &always);

    let rows = table(section("## The stream"), "| `kind` | fields | meaning |");
    let mut kinds = BTreeMap::<_, Vec<_>>::new();
    for event in events {
        kinds.entry(event["kind"].as_str().unwrap().to_owned()).or_default().push(event);
    }
    compare(&rows, &kinds, &["type", "kind", "pos", "head", "ackSeq", "prompt", "epoch"]);
}

#[test]
fn claims() {
    let keys = |name: &str| -> BTreeSet<String> {
        let text =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/gateway").join(name)).unwrap();
        serde_json::from_str::<serde_json::Map<String, Value>>(&text).unwrap().into_iter().map(|(key, _)| key).collect()
    };
    let listed = |heading: &str| -> BTreeSet<String> {
        let rows = table(section(heading), "| claim | meaning |");
        rows.iter().flat_map(|row| fields(row[0]).into_keys()).collect()
    };
    assert_eq!(listed("## Clients, connections, sessions"), keys("user_claims.json"));
    assert_eq!(listed("## Gateway and service"), keys("gateway_claims.json"));
}

#[test]
fn errors_and_ends() {
    let rows = table(section("## Errors"), "| code | HTTP | retryable | meaning |");
    assert_eq!(rows.len(), ErrorCode::VARIANTS.len());
    for (row, code) in rows.iter().zip(ErrorCode::VARIANTS) {
        let name = serde_json::to_value(code).unwrap();
        assert_eq!(row[0].trim_matches('`'), name.as_str().unwrap());
        assert_eq!(row[1].split(',').next().unwrap(), code.status().to_string(), "{name}");
        assert_eq!(row[2] == "yes", code.retryable(), "{name}");
    }
    let rows = table(section("## The stream"), "| `reason` | cause | time of `closing` before the end | its `code` |");
    assert_eq!(rows.len(), EndReason::VARIANTS.len());
    for (row, reason) in rows.iter().zip(EndReason::VARIANTS) {
        assert_eq!(row[0].trim_matches('`'), serde_json::to_value(reason).unwrap().as_str().unwrap());
        if let Some(code) = quoted(row.get(3).unwrap_or(&"")).next() {
            assert_eq!(code, serde_json::to_value(reason.code()).unwrap().as_str().unwrap(), "{reason:?}");
        }
    }
}

#[test]
fn headers_and_paths() {
    let text = section("## Gateway and service");
    let listed: Vec<&str> =
        table(text, "| header | of | meaning |").iter().filter_map(|row| quoted(row[0]).next()).collect();
    let headers = [
        gateway::CONNECTION_HEADER,
        gateway::REQUEST_ID_HEADER,
        gateway::RECEIVED_HEADER,
        relay::RELAYS_HEADER,
        relay::GRANT_HEADER,
        relay::NEXT_HEADER,
        gateway::TOUCH_HEADER,
        gateway::CLOSE_HEADER,
    ];
    assert_eq!(listed, headers);
    for path in [gateway::MESSAGE_PATH, relay::RELAY_PATH, gateway::DISCONNECT_PATH] {
        assert!(text.contains(&format!("`POST {path}`")), "{path}");
    }
    for audience in [gateway::TOKEN_ISSUER, gateway::TOKEN_AUDIENCE, relay::RELAY_AUDIENCE] {
        assert!(PAGE.contains(&format!("`{audience}`")), "{audience}");
    }
}

#[test]
fn numbers() {
    let kib = |bytes: usize| bytes / 1024;
    let seconds =
        [limits::INTEGRATION_TIMEOUT, limits::IDLE_TIMEOUT, limits::CONNECTION_LIFETIME].map(|time| time.as_secs());
    let expected = [
        format!("{} KB", kib(limits::FRAME_BYTES)),
        format!("{} KiB", kib(limits::FRAME_RAW_BYTES)),
        format!(
            "{} KiB; {} KiB; {} KiB",
            kib(limits::COMMAND_BYTES),
            kib(limits::CHAT_BYTES),
            kib(limits::RESULT_BYTES)
        ),
        format!("{} KiB; {} KiB", kib(limits::ANNOUNCEMENT_BYTES), kib(limits::OFFER_BYTES)),
        format!("{} KiB; {} KiB; {}", kib(limits::COMMAND_BYTES), kib(limits::DIRECTORY_BYTES), limits::TYPISTS),
        format!("1 to {} characters", limits::ID_BYTES),
        format!("{} KiB", kib(limits::INPUT_WINDOW_BYTES)),
        format!("{} s; {} min; {} h", seconds[0], seconds[1] / 60, seconds[2] / 3600),
    ];
    let (_, rows) = section("## Numbers").split_once("|---|---|\n").unwrap();
    let listed: Vec<&str> =
        rows.lines().filter_map(|row| row.trim_matches('|').split(" | ").nth(1)).map(str::trim).collect();
    assert_eq!(listed, expected);
    for sentence in [
        format!(
            "Sizes are {} to {} columns and {} to {} rows",
            limits::COLS.start(),
            limits::COLS.end(),
            limits::ROWS.start(),
            limits::ROWS.end()
        ),
        "are integers up to 2^53 - 1.".to_owned(),
        format!("at most {},000 messages or {} MiB", limits::MAX_EARLY_MESSAGES / 1000, limits::MAX_EARLY_BYTES >> 20),
        format!("has all `people`, at most {} and {} on walls", limits::PEOPLE, limits::WALL_PEOPLE),
        format!(
            "`200` with at most {} frames and {} KiB of them",
            relay::MAX_ANSWER_FRAMES,
            kib(relay::MAX_ANSWER_BYTES)
        ),
        format!(
            "at least every {} KiB, and within {} s",
            limits::ACK_STEP_BYTES / 1024,
            limits::MAX_ACK_DELAY.as_secs()
        ),
        format!("for up to {} ms from the first of these keys on", limits::ECHO_HOLD.as_millis()),
        format!("without a frame (at most {},000)", gateway::MAX_WAIT_MS / 1000),
        format!("| 1009 | a message was above {} KB |", kib(limits::MESSAGE_BYTES)),
    ] {
        let page = PAGE.replace('\n', " ");
        assert!(page.contains(&sentence), "{sentence}");
    }
    assert_eq!(limits::MAX_NUMBER, (1 << 53) - 1);
}

#[test]
fn examples() {
    let blocks = PAGE.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let (mut messages, mut questions) = (0, 0);
    for line in blocks.flat_map(str::lines) {
        match client::parse(line.as_bytes()) {
            Ok(_) => messages += 1,
            Err(_) => {
                serde_json::from_str::<RelayQuestion>(line).unwrap();
                questions += 1;
            }
        }
    }
    assert_eq!((messages, questions), (3, 1));
    let rows = table(section("## Plain clients"), "| message | answer |");
    let plain = rows.iter().filter_map(|row| quoted(row[0]).next()).filter(|message| message.starts_with('{'));
    for message in plain {
        let parsed = client::parse(message.as_bytes()).unwrap();
        let is_plain = matches!(parsed.inbound, Inbound::Plain(_) | Inbound::Message(ClientMessage::Ping(_)));
        assert!(is_plain, "{message}");
    }
}
