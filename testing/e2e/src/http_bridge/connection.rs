//! One connection over HTTP requests, as the page makes it: the first request opens it, a few bring messages at a time, and one
//! poll waits for frames.

use super::faults::{Drawn, HttpFaults};
use shared_protocol::gateway::{CLOSE_HEADER, CONNECTION_HEADER};
use shared_protocol::polling::{CLOSE_PATH, FRAMES_PATH, MAX_MESSAGES, MESSAGES_PATH};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Messages and frames that wait.
const CAPACITY: usize = 1024;
/// Requests with messages at a time, as the page's.
const MAX_POSTS: usize = 3;
/// Pause before a failed poll is repeated.
const RETRY_DELAY: Duration = Duration::from_millis(20);
/// Failed polls in a row after which the connection is lost.
const MAX_FAILURES: u32 = 20;
/// Close code of a lost connection.
const LOST: u16 = 1006;

/// An event of a connection.
pub(super) enum Arrived {
    Frame(String),
    /// The connection is closed, with this code.
    Closed(u16),
}

pub(super) struct HttpConnection {
    messages: mpsc::Sender<String>,
    arrived: mpsc::Receiver<Arrived>,
    requests: Arc<Requests>,
    running: JoinHandle<()>,
}

impl HttpConnection {
    pub(super) fn open(client: reqwest::Client, service: String, token: String, faults: Arc<HttpFaults>) -> Self {
        let requests = Requests { client, service, token, id: std::sync::OnceLock::new(), faults };
        let requests = Arc::new(requests);
        let (messages, outgoing) = mpsc::channel(CAPACITY);
        let (arriving, arrived) = mpsc::channel(CAPACITY);
        let running = tokio::spawn(run(Arc::clone(&requests), outgoing, arriving));
        Self { messages, arrived, requests, running }
    }

    pub(super) async fn send(&self, message: String) {
        // Fails once the connection is closed, which `next` says.
        let _ = self.messages.send(message).await;
    }

    pub(super) async fn next(&mut self) -> Arrived {
        self.arrived.recv().await.unwrap_or(Arrived::Closed(LOST))
    }

    /// Closes it from this side.
    pub(super) async fn leave(self) {
        self.running.abort();
        if self.requests.id.get().is_some() {
            self.requests.send(CLOSE_PATH, String::new()).await;
        }
    }
}

impl Drop for HttpConnection {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// An answer of the service.
struct Answer {
    status: u16,
    id: Option<String>,
    close: Option<u16>,
    text: String,
}

struct Requests {
    client: reqwest::Client,
    service: String,
    token: String,
    id: std::sync::OnceLock<String>,
    faults: Arc<HttpFaults>,
}

impl Requests {
    async fn send(&self, path: &str, body: String) -> Option<Answer> {
        let request = self.client.post(format!("{}{path}", self.service)).bearer_auth(&self.token).body(body);
        let request = self.id.get().into_iter().fold(request, |request, id| request.header(CONNECTION_HEADER, id));
        let response = request.send().await.ok()?;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (id, close) = (header(CONNECTION_HEADER), header(CLOSE_HEADER).and_then(|code| code.parse().ok()));
        let status = response.status().as_u16();
        Some(Answer { status, id, close, text: response.text().await.ok()? })
    }

    /// Sends a request with these faults; `None` if it has no answer.
    async fn send_faulty(self: &Arc<Self>, path: &'static str, body: String, faults: Drawn) -> Option<Answer> {
        if !faults.delay.is_zero() {
            // Without a delay, the timer would still add a millisecond.
            sleep(faults.delay).await;
        }
        if faults.loses_request {
            return None;
        }
        if faults.repeats && self.id.get().is_some() {
            let (requests, body) = (Arc::clone(self), body.clone());
            tokio::spawn(async move { requests.send(path, body).await });
        }
        let answer = if faults.dies {
            timeout(faults.delay, self.send(path, body)).await.ok()?
        } else {
            self.send(path, body).await
        };
        answer.filter(|_| !faults.loses_answer)
    }
}

async fn run(requests: Arc<Requests>, mut outgoing: mpsc::Receiver<String>, arriving: mpsc::Sender<Arrived>) {
    let Some(first) = batch(&mut outgoing).await else { return };
    let drawn = requests.faults.draw(false);
    let opened = requests.send_faulty(MESSAGES_PATH, first, drawn).await;
    let opened = opened.filter(|answer| matches!(answer.status, 200 | 204));
    let Some(Answer { id: Some(id), text, .. }) = opened else {
        let _ = arriving.send(Arrived::Closed(LOST)).await;
        return;
    };
    let _ = requests.id.set(id);
    if !deliver(&arriving, &text, None).await {
        return;
    }
    let code = tokio::select! {
        code = post(&requests, &mut outgoing) => code,
        code = poll(&requests, &arriving) => code,
    };
    let _ = arriving.send(Arrived::Closed(code)).await;
}

/// All messages that wait, one a line; `None` at the end.
async fn batch(outgoing: &mut mpsc::Receiver<String>) -> Option<String> {
    let mut messages = Vec::new();
    outgoing.recv_many(&mut messages, MAX_MESSAGES / 4).await;
    (!messages.is_empty()).then(|| messages.join("\n"))
}

/// Brings messages until the connection is cut.
async fn post(requests: &Arc<Requests>, outgoing: &mut mpsc::Receiver<String>) -> u16 {
    let posts = Arc::new(Semaphore::new(MAX_POSTS));
    loop {
        let permit = Arc::clone(&posts).acquire_owned().await.expect("it is never closed");
        let Some(body) = batch(outgoing).await else { return std::future::pending().await };
        let (requests, drawn) = (Arc::clone(requests), requests.faults.draw(false));
        if drawn.cuts {
            return LOST;
        }
        tokio::spawn(async move {
            requests.send_faulty(MESSAGES_PATH, body, drawn).await;
            drop(permit);
        });
    }
}

/// Takes frames until the connection is closed.
async fn poll(requests: &Arc<Requests>, arriving: &mpsc::Sender<Arrived>) -> u16 {
    let (mut number, mut failures) = (2_u64, 0);
    loop {
        let drawn = requests.faults.draw(true);
        if drawn.cuts {
            return LOST;
        }
        let answer = requests.send_faulty(FRAMES_PATH, format!("{{\"number\":{number}}}"), drawn).await;
        match answer {
            Some(Answer { status: 200 | 204, close, text, .. }) => {
                (number, failures) = (number + 1, 0);
                if !deliver(arriving, &text, close).await {
                    return close.unwrap_or(LOST);
                }
            }
            Some(Answer { status: 401 | 404 | 410, .. }) => return LOST,
            _ if failures == MAX_FAILURES => return LOST,
            _ => {
                failures += 1;
                sleep(RETRY_DELAY).await;
            }
        }
    }
}

/// Hands frames over; false if none may follow.
async fn deliver(arriving: &mpsc::Sender<Arrived>, text: &str, close: Option<u16>) -> bool {
    for frame in text.lines() {
        if arriving.send(Arrived::Frame(frame.to_owned())).await.is_err() {
            return false;
        }
    }
    close.is_none()
}
