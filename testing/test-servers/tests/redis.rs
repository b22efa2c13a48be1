//! A Redis for tests does what it says: asked by `redis-cli`, which knows nothing of this crate.
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

const PATIENCE: Duration = Duration::from_secs(20);

/// What `redis-cli` gets to hear, on both of its outputs.
async fn cli(url: &str, authority: Option<&Path>, words: &[&str]) -> String {
    let mut command = Command::new("redis-cli");
    // It takes the user that is left out for one without a name, where libraries take the default user.
    command.args(["--no-auth-warning", "-u", &url.replace("://:", "://default:")]);
    if let Some(authority) = authority {
        command.arg("--cacert").arg(authority);
    }
    let output = timeout(PATIENCE, command.args(words).kill_on_drop(true).output()).await;
    let Output { stdout, stderr, .. } = output.unwrap().unwrap();
    format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)).trim().to_owned()
}

#[tokio::test]
async fn it_answers_where_its_url_says() {
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
async fn a_password_of_any_characters_is_needed() {
    let password = "p@ss: \"/\\%é";
    let redis = RedisOptions::default().password(password).start().await;
    let without = format!("redis://127.0.0.1:{}/", redis.port());
    assert!(cli(&without, None, &["PING"]).await.starts_with("NOAUTH"));
    assert_eq!(cli(&redis.url(), None, &["PING"]).await, "PONG");
    assert_eq!(redis.command(&["CONFIG", "GET", "requirepass"]).await, format!("requirepass\n{password}"));
}

#[tokio::test]
async fn with_tls_it_has_to_be_trusted() {
    let redis = RedisOptions::default().tls().password("secret").start().await;
    let other = RedisOptions::default().tls().start().await;
    assert_eq!(redis.url(), format!("rediss://:secret@127.0.0.1:{}/", redis.port()));
    assert_eq!(cli(&redis.url(), redis.authority(), &["PING"]).await, "PONG");
    assert!(cli(&redis.url(), other.authority(), &["PING"]).await.contains("certificate verify failed"));
    assert_eq!(redis.command(&["PING"]).await, "PONG");

    let mut plain = TcpStream::connect(redis.address()).await.unwrap();
    plain.write_all(b"PING\r\n").await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, plain.read_to_end(&mut answer)).await.unwrap().ok();
    assert!(!String::from_utf8_lossy(&answer).contains("PONG"));
}

#[tokio::test]
async fn killed_it_refuses_and_restarted_it_is_empty() {
    let mut redis = RedisServer::start().await;
    let url = redis.url();
    for _ in 0..3 {
        assert_eq!(redis.command(&["INCR", "key"]).await, "1");
        let mut connection = TcpStream::connect(redis.address()).await.unwrap();
        redis.kill().await;
        timeout(PATIENCE, connection.read_u8()).await.unwrap().unwrap_err();
        let refused = TcpStream::connect(redis.address()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        redis.restart().await;
        assert_eq!(redis.url(), url);
        assert_eq!(cli(&url, None, &["GET", "key"]).await, "");
    }
    redis.restart().await;
    assert_eq!(redis.command(&["PING"]).await, "PONG");
    // One that ended by itself comes back too.
    cli(&url, None, &["SHUTDOWN", "NOSAVE"]).await;
    redis.restart().await;
    assert_eq!(redis.command(&["PING"]).await, "PONG");
}

#[tokio::test]
async fn frozen_it_says_nothing_and_then_catches_up() {
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
        timeout(PATIENCE, connection.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(&answer, b"+PONG\r\n");
    }
}

#[tokio::test]
async fn arguments_reach_it_and_nothing_is_written_to_disk() {
    let args = ["--maxmemory", "1mb", "--maxmemory-policy", "allkeys-lru"];
    let redis = RedisOptions::default().args(args).start().await;
    assert_eq!(redis.command(&["CONFIG", "GET", "maxmemory"]).await, "maxmemory\n1048576");
    assert_eq!(redis.command(&["CONFIG", "GET", "maxmemory-policy"]).await, "maxmemory-policy\nallkeys-lru");
    assert_eq!(redis.command(&["CONFIG", "GET", "save"]).await, "save\n");
    assert_eq!(redis.command(&["CONFIG", "GET", "appendonly"]).await, "appendonly\nno");
}

#[tokio::test]
#[should_panic(expected = "Bad directive")]
async fn its_complaint_is_told_when_it_does_not_start() {
    RedisOptions::default().args(["--no-such-option", "1"]).start().await;
}

#[tokio::test]
async fn dropped_it_is_gone() {
    let redis = RedisServer::start().await;
    let mut connection = TcpStream::connect(redis.address()).await.unwrap();
    redis.pause().await;
    drop(redis);
    timeout(PATIENCE, connection.read_u8()).await.unwrap().unwrap_err();
}
