//! Callers without a valid token: they hold nothing, and push out no one.

use crate::support::{ATTACH, Service, gateway_claims, sign, user, user_token, within};
use backend::store::MemoryStore;
use backend::terminal::scripted::ScriptedSpawner;
use futures_util::FutureExt;
use futures_util::future::select_all;
use shared_protocol::GatewayClaims;
use shared_protocol::gateway::{DISCONNECT_PATH, MESSAGE_PATH};
use shared_protocol::polling::{CLOSE_PATH, FRAMES_PATH, MESSAGES_PATH};
use shared_protocol::relay::RELAY_PATH;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Headers of a request that another instance passes on from memory.
const FROM_MEMORY: &str = "x-termgate-forwarded-by: another\r\nx-termgate-from-memory: 1\r\n";

/// Sends the head of a request, and never its body.
async fn send_head(service: &Service, path: &str, token: &str, headers: &str) -> TcpStream {
    let mut stream = within("connecting", TcpStream::connect(service.address)).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: here\r\nauthorization: Bearer {token}\r\n{headers}content-length: 10\r\n\r\n"
    );
    within("sending", stream.write_all(head.as_bytes())).await.unwrap();
    stream
}

/// Status of the response.
async fn status(mut stream: TcpStream) -> String {
    let mut status = [0; 12];
    within("a response", stream.read_exact(&mut status)).await.unwrap();
    String::from_utf8_lossy(&status[9..]).into_owned()
}

#[tokio::test]
async fn a_bad_token_is_refused_before_its_body_arrives() {
    let alone = Service::scripted().await;
    let store = Arc::new(MemoryStore::shared());
    let one_of_several = Service::one_of(&[], Arc::new(ScriptedSpawner::default()), store).await;
    let good = gateway_claims(MESSAGE_PATH, b"0123456789", "c=", Some("s"));
    let elsewhere = GatewayClaims { path: "/health".into(), ..good.clone() };
    let expired = GatewayClaims { exp: good.iat - 60, ..good.clone() };
    let of_a_page = GatewayClaims { aud: "page".into(), ..good };
    let late = shared_protocol::UserClaims { exp: 1, ..user("ada", Some("s")) };
    let tokens = [elsewhere, expired, of_a_page].map(|claims| sign(&claims));
    let tokens = tokens.into_iter().chain(["x".to_owned(), user_token(&late)]);
    let paths = [MESSAGE_PATH, RELAY_PATH, DISCONNECT_PATH, MESSAGES_PATH, FRAMES_PATH, CLOSE_PATH, "/api/sessions"];
    for token in tokens {
        for path in paths {
            for (service, headers) in [(&alone, ""), (&one_of_several, ""), (&one_of_several, FROM_MEMORY)] {
                let answer = status(send_head(service, path, &token, headers).await).await;
                assert_eq!(answer, "401", "{path} {token} {headers}");
            }
        }
    }
    tokio::join!(alone.stop(), one_of_several.stop());
}

#[tokio::test]
async fn a_page_gets_its_terminal_while_strangers_hold_all_that_they_can() {
    let service = Service::with(&[("MAX_HTTP_CONNECTIONS", "64")], Arc::new(ScriptedSpawner::default())).await;
    let mut held = Vec::new();
    for _ in 0..20 {
        for path in [MESSAGE_PATH, RELAY_PATH, MESSAGES_PATH, "/terminal"] {
            held.push(send_head(&service, path, "x", "").await);
        }
    }
    let attached = service.gateway(MESSAGE_PATH, Some("s"), ATTACH).await;
    assert_eq!(attached.status(), 200, "through the gateway");
    service.attached("second").await;
    assert!(service.get("/health").await.status().is_success());
    drop(held);
    service.stop().await;
}

/// Each connection waits for the answer to its close, which never comes.
#[tokio::test]
async fn refused_websockets_hold_no_place() {
    let service = Service::with(&[("MAX_HTTP_CONNECTIONS", "64")], Arc::new(ScriptedSpawner::default())).await;
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    let mut held = Vec::new();
    for path in ["/terminal?token=x", "/ws-test"].into_iter().cycle().take(20) {
        let mut stream = TcpStream::connect(service.address).await.unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: here\r\n{upgrade}\r\n");
        within("sending", stream.write_all(head.as_bytes())).await.unwrap();
        let mut begin = [0; 12];
        within("an answer", stream.read_exact(&mut begin)).await.unwrap();
        assert_eq!(&begin, b"HTTP/1.1 101");
        held.push(stream);
    }
    let mut rest = Vec::new();
    within("the end of the oldest", held[0].read_to_end(&mut rest)).await.unwrap_or_default();
    within("the end of another", held[1].read_to_end(&mut rest)).await.unwrap_or_default();
    service.attached("page").await;
    service.stop().await;
}

#[tokio::test]
async fn one_user_has_a_share_of_the_requests_in_progress() {
    let service = Service::with(&[("MAX_HTTP_CONNECTIONS", "2048")], Arc::new(ScriptedSpawner::default())).await;
    let eve = user_token(&user("eve", Some("e")));
    let mut held = Vec::new();
    for _ in 0..65 {
        held.push(send_head(&service, MESSAGES_PATH, &eve, "").await);
    }
    // The others wait for their bodies.
    let (refused, _, held) = select_all(held.into_iter().map(|stream| status(stream).boxed())).await;
    assert_eq!(refused, "429");
    service.attached("page").await;
    drop(held);
    service.stop().await;
}
