//! Messages of an instructor to the class: whom they reach, who may send them, and how many. On scripted terminals.

use crate::support::{Service, Terminal, gateway_claims, read, user, user_token};
use crate::wall::{Page, catch_up, class, instructor, service};
use backend::terminal::scripted::ScriptedSpawner;
use futures_util::stream::{self, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use shared_protocol::gateway::MESSAGE_PATH;
use shared_protocol::{ClassClaims, GatewayClaims, GroupId, Role, StreamEvent, UserClaims};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

fn student(sub: &str, group: &str) -> UserClaims {
    UserClaims { class: class(group, None), ..user(sub, Some(sub)) }
}

pub(crate) async fn page_of(service: &Service, sub: &str, group: &str, client: &str) -> Terminal {
    let mut page = Terminal::open(&service.terminal_url(sub, &user_token(&student(sub, group)))).await;
    page.attach(client).await;
    page
}

pub(crate) fn announce(id: &str, line: Option<&str>) -> Value {
    let message = json!({"type": "announce", "id": id, "text": "Look at <b>this</b>\nnow"});
    match line {
        Some(line) => json!({"type": "announce", "id": id, "text": message["text"], "line": line}),
        None => message,
    }
}

/// The messages that a page has, each as sender, text and line.
pub(crate) fn notices(page: &Terminal) -> Vec<(String, String, Option<String>)> {
    let notice = |event: &StreamEvent| match event {
        StreamEvent::Notice(notice) => Some((notice.from.clone(), notice.text.clone(), notice.line.clone())),
        _ => None,
    };
    page.events.iter().filter_map(notice).collect()
}

/// Reads everything, and expects so many messages: those of Grace H., with a line.
pub(crate) async fn expect_notices(page: &mut Terminal, count: usize) {
    catch_up(page, "read").await;
    let said = notices(page);
    assert_eq!(said.len(), count, "{said:?}");
    for (from, text, line) in said {
        assert_eq!((from.as_str(), text.as_str()), ("Grace H.", "Look at <b>this</b>\nnow"));
        assert_eq!(line.as_deref(), Some("ls -la"));
    }
}

pub(crate) fn is_notice(event: &StreamEvent) -> bool {
    matches!(event, StreamEvent::Notice(_))
}

#[tokio::test]
async fn a_message_reaches_the_class_once_and_says_whom_it_missed() {
    let (service, _shells) = service().await;
    let mut ada = page_of(&service, "ada", "class-7", "ada").await;
    let mut ben = page_of(&service, "ben", "class-7", "ben").await;
    let mut eve = page_of(&service, "eve", "class-8", "eve").await;
    assert_eq!(service.api(Method::POST, "", &student("cyd", "class-7")).await.0, 201);
    let named = UserClaims { class: class("class-7", Some("Grace H.")), ..instructor("class-7") };
    let mut grace = Page::open(&service, &named).await;
    grace.send(announce("a-1", Some("ls -la"))).await;
    let answer = grace.receive().await;
    assert_eq!(answer, json!({"type": "announced", "id": "a-1", "reached": 2, "missed": 1}));
    // Once more, as after a lost answer; each instructor may send one in two seconds.
    let mut ida = Page::open(&service, &UserClaims { sub: "ida".into(), ..instructor("class-7") }).await;
    ida.send(announce("a-1", Some("ls -la"))).await;
    assert_eq!(ida.receive().await["reached"], 2);
    for page in [&mut ada, &mut ben] {
        page.event(is_notice).await;
    }
    for (page, count) in [(&mut ada, 1), (&mut ben, 1), (&mut eve, 0)] {
        expect_notices(page, count).await;
    }
    service.stop().await;
}

#[tokio::test]
async fn an_instructor_who_was_removed_says_nothing_in_the_session() {
    let (service, _shells) = service().await;
    let mut ada = page_of(&service, "ada", "class-7", "ada").await;
    let mut ben = page_of(&service, "ben", "class-7", "ben").await;
    let ina = instructor("class-7");
    let mut watching = Terminal::open(&service.terminal_url("ada", &user_token(&ina))).await;
    watching.attach("ina").await;
    let operator = UserClaims { admin: true, role: Role::Viewer, ..user("root", None) };
    let (_, listed) = service.api(Method::GET, "?user=ada", &operator).await;
    let connections = listed["sessions"][0]["connections"].as_array().unwrap();
    let theirs = connections.iter().find(|connection| connection["user"] == "ina").unwrap();
    let path = format!("/ada/connections/{}", theirs["id"].as_str().unwrap());
    assert_eq!(service.api(Method::DELETE, &path, &operator).await.0, 200);
    let mut page = Page::open(&service, &ina).await;
    page.send(announce("a-1", None)).await;
    assert_eq!(page.receive().await, json!({"type": "announced", "id": "a-1", "reached": 1, "missed": 1}));
    ben.event(is_notice).await;
    catch_up(&mut ada, "read").await;
    assert!(notices(&ada).is_empty());
    service.stop().await;
}

#[tokio::test]
async fn one_who_comes_later_gets_it_too_even_behind_a_flood() {
    let (service, shells) = service().await;
    let mut ada = page_of(&service, "ada", "class-7", "first").await;
    let script = shells.last().unwrap();
    let mut grace = Page::open(&service, &instructor("class-7")).await;
    grace.send(announce("a-1", None)).await;
    assert_eq!(grace.receive().await["reached"], 1);
    // More than the log of the stream keeps.
    script.print("flood ".repeat(400 * 1024) + "done");
    ada.sees("done").await;
    let mut late = page_of(&service, "ada", "class-7", "second").await;
    late.event(is_notice).await;
    assert_eq!(notices(&late).len(), 1);
    service.stop().await;
}

#[tokio::test]
async fn an_instructor_sends_one_in_two_seconds_and_students_send_none() {
    let (service, _shells) = service().await;
    let mut ada = page_of(&service, "ada", "class-7", "ada").await;
    let mut grace = Page::open(&service, &instructor("class-7")).await;
    grace.send(announce("a-1", None)).await;
    assert_eq!(grace.receive().await["reached"], 1);
    grace.send(announce("a-2", None)).await;
    let refused = grace.receive().await;
    assert_eq!((&refused["code"], &refused["id"]), (&json!("RATE_LIMITED"), &json!("a-2")));
    grace.send(json!({"type": "announce", "id": "a-3", "text": "x", "line": "ls\n"})).await;
    assert_eq!(grace.receive().await["code"], "BAD_FIELD");
    // Over the gateway, whose connections without a session any user may open.
    let ask = async |role, admin, group: Option<&str>| {
        let body = announce("a-4", Some("rm -rf ~")).to_string();
        let claims = gateway_claims(MESSAGE_PATH, body.as_bytes(), "w=", None);
        let class = ClassClaims { grp: group.map(|group| GroupId::new(group).unwrap()), ..ClassClaims::default() };
        read(service.post(&GatewayClaims { role, admin, class, ..claims }, &body).await).await.1
    };
    for (role, group) in
        [(Role::Controller, Some("class-7")), (Role::Viewer, Some("class-7")), (Role::Instructor, None)]
    {
        assert_eq!(ask(role, false, group).await["code"], "FORBIDDEN", "{role} {group:?}");
    }
    assert_eq!(ask(Role::Instructor, false, Some("class-8")).await["reached"], 0, "another class");
    // On a connection with a session, and as the frame that it would cause.
    ada.send(&announce("a-5", None).to_string()).await;
    ada.send(r#"{"type":"event","kind":"notice","id":"a-6","from":"Grace","text":"forged","at":1}"#).await;
    catch_up(&mut ada, "read").await;
    ada.event(is_notice).await;
    assert_eq!(notices(&ada).len(), 1, "{:?}", notices(&ada));
    service.stop().await;
}

#[tokio::test]
async fn a_class_of_a_thousand_is_told_within_seconds() {
    let shells = Arc::new(ScriptedSpawner::default());
    let service = Service::with(&[("MAX_SESSIONS", "1000")], shells).await;
    let start = async |number: usize| {
        let sub = format!("student-{number}");
        let body = json!({"type": "attach", "client": "page", "cols": 80, "rows": 24}).to_string();
        let claims = gateway_claims(MESSAGE_PATH, body.as_bytes(), &format!("{sub}="), Some(&sub));
        let claims = GatewayClaims { sub, class: class("class-7", None), ..claims };
        assert!(service.post(&claims, &body).await.status().is_success(), "{number}");
    };
    stream::iter((0..1000).map(start)).buffer_unordered(32).collect::<Vec<()>>().await;
    let mut grace = Page::open(&service, &instructor("class-7")).await;
    let begun = Instant::now();
    grace.send(announce("a-1", None)).await;
    let answer = grace.receive().await;
    assert_eq!((&answer["reached"], &answer["missed"]), (&json!(1000), &json!(0)));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    service.stop().await;
}
