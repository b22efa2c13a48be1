//! `HttpBackend` against a real HTTP server: requests, signatures, responses, and failures.

use crate::server::Server;
use crate::support::{CONNECTION, NOW, class, endpoint, id, identity};
use auth_tokens::{GatewaySecret, GatewayTokenVerifier, body_hash};
use gateway_lambda::clock::ManualClock;
use gateway_lambda::{Backend, BackendConfig, BackendError, Caller, HttpBackend, Identity, Next, RelayAnswer, Reply};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use shared_protocol::gateway::{DISCONNECT_PATH, MESSAGE_PATH};
use shared_protocol::relay::{MAX_ANSWER_BODY_BYTES, RELAY_PATH, RelayAction, RelayFrame, RelayQuestion};
use shared_protocol::{ApiError, ErrorCode, RelayClaims, Role};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::Instant;

const TIMEOUT: Duration = Duration::from_secs(20);
const NUMBERED: &str = r#"{"type":"input","seq":7,"epoch":1,"data":"l"}"#;
const PLAIN: &str = r#"{"type":"command","command":"make a-mess"}"#;

fn secret() -> GatewaySecret {
    GatewaySecret::new(&[7; 32]).unwrap()
}

fn backend(url: &str) -> HttpBackend {
    HttpBackend::new(BackendConfig { url: url.to_owned(), secret: secret() }, Arc::new(ManualClock::new(NOW)))
}

fn caller() -> Caller {
    Caller {
        connection: id(CONNECTION),
        endpoint: endpoint(),
        identity: Some(Identity { role: Role::Viewer, admin: true, class: class(), ..identity() }),
        request_id: "Lq3xcGvYjoEF7Jg=".to_owned(),
        received_at: Some(NOW * 1000 + 7),
    }
}

#[tokio::test]
async fn a_message_is_signed_for_itself() {
    let mut server = Server::start().await;
    let body = "{\"type\":\"ping\",  \"t\":\"grüße\"}";
    backend(&server.url).message(&caller(), body.into(), TIMEOUT).await.unwrap();
    let request = server.arrived().await;
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", MESSAGE_PATH));
    assert_eq!(request.body, body);
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.header("x-connection-id"), "Lq3xTfoVDoECJ1w=");
    assert_eq!(request.header("x-request-id"), "Lq3xcGvYjoEF7Jg=");
    assert_eq!(request.header("x-terminal-relays"), "1");
    assert_eq!(request.header("x-terminal-received"), (NOW * 1000 + 7).to_string());
    let token = request.header("authorization").strip_prefix("Bearer ").unwrap();
    let keys = GatewayTokenVerifier::new([&secret()]);
    let claims = keys.verify(token, MESSAGE_PATH, &request.body, NOW).unwrap();
    let expected = json!({
        "iss": "termgate-gateway", "aud": "termgate-backend", "iat": NOW, "exp": NOW + 60, "path": MESSAGE_PATH,
        "bh": body_hash(body.as_bytes()), "jti": "Lq3xcGvYjoEF7Jg=", "cid": CONNECTION,
        "ep": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod",
        "sid": "lab-7", "sub": "ada", "role": "viewer", "admin": true, "create": true, "uexp": NOW + 3600,
        "uiat": NOW - 10, "class": {"grp": "class-7", "name": "Ada ♛", "jti": "token-1", "takeover": "ask", "rec": true, "profile": "python"},
    });
    assert_eq!(json!(claims), expected);
    assert!(keys.verify(token, DISCONNECT_PATH, &request.body, NOW).is_err());
}

#[tokio::test]
async fn a_disconnect_follows_the_contract() {
    let mut server = Server::start().await;
    server.answers(200, &[], r#"{"success":true}"#);
    backend(&server.url).disconnect(&caller(), TIMEOUT).await.unwrap();
    let request = server.arrived().await;
    let body = json!({"connectionId": "Lq3xTfoVDoECJ1w=", "sessionId": "lab-7"});
    assert_eq!(request.path, DISCONNECT_PATH);
    assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), body);
    let token = request.header("authorization").strip_prefix("Bearer ").unwrap();
    assert!(GatewayTokenVerifier::new([&secret()]).verify(token, DISCONNECT_PATH, &request.body, NOW).is_ok());
}

fn question() -> RelayQuestion {
    RelayQuestion {
        relay: "g".to_owned(),
        number: 7,
        answered: 6,
        wait_ms: 24_321,
        throttled: false,
        last: false,
        reports: vec![],
    }
}

async fn ask(backend: &HttpBackend) -> Result<RelayAnswer, BackendError> {
    backend.relay(&endpoint(), &question(), TIMEOUT).await
}

#[tokio::test]
async fn a_question_is_signed_for_its_api_and_names_no_connection() {
    let mut server = Server::start().await;
    ask(&backend(&server.url)).await.unwrap();
    let request = server.arrived().await;
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", RELAY_PATH));
    assert_eq!(serde_json::from_slice::<RelayQuestion>(&request.body).unwrap(), question());
    for header in ["x-connection-id", "x-request-id", "x-terminal-received"] {
        assert_eq!(request.header(header), "", "{header}");
    }
    let token = request.header("authorization").strip_prefix("Bearer ").unwrap();
    let keys = GatewayTokenVerifier::new([&secret()]);
    let claims = keys.verify_relay(token, RELAY_PATH, &request.body, NOW).unwrap();
    let expected = RelayClaims {
        iss: "termgate-gateway".into(),
        aud: "termgate-relay".into(),
        iat: NOW,
        exp: NOW + 10,
        path: RELAY_PATH.into(),
        bh: body_hash(&request.body),
        ep: "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod".into(),
    };
    assert_eq!(claims, expected);
}

#[tokio::test]
async fn an_answer_is_frames_and_when_to_ask_again() {
    let server = Server::start().await;
    let backend = backend(&server.url);
    let frame = RelayFrame {
        member: 3,
        number: 9,
        connection: id(CONNECTION),
        action: RelayAction::Close,
        frame: "a\nb".into(),
    };
    let body = "3 9 Lq3xTfoVDoECJ1w= close 3\na\nb";
    for (header, next) in [("now", Some(Next::Now)), ("settled", Some(Next::Settled)), ("never", None)] {
        server.answers(200, &[("x-terminal-next", header)], body);
        assert_eq!(ask(&backend).await.unwrap(), RelayAnswer { frames: vec![frame.clone()], next }, "{header}");
    }
    server.answers(204, &[], "");
    assert_eq!(ask(&backend).await.unwrap(), RelayAnswer::default(), "a wrong grant means stop");
    server.answers(200, &[("x-terminal-next", "now")], "hello");
    server.answers(200, &[], vec![b'x'; MAX_ANSWER_BODY_BYTES + 1]);
    for expected in ["does not have the format", &format!("more than {MAX_ANSWER_BODY_BYTES} bytes")] {
        let error = ask(&backend).await.unwrap_err();
        assert!(matches!(&error, BackendError::Unreachable(reason) if reason.contains(expected)), "{error:?}");
    }
}

#[tokio::test]
async fn a_response_is_a_frame_and_headers() {
    let server = Server::start().await;
    let backend = backend(&server.url);
    server.answers(200, &[("x-terminal-relay", "1.0"), ("x-terminal-touch", "1")], "frame");
    server.answers(200, &[("x-terminal-close", "connection")], "bye");
    server.answers(200, &[("x-terminal-close", "everything")], "");
    let message = async || backend.message(&caller(), NUMBERED.into(), TIMEOUT).await;
    let reply = Reply { frame: Some("frame".into()), grant: Some("1.0".to_owned()), touch: true, close: false };
    assert_eq!(message().await.unwrap(), reply);
    let bye = Reply { frame: Some("bye".into()), close: true, ..Reply::default() };
    assert_eq!(message().await.unwrap(), bye);
    assert_eq!(message().await.unwrap(), Reply::default(), "unknown values are ignored");
}

#[tokio::test]
async fn errors_of_the_service_are_kept_and_others_hidden() {
    let server = Server::start().await;
    let backend = backend(&server.url);
    let refused = ApiError::new(ErrorCode::SessionNotFound, "There is no such session.");
    server.answers(404, &[], serde_json::to_vec(&refused).unwrap());
    server.answers(502, &[("content-type", "text/html")], "<h1>secret proxy 10.0.0.7</h1>");
    server.answers(302, &[("location", "http://example.com")], "");
    server.answers(200, &[], vec![b'x'; 128 * 1024 + 1]);
    let message = async || backend.message(&caller(), NUMBERED.into(), TIMEOUT).await;
    assert_eq!(message().await, Err(BackendError::Refused(refused)));
    for expected in ["502 Bad Gateway, without an error of the service", "302 Found", "more than 131072 bytes"] {
        let error = message().await.unwrap_err();
        assert!(matches!(&error, BackendError::Unreachable(reason) if reason.contains(expected)), "{error:?}");
    }
}

#[tokio::test]
async fn a_silent_server_is_a_timeout_and_a_closed_port_is_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    let began = Instant::now();
    let error = backend(&silent).message(&caller(), NUMBERED.into(), Duration::from_millis(100)).await;
    assert_eq!(error, Err(BackendError::Timeout));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let slow = backend(&silent).disconnect(&caller(), Duration::from_millis(100)).await;
    assert_eq!(slow, Err(BackendError::Timeout));
    drop(listener);
    let error = backend(&silent).message(&caller(), NUMBERED.into(), TIMEOUT).await.unwrap_err();
    assert!(matches!(error, BackendError::Unreachable(_)), "{error:?}");
}

/// A server that answers the first request of each connection, and closes the connection at the second. The channel has the
/// number of requests of each connection.
async fn close_at_second_request() -> (String, mpsc::Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, counts) = mpsc::channel(8);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let requests = AtomicUsize::new(0);
            let answer = service_fn(async |request: Request<Incoming>| {
                request.into_body().collect().await.unwrap();
                let first = requests.fetch_add(1, Ordering::Relaxed) == 0;
                first.then(|| Response::new(String::new())).ok_or("closes the connection")
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
            sender.send(requests.into_inner()).await.unwrap();
        }
    });
    (url, counts)
}

#[tokio::test]
async fn idempotent_requests_are_retried_when_a_pooled_connection_closes() {
    for kind in ["message", "relay", "disconnect"] {
        let (url, mut counts) = close_at_second_request().await;
        let backend = backend(&url);
        for _ in 0..2 {
            match kind {
                "message" => drop(backend.message(&caller(), NUMBERED.into(), TIMEOUT).await.unwrap()),
                "relay" => drop(ask(&backend).await.unwrap()),
                _ => backend.disconnect(&caller(), TIMEOUT).await.unwrap(),
            }
        }
        drop(backend);
        assert_eq!((counts.recv().await, counts.recv().await), (Some(2), Some(1)), "{kind}");
    }
}

#[tokio::test]
async fn a_plain_message_is_not_retried() {
    let (url, mut counts) = close_at_second_request().await;
    let plain_backend = backend(&url);
    plain_backend.message(&caller(), PLAIN.into(), TIMEOUT).await.unwrap();
    let error = plain_backend.message(&caller(), PLAIN.into(), TIMEOUT).await.unwrap_err();
    assert!(matches!(error, BackendError::Unreachable(_)), "{error:?}");
    assert_eq!(counts.recv().await, Some(2));
    // This is the server's second connection: there was none in between.
    backend(&url).message(&caller(), NUMBERED.into(), TIMEOUT).await.unwrap();
    assert_eq!(counts.recv().await, Some(1));
}
