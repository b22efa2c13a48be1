//! The static export and the development tokens.

use crate::support::{Fixture, Reply, Script, http};
use auth_tokens::{UserKey, UserTokenVerifier};
use dev_gateway::{DevGateway, DevSecret, Options};
use gateway_lambda::{Clock, SystemClock};
use http::{Method, StatusCode};
use serde_json::Value;
use shared_protocol::Role;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

fn export() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("index.html", "home");
    write("foo.html", "foo");
    write("foo/bar.html", "bar");
    write("404.html", "lost");
    write("icon.svg", "<svg/>");
    write("_next/static/chunk-1.js", "js");
    directory
}

async fn serving(directory: &Path) -> Fixture {
    Fixture::with_options(Options { pages: Some(directory.to_owned()), ..Options::default() }, Script::default()).await
}

#[tokio::test]
async fn pages_are_served_without_their_extension() {
    let directory = export();
    let gateway = serving(directory.path()).await;
    for (target, status, body, kind, cache) in [
        ("/", 200, "home", "text/html", "no-cache"),
        ("/foo", 200, "foo", "text/html", "no-cache"),
        ("/foo?x=1", 200, "foo", "text/html", "no-cache"),
        ("/foo/bar", 200, "bar", "text/html", "no-cache"),
        ("/icon.svg", 200, "<svg/>", "image/svg+xml", "no-cache"),
        ("/_next/static/chunk-1.js", 200, "js", "text/javascript", "public, max-age=31536000, immutable"),
        ("/nothing", 404, "lost", "text/html", "no-cache"),
        ("/nothing.js", 404, "lost", "text/html", "no-cache"),
        ("/prod", 404, "lost", "text/html", "no-cache"),
        ("/../Cargo.toml", 404, "lost", "text/html", "no-cache"),
        ("/%2e%2e/%2e%2e/etc/passwd", 404, "lost", "text/html", "no-cache"),
    ] {
        let reply = gateway.http(Method::GET, target, "").await;
        assert_eq!((reply.status.as_u16(), &reply.body[..]), (status, body.as_bytes()), "{target}");
        assert_eq!((reply.header("content-type"), reply.header("cache-control")), (kind, cache), "{target}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("content-security-policy"), "frame-ancestors 'self'");
    }
    assert_eq!(gateway.http(Method::POST, "/foo", "").await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn pages_do_not_hide_the_api() {
    let directory = export();
    let gateway = serving(directory.path()).await;
    let (_socket, id) = gateway.connect().await;
    assert!(gateway.clients.describe(&id).await.is_some());
    assert_eq!(gateway.refused("/").await.0, StatusCode::FORBIDDEN);
}

/// The key of the start.
const KEY: &str = "0123456789abcdef";

/// A request with the key.
async fn get(gateway: &Fixture, target: &str) -> Reply {
    let (host, key) = (gateway.running.addr().to_string(), format!("Bearer {KEY}"));
    http(gateway.running.addr(), Method::GET, target, &[("host", &host), ("authorization", &key)], "".into()).await
}

async fn with_tokens() -> Fixture {
    let secret = DevSecret::new(SECRET, Some(KEY.into())).unwrap();
    Fixture::with_options(Options { dev_token: Some(secret), ..Options::default() }, Script::default()).await
}

fn claims(reply: &Reply) -> shared_protocol::UserClaims {
    let body: Value = reply.json();
    let tokens = UserTokenVerifier::new(UserKey::hs256(SECRET).unwrap());
    let claims = tokens.verify(body["token"].as_str().unwrap(), SystemClock.now_seconds()).unwrap();
    assert_eq!(claims.sid.as_ref().map(shared_protocol::SessionId::as_str), body["sessionId"].as_str());
    assert_eq!(body["wsPath"], "/prod");
    claims
}

#[tokio::test]
async fn a_development_token_names_its_session() {
    let gateway = with_tokens().await;
    let reply = get(&gateway, "/dev/token").await;
    assert_eq!((reply.status, reply.header("cache-control")), (StatusCode::OK, "no-store"));
    let first = claims(&reply);
    assert_eq!((first.sub.as_str(), first.role, first.admin), ("dev", Role::Controller, false));
    let second = claims(&get(&gateway, "/dev/token").await);
    assert_ne!(first.sid, second.sid);

    let reply = get(&gateway, "/dev/token?session=mine&role=viewer").await;
    let chosen = claims(&reply);
    assert_eq!((chosen.sid.unwrap().as_str(), chosen.role), ("mine", Role::Viewer));
    // A guest is no owner: it has a user and a name of its own, and less time.
    assert!(chosen.sub.starts_with("guest-"), "{}", chosen.sub);
    assert!(chosen.class.name.is_some_and(|name| name.starts_with("Guest ")));
    assert!(chosen.exp < first.exp);

    // Each student of a class is a user, and the instructor has no session.
    let student = claims(&get(&gateway, "/dev/token?session=mine&grp=class-7&name=Ada").await);
    assert!(student.sub.starts_with("student-"), "{}", student.sub);
    assert_eq!((student.sid.unwrap().as_str(), student.class.name.as_deref()), ("mine", Some("Ada")));
    let instructor = claims(&get(&gateway, "/dev/token?role=instructor&grp=class-7").await);
    assert_eq!((instructor.role, instructor.sid, instructor.class.grp), (Role::Instructor, None, student.class.grp));
    let prepared = claims(&get(&gateway, "/dev/token?profile=python").await);
    assert_eq!(prepared.class.profile.unwrap().as_str(), "python");
    for query in ["session=a/b", "role=admin", "grp=a/b", "profile=a/b"] {
        let target = format!("/dev/token?{query}");
        assert_eq!(get(&gateway, &target).await.status, StatusCode::BAD_REQUEST, "{target}");
    }
}

#[tokio::test]
async fn development_tokens_are_served_to_loopback_names_only() {
    let gateway = with_tokens().await;
    let addr = gateway.running.addr();
    for (host, status) in
        [("localhost:3000", StatusCode::OK), ("evil.example", StatusCode::FORBIDDEN), ("", StatusCode::FORBIDDEN)]
    {
        let headers = [("host", host), ("authorization", &*format!("Bearer {KEY}"))];
        let reply = http(addr, Method::GET, "/dev/token", &headers, "".into()).await;
        assert_eq!(reply.status, status, "{host}");
    }
    let without = Fixture::start(Script::default()).await;
    assert_eq!(without.http(Method::GET, "/dev/token", "").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn development_tokens_need_the_key_of_this_start() {
    let gateway = with_tokens().await;
    let addr = gateway.running.addr();
    for key in [None, Some("Bearer "), Some("Bearer 0123456789abcdeF"), Some(KEY), Some("Basic 0123456789abcdef")] {
        // As a tunnel with its defaults asks for a stranger.
        let mut headers = vec![("host", "localhost")];
        headers.extend(key.map(|key| ("authorization", key)));
        let reply = http(addr, Method::GET, "/dev/token", &headers, "".into()).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{key:?}");
    }
}

#[tokio::test]
async fn development_tokens_need_a_loopback_listener() {
    let options = Options { dev_token: Some(DevSecret::new(SECRET, Some(KEY.into())).unwrap()), ..Options::default() };
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let function = dev_gateway::Function::new("/none", Default::default());
    let invoker = dev_gateway::RuntimeApi::new(function, std::sync::Arc::new(dev_gateway::OsSystem));
    let started = DevGateway::new(options).start(listener, std::sync::Arc::new(invoker));
    assert!(started.is_err_and(|error| error.to_string().contains("loopback only")));
}
