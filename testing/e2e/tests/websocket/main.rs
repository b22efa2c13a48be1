//! RFC 6455 to the letter, on each socket that this project serves: one table of named cases, sent as raw bytes.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod cases;
mod raw_client;

use cases::{Case, Expected, close_body};
use e2e::{Function, Stack};
use raw_client::{BINARY, CLOSE, CONTINUATION, FIN, PONG, RawClient, Received, TEXT, frame};
use serde_json::Value;
use std::net::SocketAddr;

const TOO_BIG: u16 = 1009;
const UNSUPPORTED: u16 = 1003;

/// One socket.
struct Socket {
    address: SocketAddr,
    target: String,
    takes_binary: bool,
    /// Largest message in bytes.
    max: usize,
}

impl Socket {
    fn ws_test(stack: &Stack) -> Self {
        let address = address(&stack.service_url());
        Self { address, target: "/ws-test".to_owned(), takes_binary: true, max: 4 * 1024 }
    }

    fn terminal(stack: &Stack) -> Self {
        let target = format!("/terminal?token={}", stack.token("ada", "frames"));
        let address = address(&stack.service_url());
        Self { address, target, takes_binary: false, max: 128 * 1024 }
    }

    fn gateway(stack: &Stack) -> Self {
        let target = format!("/prod?token={}", stack.token("ada", "frames"));
        Self { address: address(&stack.url()), target, takes_binary: false, max: 32 * 1024 }
    }

    /// Runs one case.
    async fn run(&self, case: &Case) -> Result<(), String> {
        let mut client = RawClient::open(self.address, &self.target).await;
        client.send(&case.sent, case.piece).await;
        match &case.expected {
            Expected::Open { answers, pongs } => {
                expect_answers(&mut client, answers, pongs).await?;
                self.close(client).await
            }
            Expected::Binary { echoes } if self.takes_binary => {
                for echo in echoes {
                    let expected = Received::Frame(FIN | BINARY, echo.clone());
                    let received = client.receive().await?;
                    check(received == expected, || format!("no echo, but {received:?}"))?;
                }
                self.close(client).await
            }
            Expected::Binary { .. } => expect_close(&mut client, Some(UNSUPPORTED)).await,
            Expected::Closed(code) => expect_close(&mut client, *code).await,
        }
    }

    /// Closes a connection that must be open.
    async fn close(&self, mut client: RawClient) -> Result<(), String> {
        client.send(&frame(FIN | CLOSE, &close_body(1000, b"bye")), usize::MAX).await;
        let received = client.receive().await?;
        let echo = Received::Frame(FIN | CLOSE, close_body(1000, b"bye"));
        check(received == echo, || format!("no echo of the close frame, but {received:?}"))?;
        let received = client.receive().await?;
        check(received == Received::End, || format!("no end after the close frame, but {received:?}"))
    }
}

fn address(url: &str) -> SocketAddr {
    url.split('/').nth(2).unwrap().parse().unwrap()
}

fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// Reads these answers and pongs, each kind in its order, and nothing else.
async fn expect_answers(client: &mut RawClient, answers: &[String], pongs: &[Vec<u8>]) -> Result<(), String> {
    let (mut answers, mut pongs) = (answers.iter(), pongs.iter());
    while answers.len() + pongs.len() > 0 {
        match client.receive().await? {
            Received::Frame(first, payload) if first == FIN | PONG => {
                check(pongs.next() == Some(&payload), || format!("another pong: {payload:?}"))?;
            }
            Received::Frame(first, payload) if first == FIN | TEXT => {
                let answer: Value = serde_json::from_slice(&payload).map_err(|error| error.to_string())?;
                let expected = answers.next().map(String::as_str);
                check(answer["received"]["text"].as_str() == expected, || format!("another answer: {answer}"))?;
            }
            other => return Err(format!("neither an answer nor a pong: {other:?}")),
        }
    }
    Ok(())
}

/// Reads to a close frame with this code, and to the end in order.
async fn expect_close(client: &mut RawClient, code: Option<u16>) -> Result<(), String> {
    loop {
        match client.receive().await? {
            Received::Frame(first, payload) if first == FIN | CLOSE => {
                let received = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                check(received == code, || format!("closed with {received:?} instead of {code:?}"))?;
                client.send(&frame(FIN | CLOSE, &payload), usize::MAX).await;
                let end = client.receive().await?;
                return check(end == Received::End, || format!("not the end, but {end:?}"));
            }
            Received::Frame(first, _) if first == FIN | TEXT || first == FIN | PONG => {}
            other => return Err(format!("not closed with {code:?}, but {other:?}")),
        }
    }
}

/// Runs all cases, and names those that fail.
async fn run_all(socket: &Socket) {
    let mut cases = cases::all();
    let closed = |name: &str, sent: Vec<u8>| Case {
        name: name.to_owned(),
        sent,
        piece: usize::MAX,
        expected: Expected::Closed(Some(TOO_BIG)),
    };
    cases.push(closed("text above the limit", frame(FIN | TEXT, &vec![b'*'; socket.max + 1])));
    // Each fragment is within the limit.
    let mut fragments = vec![frame(CONTINUATION, &vec![b'*'; socket.max / 2]); 10];
    fragments[0][0] = TEXT;
    cases.push(closed("fragments above the limit", fragments.concat()));
    let mut wrong = Vec::new();
    for case in &cases {
        if let Err(error) = socket.run(case).await {
            wrong.push(format!("{}: {error}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases fail:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_on_ws_test() {
    let stack = Stack::start(Function::InProcess).await;
    run_all(&Socket::ws_test(&stack)).await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_on_terminal() {
    let stack = Stack::start(Function::InProcess).await;
    run_all(&Socket::terminal(&stack)).await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_on_dev_gateway() {
    let stack = Stack::start(Function::InProcess).await;
    run_all(&Socket::gateway(&stack)).await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_no_handshake_is_not_upgraded() {
    let stack = Stack::start(Function::InProcess).await;
    for socket in [Socket::ws_test(&stack), Socket::terminal(&stack), Socket::gateway(&stack)] {
        let Socket { address, target, .. } = &socket;
        let head = |method: &str, http: &str, connection: &str, version: &str, key: &str| {
            format!(
                "{method} {target} {http}\r\nHost: {address}\r\nConnection: {connection}\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: {version}\r\nSec-WebSocket-Key: {key}\r\n\r\n"
            )
        };
        let key = "dGhlIHNhbXBsZSBub25jZQ==";
        for (name, request) in [
            ("POST", head("POST", "HTTP/1.1", "Upgrade", "13", key)),
            ("HTTP/1.0", head("GET", "HTTP/1.0", "Upgrade", "13", key)),
            ("no Connection", head("GET", "HTTP/1.1", "close", "13", key)),
            ("version 8", head("GET", "HTTP/1.1", "Upgrade", "8", key)),
            ("no key", head("GET", "HTTP/1.1", "Upgrade", "13", "")),
            ("short key", head("GET", "HTTP/1.1", "Upgrade", "13", "c2hvcnQ=")),
            ("key not in base64", head("GET", "HTTP/1.1", "Upgrade", "13", "!!!!!!!!!!!!!!!!!!!!!!==")),
        ] {
            let (_, status) = RawClient::handshake(*address, &request).await;
            let code = status.split(' ').nth(1).unwrap_or_default();
            assert!(code.starts_with('4'), "{target} answers {name} with {status}");
        }
    }
    stack.stop().await;
}
