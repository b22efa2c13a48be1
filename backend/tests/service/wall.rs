//! Walls: who has one, what it shows, and that it keeps to its page's pace. On scripted terminals.

use crate::support::relay::Carrier;
use crate::support::{Service, Terminal, gateway_claims, read, user, user_token, within};
use backend::terminal::scripted::ScriptedSpawner;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use shared_protocol::gateway::MESSAGE_PATH;
use shared_protocol::server::Via;
use shared_protocol::{ClassClaims, GatewayClaims, GroupId, Role, StreamEvent, UserClaims};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Time in which an update would come, if it might.
const UPDATE_TIMEOUT: Duration = Duration::from_millis(2500);

pub(crate) fn class(group: &str, name: Option<&str>) -> ClassClaims {
    ClassClaims { grp: GroupId::new(group).ok(), name: name.map(Into::into), ..ClassClaims::default() }
}

/// A student whose token names the session `sub`.
fn student(sub: &str, group: &str) -> UserClaims {
    UserClaims { class: class(group, Some(&format!("Student {sub}"))), ..user(sub, Some(sub)) }
}

pub(crate) fn instructor(group: &str) -> UserClaims {
    UserClaims { role: Role::Instructor, class: class(group, None), ..user("ina", None) }
}

/// Starts a student's session, and prints to it.
pub(crate) async fn start(service: &Service, shells: &ScriptedSpawner, sub: &str, group: &str, output: &str) -> Script {
    let url = service.terminal_url(sub, &user_token(&student(sub, group)));
    let mut page = Terminal::open(&url).await;
    page.attach(sub).await;
    let script = shells.last().unwrap();
    script.print(output);
    Script { page, script }
}

pub(crate) struct Script {
    pub(crate) page: Terminal,
    pub(crate) script: backend::terminal::scripted::Script,
}

/// An instructor's page: what its frames say, put together.
pub(crate) struct Page {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    rows: BTreeMap<String, Value>,
    lines: BTreeMap<(String, u64), String>,
    frames: Vec<Value>,
}

impl Page {
    pub(crate) async fn open(service: &Service, claims: &UserClaims) -> Self {
        let url = format!("ws://{}/terminal?token={}", service.address, user_token(claims));
        let (socket, _) = within("connecting", connect_async(url)).await.unwrap();
        Self { socket, rows: BTreeMap::new(), lines: BTreeMap::new(), frames: vec![] }
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    pub(crate) async fn receive(&mut self) -> Value {
        loop {
            let message = within("a frame", self.socket.next()).await.unwrap().unwrap();
            let Message::Text(text) = message else { continue };
            let frame: Value = serde_json::from_str(&text).unwrap();
            self.apply(&frame);
            self.frames.push(frame.clone());
            return frame;
        }
    }

    fn apply(&mut self, frame: &Value) {
        let list = |name: &str| frame[name].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        for row in list("sessions") {
            self.rows.insert(text(&row["id"]), row);
        }
        for id in list("gone") {
            self.rows.remove(&text(&id));
        }
        for tile in list("tiles") {
            for line in tile["lines"].as_array().unwrap() {
                self.lines.insert((text(&tile["id"]), line[0].as_u64().unwrap()), text(&line[1]));
            }
        }
    }

    /// Reads and acknowledges until the page shows what is wanted.
    pub(crate) async fn until(&mut self, what: &str, wanted: impl Fn(&Self) -> bool) {
        within(what, async {
            while !wanted(self) {
                let frame = self.receive().await;
                self.send(json!({"type": "wall_ack", "client": "wall", "v": frame["v"]})).await;
            }
        })
        .await;
    }

    /// Reads until the connection closes. Returns the close code.
    pub(crate) async fn close_code(&mut self) -> u16 {
        let closed = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Close(close))) => return close.map_or(1005, |close| close.code.into()),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return 1006,
                }
            }
        };
        within("closing", closed).await
    }

    /// Attendance of a session; empty if it is not there.
    pub(crate) fn state(&self, session: &str) -> &str {
        self.rows.get(session).map_or("", |row| row["state"].as_str().unwrap())
    }

    pub(crate) fn title(&self, session: &str) -> &str {
        self.rows.get(session).and_then(|row| row["title"].as_str()).unwrap_or_default()
    }

    /// The row of a session that is there.
    pub(crate) fn row(&self, session: &str) -> &Value {
        &self.rows[session]
    }

    /// The sessions that are there.
    pub(crate) fn sessions(&self) -> BTreeSet<&str> {
        self.rows.keys().map(String::as_str).collect()
    }

    /// The sessions of which a line is shown.
    pub(crate) fn screens(&self) -> BTreeSet<&str> {
        self.lines.keys().map(|(session, _)| session.as_str()).collect()
    }

    pub(crate) fn line(&self, session: &str, row: u64) -> &str {
        self.lines.get(&(session.to_owned(), row)).map_or("", String::as_str)
    }
}

pub(crate) fn wall() -> Value {
    json!({"type": "wall", "client": "wall"})
}

pub(crate) async fn service() -> (Service, ScriptedSpawner) {
    let shells = ScriptedSpawner::default();
    (Service::with(&[], Arc::new(shells.clone())).await, shells)
}

#[tokio::test]
async fn a_row_has_the_latest_line_unless_it_is_hidden() {
    let shells = Arc::new(ScriptedSpawner::default());
    let service = Service::with(&[], Arc::<ScriptedSpawner>::clone(&shells)).await;
    let ada = start(&service, &shells, "ada", "class-7", "$ ").await;
    let mut page = Page::open(&service, &instructor("class-7")).await;
    page.send(json!({"type": "wall", "client": "wall"})).await;
    let tell = |kind: &str, line: &str| {
        ada.script.mark("C");
        ada.script.tell_line(kind, "/", line);
    };
    let shows = async |page: &mut Page, line: Value| {
        page.until("the line", |page| page.rows.get("ada").is_some_and(|row| row["command"] == line)).await;
    };
    tell("line", "make%09test");
    shows(&mut page, json!("make\u{fffd}test")).await;
    tell("line", &"x".repeat(100));
    shows(&mut page, json!("x".repeat(80))).await;
    tell("none", "");
    shows(&mut page, Value::Null).await;
    service.stop().await;
}

#[tokio::test]
async fn a_wall_shows_the_class_as_it_changes() {
    let (service, shells) = service().await;
    let mut ada = start(&service, &shells, "ada", "class-7", "\x1b[31mred\x1b[0m\x1b]2;editor\x07").await;
    let _eve = start(&service, &shells, "eve", "class-8", "elsewhere").await;
    assert_eq!(service.api(reqwest::Method::POST, "", &student("ben", "class-7")).await.0, 201);
    let mut page = Page::open(&service, &instructor("class-7")).await;
    page.send(wall()).await;
    page.until("the first screens", |page| page.line("ada", 0) == "red" && page.rows.len() == 2).await;
    assert_eq!(page.frames[0]["full"], true);
    let mut tiles = page.frames.iter().filter_map(|frame| frame["tiles"].get(0));
    let tile = tiles.find(|tile| tile["lines"].get(0).is_some()).unwrap();
    assert_eq!(tile["lines"][0], json!([0, "red", [[3, 2, 0, 0]]]));
    let row = &page.rows["ada"];
    assert_eq!((&row["name"], &row["state"]), (&json!("Student ada"), &json!("here")));
    assert_eq!(page.rows["ben"]["state"], "not_started");
    page.until("the title", |page| page.rows["ada"]["title"] == "editor").await;
    ada.script.print("\r\n\x1b]8;;http://evil\x07second\x1b]8;;\x07 \u{202e}line");
    page.until("the next line", |page| page.line("ada", 1).starts_with("second")).await;
    assert_eq!(page.line("ada", 1), "second \u{fffd}line");
    ada.page.ordered("close", "").await;
    ada.script.exit(0);
    page.until("the end", |page| !page.rows.contains_key("ada")).await;
    service.stop().await;
}

/// Has the page read everything up to now.
pub(crate) async fn catch_up(page: &mut Terminal, mark: &str) {
    page.send(&json!({"type": "echo", "mark": mark}).to_string()).await;
    page.reply(|reply| {
        let mark = json!({"mark": mark});
        matches!(reply, shared_protocol::ServerMessage::Echo(echo) if echo.received == mark)
    })
    .await;
}

/// The instructors whose walls a page was told of, in its order.
pub(crate) fn watchers(page: &Terminal) -> Vec<&str> {
    let on_walls = page.events.iter().filter_map(|event| match event {
        StreamEvent::Joined(person) if person.via == Some(Via::Wall) => Some(person.name.as_str()),
        _ => None,
    });
    on_walls.collect()
}

pub(crate) fn joins_by_wall(event: &StreamEvent) -> bool {
    matches!(event, StreamEvent::Joined(person) if person.via == Some(Via::Wall))
}

#[tokio::test]
async fn a_student_hears_once_of_each_instructor_whose_wall_shows_the_session() {
    let (service, shells) = service().await;
    let mut ada = start(&service, &shells, "ada", "class-7", "hello").await.page;
    let mut eve = start(&service, &shells, "eve", "class-8", "hello").await.page;
    let named = UserClaims { class: class("class-7", Some("Grace H.")), ..instructor("class-7") };
    // They read nothing meanwhile.
    (ada.away, eve.away) = (true, true);
    let mut walls = Vec::new();
    for client in ["first", "second"] {
        let mut wall = Page::open(&service, &named).await;
        wall.send(json!({"type": "wall", "client": client})).await;
        wall.until("the screen", |page| page.line("ada", 0) == "hello").await;
        walls.push(wall);
    }
    ada.event(joins_by_wall).await;
    let other = UserClaims { sub: "ida".into(), class: class("class-7", Some("Ida")), ..instructor("class-7") };
    let mut wall = Page::open(&service, &other).await;
    wall.send(json!({"type": "wall", "client": "third", "visible": []})).await;
    ada.event(|event| matches!(event, StreamEvent::Joined(person) if person.name == "Ida")).await;
    catch_up(&mut eve, "read").await;
    assert_eq!((watchers(&ada), watchers(&eve)), (vec!["Grace H.", "Ida"], vec![]));
    service.stop().await;
}

#[tokio::test]
async fn only_an_instructor_has_a_wall_and_only_of_the_own_group() {
    let (service, shells) = service().await;
    let _ada = start(&service, &shells, "ada", "class-7", "secret").await;
    // Over the gateway, whose connections without a session any user may open.
    let ask = async |role, admin, group: Option<&str>| {
        let body = wall().to_string();
        let claims = gateway_claims(MESSAGE_PATH, body.as_bytes(), "w=", None);
        let class = ClassClaims { grp: group.map(|group| GroupId::new(group).unwrap()), ..ClassClaims::default() };
        read(service.post(&GatewayClaims { role, admin, class, ..claims }, &body).await).await
    };
    for (role, group) in
        [(Role::Controller, Some("class-7")), (Role::Viewer, Some("class-7")), (Role::Instructor, None)]
    {
        let (status, refused) = ask(role, false, group).await;
        assert_eq!((status, &refused["code"]), (200, &json!("FORBIDDEN")), "{role} {group:?}");
    }
    let mut other = Page::open(&service, &instructor("class-8")).await;
    other.send(wall()).await;
    let first = other.receive().await;
    assert_eq!((&first["full"], first.get("sessions"), first.get("tiles")), (&json!(true), None, None));
    for (message, expected) in [
        (json!({"type": "ping"}), "pong"),
        (json!({"type": "echo"}), "echo"),
        (json!({"type": "attach", "client": "page", "cols": 80, "rows": 24}), "NOT_ATTACHED"),
        (json!({"type": "input", "seq": 1, "epoch": 1, "data": "x"}), "NOT_ATTACHED"),
        (json!({"type": "command", "command": "ls"}), "NOT_ATTACHED"),
    ] {
        other.send(message.clone()).await;
        let answer = other.receive().await;
        assert_eq!(answer["code"].as_str().or(answer["type"].as_str()), Some(expected), "{message}");
    }
    // A connection with a session has none either.
    let mut page = service.terminal("mine").await;
    page.attach("page").await;
    page.send(&wall().to_string()).await;
    page.reply(|reply| matches!(reply, shared_protocol::ServerMessage::Error(error) if error.code == shared_protocol::ErrorCode::Forbidden)).await;
    service.stop().await;
}

#[tokio::test]
async fn a_relay_carries_a_wall() {
    let (service, shells) = service().await;
    let _ada = start(&service, &shells, "ada", "class-7", "over the relay").await;
    let body = wall().to_string();
    let claims = gateway_claims(MESSAGE_PATH, body.as_bytes(), "w=", None);
    let claims = GatewayClaims { role: Role::Instructor, class: class("class-7", None), ..claims };
    let granted = service.post(&claims, &body).await;
    let mut relay = Carrier::granted(&granted, "w=").unwrap();
    assert_eq!(granted.status(), 204);
    let mut seen = String::new();
    within("the screen", async {
        while !seen.contains("over the relay") {
            for frame in relay.frames(&service, 2000).await {
                assert_eq!(frame.connection.as_str(), "w=");
                seen.push_str(std::str::from_utf8(&frame.frame).unwrap());
            }
        }
    })
    .await;
    service.stop().await;
}

#[tokio::test]
async fn a_page_that_acknowledges_nothing_gets_two_updates_and_a_resync_everything() {
    let (service, shells) = service().await;
    let ada = start(&service, &shells, "ada", "class-7", "0").await;
    let mut page = Page::open(&service, &instructor("class-7")).await;
    page.send(wall()).await;
    let (mut last, mut printed) = (0, 0);
    while last < 2 {
        printed += 1;
        ada.script.print(format!("\r\n{printed}"));
        last = page.receive().await["v"].as_u64().unwrap();
    }
    ada.script.print("\r\nmore");
    let third = tokio::time::timeout(UPDATE_TIMEOUT, page.receive()).await;
    assert!(third.is_err(), "{third:?}");
    page.send(json!({"type": "wall", "client": "wall", "resync": true})).await;
    let next = page.receive().await;
    assert_eq!((&next["v"], &next["full"]), (&json!(3), &json!(true)));
    assert_eq!(next["sessions"][0]["id"], "ada");
    service.stop().await;
}

#[tokio::test]
async fn a_row_says_who_is_away_and_what_the_last_command_returned() {
    let (service, shells) = service().await;
    let mut ada = start(&service, &shells, "ada", "class-7", "hello").await;
    let mut page = Page::open(&service, &instructor("class-7")).await;
    page.send(wall()).await;
    page.until("the row", |page| page.state("ada") == "here").await;
    assert_eq!(page.rows["ada"]["activeAt"].as_u64().map(|at| at % 10_000), Some(0));
    for mark in ["C", "D;3", "B"] {
        ada.script.mark(mark);
    }
    ada.page.ordered("hand", r#","up":true"#).await;
    page.until("the code and the hand", |page| page.rows["ada"]["exitCode"] == 3 && page.rows["ada"]["hand"].is_u64())
        .await;
    drop(ada.page);
    page.until("the absence", |page| page.state("ada") == "away").await;
    service.stop().await;
}
