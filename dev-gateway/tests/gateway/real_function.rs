//! The terminal's own function, as its real binary and in this process: only that the two fit together.

use crate::runtime_api::frozen;
use crate::support::{TIMEOUT, close_code, dial, send, text, until, within};
use auth_tokens::{UserKey, UserTokenVerifier};
use dev_gateway::{ClientsBrowser, DevGateway, Function, InProcess, InvokeError, Options, OsSystem, RuntimeApi};
use dev_gateway::{Clock, Invoke};
use gateway_lambda::backend::{Close, Reply};
use gateway_lambda::{Config, Deps, Gateway, MemoryConnections, ScriptedBackend, SystemClock};
use serde_json::json;
use shared_protocol::{Role, SessionId, UserClaims};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Error;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn token() -> String {
    let claims = UserClaims {
        sub: "ada".into(),
        exp: OsSystem.now_seconds() + 60,
        nbf: None,
        iat: None,
        iss: None,
        aud: None,
        sid: Some(SessionId::new("s1").unwrap()),
        role: Role::Controller,
        admin: false,
    };
    auth_tokens::sign_user_token(&claims, SECRET.as_bytes()).unwrap()
}

#[tokio::test]
async fn the_real_bootstrap_refuses_a_bad_token_and_is_frozen_after_it() {
    let bootstrap = Path::new(env!("CARGO_BIN_EXE_dev-gateway")).with_file_name("bootstrap");
    assert!(bootstrap.exists(), "{} is missing: run `cargo build -p gateway-lambda`", bootstrap.display());
    let environment = [
        ("JWT_SECRET", SECRET),
        ("APP_RUNNER_URL", "http://127.0.0.1:9"),
        ("TABLE_NAME", "t"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let api = Arc::new(RuntimeApi::new(Function::new(bootstrap, BTreeMap::from(environment)), Arc::new(OsSystem)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let running = DevGateway::new(Options::default()).start(listener, api.clone()).unwrap();

    let refused = dial(format!("ws://{}/prod?token=bad", running.addr())).await;
    assert!(matches!(&refused, Err(Error::Http(response)) if response.status() == 401), "{refused:?}");
    until(|| !api.idle_processes().is_empty()).await;
    let pid = api.idle_processes()[0];
    frozen(&api, pid).await;
    within(running.shutdown()).await;
    let after = api.invoke(json!({})).await;
    assert_eq!(after, Err(InvokeError::Throttled), "no process starts after the shutdown");
}

#[tokio::test]
async fn the_function_in_this_process_reaches_its_clients() {
    let gateway = DevGateway::new(Options::default());
    let users = UserTokenVerifier::new(UserKey::hs256(SECRET.as_bytes()).unwrap());
    let backend = ScriptedBackend::default();
    let frame = |text: &'static str, close| Ok(Reply { frame: Some(text.into()), close, ..Reply::default() });
    backend.on_message(Duration::ZERO, frame("posted", None));
    backend.on_message(Duration::ZERO, frame("bye", Some(Close::Connection)));
    let function = Gateway::new(Deps {
        config: Config::new(users),
        backend: Arc::new(backend),
        connections: Arc::new(MemoryConnections::default()),
        browser: Arc::new(ClientsBrowser::new(gateway.clients())),
        clock: Arc::new(SystemClock),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let running = gateway.start(listener, Arc::new(InProcess::new(function, TIMEOUT))).unwrap();

    let refused = dial(format!("ws://{}/prod", running.addr())).await;
    assert!(matches!(&refused, Err(Error::Http(response)) if response.status() == 401), "{refused:?}");
    let (mut socket, _) = dial(format!("ws://{}/prod?token={}", running.addr(), token())).await.unwrap();
    send(&mut socket, r#"{"type":"ping"}"#).await;
    assert_eq!(text(&mut socket).await, "posted");
    send(&mut socket, "the last").await;
    assert_eq!(text(&mut socket).await, "bye");
    assert_eq!(close_code(&mut socket).await, 1000);
    within(running.shutdown()).await;
}
