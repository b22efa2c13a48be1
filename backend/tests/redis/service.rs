//! The program itself: exit code and messages while Redis refuses it or is down.

use crate::SOON;
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Output, Stdio};
use test_servers::{RedisOptions, RedisServer};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

fn started(redis: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_termgate"))
        .env_clear()
        .env("REDIS_URL", redis)
        .env("PORT", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

async fn ended(child: Child) -> (Output, String) {
    let output = timeout(SOON, child.wait_with_output()).await.expect("it does not end").unwrap();
    let said = [&output.stdout[..], &output.stderr].concat();
    (output, String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn a_refusal_ends_the_program_with_a_sentence() {
    let server = RedisOptions::default().password("right").start().await;
    let (output, said) = ended(started(&format!("redis://:sesame@{}/", server.address()))).await;
    assert_eq!(output.status.code(), Some(1), "{said}");
    let sentence = "termgate: REDIS_URL: the server does not accept the user and password of the URL";
    assert!(said.lines().any(|line| line == sentence), "{said}");
    assert!(!said.contains("sesame"), "{said}");
}

#[tokio::test]
async fn a_stop_signal_ends_the_wait() {
    let mut server = RedisServer::start().await;
    server.kill().await;
    let mut child = started(&server.url());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let waiting = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("waiting for Redis") {
                return;
            }
        }
        panic!("it says nothing of waiting");
    };
    timeout(SOON, waiting).await.expect("it does not wait");
    let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let (output, said) = ended(child).await;
    assert!(output.status.success(), "{said}");
}
