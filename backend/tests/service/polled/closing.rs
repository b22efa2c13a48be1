//! How a connection over HTTP ends: by the codes and words of `/terminal`; and a wall, which is none.

use super::{Polled, post, token_of};
use crate::support::{ATTACH, PING, Service, now, until, user, user_token};
use crate::wall::instructor;
use auth_tokens::LEEWAY_SECONDS;
use backend::store::MemoryStore;
use backend::terminal::scripted::ScriptedSpawner;
use reqwest::Method;
use serde_json::{Value, json};
use shared_protocol::polling::{FRAMES_PATH, MESSAGES_PATH};
use shared_protocol::{Role, SessionId, UserClaims};
use std::sync::Arc;

/// Body of a poll.
const POLL: &str = r#"{"number":2}"#;

fn viewer(name: &str) -> UserClaims {
    UserClaims { role: Role::Viewer, ..user(name, Some("s")) }
}

/// Polls until the connection is closed; returns the code, and the codes of the errors before.
async fn end(mut page: Polled) -> (Option<u16>, Vec<Value>) {
    while page.close.is_none() {
        page.poll().await;
    }
    (page.close, page.frames.iter().filter_map(|frame| frame.get("code").cloned()).collect())
}

#[tokio::test]
async fn a_page_that_is_removed_is_told_and_closed_with_4001() {
    let service = Service::scripted().await;
    let _ada = Polled::attach(service.address, &token_of("ada")).await;
    let vic = Polled::attach_as("vic", service.address, &user_token(&viewer("vic"))).await;
    let path = format!("/s/connections/{}", vic.id);
    assert_eq!(service.api(Method::DELETE, &path, &user("ada", None)).await.0, 200);
    assert_eq!(end(vic).await, (Some(4001), vec![json!("REVOKED")]));
    let again = post(service.address, MESSAGES_PATH, &user_token(&viewer("vic")), None, ATTACH).await;
    assert_eq!((again.status, again.code()), (200, "REVOKED"));
}

#[tokio::test]
async fn a_page_whose_token_expires_is_told_and_closed_with_4001_by_any_instance() {
    let store = Arc::new(MemoryStore::shared());
    let start = || Service::one_of(&[], Arc::new(ScriptedSpawner::default()), Arc::<MemoryStore>::clone(&store));
    let (here, there) = (start().await, start().await);
    let _ada = Polled::attach(here.address, &token_of("ada")).await;
    for (client, address) in [("vic", here.address), ("ida", there.address)] {
        let exp = now() - 8;
        let short = user_token(&UserClaims { exp, ..viewer(client) });
        let mut page = Polled::attach_as(client, here.address, &short).await;
        page.address = address;
        // It asks nothing meanwhile.
        until("the end of the token", async || now() > exp + LEEWAY_SECONDS).await;
        while page.close.is_none() {
            page.poll().await;
        }
        // The last answer may be lost.
        let again = page.ask(page.answered).await;
        assert_eq!((again.close(), page.close), (Some(4001), Some(4001)), "{client}");
        let told: Vec<&Value> = page.frames.iter().filter_map(|frame| frame.get("code")).collect();
        assert_eq!(told, ["TOKEN_EXPIRED"], "{client}");
        let late = page.send(PING).await;
        assert_eq!((late.status, late.code()), (410, "CONNECTION_GONE"));
        // Only the connection that it opened.
        for id in ["http:0123456789abcdef01234567", ""] {
            let refused = post(page.address, FRAMES_PATH, &short, Some(id).filter(|id| !id.is_empty()), POLL).await;
            assert_eq!((refused.status, refused.code()), (401, "TOKEN_EXPIRED"), "{id}");
        }
        let opening = post(page.address, MESSAGES_PATH, &short, None, ATTACH).await;
        assert_eq!((opening.status, opening.code()), (401, "TOKEN_EXPIRED"));
    }
    tokio::join!(here.stop(), there.stop());
}

#[tokio::test]
async fn a_page_whose_instance_was_replaced_meanwhile_hears_so_from_the_next_one() {
    let store = Arc::new(MemoryStore::shared());
    let start = || Service::one_of(&[], Arc::new(ScriptedSpawner::default()), Arc::<MemoryStore>::clone(&store));
    let (here, there) = (start().await, start().await);
    let mut page = Polled::attach(here.address, &token_of("ada")).await;
    here.stop().await;
    page.address = there.address;
    for answer in [page.ask(page.answered + 1).await, page.send(PING).await] {
        assert_eq!((answer.status, answer.code()), (503, "DRAINING"));
    }
    // A stranger learns nothing of the session.
    let stranger = user_token(&user("eve", None));
    let asked = post(there.address, &format!("{FRAMES_PATH}?sessionId=s"), &stranger, Some(&page.id), POLL).await;
    assert_eq!((asked.status, asked.code()), (410, "CONNECTION_GONE"));
    // It goes on, and then the connection before is just gone.
    let next = Polled::attach(there.address, &page.token).await;
    assert!(next.epoch > page.epoch);
    assert_eq!(page.ask(page.answered + 1).await.code(), "CONNECTION_GONE");
    there.stop().await;
}

#[tokio::test]
async fn no_wall_is_opened_over_requests() {
    let service = Service::scripted().await;
    let wall = json!({"type": "wall", "client": "wall"}).to_string();
    let refused = post(service.address, MESSAGES_PATH, &user_token(&instructor("class-7")), None, &wall).await;
    assert_eq!((refused.status, refused.code()), (404, "SESSION_NOT_FOUND"));
    // Nor beside a session of the instructor's own.
    let own = UserClaims { sid: SessionId::new("own").ok(), ..instructor("class-7") };
    let mut page = Polled::attach(service.address, &user_token(&own)).await;
    page.send(&wall).await;
    while !page.frames.iter().any(|frame| frame["type"] == "error") {
        page.poll().await;
    }
    assert!(page.frames.iter().any(|frame| frame["code"] == "FORBIDDEN"), "{:?}", page.frames);
}
