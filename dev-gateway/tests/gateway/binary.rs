//! The binary: start, stop and kill.

use crate::runtime_api::{has_ended, state};
use crate::support::{close_code, dial, until, within};
use futures_util::StreamExt;
use rustix::process::{Pid, Signal, kill_process};
use std::process::Stdio;
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

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

fn children(parent: u32) -> Vec<u32> {
    let processes =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_child = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields = stat.rsplit(") ").next().unwrap_or_default();
        fields.split(' ').nth(1).and_then(|field| field.parse().ok()) == Some(parent)
    };
    processes.filter(is_child).collect()
}

#[tokio::test]
async fn sigterm_stops_it_in_order() {
    let (mut child, url) = start(&["--no-authorizer", "--invoke", "runtime-api", "--bootstrap", FAKE]).await;
    let (mut socket, _) = dial(url).await.unwrap();
    let functions = children(child.id().unwrap());
    assert!(!functions.is_empty());
    signal(&child, Signal::TERM);
    assert_eq!(close_code(&mut socket).await, 1001);
    within(async { while socket.next().await.is_some_and(|next| next.is_ok()) {} }).await;
    assert!(within(child.wait()).await.unwrap().success());
    until(|| functions.iter().all(|pid| has_ended(*pid))).await;
}

#[tokio::test]
async fn a_killed_gateway_leaves_no_frozen_process() {
    let (mut child, url) = start(&["--no-authorizer", "--invoke", "runtime-api", "--bootstrap", FAKE]).await;
    let (_socket, _) = dial(url).await.unwrap();
    let functions = children(child.id().unwrap());
    assert!(!functions.is_empty());
    until(|| functions.iter().all(|pid| state(*pid) == Some('T'))).await;
    signal(&child, Signal::KILL);
    within(child.wait()).await.unwrap();
    until(|| functions.iter().all(|pid| has_ended(*pid))).await;
}

#[tokio::test]
async fn a_configuration_error_is_printed() {
    let output = Command::new(env!("CARGO_BIN_EXE_dev-gateway")).args(["--listen", "127.0.0.1:0"]).env_clear().output();
    let output = within(output).await.unwrap();
    assert!(!output.status.success());
    let printed = String::from_utf8(output.stderr).unwrap();
    assert!(printed.starts_with("dev-gateway: JWT_SECRET is required because "), "{printed}");
}
