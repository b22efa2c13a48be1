//! Events of an instance that is killed before the receiver takes them: the other one sends them.

use super::owner;
use e2e::{Function, Stack, StackOptions, TEST_TIMEOUT, until};
use serde_json::Value;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A receiver of webhooks that takes nothing until it is told to.
#[derive(Default)]
struct Receiver {
    takes: AtomicBool,
    /// Id and type of each event, and whether it was taken, in the order of the requests.
    asked: Mutex<Vec<(String, String, bool)>>,
}

impl Receiver {
    async fn start() -> (Arc<Self>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let receiver = Arc::new(Self::default());
        let taking = Arc::clone(&receiver);
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let receiver = Arc::clone(&taking);
                // A request of an instance that is killed is cut off.
                tokio::spawn(async move { receiver.answer(socket).await });
            }
        });
        (receiver, url)
    }

    async fn answer(&self, socket: TcpStream) -> io::Result<()> {
        let mut socket = BufReader::new(socket);
        let (mut id, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            socket.read_line(&mut line).await?;
            match line.trim().split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value)) {
                Some((name, value)) if name == "webhook-id" => id = value.to_owned(),
                Some((name, value)) if name == "content-length" => length = value.parse().unwrap(),
                None if line.trim().is_empty() => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        socket.read_exact(&mut body).await?;
        let body: Value = serde_json::from_slice(&body).unwrap();
        let takes = self.takes.load(Ordering::Relaxed);
        let kind = body["type"].as_str().unwrap().to_owned();
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push((id, kind, takes));
        let status = if takes { "204 No Content" } else { "503 Service Unavailable" };
        let answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        socket.write_all(answer.as_bytes()).await?;
        socket.shutdown().await
    }

    fn asked(&self) -> Vec<(String, String, bool)> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn taken(&self) -> Vec<(String, String)> {
        self.asked().into_iter().filter(|(.., taken)| *taken).map(|(id, kind, _)| (id, kind)).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_a_lost_instance_are_sent_by_the_other_one() {
    let (receiver, url) = Receiver::start().await;
    let url: &'static str = url.leak();
    let variables: &'static [(&str, &str)] = vec![("EVENTS_URL", url), ("EVENTS_SECRET", SECRET)].leak();
    let mut stack =
        Stack::start_with(StackOptions { instances: 2, variables, ..StackOptions::new(Function::InProcess) }).await;
    let mut terminal = stack.terminal("ada", "s").await;
    terminal.run("true").await;
    until("the events to wait", TEST_TIMEOUT, async || {
        stack.backend.redis().command(&["LLEN", "events:s"]).await.trim() == "2" && !receiver.asked().is_empty()
    })
    .await;
    let owner = owner(&stack, "s", &[0, 1]);
    stack.backend.kill(owner).await;
    receiver.takes.store(true, Ordering::Relaxed);
    // The lost instance was to send them for 30 s more.
    until("the events", TEST_TIMEOUT, async || receiver.taken().len() == 2).await;
    let (refused, taken) = (receiver.asked()[0].clone(), receiver.taken());
    assert_eq!(taken.iter().map(|(_, kind)| &**kind).collect::<Vec<_>>(), ["session.started", "command.finished"]);
    assert_eq!((refused.0, refused.2), (taken[0].0.clone(), false), "the same event, by another instance");
    until("the list to be empty", TEST_TIMEOUT, async || {
        stack.backend.redis().command(&["LLEN", "events:s"]).await.trim() == "0"
    })
    .await;
    stack.stop().await;
}
