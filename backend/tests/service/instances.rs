//! Two instances that share a store: a session lives in one, and every route of the other reaches it.

use crate::support::relay::{Carrier, post_question, relay_claims};
use crate::support::{
    ATTACH, PING, Service, Terminal, client, gateway_claims, read, sign, until, user, user_token, within,
};
use backend::clock::{Clock, SystemClock};
use backend::metrics::Operation;
use backend::store::{Fault, FaultyStore, Instance, InstanceId, MemoryStore, SessionState, Store, contract};
use backend::terminal::UnixSpawner;
use backend::terminal::scripted::ScriptedSpawner;
use futures_util::StreamExt;
use serde_json::json;
use shared_protocol::gateway::{MESSAGE_PATH, RECEIVED_HEADER, REQUEST_ID_HEADER};
use shared_protocol::relay::{RELAY_VERSION, RELAYS_HEADER};
use shared_protocol::{Epoch, GatewayClaims, SessionId, StreamEvent};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Two instances, their store, and a page on the session `s` of the first.
async fn two() -> (Service, Service, Arc<MemoryStore>, Terminal) {
    let store = Arc::new(MemoryStore::shared());
    let start = || Service::one_of(&[], Arc::new(UnixSpawner), Arc::<MemoryStore>::clone(&store));
    let (here, there) = (start().await, start().await);
    let first = here.attached("first").await;
    (here, there, store, first)
}

#[tokio::test]
async fn a_gateway_may_ask_either() {
    let (here, there, _, mut terminal) = two().await;
    let attach = r#"{"type":"attach","client":"second","cols":80,"rows":24}"#;
    let attached = there.gateway(MESSAGE_PATH, Some("s"), attach).await;
    assert_eq!(attached.status(), 200);
    let mut relay = Carrier::granted(&attached, "c=").unwrap();
    let frame: serde_json::Value = serde_json::from_slice(&attached.bytes().await.unwrap()).unwrap();
    assert_eq!(frame["epoch"], terminal.epoch, "the same shell");
    terminal.keys("echo fo$((1))und\r").await;
    // Its questions are forwarded to the instance that granted it.
    let mut seen = String::new();
    while !seen.contains("fo1und") {
        for frame in relay.frames(&there, 20_000).await {
            seen.push_str(std::str::from_utf8(&frame.frame).unwrap());
        }
    }
    tokio::join!(here.stop(), there.stop());
}

#[tokio::test]
async fn a_browser_may_use_either() {
    let (here, there, _, mut first) = two().await;
    let mut second = there.attached("second").await;
    assert_eq!(second.epoch, first.epoch);
    second.keys("echo fo$((1))und\r").await;
    first.sees("fo1und").await;
    let (status, _) = there.api(reqwest::Method::DELETE, "/s", &user("ada", Some("s"))).await;
    assert_eq!(status, 200);
    first.event(|event| matches!(event, StreamEvent::Exit { .. })).await;
    second.event(|event| matches!(event, StreamEvent::Exit { .. })).await;
    tokio::join!(here.stop(), there.stop());
}

#[tokio::test]
async fn a_browser_learns_why_its_websocket_cannot_be_passed_on() {
    let store = Arc::new(FaultyStore::new(MemoryStore::shared()));
    let shells = Arc::new(ScriptedSpawner::default());
    let service = Service::one_of(&[], shells, Arc::<FaultyStore>::clone(&store)).await;
    // An instance of the store that nothing answers for.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Some(format!("http://{}", listener.local_addr().unwrap()));
    drop(listener);
    let gone = Instance { id: InstanceId("gone".into()), address, started_at: 1, draining: false, relays: 0 };
    store.heartbeat(&gone).await.unwrap();
    store.compare_and_set(&contract::running("far", "gone", 1), None).await.unwrap();
    let open = async |session: &str, token: &str, origin: Option<&str>| {
        let url = format!("ws://{}/terminal?sessionId={session}", service.address);
        let mut request = url.into_client_request().unwrap();
        // A browser refuses an answer without the subprotocol that it offers.
        request.headers_mut().insert("sec-websocket-protocol", format!("termgate, {token}").parse().unwrap());
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        within("a handshake", connect_async(request)).await
    };
    let code = async |session: &str| {
        let (mut socket, _) = open(session, &user_token(&user("ada", Some(session))), None).await.unwrap();
        let closed = within("the close", socket.next()).await;
        let Some(Ok(Message::Close(Some(close)))) = closed else { panic!("{closed:?}") };
        u16::from(close.code)
    };
    assert_eq!(code("far").await, 4500);
    store.set(Operation::Session, Fault::Fails);
    assert_eq!(code("unknown").await, 4500);
    // A page of another site gets no WebSocket at all.
    let token = user_token(&user("ada", Some("far")));
    let refused = open("far", &token, Some("https://evil.example")).await;
    assert!(matches!(&refused, Err(Error::Http(answer)) if answer.status().is_server_error()), "{refused:?}");
    service.stop().await;
}

#[tokio::test]
async fn requests_are_forwarded_once_and_never_for_strangers() {
    let (here, there, store, _terminal) = two().await;
    // As if each took the other for the owner.
    let id = SessionId::new("s").unwrap();
    let url = format!("http://{}{MESSAGE_PATH}", there.address);
    let ping = r#"{"type":"attach","client":"second","cols":80,"rows":24}"#;
    let claims = gateway_claims(MESSAGE_PATH, ping.as_bytes(), "c2=", Some("s"));
    let request =
        || client().post(&url).body(ping).header(REQUEST_ID_HEADER, "r-1").header(RELAYS_HEADER, RELAY_VERSION);
    let twice = request().bearer_auth(sign(&claims)).header("x-termgate-forwarded-by", "another");
    let twice = within("a request", twice.send()).await.unwrap();
    assert_eq!(twice.status(), 200, "no fault of the service");
    assert_eq!(twice.headers()[REQUEST_ID_HEADER], "r-1");
    let told = within("the answer", twice.text()).await.unwrap();
    assert!(told.contains("BACKEND_UNREACHABLE"), "{told}");
    let stranger = within("a request", request().bearer_auth("not.a.token").send()).await.unwrap();
    assert_eq!(stranger.status(), 401);
    let once = within("a request", request().bearer_auth(sign(&claims)).send()).await.unwrap();
    assert_eq!(once.status(), 200);
    assert_eq!(once.headers()[REQUEST_ID_HEADER], "r-1");
    assert!(matches!(store.session(&id).await.unwrap().unwrap().state, SessionState::Running));
    tokio::join!(here.stop(), there.stop());
}

#[tokio::test]
async fn a_session_moves_when_its_instance_is_replaced() {
    let (mut here, there, store, mut first) = two().await;
    first.keys("echo be$((1))fore\r").await;
    first.sees("be1fore").await;
    let epoch = Epoch(first.epoch);
    here.ask_to_stop();
    let exit = first.event(|event| matches!(event, StreamEvent::Exit { .. })).await;
    assert!(matches!(exit, StreamEvent::Exit { reason: shared_protocol::EndReason::ServerRestart, .. }));
    let _ = first.close_code().await;
    let id = SessionId::new("s").unwrap();
    until("the tombstone", async || store.session(&id).await.unwrap().unwrap().has_ended()).await;
    // The draining instance still gets requests for a while, and starts no session.
    // Any controller that may reach it starts the next shell.
    let mut second = Terminal::open(&here.terminal_url("s", &user_token(&user("bob", Some("s"))))).await;
    second.attach("first").await;
    assert!(Epoch(second.epoch) > epoch);
    second.sees("be1fore").await;
    second.sees("the service was replaced").await;
    second.event(|event| matches!(event, StreamEvent::Restarted { .. })).await;
    second.keys("echo af$((1))ter\r").await;
    second.sees("af1ter").await;
    tokio::join!(here.stop(), there.stop());
}

/// Look-ups of sessions and instances in the store so far.
async fn lookups(service: &Service) -> f64 {
    let text = within("metrics", service.metrics().await.text()).await.unwrap();
    let count = |operation: &str| {
        let line = format!("termgate_store_call_duration_seconds_count{{operation=\"{operation}\"}} ");
        let shown = text.lines().find_map(|shown| shown.strip_prefix(&line));
        shown.unwrap().parse::<f64>().unwrap()
    };
    count("session") + count("instance")
}

#[tokio::test]
async fn a_sessions_instance_is_remembered_until_it_says_otherwise() {
    let (mut here, there, store, mut first) = two().await;
    let ping = async || {
        let (status, frame) = read(there.gateway(MESSAGE_PATH, Some("s"), PING).await).await;
        assert_eq!((status, &frame["type"]), (200, &"pong".into()));
    };
    ping().await;
    let before = lookups(&there).await;
    ping().await;
    ping().await;
    assert_eq!(lookups(&there).await, before, "the store is asked once");
    // The session ends where it is remembered, and begins anew elsewhere.
    here.ask_to_stop();
    first.close_code().await;
    let id = SessionId::new("s").unwrap();
    until("the tombstone", async || store.session(&id).await.unwrap().unwrap().has_ended()).await;
    let (status, attached) = read(there.gateway(MESSAGE_PATH, Some("s"), ATTACH).await).await;
    assert_eq!((status, &attached["type"]), (200, &"attached".into()));
    assert!(attached["epoch"].as_u64().unwrap() > first.epoch);
    tokio::join!(here.stop(), there.stop());
}

#[tokio::test]
async fn only_a_valid_token_learns_that_a_session_is_elsewhere() {
    let (here, there, _store, _terminal) = two().await;
    let url = format!("http://{}{MESSAGE_PATH}", there.address);
    let forwarded = |token: String| {
        let request = client().post(&url).body(PING).bearer_auth(token);
        request.header("x-termgate-forwarded-by", "x").header("x-termgate-from-memory", "1").send()
    };
    let claims = gateway_claims(MESSAGE_PATH, PING.as_bytes(), "c=", Some("s"));
    let forged = sign(&GatewayClaims { bh: "other".into(), ..claims.clone() });
    for (token, status) in [(forged, 401), (sign(&claims), 421)] {
        assert_eq!(within("a request", forwarded(token)).await.unwrap().status(), status);
    }
    tokio::join!(here.stop(), there.stop());
}

#[tokio::test]
async fn the_screen_of_a_session_that_ended_is_forgotten() {
    let (here, there, store, mut terminal) = two().await;
    terminal.keys("echo fo$((1))und\r").await;
    terminal.sees("fo1und").await;
    let id = SessionId::new("s").unwrap();
    let screen = async || store.screen(&id).await.unwrap();
    until("the screen to be saved", async || screen().await.is_some()).await;
    assert_eq!(there.api(reqwest::Method::DELETE, "/s", &user("ada", Some("s"))).await.0, 200);
    until("the screen to be forgotten", async || screen().await.is_none()).await;
    let record = store.session(&id).await.unwrap().unwrap();
    assert!(matches!(record.state, SessionState::Ended { .. }));
    tokio::join!(here.stop(), there.stop());
}

#[tokio::test]
async fn the_hop_between_instances_is_part_of_the_gateways_time() {
    let (here, there, _store, _terminal) = two().await;
    // The clock where the request arrives is ahead: that of the session's instance counts.
    there.clock.jump(20);
    let claims = gateway_claims(MESSAGE_PATH, PING.as_bytes(), "c=", Some("s"));
    let request =
        client().post(format!("http://{}{MESSAGE_PATH}", there.address)).body(PING).bearer_auth(sign(&claims));
    let request = request.header(RELAYS_HEADER, RELAY_VERSION).header(RECEIVED_HEADER, SystemClock.now_ms());
    let (_, pong) = read(within("a request", request.send()).await.unwrap()).await;
    assert!(pong["gatewayMs"].as_u64().unwrap() < 10_000, "{pong}");
    tokio::join!(here.stop(), there.stop());
}

#[tokio::test]
async fn a_question_that_fails_on_its_way_is_sent_once_more() {
    let (here, there, store, _terminal) = two().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Some(format!("http://{}", listener.local_addr().unwrap()));
    let id = InstanceId("granted".into());
    store.heartbeat(&Instance { id, address, started_at: 1, draining: false, relays: 0 }).await.unwrap();
    let relay = format!("granted.{}", "0".repeat(32));
    let body = json!({"relay": relay, "number": 1, "answered": 0, "waitMs": 0}).to_string();
    // An instance that hangs up so often, and then answers.
    let answers = async |failures: usize| {
        for _ in 0..failures {
            drop(listener.accept().await.unwrap());
        }
        if failures < 2 {
            let (mut socket, _) = listener.accept().await.unwrap();
            assert!(socket.read(&mut [0; 4096]).await.unwrap() > 0);
            let answer = "HTTP/1.1 204 No Content\r\nconnection: close\r\nx-terminal-next: now\r\n\r\n";
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    };
    for (failures, status) in [(0, 204), (1, 204), (2, 502)] {
        let claims = relay_claims(&body, "c=");
        let asked = async { tokio::join!(post_question(&there, &claims, &body), answers(failures)).0 };
        assert_eq!(within("an answer", asked).await.status(), status, "after {failures} failures");
    }
    tokio::join!(here.stop(), there.stop());
}

#[tokio::test]
async fn health_says_503_only_while_the_service_drains() {
    let (mut here, there, _store, _terminal) = two().await;
    let health = async |service: &Service| read(service.get("/health").await).await;
    assert_eq!(health(&here).await.0, 200);
    here.ask_to_stop();
    until("the drain", async || health(&here).await.0 == 503).await;
    assert_eq!((health(&here).await.1["status"].as_str(), health(&there).await.0), (Some("draining"), 200));
    tokio::join!(here.stop(), there.stop());
}

#[tokio::test]
async fn a_check_may_be_asked_of_either() {
    let store = Arc::new(MemoryStore::shared());
    let start = || Service::one_of(&[], Arc::new(ScriptedSpawner::default()), Arc::<MemoryStore>::clone(&store));
    let (here, there) = (start().await, start().await);
    let _page = here.attached("page").await;
    // As JSON it is larger than any message.
    let script = "\n".repeat(60_000);
    for instance in [&here, &there] {
        let check = json!({"script": script, "as": "checker"});
        let (status, report) = instance.check("s", &check).await;
        assert_eq!((status, &report["outcome"]), (200, &"passed".into()), "{report}");
        assert_eq!(report["output"].as_str().unwrap(), script);
        let (status, refused) = instance.check_by(&user("ada", Some("s")), "s", &check).await;
        assert_eq!((status, &refused["code"]), (403, &"FORBIDDEN".into()));
    }
    tokio::join!(here.stop(), there.stop());
}
