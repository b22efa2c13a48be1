//! `/terminal/…`: connections over HTTP requests, whose answers may be lost, repeated or taken twice.

mod attacks;
mod closing;

use crate::support::{ATTACH, PING, Service, client, until, user, user_token, within};
use backend::store::{MemoryStore, Store};
use backend::terminal::UnixSpawner;
use reqwest::header::{HeaderMap, ORIGIN};
use serde_json::{Value, json};
use shared_protocol::gateway::{CLOSE_HEADER, CONNECTION_HEADER};
use shared_protocol::polling::{CLOSE_PATH, FRAMES_PATH, MAX_MESSAGES, MESSAGES_PATH};
use shared_protocol::{Payload, Role, SessionId, UserClaims};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The mark at the end of a prompt.
const PROMPT: &str = "\u{1b}[?2004h";

/// An answer to a request.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    /// Frames, or the error.
    body: Vec<Value>,
}

impl Answer {
    fn code(&self) -> &str {
        self.body.first().and_then(|body| body["code"].as_str()).unwrap_or_default()
    }

    fn connection(&self) -> String {
        self.headers[CONNECTION_HEADER].to_str().unwrap().to_owned()
    }

    fn close(&self) -> Option<u16> {
        Some(self.headers.get(CLOSE_HEADER)?.to_str().unwrap().parse().unwrap())
    }
}

async fn post(address: SocketAddr, path: &str, token: &str, connection: Option<&str>, body: &str) -> Answer {
    let request = client().post(format!("http://{address}{path}")).bearer_auth(token).body(body.to_owned());
    let request = connection.into_iter().fold(request, |request, id| request.header(CONNECTION_HEADER, id));
    let response = within("an answer", request.send()).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = within("a body", response.text()).await.unwrap();
    let body = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    Answer { status, headers, body }
}

/// A connection of a page, which may use any instance for each request.
struct Polled {
    address: SocketAddr,
    token: String,
    id: String,
    /// Number of the last answer.
    answered: u64,
    epoch: u64,
    seq: u64,
    frames: Vec<Value>,
    close: Option<u16>,
}

impl Polled {
    /// Opens a connection with an attach, and reads its answer.
    async fn attach(address: SocketAddr, token: &str) -> Self {
        Self::attach_as("page", address, token).await
    }

    /// The same with this client id.
    async fn attach_as(client: &str, address: SocketAddr, token: &str) -> Self {
        let opened = post(address, MESSAGES_PATH, token, None, &ATTACH.replace("page", client)).await;
        assert_eq!(opened.status, 200, "{opened:?}");
        let (id, attached) = (opened.connection(), &opened.body[0]);
        assert_eq!((&attached["type"], &attached["dispatch"]), (&json!("attached"), &json!("concurrent")));
        let (epoch, seq) = (attached["epoch"].as_u64().unwrap(), attached["inputSeq"].as_u64().unwrap());
        let token = token.to_owned();
        Self { address, token, id, answered: 1, epoch, seq, frames: opened.body, close: None }
    }

    async fn send(&self, body: &str) -> Answer {
        post(self.address, MESSAGES_PATH, &self.token, Some(&self.id), body).await
    }

    fn input(&mut self, text: &str) -> String {
        self.seq += 1;
        json!({"type": "input", "seq": self.seq, "epoch": self.epoch, "data": text}).to_string()
    }

    /// Asks for frames by this number.
    async fn ask(&self, number: u64) -> Answer {
        post(self.address, FRAMES_PATH, &self.token, Some(&self.id), &json!({"number": number}).to_string()).await
    }

    /// Takes the next answer.
    async fn poll(&mut self) {
        let answer = self.ask(self.answered + 1).await;
        assert!(matches!(answer.status, 200 | 204), "{answer:?}");
        self.answered += 1;
        self.close = answer.close();
        self.frames.extend(answer.body);
        if let Some(pos) = self.frames.iter().filter_map(|frame| frame["head"].as_u64()).max() {
            // Fails once the connection is closed.
            self.send(&json!({"type": "ack", "epoch": self.epoch, "pos": pos}).to_string()).await;
        }
    }

    /// The output so far, in order and without repeats.
    fn output(&self) -> String {
        let (mut pos, mut output) = (0, Vec::new());
        for frame in self.frames.iter().filter(|frame| frame["type"] == "output" || frame["type"] == "event") {
            assert_eq!(frame["pos"], pos, "no gap and no repeat");
            pos += frame["len"].as_u64().unwrap_or(1);
            let text = frame["data"].as_str().map(|text| Payload::Data(text.to_owned()));
            let payload = text.or_else(|| Some(Payload::B64(frame["b64"].as_str()?.to_owned())));
            output.extend(payload.into_iter().flat_map(|payload| payload.decode().unwrap()));
        }
        String::from_utf8_lossy(&output).into_owned()
    }

    async fn sees(&mut self, text: &str) {
        while !self.output().contains(text) {
            self.poll().await;
        }
    }
}

fn token_of(name: &str) -> String {
    user_token(&user(name, Some("s")))
}

#[tokio::test]
async fn a_page_types_and_reads_over_requests() {
    let service = Service::start().await;
    let mut page = Polled::attach(service.address, &token_of("ada")).await;
    let keys = [page.input("echo fo"), page.input("$((1))"), page.input("und\r")].join("\n");
    assert_eq!(page.send(&keys).await.status, 204);
    page.sees("fo1und").await;
    let text = within("metrics", service.metrics().await.text()).await.unwrap();
    assert!(text.contains("termgate_connections{transport=\"http\",door=\"http\"} 1"), "{text}");
    // The end of the session closes the connection.
    let close = page.input("exit\r");
    page.send(&close).await;
    while page.close.is_none() {
        page.poll().await;
    }
    assert_eq!(page.close, Some(1000));
    assert!(page.frames.iter().any(|frame| frame["kind"] == "exit"));
    service.stop().await;
}

#[tokio::test]
async fn a_lost_answer_is_given_again_and_two_polls_lose_nothing() {
    let service = Service::start().await;
    let mut page = Polled::attach(service.address, &token_of("ada")).await;
    page.sees(PROMPT).await;
    let keys = page.input("echo on$((1))ce\r");
    // Two polls of one number: the first is told that it was replaced, the second gets the frames.
    let next = page.answered + 1;
    let first = page.ask(next);
    let second = async {
        tokio::task::yield_now().await;
        page.ask(next).await
    };
    let typed = async {
        tokio::task::yield_now().await;
        page.send(&keys).await
    };
    let (first, second, typed) = tokio::join!(first, second, typed);
    assert_eq!(typed.status, 204);
    let statuses = [first.status, second.status];
    assert!(statuses.contains(&200), "{statuses:?}");
    // The same number still has the same answer.
    let again = page.ask(next).await;
    for answer in [first, second].into_iter().filter(|answer| answer.status == 200) {
        assert_eq!(answer.body, again.body);
    }
    page.sees("on1ce").await;
    let old = page.ask(page.answered - 1).await;
    assert_eq!((old.status, old.code()), (409, "BUSY"));
    let ahead = page.ask(page.answered + 2).await;
    assert_eq!((ahead.status, ahead.code()), (400, "BAD_FIELD"));
    service.stop().await;
}

#[tokio::test]
async fn a_poll_that_dies_half_way_takes_no_frame_along() {
    let service = Service::start().await;
    let mut page = Polled::attach(service.address, &token_of("ada")).await;
    page.sees(PROMPT).await;
    let die = async |page: &Polled| tokio::time::timeout(Duration::from_millis(200), page.ask(page.answered + 1)).await;
    while die(&page).await.is_ok() {
        page.poll().await;
    }
    let keys = page.input("echo ki$((1))ll\r");
    page.send(&keys).await;
    page.sees("ki1ll").await;
    service.stop().await;
}

#[tokio::test]
async fn only_the_token_that_opened_a_connection_reaches_it() {
    let service = Service::start().await;
    let page = Polled::attach(service.address, &token_of("ada")).await;
    let stranger = token_of("eve");
    let viewer = user_token(&UserClaims { role: Role::Viewer, ..user("ada", Some("s")) });
    let close = json!({"type": "close", "seq": page.seq + 1, "epoch": page.epoch}).to_string();
    for (token, status) in [(stranger.as_str(), 410), (viewer.as_str(), 410), ("nonsense", 401), ("", 401)] {
        for (path, body) in [(MESSAGES_PATH, close.as_str()), (FRAMES_PATH, r#"{"number":2}"#)] {
            let answer = post(service.address, path, token, Some(&page.id), body).await;
            assert_eq!(answer.status, status, "{token} {path}");
        }
        post(service.address, CLOSE_PATH, token, Some(&page.id), "").await;
    }
    let mut unknown = page;
    unknown.sees(PROMPT).await;
    unknown.id = "http:0123456789abcdef01234567".into();
    assert_eq!(unknown.send(PING).await.code(), "CONNECTION_GONE");
    service.stop().await;
}

#[tokio::test]
async fn a_viewer_only_watches_and_a_stranger_finds_no_session() {
    let service = Service::start().await;
    let mut page = Polled::attach(service.address, &token_of("ada")).await;
    let viewer = user_token(&UserClaims { role: Role::Viewer, ..user("ada", Some("s")) });
    let opened = post(service.address, MESSAGES_PATH, &viewer, None, &ATTACH.replace("page", "viewer")).await;
    assert_eq!((opened.status, &opened.body[0]["role"]), (200, &json!("viewer")));
    let stranger = user_token(&user("eve", None));
    let refused = post(service.address, &format!("{MESSAGES_PATH}?sessionId=s"), &stranger, None, ATTACH).await;
    assert_eq!((refused.status, refused.code()), (404, "SESSION_NOT_FOUND"));
    page.sees(PROMPT).await;
    service.stop().await;
}

#[tokio::test]
async fn bad_bodies_are_refused_and_change_nothing() {
    let service = Service::start().await;
    let token = token_of("ada");
    let mut page = Polled::attach(service.address, &token).await;
    let long = format!(r#"{{"type":"ping","t":"{}"}}"#, "x".repeat(33 * 1024));
    let many = [PING; MAX_MESSAGES + 1].join("\n");
    for (body, code) in [("", "BAD_MESSAGE"), ("\n \n", "BAD_MESSAGE"), (&long, "TOO_LARGE"), (&many, "TOO_LARGE")] {
        assert_eq!(page.send(body).await.code(), code, "{code}");
    }
    assert_eq!(page.send(&"x".repeat(100_000)).await.status, 413);
    for body in ["", "[]", r#"{"number":-1}"#, r#"{"number":0}"#] {
        let answer = post(service.address, FRAMES_PATH, &token, Some(&page.id), body).await;
        assert_eq!(answer.code(), "BAD_FIELD", "{body}");
    }
    assert_eq!(post(service.address, FRAMES_PATH, &token, None, r#"{"number":2}"#).await.code(), "BAD_FIELD");
    // Malformed messages get an error frame, as on any connection.
    page.send("not json\n{\"type\":\"ping\",\"connectionId\":\"other\"}").await;
    while page.frames.iter().filter(|frame| frame["type"] == "error").count() < 2 {
        page.poll().await;
    }
    let codes: Vec<&Value> = page.frames.iter().filter_map(|frame| frame.get("code")).collect();
    assert_eq!(codes, ["BAD_MESSAGE", "FORBIDDEN"]);
    service.stop().await;
}

#[tokio::test]
async fn connections_of_a_user_are_capped_and_close_frees_one() {
    let service = Service::with(&[("MAX_CONNECTIONS_PER_USER", "1")], Arc::new(UnixSpawner)).await;
    let page = Polled::attach(service.address, &token_of("ada")).await;
    let second = post(service.address, MESSAGES_PATH, &page.token, None, ATTACH).await;
    assert_eq!((second.status, second.code()), (429, "LIMIT_REACHED"));
    assert_eq!(post(service.address, CLOSE_PATH, &page.token, Some(&page.id), "").await.status, 204);
    assert_eq!(page.send(PING).await.code(), "CONNECTION_GONE");
    until("a free connection", async || {
        post(service.address, MESSAGES_PATH, &page.token, None, ATTACH).await.status == 200
    })
    .await;
    service.stop().await;
}

#[tokio::test]
async fn pages_of_other_sites_are_refused_and_listed_ones_may_read_the_headers() {
    let service = Service::with(&[("ALLOWED_ORIGINS", "https://labs.example")], Arc::new(UnixSpawner)).await;
    let token = token_of("ada");
    let open = async |origin: &str| {
        let request = client().post(format!("http://{}{MESSAGES_PATH}", service.address)).bearer_auth(&token);
        within("an answer", request.header(ORIGIN, origin).body(ATTACH).send()).await.unwrap()
    };
    assert_eq!(open("https://evil.example").await.status(), 403);
    let answer = open("https://labs.example").await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["access-control-allow-origin"]),
        (200, &"https://labs.example".parse().unwrap())
    );
    let exposed = answer.headers()["access-control-expose-headers"].to_str().unwrap();
    for header in [CONNECTION_HEADER, CLOSE_HEADER, "content-digest"] {
        assert!(exposed.split(',').any(|listed| listed.trim() == header), "{header}: {exposed}");
    }
    let preflight = client().request(reqwest::Method::OPTIONS, format!("http://{}{FRAMES_PATH}", service.address));
    let preflight = preflight.header(ORIGIN, "https://labs.example").header("access-control-request-method", "POST");
    let preflight = preflight.header("access-control-request-headers", "authorization,x-connection-id");
    let preflight = within("a preflight", preflight.send()).await.unwrap();
    let allowed = preflight.headers()["access-control-allow-headers"].to_str().unwrap();
    assert!(allowed.contains("authorization") && allowed.contains(CONNECTION_HEADER), "{allowed}");
    service.stop().await;
}

#[tokio::test]
async fn each_request_may_reach_another_instance() {
    let store = Arc::new(MemoryStore::shared());
    let start = || Service::one_of(&[], Arc::new(UnixSpawner), Arc::<MemoryStore>::clone(&store));
    let (here, there) = (start().await, start().await);
    let mut page = Polled::attach(here.address, &token_of("ada")).await;
    for (number, address) in [there.address, here.address, there.address].into_iter().enumerate() {
        page.address = address;
        let keys = page.input(&format!("echo in$(({number}))stance\r"));
        assert_eq!(page.send(&keys).await.status, 204);
        page.address = if address == here.address { there.address } else { here.address };
        page.sees(&format!("in{number}stance")).await;
    }
    // One that opens a connection to a session of the other.
    let second = Polled::attach(there.address, &token_of("ada")).await;
    assert_eq!(second.epoch, page.epoch);
    tokio::join!(here.stop(), there.stop());
}

#[tokio::test]
async fn a_replaced_instance_says_so_and_the_next_one_goes_on() {
    let store = Arc::new(MemoryStore::shared());
    let start = || Service::one_of(&[], Arc::new(UnixSpawner), Arc::<MemoryStore>::clone(&store));
    let (mut here, there) = (start().await, start().await);
    let mut page = Polled::attach(here.address, &token_of("ada")).await;
    let keys = page.input("echo be$((1))fore\r");
    page.send(&keys).await;
    page.sees("be1fore").await;
    here.ask_to_stop();
    page.address = there.address;
    while !page.frames.iter().any(|frame| frame["kind"] == "exit") {
        page.poll().await;
    }
    let id = SessionId::new("s").unwrap();
    until("the tombstone", async || store.session(&id).await.unwrap().unwrap().has_ended()).await;
    let next = Polled::attach(there.address, &page.token).await;
    assert!(next.epoch > page.epoch);
    let gone = page.ask(page.answered + 1).await;
    assert_eq!(gone.code(), "CONNECTION_GONE");
    tokio::join!(here.stop(), there.stop());
}

#[tokio::test]
async fn a_poll_without_frames_is_answered_after_20_s() {
    let service = Service::scripted().await;
    let page = Polled::attach(service.address, &token_of("ada")).await;
    let body = json!({"number": page.answered + 1}).to_string();
    let request = client().post(format!("http://{}{FRAMES_PATH}", service.address)).bearer_auth(&page.token);
    let request = request.header(CONNECTION_HEADER, &page.id).body(body);
    tokio::time::pause();
    let started = tokio::time::Instant::now();
    let answer = request.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), started.elapsed().as_secs()), (204, 20));
    // The token's session may be left out of the query, or named there.
    let ping = post(service.address, &format!("{MESSAGES_PATH}?sessionId=s"), &page.token, Some(&page.id), PING).await;
    assert_eq!(ping.status, 204);
}

#[tokio::test(start_paused = true)]
async fn a_silent_page_is_forgotten() {
    let service = Service::with(&[("MAX_CONNECTIONS_PER_USER", "1")], Arc::new(UnixSpawner)).await;
    let page = Polled::attach(service.address, &token_of("ada")).await;
    let again = async || post(service.address, MESSAGES_PATH, &page.token, None, ATTACH).await.status;
    assert_eq!(again().await, 429);
    tokio::time::advance(Duration::from_secs(100)).await;
    until("the end of the connection", async || again().await == 200).await;
    service.stop().await;
}
