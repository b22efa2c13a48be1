//! The receiver over HTTP, against a server of the test.

use super::*;
use crate::clock::SystemClock;
use crate::webhooks::signature::Key;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const TIMEOUT: Duration = Duration::from_millis(500);

/// A server that answers every request with these bytes, or never; and the requests that came.
async fn server(answer: &'static str) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, came) = (listener.local_addr().unwrap().port(), Arc::<Mutex<Vec<String>>>::default());
    let requests = Arc::clone(&came);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let requests = Arc::clone(&requests);
            tokio::spawn(async move {
                let mut request = Vec::new();
                let mut buffer = [0; 4096];
                while !request.ends_with(b"{}") {
                    match stream.read(&mut buffer).await {
                        Ok(count) if count > 0 => request.extend_from_slice(&buffer[..count]),
                        _ => break,
                    }
                }
                requests.lock().push(String::from_utf8_lossy(&request).into_owned());
                // The other end may have gone.
                let _ = stream.write_all(answer.as_bytes()).await;
                if answer.is_empty() {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    (port, came)
}

fn receiver(url: &str, allows_loopback: bool) -> HttpReceiver {
    let key = Key::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let settings =
        WebhookSettings { url: url.parse().unwrap(), keys: vec![key], command_lines: false, allows_loopback };
    HttpReceiver::with_timeout(settings, Arc::new(SystemClock), TIMEOUT).unwrap()
}

async fn sent(url: &str, allows_loopback: bool) -> Result<(), Refusal> {
    receiver(url, allows_loopback).send("evt_1", "{}".into()).await
}

#[tokio::test]
async fn a_request_has_the_headers_of_the_standard() {
    let (port, came) = server("HTTP/1.1 204 No Content\r\n\r\n").await;
    for host in ["localhost", "127.0.0.1"] {
        assert_eq!(sent(&format!("http://{host}:{port}/hook?key=1"), true).await, Ok(()));
    }
    let came = came.lock();
    assert_eq!(came.len(), 2);
    assert!(came[0].starts_with("POST /hook?key=1 HTTP/1.1\r\n"), "{}", came[0]);
    for header in
        ["webhook-id: evt_1", "webhook-timestamp: 1", "webhook-signature: v1,", "content-type: application/json"]
    {
        assert!(came[0].contains(&format!("\r\n{header}")), "{header}: {}", came[0]);
    }
}

#[tokio::test]
async fn other_answers_are_refusals_and_some_say_when_to_come_back() {
    for (answer, why, wait) in [
        ("HTTP/1.1 500 Oh\r\n\r\n", "it answers 500", None),
        ("HTTP/1.1 404 Not Found\r\n\r\n", "it answers 404", None),
        ("HTTP/1.1 410 Gone\r\n\r\n", "it answers 410", Some(3600)),
        ("HTTP/1.1 429 Slow\r\nRetry-After: 7\r\n\r\n", "it answers 429", Some(7)),
        ("HTTP/1.1 503 Away\r\nRetry-After: 999999\r\n\r\n", "it answers 503", Some(3600)),
        ("HTTP/1.1 503 Away\r\nRetry-After: Mon, 30 Nov 2026 12:00:00 GMT\r\n\r\n", "it answers 503", None),
    ] {
        let (port, _) = server(answer).await;
        let refusal = sent(&format!("http://127.0.0.1:{port}/"), true).await.unwrap_err();
        assert_eq!(refusal, Refusal { why: why.into(), wait: wait.map(Duration::from_secs) });
    }
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let (port, came) = server("HTTP/1.1 307 Go\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n").await;
    let refusal = sent(&format!("http://127.0.0.1:{port}/"), true).await.unwrap_err();
    assert_eq!((refusal.why.as_str(), came.lock().len()), ("it answers 307", 1));
}

#[tokio::test]
async fn one_that_never_answers_is_given_up_and_its_address_is_in_no_error() {
    let (port, _) = server("").await;
    let refusal = sent(&format!("http://127.0.0.1:{port}/hunter2"), true).await.unwrap_err();
    assert!(refusal.why.contains("timed out") && !refusal.why.contains("hunter2"), "{refusal:?}");
    // One that talks without end is not listened to.
    let (port, _) = server("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nxxx").await;
    assert_eq!(sent(&format!("http://127.0.0.1:{port}/"), true).await, Ok(()));
}

#[tokio::test]
async fn this_machine_is_not_reached_where_that_is_forbidden_by_whichever_name() {
    let (port, came) = server("HTTP/1.1 200 OK\r\n\r\n").await;
    for host in ["127.0.0.1", "[::1]", "localhost", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let refusal = sent(&format!("http://{host}:{port}/"), false).await.unwrap_err();
        assert!(refusal.why.contains("this machine or network alone"), "{host}: {refusal:?}");
    }
    assert!(came.lock().is_empty());
}

#[test]
fn one_forbidden_address_of_a_name_is_enough() {
    let found = |addresses: &[&str]| {
        let addresses: Vec<_> = addresses.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
        check(&addresses, false).is_ok()
    };
    assert!(found(&["203.0.113.7", "2001:db8::1"]));
    assert!(!found(&["203.0.113.7", "169.254.169.254"]) && !found(&["::1"]));
}
