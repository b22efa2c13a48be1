//! Webhooks of a whole service: what a receiver gets, in which order, and that sessions do not notice one that is slow.

use crate::support::{SECRET, Service, Terminal, until, user, within};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use backend::terminal::scripted::ScriptedSpawner;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::net::TcpListener;

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A receiver, and what came.
struct Receiver {
    url: String,
    came: Arc<Mutex<Vec<(String, Value)>>>,
}

#[derive(Clone)]
struct Shared {
    came: Arc<Mutex<Vec<(String, Value)>>>,
    /// True for one that never answers.
    hangs: bool,
}

async fn receive(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let (id, body) = (header("webhook-id"), String::from_utf8(body.to_vec()).unwrap());
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(&KEY["whsec_".len()..]).unwrap()).unwrap();
    mac.update(format!("{id}.{}.{body}", header("webhook-timestamp")).as_bytes());
    assert_eq!(header("webhook-signature"), format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
    shared.came.lock().push((id, serde_json::from_str(&body).unwrap()));
    if shared.hangs {
        std::future::pending::<()>().await;
    }
    StatusCode::NO_CONTENT
}

impl Receiver {
    async fn start(hangs: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let came = Arc::default();
        let shared = Shared { came: Arc::clone(&came), hangs };
        tokio::spawn(async move {
            axum::serve(listener, Router::new().route("/hook", post(receive)).with_state(shared)).await
        });
        Self { url, came }
    }

    async fn service(&self, lines: &str, shells: &ScriptedSpawner) -> Service {
        let variables = [("EVENTS_URL", &*self.url), ("EVENTS_SECRET", KEY), ("EVENTS_COMMAND_LINES", lines)];
        Service::with(&variables, Arc::new(shells.clone())).await
    }

    fn kinds(&self) -> Vec<String> {
        self.came.lock().iter().map(|(_, body)| body["type"].as_str().unwrap().to_owned()).collect()
    }
}

/// Plays a command at the prompt.
fn run(shells: &ScriptedSpawner, line: &str, code: i32) {
    let script = shells.last().unwrap();
    script.mark("C");
    script.tell_line("line", "/lab", line);
    script.mark(&format!("D;{code}"));
    script.mark("B");
}

#[tokio::test]
async fn a_receiver_gets_what_happens_signed_and_in_order() {
    let (receiver, shells) = (Receiver::start(false).await, ScriptedSpawner::default());
    let service = receiver.service("false", &shells).await;
    let mut page = service.attached("page").await;
    run(&shells, "make", 2);
    until("the command", async || receiver.kinds().len() == 2).await;
    page.ordered("hand", r#","up":true"#).await;
    until("the hand", async || receiver.kinds().len() == 3).await;
    shells.last().unwrap().exit(7);
    until("the end", async || receiver.kinds().len() == 4).await;
    assert_eq!(receiver.kinds(), ["session.started", "command.finished", "hand.raised", "session.ended"]);
    let came = receiver.came.lock().clone();
    assert_eq!(came.iter().map(|(id, _)| id).collect::<BTreeSet<_>>().len(), 4, "each has an id of its own");
    for (_, body) in &came {
        assert_eq!((&body["session"], &body["user"], &body["epoch"]), (&json!("s"), &json!("ada"), &json!(page.epoch)));
        assert!(body["at"].is_u64() && body["createdAt"].is_u64(), "{body}");
    }
    let data = &came[1].1["data"];
    assert_eq!((&data["number"], &data["exitCode"], &data["line"]), (&json!(1), &json!(2), &Value::Null));
    assert_eq!(came[3].1["data"], json!({"reason": "exited"}));
    assert!(!json!(came).to_string().contains(SECRET));
    service.stop().await;
}

#[tokio::test]
async fn lines_are_told_where_the_operator_wants_them() {
    let (receiver, shells) = (Receiver::start(false).await, ScriptedSpawner::default());
    let service = receiver.service("true", &shells).await;
    let _page = service.attached("page").await;
    run(&shells, "make", 0);
    until("the command", async || receiver.kinds().len() == 2).await;
    let data = receiver.came.lock()[1].1["data"].clone();
    assert_eq!((&data["line"], &data["directory"]), (&json!("make"), &json!("/lab")));
    service.stop().await;
}

#[tokio::test]
async fn a_check_that_is_done_is_told_without_its_output() {
    let (receiver, shells) = (Receiver::start(false).await, ScriptedSpawner::default());
    let service = receiver.service("true", &shells).await;
    let _page = service.attached("page").await;
    let check = json!({"script": "echo script-secret", "as": "checker"});
    assert_eq!(service.check_by(&user("ada", None), "s", &check).await.0, 403);
    assert!(service.check("s", &check).await.1["output"].as_str().unwrap().contains("script-secret"));
    until("the check", async || receiver.kinds().len() == 2).await;
    assert_eq!(receiver.kinds(), ["session.started", "check.done"], "one that was refused is none");
    let data = json!({"as": "checker", "outcome": "passed", "exitCode": 0, "reason": Value::Null, "guard": "none"});
    let body = receiver.came.lock()[1].1.clone();
    assert_eq!((&body["session"], &body["user"], &body["data"]), (&json!("s"), &json!("ada"), &data));
    service.stop().await;
}

/// The recording is told after the end of its session, and none is told of a session that is not recorded.
#[tokio::test]
async fn a_whole_recording_is_told_after_the_end() {
    for (recorded, last) in [("all", "recording.ready"), ("none", "session.ended")] {
        let (receiver, shells) = (Receiver::start(false).await, ScriptedSpawner::default());
        let folder = tempfile::tempdir().unwrap();
        let url = format!("file://{}", folder.path().join("recordings").display());
        let events = [("EVENTS_URL", &*receiver.url), ("EVENTS_SECRET", KEY)];
        let variables = [events.as_slice(), &[("RECORDINGS", recorded), ("RECORDINGS_URL", &*url)]].concat();
        let service = Service::with(&variables, Arc::new(shells.clone())).await;
        let _page = service.attached("page").await;
        shells.last().unwrap().exit(0);
        until("the last event", async || receiver.kinds().last().is_some_and(|kind| kind == last)).await;
        // A shutdown sends what still waits.
        service.stop().await;
        let expected: &[&str] = match recorded {
            "all" => &["session.started", "session.ended", "recording.ready"],
            _ => &["session.started", "session.ended"],
        };
        assert_eq!(receiver.kinds(), expected);
        let (_, body) = receiver.came.lock().last().unwrap().clone();
        assert!(recorded == "none" || body["data"] == json!({}), "{body}");
    }
}

/// A shutdown waits for it for two seconds, and no longer.
#[tokio::test]
async fn a_receiver_that_hangs_holds_no_session_up() {
    let (receiver, shells) = (Receiver::start(true).await, ScriptedSpawner::default());
    let service = receiver.service("true", &shells).await;
    let mut page: Terminal = service.attached("page").await;
    until("the first event", async || receiver.kinds().len() == 1).await;
    for number in 0..2000 {
        run(&shells, &format!("echo {number}"), 0);
    }
    shells.last().unwrap().print("still here");
    page.sees("still here").await;
    let (status, _) = service.api(Method::GET, "/s", &user("ada", Some("s"))).await;
    assert_eq!((status, receiver.kinds().len()), (200, 1));
    within("the shutdown", service.stop()).await;
}
