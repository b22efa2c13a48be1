//! Properties of the events built from a browser's requests and messages, and of the function's answers. A file of its
//! own because a fuzz target includes it.

use auth_tokens::{UserKey, UserTokenVerifier};
use dev_gateway::dry_run;
use gateway_lambda::backend::Call;
use gateway_lambda::clock::ManualClock;
use gateway_lambda::{Config, Deps, Gateway, MemoryConnections, RecordingBrowser, ScriptedBackend, SystemRandom};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const NOW: u64 = 1_800_000_000;
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const ROUTES: [&str; 2] = ["sendMessage", "chat_message"];

/// Checks that a message reaches the service unchanged, over one of the API's routes.
pub(crate) fn message(body: &str) {
    let event = dry_run::message(body, &ROUTES, authorized());
    assert_eq!(event["body"], body);
    let route = event["requestContext"]["routeKey"].as_str().unwrap();
    if route != "$default" {
        let action = serde_json::from_str::<Value>(body).unwrap()["action"].clone();
        assert!(action == route && ROUTES.contains(&route), "only a configured route");
    }
    let backend = Arc::new(ScriptedBackend::default());
    let answer = handle(&backend, event);
    assert_eq!(answer, Ok(json!({"statusCode": 200})));
    let arrived = backend.calls().into_iter().map(|call| match call {
        Call::Message { caller, body } => (caller.connection.to_string(), body),
        other => panic!("{other:?}"),
    });
    assert_eq!(arrived.collect::<Vec<_>>(), [(dry_run::CONNECTION.to_owned(), body.to_owned().into())]);
}

/// Parses a request from lines: the target, then headers. `None` if it is not valid HTTP.
fn request(lines: &str) -> Option<(HeaderMap, Uri)> {
    let (target, rest) = lines.split_once('\n').unwrap_or((lines, ""));
    let mut headers = HeaderMap::new();
    for line in rest.lines() {
        let (name, value) = line.split_once(':')?;
        headers.try_append(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value.trim()).ok()?).ok()?;
    }
    Some((headers, target.parse().ok()?))
}

/// Checks that a handshake keeps every header and parameter, and that the function rejects it without a token.
pub(crate) fn handshake(lines: &str) -> bool {
    let Some((headers, uri)) = request(lines) else { return false };
    let [authorize, connect] = dry_run::handshake(&headers, &uri);
    for event in [&authorize, &connect] {
        for name in headers.keys().filter(|name| !["connection", "upgrade"].contains(&name.as_str())) {
            let sent: Vec<_> =
                headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
            let all = event["multiValueHeaders"].as_object().unwrap();
            let (_, passed) =
                all.iter().find(|(passed, _)| passed.eq_ignore_ascii_case(name.as_str())).expect("every header");
            // The gateway appends its own values to those of the client.
            assert!(passed.as_array().unwrap().iter().zip(&sent).all(|(passed, sent)| *passed == **sent), "{name}");
        }
        for (all, last) in
            [("multiValueHeaders", "headers"), ("multiValueQueryStringParameters", "queryStringParameters")]
        {
            for (name, values) in event[all].as_object().into_iter().flatten() {
                assert_eq!(values.as_array().unwrap().last(), event[last].get(name), "{name}");
            }
        }
    }
    assert_eq!(authorize["queryStringParameters"], connect["queryStringParameters"]);
    let backend = Arc::new(ScriptedBackend::default());
    // An invalid token is "Unauthorized"; any other error would mean that the function cannot read the event.
    let answer = handle(&backend, authorize);
    assert_eq!(answer, Err("Unauthorized".to_owned()));
    let refused = handle(&backend, connect).expect("an answer");
    assert_ne!(refused["statusCode"], 200);
    assert!(backend.calls().is_empty(), "the service was called");
    true
}

fn authorized() -> Map<String, Value> {
    let context = json!({"sub": "ada", "role": "controller", "uexp": (NOW + 60).to_string()});
    context.as_object().unwrap().clone()
}

fn handle(backend: &Arc<ScriptedBackend>, event: Value) -> Result<Value, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let users = UserTokenVerifier::new(UserKey::hs256(SECRET).unwrap());
    let gateway = Gateway::new(Deps {
        config: Config::new(users),
        backend: backend.clone(),
        connections: Arc::new(MemoryConnections::default()),
        browser: Arc::new(RecordingBrowser::default()),
        clock: Arc::new(ManualClock::new(NOW)),
        random: Arc::new(SystemRandom),
    });
    runtime.block_on(async move {
        let deadline = Instant::now() + Duration::from_secs(60);
        gateway.handle(event, deadline).await.map_err(|error| error.to_string())
    })
}
