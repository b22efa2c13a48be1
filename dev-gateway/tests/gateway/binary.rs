//! The binary: start, stop and kill.

use crate::support::{Socket, close_code, dial, end, send, signal, until, within};
use rustix::process::Signal;
use std::path::Path;
use std::process::Stdio;
use test_servers::{alive, children_of, state_of};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const FAKE: &str = env!("CARGO_BIN_EXE_fake-bootstrap");
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Starts the binary on a free port. Returns it with the URL that it printed.
async fn start(arguments: &[&str]) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dev-gateway"))
        .args(["--listen", "127.0.0.1:0"])
        .args(arguments)
        .env_clear()
        .env("JWT_SECRET", SECRET)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = within(lines.next_line()).await.unwrap().expect("it printed nothing");
    let url = line.split_whitespace().last().unwrap().to_owned();
    assert!(url.starts_with("ws://127.0.0.1:") && url.ends_with("/prod"), "{line}");
    (child, url)
}

/// Starts the binary with a function in processes, and connects. Returns the processes too.
async fn start_with_processes() -> (Child, Socket, Vec<u32>) {
    let (child, url) = start(&["--no-authorizer", "--invoke", "runtime-api", "--bootstrap", FAKE]).await;
    let (socket, _) = dial(url).await.unwrap();
    let functions: Vec<u32> = children_of(child.id().unwrap()).into_iter().map(|(pid, _)| pid).collect();
    assert!(!functions.is_empty());
    (child, socket, functions)
}

#[tokio::test]
async fn sigterm_stops_it_in_order() {
    let (mut child, mut socket, functions) = start_with_processes().await;
    signal(child.id().unwrap(), Signal::TERM);
    assert_eq!(close_code(&mut socket).await, 1001);
    end(socket).await;
    assert!(within(child.wait()).await.unwrap().success());
    until(|| functions.iter().all(|pid| !alive(*pid))).await;
}

#[tokio::test]
async fn a_killed_gateway_leaves_no_frozen_process() {
    let (mut child, _socket, functions) = start_with_processes().await;
    until(|| functions.iter().all(|pid| state_of(*pid) == Some('T'))).await;
    signal(child.id().unwrap(), Signal::KILL);
    within(child.wait()).await.unwrap();
    until(|| functions.iter().all(|pid| !alive(*pid))).await;
}

#[tokio::test]
async fn a_route_runs_the_function_that_it_names() {
    let directory = tempfile::tempdir().unwrap();
    let chat = directory.path().join("chat");
    std::fs::copy(FAKE, &chat).unwrap();
    let given = format!("chat={}", chat.display());
    let arguments = ["--no-authorizer", "--invoke", "runtime-api", "--bootstrap", FAKE, "--function", &given];
    let (child, url) =
        start(&[&arguments[..], &["--integrate", "$connect=chat", "--integrate", "join=chat"]].concat()).await;
    let executables = || {
        let children = children_of(child.id().unwrap()).into_iter();
        children.filter_map(|(pid, _)| std::fs::read_link(format!("/proc/{pid}/exe")).ok()).collect::<Vec<_>>()
    };
    let (mut socket, _) = dial(url).await.unwrap();
    assert_eq!(executables(), std::slice::from_ref(&chat));
    send(&mut socket, r#"{"action":"join"}"#).await;
    send(&mut socket, r#"{"action":"other"}"#).await;
    let fake = Path::new(FAKE).canonicalize().unwrap();
    until(|| executables().contains(&fake)).await;
    assert!(executables().iter().filter(|path| **path == fake).count() == 1, "{:?}", executables());
}

#[tokio::test]
async fn a_configuration_error_is_printed() {
    let output = Command::new(env!("CARGO_BIN_EXE_dev-gateway")).args(["--listen", "127.0.0.1:0"]).env_clear().output();
    let output = within(output).await.unwrap();
    assert!(!output.status.success());
    let printed = String::from_utf8(output.stderr).unwrap();
    assert!(printed.starts_with("dev-gateway: JWT_SECRET is required because "), "{printed}");
}
