//! `docs/proxies.md`: real proxies with exactly the configurations of the page, and terminals and files through them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod proxy;

use e2e::{Function, HttpBridge, HttpFaults, Stack, Terminal, http};
use futures_util::StreamExt as _;
use futures_util::stream::{iter, once};
use proxy::{PAGE, Proxy, configuration};
use reqwest::{Body, Method};
use serde_json::Value;
use shared_protocol::polling::MAX_POLL_MS;
use std::io;
use tokio::sync::oneshot;

/// Opens a terminal with a WebSocket and one without, as pages do, and looks at what else gets through.
async fn opens_terminals(start: impl AsyncFn(&str) -> Proxy) {
    let stack = Stack::start(Function::InProcess).await;
    let proxy = start(&stack.service_url().replace("http://", "")).await;
    let authority = proxy.authority();

    let token = stack.token("ada", "socket");
    let address = format!("ws://{authority}/terminal?sessionId=socket&token={token}");
    let mut terminal = stack.direct(&address).await;
    terminal.attach().await;
    terminal.expect("\u{1b}[?2004h").await;
    terminal.run("seq 20000; echo $((6 * 7))").await;
    terminal.expect("20000\r\n42\r\n").await;
    passes_files_on(&authority, &token, &mut terminal).await;
    terminal.leave().await;

    let bridge = HttpBridge::start(format!("http://{authority}"), HttpFaults::none()).await;
    let mut terminal = stack.terminal_at(&bridge.url(), "ada", "requests").await;
    terminal.run("echo $((7 * 8))").await;
    terminal.expect("56\r\n").await;
    terminal.leave().await;

    // A page on this very host needs no permission: `Host` is the one that its browser sent.
    for (origin, status) in [(format!("https://{authority}"), 200), ("https://other.example.com".to_owned(), 403)] {
        let url = format!("http://{authority}/terminal/messages?sessionId=origin");
        let post = http().post(url).bearer_auth(stack.token("ada", "origin")).header("origin", &origin);
        let answer = post.body(r#"{"type":"ping"}"#).send().await.unwrap();
        assert_eq!(answer.status(), status, "{origin}");
    }
    for closed in ["/metrics", "/health", "/api/sessions", "/api/sessions/socket", "/api/sessions/socket/commands", "/"]
    {
        let answer = http().get(format!("http://{authority}{closed}")).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{closed}");
    }
    let open = [(Method::GET, "sessions/socket/recording"), (Method::POST, "groups/class-7/files?name=a")];
    for (method, path) in open {
        let answer = http().request(method, format!("http://{authority}/api/{path}")).send().await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(answer["code"], "UNAUTHORIZED", "the service answers: {path}");
    }
    let logs = proxy.stop().await;
    assert!(!logs.contains(&token), "{logs}");
    stack.stop().await;
}

/// Brings a file of more than nginx's 1 MB to the shell, and takes it back. Its end is sent once the session has its beginning,
/// so a proxy that gathers files first never answers.
async fn passes_files_on(authority: &str, token: &str, terminal: &mut Terminal) {
    let url = format!("http://{authority}/api/sessions/socket/files");
    let beginning: Vec<u8> = (0..3_000_000_u32).map(|number| (number / 5) as u8).collect();
    let content = [&beginning, &b"the end\n"[..]].concat();
    let (has_begun, begun) = oneshot::channel();
    let end = async {
        begun.await.unwrap();
        Ok(b"the end\n".to_vec())
    };
    let pieces = iter(beginning.chunks(100_000).map(|piece| io::Result::Ok(piece.to_vec())).collect::<Vec<_>>());
    let upload = http().put(format!("{url}?name=large.bin")).bearer_auth(token);
    let upload = tokio::spawn(upload.body(Body::wrap_stream(pieces.chain(once(end)))).send());
    terminal.run("until [ -n \"$(find . -name '.termgate-*' -size +2000k)\" ]; do sleep 0.1; done; echo be''gun").await;
    terminal.expect("begun\r\n").await;
    has_begun.send(()).unwrap();
    assert_eq!(upload.await.unwrap().unwrap().status(), 201);
    let taken = http().get(format!("{url}?path=large.bin")).bearer_auth(token).send().await.unwrap();
    assert_eq!(taken.headers()["content-length"], content.len().to_string());
    assert!(taken.bytes().await.unwrap() == content, "the bytes differ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx() {
    opens_terminals(Proxy::nginx).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn haproxy() {
    opens_terminals(Proxy::haproxy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caddy() {
    opens_terminals(Proxy::caddy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traefik() {
    opens_terminals(Proxy::traefik).await;
}

/// No proxy of the page ends a connection that waits for the service's next ping, or a request that waits for frames.
#[test]
fn every_timeout_is_longer_than_silence_lasts() {
    let protocol = include_str!("../../../../docs/protocol.md");
    let (_, ping) = protocol.split_once("pong (it pings every ").unwrap();
    let ping: u64 = ping.split_once(" s").unwrap().0.parse().unwrap();
    assert!(PAGE.contains(&format!("The service pings every {ping} s")));
    let longest = ping.max(MAX_POLL_MS / 1000);
    for (language, names) in [
        ("nginx", ["proxy_read_timeout ", "proxy_send_timeout "].as_slice()),
        ("haproxy", &["timeout client ", "timeout server ", "timeout tunnel "]),
    ] {
        for name in names {
            let (_, value) = configuration(language).split_once(name).unwrap();
            let value = value.trim_start().split([';', '\n']).next().unwrap();
            let seconds = match value.split_at(value.len() - 1) {
                (seconds, "s") => seconds.parse::<u64>().unwrap(),
                (hours, "h") => hours.parse::<u64>().unwrap() * 3600,
                other => panic!("{other:?}"),
            };
            assert!(seconds > 2 * longest, "{name}{value}");
        }
    }
}
