//! The log of a session over both transports: names requests, sessions and connections, and no input or output.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

use backend::audit::Act;
use backend::store::MemoryStore;
use backend::terminal::UnixSpawner;
use backend::terminal::scripted::ScriptedSpawner;
use reqwest::Method;
use serde_json::{Value, json};
use shared_protocol::gateway::{DISCONNECT_PATH, MESSAGE_PATH, REQUEST_ID_HEADER};
use shared_protocol::relay::{RELAY_VERSION, RELAYS_HEADER};
use shared_protocol::{ClassClaims, GatewayClaims, GroupId, Role, StreamEvent, Takeover, UserClaims};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use strum::VariantArray;
use support::relay::Carrier;
use support::{ATTACH, Service, Terminal, client, gateway_claims, read, sign, until, user, user_token, within};
use tokio::time::Instant;
use tracing_subscriber::fmt::MakeWriter;

/// The log so far.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Captures every level of this crate from now on.
fn capture() {
    let lines = tracing_subscriber::fmt().json().flatten_event(true).with_writer(|| LOG.make_writer());
    lines.with_env_filter("info,backend=trace").init();
}

fn log() -> String {
    String::from_utf8(LOG.lock().unwrap().clone()).unwrap()
}

/// The first line whose message has this prefix.
fn line(message: &str) -> Option<Value> {
    let log = log();
    let mut lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.find(|line| line["message"].as_str().is_some_and(|text| text.starts_with(message)))
}

async fn send(service: &Service, path: &str, request: &str, body: &str) -> reqwest::Response {
    let claims = gateway_claims(path, body.as_bytes(), "gw=", Some("s"));
    let post = client().post(format!("http://{}{path}", service.address)).bearer_auth(sign(&claims));
    within(
        "a request",
        post.header(REQUEST_ID_HEADER, request).header(RELAYS_HEADER, RELAY_VERSION).body(body.to_owned()).send(),
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn each_step_is_one_line_with_its_request_and_no_input() {
    capture();
    let service = Service::start().await;
    let attached = send(&service, MESSAGE_PATH, "request-1", ATTACH).await;
    let mut relay = Carrier::granted(&attached, "gw=").unwrap();
    send(&service, MESSAGE_PATH, "request-2", r#"{"type":"command","command":"echo pass$((1))word"}"#).await;
    relay.ask(&service, 0).await;
    send(&service, DISCONNECT_PATH, "request-4", r#"{"connectionId":"gw=","sessionId":"s"}"#).await;
    let mut page = service.attached("direct").await;
    page.keys("echo se$((1))cret\r").await;
    page.sees("se1cret").await;
    until("the commands", async || {
        let (_, found) = service.api(Method::GET, "/s/commands", &user("ada", Some("s"))).await;
        found.to_string().contains("se$((1))cret") && found.to_string().contains("pass$((1))word")
    })
    .await;
    let metrics = service.metrics().await.text().await.unwrap();
    assert!(!metrics.contains("se$") && !metrics.contains("pass$"), "a line is in the metrics");
    page.ordered("close", "").await;
    page.event(|event| matches!(event, StreamEvent::Exit { .. })).await;
    page.close_code().await;
    until("the last line", async || line("[WS] Client disconnected: direct:").is_some()).await;
    service.stop().await;

    for (message, request) in [
        ("starting a shell", "request-1"),
        ("client attached", "request-1"),
        ("[WS] Message from gw=: attach", "request-1"),
        ("[WS] Message from gw=: command", "request-2"),
        ("[Terminal] Executing", "request-2"),
        ("[WS] Client disconnected: gw=, Session: s", "request-4"),
    ] {
        let found = line(message).unwrap_or_else(|| panic!("{message} is missing:\n{}", log()));
        let named = (&found["request"], &found["session"], &found["connection"]);
        assert_eq!(named, (&request.into(), &"s".into(), &"gw=".into()), "{found}");
        assert!(found.get("command").is_none(), "{found}");
    }
    for message in ["[WS] Message from gw=", "relay", "[WS] Client disconnected: gw="] {
        let found = line(message).unwrap();
        assert!(found["ms"].is_u64() && found["status"].is_u64(), "{found}");
    }
    let direct = line("[Terminal] Session found for s").unwrap();
    assert!(direct["connection"].as_str().unwrap().starts_with("direct:"), "{direct}");
    for message in ["[Terminal] New connection attempt: s", "[Terminal:s] Connection established successfully in"] {
        assert_eq!(line(message).unwrap()["request"], direct["request"]);
    }
    assert_eq!(line("session over").unwrap()["reason"], "Closed");
    for secret in ["pass", "se1cret", "se$", "Bearer", "eyJ", support::SECRET] {
        assert!(!log().contains(secret), "{secret:?} is in the log:\n{}", log());
    }
}

#[tokio::test]
async fn an_instance_whose_peer_is_dead_logs_no_address_with_a_token() {
    capture();
    let store = Arc::new(MemoryStore::shared());
    let start = || Service::one_of(&[], Arc::new(UnixSpawner), Arc::<MemoryStore>::clone(&store));
    let (here, there) = (start().await, start().await);
    here.attached("page").await;
    // Ends as a process that is killed: without a drain.
    here.served.abort();
    let token = user_token(&user("ada", Some("s")));
    for path in ["/terminal", "/terminal/frames", "/api/sessions/s"] {
        let path = format!("{path}?sessionId=s&token={token}");
        let status = there.request(Method::GET, &path, Some(&token)).await.status();
        assert!(!status.is_success(), "{path}: {status}");
    }
    assert!(line("another instance does not answer").is_some(), "{}", log());
    there.stop().await;
    assert!(!log().contains("eyJ") && !log().contains("token="), "{}", log());
}

#[tokio::test]
async fn a_flood_of_refused_requests_hardly_shows_in_the_log() {
    capture();
    let service = Service::scripted().await;
    let forged = user_token(&user("eve", None)).replace('e', "f");
    let requests = [
        (Method::POST, MESSAGE_PATH.to_owned()),
        (Method::GET, "/api/sessions".to_owned()),
        (Method::GET, "/no/such/path".to_owned()),
        (Method::GET, format!("/terminal?sessionId=s&token={forged}")),
    ];
    let began = Instant::now();
    for _ in 0..100 {
        for (method, path) in &requests {
            let status = service.request(method.clone(), path, Some(&forged)).await.status();
            assert!(status.is_client_error(), "{path}: {status}");
        }
    }
    let text = service.metrics().await.text().await.unwrap();
    let counted = text.lines().find(|line| line.starts_with("termgate_errors_total{code=\"UNAUTHORIZED\"}")).unwrap();
    assert!(counted.ends_with(" 200"), "{counted}");
    service.stop().await;
    let (lines, seconds) = (log().lines().count(), began.elapsed().as_secs() as usize);
    // Five a second more, each with one about those before it.
    assert!(lines < 200 + 10 * seconds, "{lines} lines for 400 refusals in {seconds} s");
}

/// A person at a session, over either transport.
enum Person {
    Direct(Terminal),
    Gateway { user: UserClaims, connection: &'static str, epoch: u64, seq: u64 },
}

/// A message of a person behind the gateway.
async fn by_gateway(service: &Service, user: &UserClaims, connection: &str, body: &str) -> Value {
    let UserClaims { sub, role, class, sid, .. } = user.clone();
    let claims = gateway_claims(MESSAGE_PATH, body.as_bytes(), connection, None);
    let sid = sid.filter(|_| !body.contains(r#""wall""#));
    let claims = GatewayClaims { sub, role, class, create: sid.is_some(), sid, ..claims };
    read(service.post(&claims, body).await).await.1
}

impl Person {
    /// Attaches; returns the person too.
    async fn attach(service: &Service, user: UserClaims, connection: Option<&'static str>) -> (Self, Value) {
        let session = user.sid.clone().unwrap();
        let Some(connection) = connection else {
            let mut page = Terminal::open(&service.terminal_url(session.as_str(), &user_token(&user))).await;
            page.attach(&user.sub).await;
            return (Self::Direct(page), Value::Null);
        };
        let attach = json!({"type": "attach", "client": user.sub, "cols": 80, "rows": 24}).to_string();
        let attached = by_gateway(service, &user, connection, &attach).await;
        let epoch = attached["epoch"].as_u64().unwrap();
        (Self::Gateway { user, connection, epoch, seq: 0 }, attached)
    }

    /// Sends a numbered message; `fields` are its own.
    async fn say(&mut self, service: &Service, kind: &str, fields: &str) {
        match self {
            Self::Direct(page) => page.ordered(kind, fields).await,
            Self::Gateway { user, connection, epoch, seq } => {
                *seq += 1;
                let body = format!(r#"{{"type":"{kind}","seq":{seq},"epoch":{epoch}{fields}}}"#);
                by_gateway(service, user, connection, &body).await;
            }
        }
    }
}

/// The lines of an act in a session.
fn acts(act: &str, session: &str) -> Vec<Value> {
    let log = log();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["act"] == act && line["session"] == session).collect()
}

/// Everything that is accounted for happens in a session, whose owner is behind the gateway or not, and all others are the other
/// way round.
async fn everything(service: &Service, session: &'static str, owner_is_direct: bool) {
    let class = |takeover| ClassClaims { grp: GroupId::new("class-7").ok(), takeover, ..ClassClaims::default() };
    let member = |name: &str, role, class| UserClaims { role, class, ..user(name, Some(session)) };
    let [owner_at, other_at] = if owner_is_direct { [None, Some("ina=")] } else { [Some("ada="), None] };
    let ada = member("ada", Role::Controller, class(Some(Takeover::Always)));
    let (mut ada, _) = Person::attach(service, ada, owner_at).await;
    let vic = member("vic", Role::Viewer, ClassClaims::default());
    let (_, attached) = Person::attach(service, vic, Some("vic=")).await;
    let (mut ina, _) = Person::attach(service, member("ina", Role::Instructor, class(None)), other_at).await;
    ina.say(service, "ask", "").await;
    until("the loan", async || acts("control", session).len() == 1).await;
    ada.say(service, "take_back", "").await;
    ada.say(service, "remove", &format!(r#","who":{}"#, attached["who"])).await;
    ada.say(service, "input", r#","data":"typed-secret""#).await;
    ada.say(service, "close", "").await;
    until("the end", async || !acts("end", session).is_empty()).await;
    if owner_is_direct {
        let body = r#"{"connectionId":"ina=","sessionId":"direct"}"#;
        let claims = gateway_claims(DISCONNECT_PATH, body.as_bytes(), "ina=", Some(session));
        assert_eq!(service.post(&claims, body).await.status(), 200);
    }
    until("the disconnect", async || !acts("disconnect", session).is_empty()).await;
}

/// An operator deletes a recording of ada's.
async fn delete_recording() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(auth_tokens::body_hash(b"r")).join("17");
    std::fs::create_dir_all(&folder).unwrap();
    let meta = json!({"session": "r", "sub": "ada", "started": 17, "cols": 80, "rows": 24});
    std::fs::write(folder.join("meta.json"), meta.to_string()).unwrap();
    let url = format!("file://{}", home.path().display());
    let service = Service::with(&[("RECORDINGS_URL", &url)], Arc::new(ScriptedSpawner::default())).await;
    let root = UserClaims { admin: true, ..user("root", None) };
    assert_eq!(service.api(Method::DELETE, "/r/recording", &root).await.0, 200);
    service.stop().await;
}

#[tokio::test]
async fn every_act_is_one_line_that_says_who_where_and_by_which_message() {
    capture();
    let service = Service::start().await;
    everything(&service, "direct", true).await;
    everything(&service, "gateway", false).await;
    let ina = UserClaims {
        role: Role::Instructor,
        class: ClassClaims { grp: GroupId::new("class-7").ok(), ..ClassClaims::default() },
        ..user("ina", None)
    };
    by_gateway(&service, &ina, "wall=", r#"{"type":"wall","client":"w"}"#).await;
    let announcement = r#"{"type":"announce","id":"a-1","text":"said-secret","line":"offered-secret"}"#;
    assert_eq!(by_gateway(&service, &ina, "wall=", announcement).await["type"], "announced");
    assert_eq!(service.api(Method::GET, "/direct", &user("ada", Some("direct"))).await.0, 200);
    service.stop().await;
    let scripted = Service::scripted().await;
    let _page = scripted.attached("page").await;
    let check = json!({"script": "echo script-secret", "as": "checker"});
    assert_eq!(scripted.check("s", &check).await.1["outcome"], "passed");
    let hand_out = "/api/groups/class-7/files?name=name-secret";
    assert_eq!(scripted.request(Method::POST, hand_out, Some(&user_token(&ina))).await.status(), 200);
    scripted.stop().await;
    delete_recording().await;

    let (ada, ina, vic) = ("ada", "ina", "vic");
    for (session, owner, other) in [("direct", "direct:", "ina="), ("gateway", "ada=", "direct:")] {
        let expected = [
            ("start", vec![(ada, owner, "-")]),
            ("attach", vec![(ada, owner, "attach"), (vic, "vic=", "attach"), (ina, other, "attach")]),
            ("control", vec![(ina, other, "ask"), (ada, owner, "take_back")]),
            ("remove", vec![(ada, owner, "remove")]),
            ("reject", vec![(vic, "vic=", "-")]),
            ("close", vec![(ada, owner, "close")]),
            ("end", vec![("-", "-", "-")]),
        ];
        for (act, people) in expected {
            let lines = acts(act, session);
            assert_eq!(lines.len(), people.len(), "{act} in {session}: {lines:#?}");
            for (line, (user, connection, kind)) in lines.iter().zip(people) {
                assert_eq!((&line["user"], &line["kind"]), (&json!(user), &json!(kind)), "{line}");
                assert!(line["connection"].as_str().unwrap().starts_with(connection), "{line}");
                let has_request = line["request"] != "-";
                assert_eq!(has_request, connection != "-" && act != "reject", "{line}");
            }
        }
        let [connect, disconnect] = ["connect", "disconnect"].map(|act| acts(act, session));
        assert!(connect.iter().chain(&disconnect).all(|line| line["user"] != "-" && line["request"] != "-"));
        assert_eq!((connect.len(), disconnect.is_empty()), (1, false), "{connect:?}");
    }
    assert_eq!(acts("api", "direct")[0]["kind"], "GET /api/sessions/{id}");
    assert_eq!(acts("wall", "-")[0]["user"], "ina");
    let announced = &acts("announce", "-")[0];
    assert_eq!((&announced["user"], &announced["connection"]), (&json!("ina"), &json!("wall=")), "{announced}");
    assert_eq!((&announced["group"], &announced["kind"]), (&json!("class-7"), &json!("announce")), "{announced}");
    assert!(announced["reached"].is_u64() && announced["missed"].is_u64(), "{announced}");
    let handed_out = &acts("hand_out", "-")[0];
    assert_eq!((&handed_out["user"], &handed_out["kind"]), (&json!("ina"), &json!("POST /api/groups/{grp}/files")));
    assert_eq!((&handed_out["group"], &handed_out["bytes"]), (&json!("class-7"), &json!(0)), "{handed_out}");
    let check = &acts("check", "s")[0];
    assert_eq!((&check["user"], &check["outcome"]), (&json!("root"), &json!("Passed")), "{check}");
    assert_eq!(check["kind"], "POST /api/sessions/{id}/checks");
    assert_eq!(check["request"].as_str().unwrap().len(), 16, "{check}");
    let deleted = &acts("delete", "r")[0];
    assert_eq!((&deleted["user"], &deleted["started"], &deleted["whole"]), (&json!("root"), &json!(17), &json!(true)));
    assert_eq!(deleted["kind"], "DELETE /api/sessions/{id}/recording");
    let text = log();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let seen: BTreeSet<String> = lines.filter_map(|line| Some(line["act"].as_str()?.to_owned())).collect();
    let all: BTreeSet<String> = Act::VARIANTS.iter().map(|act| <&str>::from(act).to_owned()).collect();
    assert_eq!(seen, all, "every act happened");
    for secret in
        ["typed-secret", "said-secret", "offered-secret", "script-secret", "name-secret", "eyJ", support::SECRET]
    {
        assert!(!text.contains(secret), "{secret:?} is in the log");
    }
}

#[test]
fn the_page_for_operators_has_a_row_for_each_act() {
    let page = include_str!("../../docs/operate.md");
    let (_, section) = page.split_once("### Audit").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let all: Vec<&str> = Act::VARIANTS.iter().map(<&str>::from).collect();
    assert_eq!(rows.collect::<Vec<_>>(), all);
}
