//! `/dev/faults`, `/dev/cut` and `/dev/usage`.

use super::connections::expect_abort;
use super::{connected, faulty};
use crate::support::{Fixture, Script, close_code, http, send, text, until};
use http::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn faults_change_at_run_time() {
    let (gateway, faults, mut socket, id) = connected("none").await;
    let reply = gateway.http(Method::POST, "/dev/faults", "out.repeat=1, slow=1").await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.json(), json!({"faults": "out.repeat=1,slow=1..1", "seed": 1, "tally": {}}));
    gateway.clients.post(&id, "twice".into()).await.unwrap();
    assert_eq!([text(&mut socket).await, text(&mut socket).await], ["twice", "twice"]);
    assert_eq!(gateway.http(Method::GET, "/dev/faults", "").await.json()["tally"], json!({"repeat": 1}));
    let reply = gateway.http(Method::POST, "/dev/faults", "slwo=1").await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert!(reply.json()["message"].as_str().unwrap().starts_with("there is no fault `slwo`"));
    assert_eq!(faults.plan().to_string(), "out.repeat=1,slow=1..1", "an error changes nothing");
    gateway.http(Method::POST, "/dev/faults", "none").await;
    assert_eq!(faults.plan().to_string(), "none");
}

#[tokio::test]
async fn usage_counts_executions_and_posts_by_their_answer() {
    let (gateway, faults, mut socket, id) = connected("none").await;
    for (plan, to, body) in [
        ("none", id.as_str(), "taken"),
        ("none", "gone", "x"),
        ("none", &id, "\u{80}".repeat(70_000).as_str()),
        ("throttle=1", &id, "x"),
        ("account-throttle=1", &id, "x"),
        ("fail-delivered=1", &id, "delivered"),
    ] {
        faults.set(plan.parse().unwrap());
        let _ = gateway.clients.post(to, body.to_owned().into()).await;
    }
    faults.set("none".parse().unwrap());
    let _ = gateway.clients.post(&id, b"\xff"[..].into()).await;
    assert_eq!([text(&mut socket).await, text(&mut socket).await], ["taken", "delivered"]);
    until(|| gateway.running.usage().running == 0).await;
    let mut usage = gateway.http(Method::GET, "/dev/usage", "").await.json();
    assert!(usage["durationMs"].take().is_u64());
    let posts = json!({"taken": 1, "gone": 1, "throttled": 2, "tooLarge": 1, "notText": 1, "failed": 1});
    let expected = json!({
        "messagesIn": 0, "messagesOut": 2, "bytesOut": 14, "durationMs": null, "posts": posts,
        "invocations": 2, "running": 0, "mostRunning": 1, "throttled": 0,
    });
    assert_eq!(usage, expected);
}

#[tokio::test]
async fn connections_are_cut_on_request() {
    let (gateway, _) = faulty("none").await;
    let (mut one, id) = gateway.connect().await;
    let (mut two, _) = gateway.connect().await;
    let (mut three, _) = gateway.connect().await;
    let cut = async |query: &str| gateway.http(Method::POST, &format!("/dev/cut{query}"), "").await;
    for bad in ["", "?connection=all&with=scissors", "?all"] {
        assert_eq!(cut(bad).await.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    assert_eq!(cut("?connection=unknown").await.status, StatusCode::NOT_FOUND);
    let reply = cut(&format!("?connection={}&with=close", id.replace('=', "%3D"))).await;
    assert_eq!((reply.status, reply.json()), (StatusCode::OK, json!({"cut": 1})));
    assert_eq!(close_code(&mut one).await, 1001);
    gateway.event_of("$disconnect").await;
    assert_eq!(cut("?connection=all&with=abort").await.json(), json!({"cut": 2}));
    for socket in [&mut two, &mut three] {
        expect_abort(socket).await;
        gateway.event_of("$disconnect").await;
    }
    assert_eq!(cut("?connection=all").await.json(), json!({"cut": 0}));
}

#[tokio::test]
async fn the_admin_api_needs_faults_and_a_local_client() {
    let gateway = Fixture::start(Script::default()).await;
    for path in ["/dev/faults", "/dev/usage"] {
        assert_eq!(gateway.http(Method::GET, path, "").await.status, StatusCode::FORBIDDEN);
    }
    let (gateway, faults) = faulty("none").await;
    for header in [("host", "evil.example"), ("origin", "https://evil.example")] {
        let addr = gateway.running.addr();
        let reply = http(addr, Method::POST, "/dev/faults", &[header], "lose=1".into()).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{header:?}");
    }
    assert_eq!(faults.plan().to_string(), "none");
    let (mut socket, _) = gateway.connect().await;
    send(&mut socket, "x").await;
    gateway.event_of("$default").await;
}
