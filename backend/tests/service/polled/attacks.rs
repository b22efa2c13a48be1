//! Users who ask too much over HTTP: they are refused, and others notice nothing.

use super::{Polled, post, token_of};
use crate::support::{ATTACH, PING, Service, Terminal, client, now, until, user, user_token, within};
use backend::terminal::UnixSpawner;
use futures_util::future::join_all;
use serde_json::json;
use shared_protocol::UserClaims;
use shared_protocol::polling::{FRAMES_PATH, MESSAGES_PATH};
use std::sync::Arc;
use std::time::Duration;

/// A service on which one user types at a WebSocket, and its terminal.
async fn with_victim(variables: &[(&str, &str)]) -> (Service, Terminal) {
    let service = Service::with(variables, Arc::new(UnixSpawner)).await;
    let mut bob = Terminal::open(&service.terminal_url("bob", &user_token(&user("bob", Some("bob"))))).await;
    bob.away = true;
    bob.attach("page").await;
    (service, bob)
}

async fn assert_responsive(terminal: &mut Terminal) {
    assert_eq!(terminal.command("echo still here").await, ("still here\n".to_owned(), 0));
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_closed() {
    let (service, mut bob) = with_victim(&[]).await;
    let mut eve = Polled::attach(service.address, &token_of("eve")).await;
    let flood = eve.input("yes\r");
    eve.send(&flood).await;
    assert_responsive(&mut bob).await;
    let gone = async || {
        let answer = post(service.address, FRAMES_PATH, &eve.token, Some(&eve.id), r#"{"number":1}"#).await;
        // Asking for an old answer keeps the connection from being idle, and takes no frame.
        let closed = post(service.address, MESSAGES_PATH, &eve.token, Some(&eve.id), PING).await;
        // Paused for this only: a clock that stands jumps to the next timeout while a real shell is waited for.
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(1)).await;
        tokio::time::resume();
        answer.status == 410 || closed.status == 410
    };
    // More than the 20 s for which a frame waits: each try takes one, and the flood needs some to begin.
    let mut tries = 0;
    while !gone().await {
        tries += 1;
        assert!(tries < 200, "the connection stays open");
    }
    assert_responsive(&mut bob).await;
    service.stop().await;
}

#[tokio::test]
async fn a_cookie_opens_nothing_and_none_is_set() {
    let service = Service::scripted().await;
    let token = token_of("ada");
    let request = client().post(format!("http://{}{MESSAGES_PATH}", service.address)).body(ATTACH);
    let cookie = format!("token={token}; termgate={token}; authorization=Bearer {token}");
    let refused = within("an answer", request.header("cookie", cookie).send()).await.unwrap();
    assert_eq!(refused.status(), 401);
    let page = Polled::attach(service.address, &token).await;
    let answer = page.ask(1).await;
    assert_eq!((answer.status, answer.headers.get("set-cookie")), (200, None));
    service.stop().await;
}

#[tokio::test]
async fn a_fresh_token_opens_another_connection_to_the_same_shell() {
    let service = Service::scripted().await;
    let page = Polled::attach(service.address, &token_of("ada")).await;
    let fresh = user_token(&UserClaims { exp: now() + 900, ..user("ada", Some("s")) });
    let poll = json!({"number": page.answered + 1}).to_string();
    let other = post(service.address, FRAMES_PATH, &fresh, Some(&page.id), &poll).await;
    assert_eq!((other.status, other.code()), (410, "CONNECTION_GONE"));
    let again = Polled::attach(service.address, &fresh).await;
    assert_ne!(again.id, page.id);
    assert_eq!(again.epoch, page.epoch);
    service.stop().await;
}

#[tokio::test]
async fn a_flood_of_polls_is_refused() {
    let (service, mut bob) = with_victim(&[("MESSAGES_PER_SECOND", "20")]).await;
    let mut eve = Polled::attach(service.address, &token_of("eve")).await;
    eve.poll().await;
    // A poll without anything to take would be held for 20 s.
    let keys = eve.input("echo more\r");
    eve.send(&keys).await;
    let number = eve.answered + 1;
    let polls = join_all((0..200).map(|_| eve.ask(number)));
    let answers = tokio::select! {
        answers = polls => answers,
        () = async { loop { assert_responsive(&mut bob).await } } => unreachable!(),
    };
    let of = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert!(of(429) > 100 && of(429) + of(409) + of(200) + of(204) == answers.len(), "{answers:?}");
    until("it may go on later", async || matches!(eve.ask(number).await.status, 200 | 204)).await;
    service.stop().await;
}

#[tokio::test]
async fn messages_above_the_rate_are_refused_and_none_of_a_request_is_taken() {
    let (service, mut bob) = with_victim(&[("MESSAGES_PER_SECOND", "5")]).await;
    let eve = Polled::attach(service.address, &token_of("eve")).await;
    let body = [PING; 60].join("\n");
    let sent = join_all((0..4).map(|_| eve.send(&body))).await;
    let refused = sent.iter().filter(|answer| answer.code() == "RATE_LIMITED").count();
    assert!(refused > 0 && refused < 4, "{sent:?}");
    assert_responsive(&mut bob).await;
    service.stop().await;
}
