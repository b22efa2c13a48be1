//! The Redis server starts, fails and restarts as requested; checked with `redis-cli`, which does not know this crate.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::ErrorKind;
use std::path::Path;
use std::process::Output;
use std::time::Duration;
use test_servers::{RedisOptions, RedisServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

const TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// The output of `redis-cli`, both streams.
async fn cli(url: &str, authority: Option<&Path>, words: &[&str]) -> String {
    let mut command = Command::new("redis-cli");
    // redis-cli reads a missing user as an empty name; libraries read it as the default user.
    command.args(["--no-auth-warning", "-u", &url.replace("://:", "://default:")]);
    if let Some(authority) = authority {
        command.arg("--cacert").arg(authority);
    }
    let output = timeout(TEST_TIMEOUT, command.args(words).kill_on_drop(true).output()).await;
    let Output { stdout, stderr, .. } = output.unwrap().unwrap();
    format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)).trim().to_owned()
}

#[tokio::test]
async fn answers_at_its_url() {
    let redis = RedisServer::start().await;
    assert_eq!(redis.url(), format!("redis://127.0.0.1:{}/", redis.port()));
    assert_eq!(cli(&redis.url(), None, &["SET", "key", "two words"]).await, "OK");
    assert_eq!(redis.command(&["GET", "key"]).await, "two words");
    assert_eq!(redis.command(&["GET", "other"]).await, "(nil)");
    assert_eq!(redis.command(&["RPUSH", "list", "a", "b"]).await, "2");
    assert_eq!(redis.command(&["LRANGE", "list", "0", "-1"]).await, "a\nb");
    assert!(redis.command(&["INCR", "list"]).await.starts_with("(error) WRONGTYPE"));
}

#[tokio::test]
async fn requires_a_password_of_any_characters() {
    let password = "p@ss: \"/\\%é";
    let redis = RedisOptions::default().password(password).start().await;
    let without = format!("redis://127.0.0.1:{}/", redis.port());
    assert!(cli(&without, None, &["PING"]).await.starts_with("NOAUTH"));
    assert_eq!(cli(&redis.url(), None, &["PING"]).await, "PONG");
    assert_eq!(redis.command(&["CONFIG", "GET", "requirepass"]).await, format!("requirepass\n{password}"));
}

#[tokio::test]
async fn tls_needs_the_trusted_authority() {
    let redis = RedisOptions::default().tls().password("secret").start().await;
    let other = RedisOptions::default().tls().start().await;
    assert_eq!(redis.url(), format!("rediss://:secret@127.0.0.1:{}/", redis.port()));
    assert_eq!(cli(&redis.url(), redis.authority(), &["PING"]).await, "PONG");
    assert!(cli(&redis.url(), other.authority(), &["PING"]).await.contains("certificate verify failed"));
    assert_eq!(redis.command(&["PING"]).await, "PONG");

    let mut plain = TcpStream::connect(redis.address()).await.unwrap();
    plain.write_all(b"PING\r\n").await.unwrap();
    let mut answer = Vec::new();
    timeout(TEST_TIMEOUT, plain.read_to_end(&mut answer)).await.unwrap().ok();
    assert!(!String::from_utf8_lossy(&answer).contains("PONG"));
}

#[tokio::test]
async fn refuses_when_killed_and_is_empty_after_restart() {
    let mut redis = RedisServer::start().await;
    let url = redis.url();
    for _ in 0..3 {
        assert_eq!(redis.command(&["INCR", "key"]).await, "1");
        let mut connection = TcpStream::connect(redis.address()).await.unwrap();
        redis.kill().await;
        timeout(TEST_TIMEOUT, connection.read_u8()).await.unwrap().unwrap_err();
        let refused = TcpStream::connect(redis.address()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        redis.restart().await;
        assert_eq!(redis.url(), url);
        assert_eq!(cli(&url, None, &["GET", "key"]).await, "");
    }
    redis.restart().await;
    assert_eq!(redis.command(&["PING"]).await, "PONG");
    // Restarts after an exit by itself, too.
    cli(&url, None, &["SHUTDOWN", "NOSAVE"]).await;
    redis.restart().await;
    assert_eq!(redis.command(&["PING"]).await, "PONG");
}

#[tokio::test]
async fn a_frozen_server_answers_after_the_thaw() {
    let redis = RedisServer::start().await;
    let mut connection = TcpStream::connect(redis.address()).await.unwrap();
    redis.pause().await;
    connection.write_all(b"PING\r\n").await.unwrap();
    let mut another = TcpStream::connect(redis.address()).await.unwrap();
    another.write_all(b"PING\r\n").await.unwrap();
    let mut answer = [0; 7];
    timeout(Duration::from_millis(100), connection.read_exact(&mut answer)).await.unwrap_err();
    redis.resume().await;
    for connection in [&mut connection, &mut another] {
        timeout(TEST_TIMEOUT, connection.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(&answer, b"+PONG\r\n");
    }
}

#[tokio::test]
async fn takes_arguments_and_persists_nothing() {
    let args = ["--maxmemory", "1mb", "--maxmemory-policy", "allkeys-lru"];
    let redis = RedisOptions::default().args(args).start().await;
    assert_eq!(redis.command(&["CONFIG", "GET", "maxmemory"]).await, "maxmemory\n1048576");
    assert_eq!(redis.command(&["CONFIG", "GET", "maxmemory-policy"]).await, "maxmemory-policy\nallkeys-lru");
    assert_eq!(redis.command(&["CONFIG", "GET", "save"]).await, "save\n");
    assert_eq!(redis.command(&["CONFIG", "GET", "appendonly"]).await, "appendonly\nno");
}

#[tokio::test]
#[should_panic(expected = "Bad directive")]
async fn a_failed_start_shows_the_log() {
    RedisOptions::default().args(["--no-such-option", "1"]).start().await;
}

#[tokio::test]
async fn drop_kills_the_server() {
    let redis = RedisServer::start().await;
    let mut connection = TcpStream::connect(redis.address()).await.unwrap();
    redis.pause().await;
    drop(redis);
    timeout(TEST_TIMEOUT, connection.read_u8()).await.unwrap().unwrap_err();
}
