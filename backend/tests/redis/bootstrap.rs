//! The first connection: waits for a server that starts later, fails at once where waiting cannot help, and never shows the
//! password.

use crate::{SOON, connect};
use backend::store::{ConnectError, RedisStore, Store, contract};
use std::path::Path;
use std::time::Duration;
use test_servers::{RedisOptions, RedisServer, TcpProxy};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

/// Longest time until a lasting failure is reported.
const AT_ONCE: Duration = Duration::from_secs(4);

const PASSWORD: &str = "open sesame/@:#?%";

/// Connects and expects a lasting failure at once; returns its sentence.
async fn refused(url: &str, authority: Option<&Path>) -> String {
    let connecting = RedisStore::connect(url, authority, Duration::from_secs(60));
    let outcome = timeout(AT_ONCE, connecting).await.expect("no answer in time");
    let error = outcome.err().expect("it connects");
    assert!(matches!(error, ConnectError::Refused(_) | ConnectError::Unusable(_)), "{error:?}");
    let sentence = error.to_string();
    assert!(!sentence.contains("sesame") && !format!("{error:?}").contains("sesame"), "{sentence}");
    sentence
}

fn replaced(url: &str, from: &str, to: &str) -> String {
    assert!(url.contains(from), "{from} is in the URL");
    url.replacen(from, to, 1)
}

#[tokio::test]
async fn a_server_that_comes_later_is_waited_for() {
    let mut server = RedisServer::start().await;
    server.kill().await;
    let url = server.url();
    let (store, ()) = tokio::join!(connect(&url), async {
        // The first attempt has failed by then: it takes a moment to start.
        server.restart().await;
    });
    contract::keeps_all(&store).await;
}

#[tokio::test]
async fn a_network_that_comes_later_is_waited_for() {
    let server = RedisServer::start().await;
    let proxy = TcpProxy::start(server.address()).await;
    proxy.cut().await;
    let url = server.url_through(proxy.address());
    let mut connecting = std::pin::pin!(connect(&url));
    timeout(Duration::from_millis(600), &mut connecting).await.err().expect("the proxy refuses connections");
    proxy.stall().await;
    timeout(Duration::from_millis(600), &mut connecting).await.err().expect("the proxy answers nothing");
    proxy.restore().await;
    let store = timeout(SOON, connecting).await.unwrap();
    assert!(!store.heartbeat(&contract::instance("i")).await.unwrap());
}

#[tokio::test]
async fn the_start_times_out() {
    let mut server = RedisOptions::default().password(PASSWORD).start().await;
    server.kill().await;
    let before = Instant::now();
    let error = RedisStore::connect(&server.url(), None, Duration::from_secs(1)).await.err().unwrap();
    assert!(before.elapsed() < AT_ONCE);
    let sentence = error.to_string();
    let expected = format!("{} cannot be reached: Connection refused", server.address());
    assert!(matches!(error, ConnectError::Away { .. }) && sentence.starts_with(&expected), "{sentence}");
    assert!(sentence.ends_with("(tried for 1s)") && !sentence.contains("sesame"), "{sentence}");
}

#[tokio::test]
async fn a_password_is_needed_and_has_to_be_right() {
    let server = RedisOptions::default().password(PASSWORD).start().await;
    contract::keeps_all(&connect(&server.url()).await).await;
    let open = RedisServer::start().await;
    let wrong = "the server does not accept the user and password of the URL";
    for (url, expected) in [
        (replaced(&server.url(), ":open", ":sesame-open"), wrong),
        (replaced(&server.url(), ":open", "sesame:open"), wrong),
        (format!("redis://{}/", server.address()), "the server wants a password, and the URL has none"),
        (replaced(&open.url(), "redis://", "redis://:sesame@"), "the server has no password, and the URL has one"),
        (format!("redis://{}/99", open.address()), "the server has no database 99"),
    ] {
        assert_eq!(refused(&url, None).await, expected, "{url}");
    }
}

#[tokio::test]
async fn a_user_that_may_not_run_scripts() {
    let server = RedisServer::start().await;
    server.command(&["ACL", "SETUSER", "ada", "on", ">sesame", "~*", "+@all", "-@scripting"]).await;
    let sentence = refused(&replaced(&server.url(), "redis://", "redis://ada:sesame@"), None).await;
    assert!(sentence.starts_with("the server's user may not do what is needed"), "{sentence}");
    server.command(&["ACL", "SETUSER", "ada", "+eval", "-info", "-config"]).await;
    let store = connect(&replaced(&server.url(), "redis://", "redis://ada:sesame@")).await;
    contract::keeps_all(&store).await;
}

#[tokio::test]
async fn a_database_of_its_own() {
    let server = RedisServer::start().await;
    let store = connect(&format!("redis://{}/3", server.address())).await;
    store.compare_and_set(&contract::created("s"), None).await.unwrap();
    assert!(server.command(&["INFO", "keyspace"]).await.contains("db3:keys=3"));
}

#[tokio::test]
async fn over_tls_with_an_authority_that_is_trusted() {
    let server = RedisOptions::default().tls().password(PASSWORD).start().await;
    assert!(server.url().starts_with("rediss://"));
    let store = RedisStore::connect(&server.url(), server.authority(), SOON).await.unwrap();
    contract::keeps_all(&store).await;
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted() {
    let (server, other) = tokio::join!(RedisOptions::default().tls().start(), RedisOptions::default().tls().start());
    for authority in [None, other.authority()] {
        let sentence = refused(&server.url(), authority).await;
        assert!(sentence.starts_with("the server's certificate is not accepted"), "{sentence}");
        assert!(sentence.ends_with("REDIS_TLS_CA_FILE names the authority"), "{sentence}");
    }
}

#[tokio::test]
async fn one_speaks_tls_and_the_other_does_not() {
    let (plain, encrypted) = tokio::join!(RedisServer::start(), RedisOptions::default().tls().start());
    // The server hangs up without an answer, as one that still starts does: retried, with a hint at TLS.
    let url = format!("redis://{}/", encrypted.address());
    let error = RedisStore::connect(&url, None, Duration::ZERO).await.err().unwrap().to_string();
    assert!(error.contains("hangs up; if it wants TLS, the URL must begin with rediss://"), "{error}");
    let url = format!("rediss://{}/", plain.address());
    let error = RedisStore::connect(&url, None, Duration::ZERO).await.err().unwrap().to_string();
    assert!(error.contains("does not answer") || error.contains("does not speak TLS"), "{error}");
}

/// Connects to a server that answers with `line`: at once, or only when it was asked.
async fn sentence_about(line: &[u8], greets: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}/", listener.local_addr().unwrap());
    let answering = async {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            if !greets {
                socket.readable().await.unwrap();
            }
            socket.write_all(line).await.unwrap();
            // Closed with commands unread, a socket is reset, and the answer may be lost.
            let (mut commands, _) = socket.split();
            tokio::io::copy(&mut commands, &mut tokio::io::sink()).await.ok();
        }
    };
    tokio::select! {
        sentence = refused(&url, None) => sentence,
        () = answering => unreachable!(),
    }
}

#[tokio::test]
async fn a_server_that_is_no_redis() {
    for line in ["HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.9\r\n", "220 mail ESMTP\r\n"] {
        for greets in [false, true] {
            let sentence = sentence_about(line.as_bytes(), greets).await;
            assert!(sentence.contains("does not speak Redis"), "{line}: {sentence}");
        }
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_used() {
    for url in ["redis://:sesame@", "rediss://:sesame@host/#insecure", "http://sesame", ""] {
        refused(url, None).await;
    }
}
