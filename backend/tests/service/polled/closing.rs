//! How a connection over HTTP ends: by the codes and words of `/terminal`; and a wall, which is none.

use super::{Polled, post, token_of};
use crate::support::{ATTACH, PING, Service, now, user, user_token};
use crate::wall::instructor;
use reqwest::Method;
use serde_json::{Value, json};
use shared_protocol::polling::MESSAGES_PATH;
use shared_protocol::{Role, SessionId, UserClaims};

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
async fn a_page_whose_token_expires_is_told_and_then_refused() {
    let service = Service::scripted().await;
    let _ada = Polled::attach(service.address, &token_of("ada")).await;
    let short = UserClaims { exp: now() - 8, ..viewer("vic") };
    let mut vic = Polled::attach_as("vic", service.address, &user_token(&short)).await;
    while !vic.frames.iter().any(|frame| frame["code"] == "TOKEN_EXPIRED") {
        vic.poll().await;
    }
    let late = vic.send(PING).await;
    assert_eq!((late.status, late.code()), (401, "TOKEN_EXPIRED"));
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
