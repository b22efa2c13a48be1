//! A wall over two instances: through the gateway, which brings its messages to any of them.

use super::attach_again;
use e2e::{Stack, TEST_TIMEOUT, Terminal, matching, until};
use rustix::process::Signal;
use serde_json::json;
use shared_protocol::server::{Part, Via};
use shared_protocol::wall::{Attendance, WallFrame, WallPayload, WallSession};
use shared_protocol::{ClassClaims, GroupId, Role, ServerMessage, StreamEvent, UserClaims};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Longest time until another instance counts as dead.
const TAKEOVER_TIMEOUT: Duration = Duration::from_secs(30);

/// Time after which a page says again what it looks at.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(20);

/// A user of the class, in the own session if it is a student.
fn member(user: &str, role: Role) -> UserClaims {
    let class = ClassClaims { grp: GroupId::new("class-7").ok(), ..ClassClaims::default() };
    UserClaims { role, class, ..Stack::claims(user, (role == Role::Controller).then_some(user)) }
}

/// Starts a student's shell in an instance.
async fn student(stack: &Stack, user: &str, instance: usize) -> Terminal {
    let token = stack.sign(&member(user, Role::Controller));
    let url = format!("ws://{}/terminal?sessionId={user}", stack.backend.address(instance));
    let mut terminal = Terminal::connect(&url, &token).await.unwrap();
    terminal.attach().await;
    terminal.run(&format!("echo 'shell of' {user}")).await;
    terminal
}

/// An instructor's page behind the gateway.
struct Wall {
    connection: Terminal,
    rows: BTreeMap<String, WallSession>,
    /// The text of each screen.
    screens: BTreeMap<String, BTreeMap<u16, String>>,
}

impl Wall {
    async fn open(stack: &Stack) -> Self {
        let token = stack.sign(&member("ina", Role::Instructor));
        let connection = Terminal::connect(&stack.url(), &token).await.unwrap();
        let mut wall = Self { connection, rows: BTreeMap::new(), screens: BTreeMap::new() };
        wall.look().await;
        wall
    }

    /// Says what is looked at, as a page does now and then and after an error.
    async fn look(&mut self) {
        self.connection.send_text(json!({"type": "wall", "client": "wall", "resync": true}).to_string()).await;
    }

    fn apply(&mut self, WallFrame { news, .. }: WallFrame) {
        let WallPayload::Plain(news) = news else { panic!("`z` was not accepted") };
        self.rows.extend(news.sessions.into_iter().map(|row| (row.id.to_string(), row)));
        for tile in news.tiles {
            let screen = self.screens.entry(tile.id.to_string()).or_default();
            screen.extend(tile.lines.into_iter().map(|(row, text, _)| (row, text)));
        }
    }

    /// Reads and acknowledges updates until the wall is as wanted. Says again what it looks at where it is told to, and now and
    /// then, as a page does: what it said may have reached an instance that is dead.
    async fn until(&mut self, what: &str, wanted: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + TEST_TIMEOUT;
        while !wanted(self) {
            assert!(Instant::now() < deadline, "{what} took too long");
            let heard = matching!(frame @ (ServerMessage::Wall(_) | ServerMessage::Renew(_) | ServerMessage::Error(_)) => frame.clone());
            let Ok(frame) = timeout(FOLLOW_INTERVAL, self.connection.expect_reply(what, heard)).await else {
                self.look().await;
                continue;
            };
            match frame {
                ServerMessage::Wall(frame) => {
                    let ack = json!({"type": "wall_ack", "client": "wall", "v": frame.v});
                    self.apply(frame);
                    self.connection.send_text(ack.to_string()).await;
                }
                _ => self.look().await,
            }
        }
    }

    fn shows(&self, session: &str, text: &str) -> bool {
        self.screens.get(session).is_some_and(|lines| lines.values().any(|line| line.contains(text)))
    }

    fn state(&self, session: &str) -> Option<Attendance> {
        self.rows.get(session).map(|row| row.state)
    }
}

/// The instance that has the wall.
async fn owner(stack: &mut Stack) -> usize {
    let owner = stack.backend.redis().command(&["HGET", "wall:wall", "owner"]).await;
    let address = stack.backend.redis().command(&["HGET", &format!("instance:{}", owner.trim()), "address"]).await;
    let port = |instance: &usize| format!(":{}", stack.backend.address(*instance).port());
    [0, 1].into_iter().find(|instance| address.trim().ends_with(&port(instance))).unwrap()
}

/// A wall that shows a student of each instance.
async fn begin() -> (Stack, Wall, [Terminal; 2]) {
    let stack = Stack::start_two().await;
    let students = [student(&stack, "ada", 0).await, student(&stack, "ben", 1).await];
    let mut wall = Wall::open(&stack).await;
    wall.until("both screens", |wall| wall.shows("ada", "shell of ada") && wall.shows("ben", "shell of ben")).await;
    (stack, wall, students)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wall_outlives_its_instance_and_shows_where_its_sessions_went() {
    let (mut stack, mut wall, students) = begin().await;
    let dying = owner(&mut stack).await;
    let [lost, left] = if dying == 0 { ["ada", "ben"] } else { ["ben", "ada"] };
    stack.backend.kill(dying).await;
    // A page says every 20 s what it looks at; this one does not wait for that.
    wall.look().await;
    wall.until("the loss", |wall| wall.state(lost) == Some(Attendance::Unknown)).await;
    let [ada, ben] = students;
    let mut left_terminal = if left == "ada" { ada } else { ben };
    left_terminal.run("echo still 'here and live'").await;
    wall.until("the others go on", |wall| wall.shows(left, "still here and live")).await;
    let token = stack.sign(&member(lost, Role::Controller));
    until("the session to start elsewhere", TAKEOVER_TIMEOUT, async || {
        let mut again = Terminal::connect(&stack.url(), &token).await.unwrap();
        again.try_attach().await.is_ok()
    })
    .await;
    wall.until("the session that moved", |wall| wall.shows(lost, "the machine that ran this shell was lost")).await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_instance_is_unknown_and_a_replaced_one_hands_its_wall_over() {
    let (mut stack, mut wall, mut students) = begin().await;
    let here = owner(&mut stack).await;
    let there = 1 - here;
    let [local, remote] = if here == 0 { ["ada", "ben"] } else { ["ben", "ada"] };
    stack.backend.signal(there, Signal::STOP);
    wall.until("the silence", |wall| wall.state(remote) == Some(Attendance::Unknown)).await;
    students[here].run("echo live 'all the time'").await;
    wall.until("the others go on", |wall| wall.shows(local, "live all the time")).await;
    stack.backend.signal(there, Signal::CONT);
    wall.until("the return", |wall| wall.state(remote) == Some(Attendance::Here)).await;
    until("the load balancer", TEST_TIMEOUT, async || {
        let health = e2e::http().get(format!("http://{}/health", stack.backend.address(there))).send().await;
        health.is_ok_and(|answer| answer.status().is_success())
    })
    .await;
    assert!(stack.backend.replace(here).await.success());
    students[there].run("echo after 'the replacement'").await;
    wall.until("the wall elsewhere", |wall| wall.shows(remote, "after the replacement")).await;
    let _restarted = attach_again(&stack, local, local, TAKEOVER_TIMEOUT).await;
    wall.until("the session that moved", |wall| wall.shows(local, "the service was replaced")).await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn students_of_both_instances_hear_whose_wall_shows_them_and_what_is_said_to_all() {
    let (stack, mut wall, students) = begin().await;
    let message = json!({"type": "announce", "id": "a-1", "text": "five minutes left", "line": "ls -la"});
    wall.connection.send_text(message.to_string()).await;
    let announced = matching!(ServerMessage::Announced(answer) => (answer.reached, answer.missed));
    assert_eq!(wall.connection.expect_reply("the answer", announced).await, (2, 0));
    for mut student in students {
        let text = matching!(StreamEvent::Notice(notice) => notice.text.clone());
        assert_eq!(student.expect_event("the message", text).await, "five minutes left");
        let watcher = matching!(StreamEvent::Joined(person) if person.via == Some(Via::Wall) => person.part);
        assert_eq!(student.expect_event("the wall", watcher).await, Part::Instructor);
    }
    stack.stop().await;
}
