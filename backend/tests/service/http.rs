//! The HTTP surface: authentication, errors, headers, and that a rejected request changes nothing.

use crate::support::relay::{Carrier, post_question, relay_claims};
use crate::support::{ATTACH, PING, Service, Terminal, client, gateway_claims, read, sign, until, user, user_token};
use backend::clock::{Clock, SystemClock};
use backend::store::MemoryStore;
use backend::terminal::scripted::ScriptedSpawner;
use reqwest::Method;
use serde_json::{Value, json};
use shared_protocol::gateway::{DISCONNECT_PATH, MESSAGE_PATH, TOKEN_AUDIENCE};
use shared_protocol::relay::{GRANT_HEADER, NEXT_HEADER, RELAY_AUDIENCE, RELAY_PATH, RELAY_VERSION, RELAYS_HEADER};
use shared_protocol::{ErrorCode, GatewayClaims, RelayClaims, ServerMessage, UserClaims};
use std::sync::Arc;

async fn scripted() -> Service {
    Service::with(&[("ALLOWED_ORIGINS", "https://labs.example")], Arc::new(ScriptedSpawner::default())).await
}

async fn message(service: &Service, session: Option<&str>, body: &str) -> (u16, Value) {
    read(service.gateway(MESSAGE_PATH, session, body).await).await
}

#[tokio::test]
async fn health_and_metrics_answer_whatever_sessions_do() {
    let sessions = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (shells, store) = (Arc::new(ScriptedSpawner::default()), Arc::new(MemoryStore::default()));
    let service = Service::running_on(sessions.handle().clone(), &[], shells, store).await;
    let token = user_token(&user("ada", Some("s")));
    let mut page = Terminal::open(&service.terminal_url("s", &token)).await;
    let (begun, begins) = tokio::sync::oneshot::channel();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let holding = sessions.spawn(async move {
        begun.send(()).unwrap();
        held.recv()
    });
    begins.await.unwrap();
    page.send(ATTACH).await;
    for response in [service.get("/health").await, service.metrics().await] {
        assert_eq!(response.status(), 200, "{}", response.url());
    }
    drop(release);
    holding.await.unwrap().unwrap_err();
    page.attach("page").await;
    service.stop().await;
    sessions.shutdown_background();
}

#[tokio::test]
async fn without_a_valid_gateway_token_nothing_changes() {
    let service = scripted().await;
    let body = ATTACH.as_bytes();
    let good = gateway_claims(MESSAGE_PATH, body, "c=", Some("s"));
    let forged = |change: fn(GatewayClaims) -> GatewayClaims| Some(sign(&change(good.clone())));
    let tokens = [
        None,
        Some("nonsense".to_owned()),
        Some(user_token(&user("ada", Some("s")))),
        forged(|claims| GatewayClaims { aud: "page".into(), ..claims }),
        forged(|claims| GatewayClaims { iss: "page".into(), ..claims }),
        forged(|claims| GatewayClaims { exp: claims.iat - 60, ..claims }),
        forged(|claims| GatewayClaims { path: "/health".into(), ..claims }),
        forged(|claims| GatewayClaims { bh: auth_tokens::body_hash(b"other"), ..claims }),
    ];
    for path in [MESSAGE_PATH, RELAY_PATH, DISCONNECT_PATH] {
        for token in &tokens {
            let request = client().post(format!("http://{}{path}", service.address)).body(ATTACH);
            let request = token.iter().fold(request, reqwest::RequestBuilder::bearer_auth);
            let (status, error) = read(request.send().await.unwrap()).await;
            assert_eq!((status, &error["retryable"]), (401, &json!(false)), "{path} {token:?}");
            assert!(error["error"].is_string() && error["code"].is_string());
        }
    }
    let (_, health) = read(service.get("/health").await).await;
    assert_eq!(health["sessions"], 0, "no shell started");
}

#[tokio::test]
async fn a_message_names_no_other_connection_or_session() {
    let service = scripted().await;
    for body in [r#"{"type":"ping","connectionId":"other="}"#, r#"{"type":"ping","sessionId":"other"}"#] {
        let (status, error) = message(&service, Some("s"), body).await;
        assert_eq!((status, &error["code"]), (200, &json!("FORBIDDEN")), "{body}");
    }
    let body = r#"{"type":"ping","connectionId":"c=","sessionId":"s"}"#;
    assert_eq!(message(&service, Some("s"), body).await.0, 200);
    let claims = gateway_claims(MESSAGE_PATH, PING.as_bytes(), "c=", Some("s"));
    let request = client().post(format!("http://{}{MESSAGE_PATH}", service.address)).body(PING);
    let response = request.bearer_auth(sign(&claims)).header("x-connection-id", "other=").send().await.unwrap();
    assert_eq!(response.status(), 403);
}

#[tokio::test]
async fn a_pong_says_how_long_the_gateway_and_the_service_took() {
    let service = scripted().await;
    let claims = gateway_claims(MESSAGE_PATH, PING.as_bytes(), "c=", Some("s"));
    let now = SystemClock.now_ms();
    let hour = 3_600_000;
    for (received, least, most) in [(now - hour, hour, 2 * hour), (now + hour, 0, 0)] {
        let request = client().post(format!("http://{}{MESSAGE_PATH}", service.address)).body(PING);
        let request = request.header(RELAYS_HEADER, RELAY_VERSION).header("x-terminal-received", received);
        let request = request.bearer_auth(sign(&claims));
        let (_, pong) = read(request.send().await.unwrap()).await;
        let (gateway, inside) = (pong["gatewayMs"].as_u64().unwrap(), pong["serviceMs"].as_u64().unwrap());
        assert!((least..=most).contains(&gateway) && inside < hour, "{pong}");
    }
    let (_, pong) = message(&service, Some("s"), PING).await;
    assert!(pong["gatewayMs"].is_null() && pong["serviceMs"].is_u64(), "{pong}");
}

#[tokio::test]
async fn bad_messages_get_an_error_frame_and_large_bodies_a_status() {
    let service = scripted().await;
    for (body, code) in [
        ("not json", "BAD_MESSAGE"),
        ("[]", "BAD_MESSAGE"),
        (r#"{"type":"resize","cols":0,"rows":5}"#, "BAD_FIELD"),
        (r#"{"type":"input","seq":1,"epoch":1}"#, "BAD_FIELD"),
    ] {
        let (status, frame) = message(&service, Some("s"), body).await;
        assert_eq!((status, &frame["type"], &frame["code"]), (200, &json!("error"), &json!(code)), "{body}");
    }
    let large = format!(r#"{{"type":"echo","x":"{}"}}"#, "x".repeat(33_000));
    let (status, frame) = message(&service, Some("s"), &large).await;
    assert_eq!((status, &frame["code"]), (200, &json!("TOO_LARGE")));
    let huge = "x".repeat(70_000);
    let (status, error) = message(&service, Some("s"), &huge).await;
    assert_eq!((status, &error["code"]), (413, &json!("TOO_LARGE")));
}

#[tokio::test]
async fn a_connection_without_a_session_may_ping_and_echo() {
    let service = scripted().await;
    assert_eq!(message(&service, None, PING).await.1["type"], "pong");
    let (_, echo) = message(&service, None, r#"{"type":"echo","a":[1]}"#).await;
    assert_eq!(echo["received"], json!({"a":[1]}));
    assert_eq!(message(&service, None, ATTACH).await.1["code"], "NOT_ATTACHED");
}

#[tokio::test]
async fn a_lone_relay_stops_at_the_disconnect() {
    let service = scripted().await;
    let mut relay = Carrier::granted(&service.gateway(MESSAGE_PATH, Some("s"), ATTACH).await, "c=").unwrap();
    let answer = relay.ask(&service, 0).await;
    assert_eq!((answer.status().as_u16(), answer.headers().contains_key(NEXT_HEADER)), (204, true));
    let disconnect = async |body| read(service.gateway(DISCONNECT_PATH, Some("s"), body).await).await;
    let gone = disconnect(r#"{"connectionId":"c=","sessionId":"s"}"#).await;
    assert_eq!(gone, (200, json!({"success":true})));
    assert!(!relay.ask(&service, 20_000).await.headers().contains_key(NEXT_HEADER), "it is told to stop");
    let (status, error) = message(&service, Some("s"), ATTACH).await;
    assert_eq!((status, &error["code"]), (200, &json!("CONNECTION_GONE")));
    assert_eq!(disconnect(r#"{"connectionId":"other=","sessionId":"s"}"#).await.0, 403);
}

#[tokio::test]
async fn a_question_of_a_wrong_relay_is_told_to_stop_and_of_a_malformed_one_refused() {
    let service = scripted().await;
    let granted = service.gateway(MESSAGE_PATH, Some("s"), ATTACH).await;
    let grant = granted.headers()[GRANT_HEADER].to_str().unwrap();
    let (instance, secret) = grant.split_once('.').unwrap();
    assert_eq!(secret.len(), 32, "128 bits");
    let question =
        |relay: &str, number: u64| json!({"relay": relay, "number": number, "answered": 0, "waitMs": 20_000});
    let wrong = [
        (question(grant, 1), "other-api"),
        (question(grant, 0), "c="),
        (question(grant, 9), "c="),
        (question(&format!("{instance}.{}", "0".repeat(32)), 1), "c="),
        (question(&format!("elsewhere.{secret}"), 1), "c="),
        (question(secret, 1), "c="),
    ];
    for (question, endpoint) in wrong {
        let body = question.to_string();
        let answer = post_question(&service, &relay_claims(&body, endpoint), &body).await;
        let stops = (answer.status().as_u16(), answer.headers().contains_key(NEXT_HEADER));
        assert_eq!(stops, (204, false), "{question} {endpoint}");
    }
    for body in ["", "{}", r#"{"relay":"x","number":1,"answered":0,"waitMs":-1}"#] {
        assert_eq!(post_question(&service, &relay_claims(body, "c="), body).await.status(), 400, "{body}");
    }
}

#[tokio::test]
async fn a_relays_token_is_no_gateway_token_and_the_other_way_round() {
    let service = scripted().await;
    let body = r#"{"relay":"x.y","number":1,"answered":0,"waitMs":0}"#;
    let good = relay_claims(body, "c=");
    let forged = [
        RelayClaims { aud: TOKEN_AUDIENCE.into(), ..good.clone() },
        RelayClaims { iss: "page".into(), ..good.clone() },
        RelayClaims { exp: good.iat - 60, ..good.clone() },
        RelayClaims { path: MESSAGE_PATH.into(), ..good.clone() },
        RelayClaims { bh: auth_tokens::body_hash(b"other"), ..good.clone() },
    ];
    for claims in &forged {
        assert_eq!(post_question(&service, claims, body).await.status(), 401, "{claims:?}");
    }
    let message =
        GatewayClaims { aud: RELAY_AUDIENCE.into(), ..gateway_claims(MESSAGE_PATH, PING.as_bytes(), "c=", None) };
    assert_eq!(service.post(&message, PING).await.status(), 401);
}

#[tokio::test]
async fn a_function_of_another_version_gets_an_error_that_says_so() {
    let service = scripted().await;
    let token = sign(&gateway_claims(MESSAGE_PATH, PING.as_bytes(), "c=", Some("s")));
    let post = client().post(format!("http://{}{MESSAGE_PATH}", service.address)).bearer_auth(token).body(PING);
    let (status, frame) = read(post.send().await.unwrap()).await;
    assert_eq!((status, &frame["type"], &frame["code"]), (200, &json!("error"), &json!("INTERNAL")));
}

#[tokio::test]
async fn users_create_look_up_and_end_their_sessions() {
    let service = scripted().await;
    let ada = user("ada", None);
    let (status, created) = service.api(Method::POST, "", &ada).await;
    assert_eq!((status, &created["state"], &created["valid"]), (201, &json!("created"), &json!(true)));
    let path = format!("/{}", created["sessionId"].as_str().unwrap());
    assert_eq!(service.api(Method::GET, &path, &ada).await.0, 200);
    assert_eq!(service.api(Method::DELETE, &path, &ada).await.0, 200);
    let (_, ended) = service.api(Method::GET, &path, &ada).await;
    assert_eq!((&ended["state"], &ended["endReason"]), (&json!("ended"), &json!("closed")));
    assert_eq!(ended["valid"], false);
}

#[tokio::test]
async fn health_and_diagnostics_need_no_token_and_show_no_secret() {
    let service = scripted().await;
    let (status, health) = read(service.get("/health").await).await;
    assert_eq!((status, &health["status"], &health["websocket"]), (200, &json!("ok"), &json!("available")));
    assert_eq!((&health["version"], &health["sessions"]), (&json!(env!("CARGO_PKG_VERSION")), &json!(0)));
    let diagnostics = service.get("/api/diagnostics/websocket").await.text().await.unwrap();
    assert!(!diagnostics.contains(crate::support::SECRET));
    let diagnostics: Value = serde_json::from_str(&diagnostics).unwrap();
    assert_eq!((&diagnostics["store"], &diagnostics["isolation"]), (&json!("memory"), &json!("none")));
}

#[tokio::test]
async fn every_response_has_the_security_headers() {
    let service = scripted().await;
    for path in ["/health", "/api/sessions", "/nothing", "/metrics", "/terminal"] {
        let answer = service.get(path).await;
        let header = |name| answer.headers().get(name).unwrap_or_else(|| panic!("{path} lacks {name}")).clone();
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
    }
}

#[tokio::test]
async fn only_pages_of_listed_origins_may_use_the_api() {
    let service = scripted().await;
    let url = format!("http://{}/api/sessions", service.address);
    let allowed = async |origin: &str| {
        let preflight = client().request(Method::OPTIONS, &url).header("origin", origin);
        let response = preflight.header("access-control-request-method", "POST").send().await.unwrap();
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        (header("access-control-allow-origin"), header("access-control-max-age"))
    };
    let (origin, age) = allowed("https://labs.example").await;
    assert_eq!((origin.as_deref(), age.as_deref()), (Some("https://labs.example"), Some("86400")));
    assert_eq!(allowed("https://evil.example").await.0, None);
}

#[tokio::test]
async fn the_close_code_of_a_websocket_says_why() {
    let service = scripted().await;
    let open = async |query: &str| {
        let mut terminal = Terminal::open(&format!("ws://{}/terminal?{query}", service.address)).await;
        terminal.close_code().await
    };
    let (named, unnamed) = (user_token(&user("ada", Some("s"))), user_token(&user("ada", None)));
    assert_eq!(open("sessionId=s").await, 4001);
    assert_eq!(open("sessionId=s&token=bad").await, 4001);
    assert_eq!(open(&format!("sessionId=other&token={named}")).await, 4000, "the token names another session");
    assert_eq!(open(&format!("sessionId=unknown&token={unnamed}")).await, 4000);
    assert_eq!(open(&format!("token={unnamed}")).await, 4000);
}

#[tokio::test]
async fn a_token_may_come_as_a_subprotocol() {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    let service = scripted().await;
    let token = user_token(&user("ada", Some("s")));
    for offered in [format!("termgate, {token}"), format!("{token},termgate")] {
        let mut request = format!("ws://{}/terminal?sessionId=s", service.address).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", offered.parse().unwrap());
        Terminal::open(request).await.attach("page").await;
    }
    service.stop().await;
}

#[tokio::test]
async fn a_direct_connection_is_closed_with_4503_when_the_service_stops() {
    let mut service = scripted().await;
    let mut attached = service.attached("page").await;
    service.ask_to_stop();
    assert_eq!(attached.close_code().await, 4503);
    service.stop().await;
}

#[tokio::test]
async fn a_plain_client_stays_connected_when_the_shell_exits() {
    let shells = ScriptedSpawner::default();
    let service = Service::with(&[], Arc::new(shells.clone())).await;
    let mut plain = service.terminal("s").await;
    plain.send(r#"{"type":"resize","cols":80,"rows":24}"#).await;
    plain.reply(|reply| matches!(reply, ServerMessage::ResizeAck(_))).await;
    shells.last().unwrap().exit(0);
    let operator = UserClaims { admin: true, ..user("root", None) };
    until("the end of the session", async || service.api(Method::GET, "/s", &operator).await.1["state"] == "ended")
        .await;
    plain.send(r#"{"type":"command","command":"ls"}"#).await;
    plain.reply(|reply| matches!(reply, ServerMessage::Error(error) if error.code == ErrorCode::SessionEnded)).await;
    plain.send(r#"{"type":"ping"}"#).await;
    plain.reply(|reply| matches!(reply, ServerMessage::Pong(_))).await;
    service.stop().await;
}

#[tokio::test]
async fn a_page_of_another_origin_cannot_open_a_websocket() {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    let service = scripted().await;
    for (origin, status) in [
        ("https://evil.example".to_owned(), Some(403)),
        ("https://labs.example".to_owned(), None),
        (format!("http://{}", service.address), None),
    ] {
        let mut request = format!("ws://{}/terminal?sessionId=s", service.address).into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        let refused = match tokio_tungstenite::connect_async(request).await {
            Ok(_) => None,
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => Some(response.status().as_u16()),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(refused, status, "{origin}");
    }
}

#[tokio::test]
async fn ws_test_echoes_a_bounded_number_of_messages_without_a_token() {
    use futures_util::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::Message;
    let service = scripted().await;
    let url = format!("ws://{}/ws-test", service.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    for n in 0..97 {
        socket.send(Message::text(format!("hello {n}"))).await.unwrap();
        let echo: Value = serde_json::from_str(socket.next().await.unwrap().unwrap().to_text().unwrap()).unwrap();
        assert_eq!((&echo["type"], &echo["received"]), (&json!("echo"), &json!(format!("hello {n}"))));
        assert!(echo["timestamp"].as_u64().unwrap() > 1_700_000_000_000);
    }
    for value in [json!({"test": "message"}), json!([1, null])] {
        socket.send(Message::text(value.to_string())).await.unwrap();
        let echo: Value = serde_json::from_str(socket.next().await.unwrap().unwrap().to_text().unwrap()).unwrap();
        assert_eq!(echo["received"], value);
    }
    socket.send(Message::binary(vec![0, 255])).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::binary(vec![0, 255]));
    let Some(Ok(Message::Close(Some(close)))) = socket.next().await else { panic!("bounded") };
    assert_eq!(u16::from(close.code), 1008);
}

#[tokio::test]
async fn chat_reaches_every_attached_client() {
    use shared_protocol::StreamEvent;
    let service = scripted().await;
    let (mut one, mut two) = (service.attached("page-1").await, service.attached("page-2").await);
    one.ordered("chat_message", r#","data":{"message":"help?"}"#).await;
    for terminal in [&mut one, &mut two] {
        let chat = terminal.event(|event| matches!(event, StreamEvent::Chat { .. })).await;
        assert_eq!(chat, StreamEvent::Chat { from: "ada".into(), name: None, message: "help?".into() });
    }
    service.stop().await;
}
