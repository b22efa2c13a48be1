//! Silent peers as docs/protocol.md describes them, in the service's own time: pings, and the close codes after them.

use crate::support::{Service, user, user_token};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

const PING: u8 = 0x89;
const CLOSE: u8 = 0x88;

/// Opens a WebSocket that will never say anything, not even a pong.
async fn open(service: &Service, path: &str) -> TcpStream {
    let mut socket = TcpStream::connect(service.address).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: here\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    socket
}

/// Seconds of the pings after the first moment, then those of the close, and its code.
async fn silence(socket: &mut TcpStream) -> (Vec<u64>, u64, u16) {
    tokio::time::pause();
    let (started, mut pings) = (Instant::now(), Vec::new());
    loop {
        let (kind, length) = (socket.read_u8().await.unwrap(), socket.read_u8().await.unwrap());
        let mut payload = vec![0; length.into()];
        socket.read_exact(&mut payload).await.unwrap();
        let seconds = (started.elapsed().as_secs_f64()).round() as u64;
        match kind {
            PING if seconds > 0 => pings.push(seconds),
            PING => {}
            CLOSE => return (pings, seconds, u16::from_be_bytes([payload[0], payload[1]])),
            other => panic!("an unexpected frame {other:x}"),
        }
    }
}

#[tokio::test]
async fn a_websocket_is_pinged_every_30_s_and_closed_when_it_was_silent_for_75_s() {
    let service = Service::scripted().await;
    let token = user_token(&user("ada", Some("s")));
    let mut socket = open(&service, &format!("/terminal?sessionId=s&token={token}")).await;
    let (pings, closed, code) = silence(&mut socket).await;
    assert_eq!((pings, code), (vec![30, 60], 1008));
    // The service looks with each ping.
    assert!((75..=90).contains(&closed), "{closed} s");
}

#[tokio::test]
async fn ws_test_ends_after_two_minutes() {
    let service = Service::scripted().await;
    let mut socket = open(&service, "/ws-test").await;
    assert_eq!(silence(&mut socket).await, (vec![], 120, 1008));
}
