//! Listing connections, and revoking connections and sessions, over both transports.

use crate::support::relay::Carrier;
use crate::support::{ATTACH, PING, Service, Terminal, gateway_claims, now, read, until, user, user_token};
use backend::metrics::Operation;
use backend::store::{Fault, FaultyStore, MemoryStore, Revocations, Store};
use backend::terminal::scripted::ScriptedSpawner;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared_protocol::gateway::{CLOSE_HEADER, MESSAGE_PATH};
use shared_protocol::relay::RelayAction;
use shared_protocol::{
    ClassClaims, ConnectionId, EndReason, ErrorCode, GatewayClaims, Role, ServerMessage, SessionId, StreamEvent,
    UserClaims,
};
use std::sync::Arc;

const COMMAND: &str = r#"{"type":"command","command":"ls"}"#;

/// A service with one session of ada and her page.
async fn attached() -> (Service, Terminal) {
    let service = Service::scripted().await;
    let ada = service.attached("adas").await;
    (service, ada)
}

/// Claims of another user, who connects through the gateway.
fn eve(path: &str, body: &str) -> GatewayClaims {
    GatewayClaims { sub: "eve".into(), ..gateway_claims(path, body.as_bytes(), "eve=", Some("s")) }
}

fn admin() -> UserClaims {
    UserClaims { admin: true, role: Role::Viewer, ..user("root", None) }
}

/// The connections of a user's only session.
async fn connected(service: &Service, claims: &UserClaims, query: &str) -> Vec<Value> {
    let (status, listed) = service.api(Method::GET, query, claims).await;
    assert_eq!((status, listed["sessions"].as_array().map(Vec::len)), (200, Some(1)), "{listed}");
    listed["sessions"][0]["connections"].as_array().unwrap().clone()
}

async fn attach_through_the_gateway(service: &Service) -> Carrier {
    let attached = service.post(&eve(MESSAGE_PATH, ATTACH), ATTACH).await;
    Carrier::granted(&attached, "eve=").unwrap()
}

fn has(code: ErrorCode) -> impl Fn(&ServerMessage) -> bool {
    move |reply| matches!(reply, ServerMessage::Error(error) if error.code == code)
}

#[tokio::test]
async fn users_and_operators_list_sessions_and_connections() {
    let (service, _ada) = attached().await;
    attach_through_the_gateway(&service).await;
    let owner = user("ada", None);
    let (status, listed) = service.api(Method::GET, "", &owner).await;
    assert_eq!((status, &listed["user"]), (200, &json!("ada")));
    let session = &listed["sessions"][0];
    assert_eq!((&session["sessionId"], &session["state"]), (&json!("s"), &json!("running")));
    let connections = session["connections"].as_array().unwrap();
    let users: Vec<_> = connections.iter().map(|connection| connection["user"].as_str().unwrap()).collect();
    assert!(users.contains(&"ada") && users.contains(&"eve") && users.len() == 2, "{listed}");
    let eves = connections.iter().find(|connection| connection["user"] == "eve").unwrap();
    assert_eq!((&eves["id"], &eves["role"]), (&json!("eve="), &json!("controller")));
    assert!(eves["attachedAt"].as_u64().unwrap() / 1000 <= now());
    assert_eq!(connected(&service, &admin(), "?user=ada").await.len(), 2);
    assert_eq!(connected(&service, &owner, "?user=ada").await.len(), 2);
    let (status, refused) = service.api(Method::GET, "?user=ada", &user("eve", None)).await;
    assert_eq!((status, &refused["code"]), (403, &json!("FORBIDDEN")));
    let (_, none) = service.api(Method::GET, "", &user("eve", None)).await;
    assert_eq!(none["sessions"], json!([]), "a client is not the owner");
    let gone = r#"{"connectionId":"eve=","sessionId":"s"}"#;
    service.post(&eve(shared_protocol::gateway::DISCONNECT_PATH, gone), gone).await;
    assert_eq!(connected(&service, &owner, "").await.len(), 1, "a closed connection is not listed");
}

#[tokio::test]
async fn a_connection_through_the_gateway_is_revoked_and_notified() {
    let (service, _ada) = attached().await;
    let mut relay = attach_through_the_gateway(&service).await;
    let waiting = async {
        loop {
            // After what was printed before.
            let frames = relay.frames(&service, 20_000).await;
            if let Some(last) = frames.into_iter().find(|frame| frame.action != RelayAction::None) {
                return last;
            }
        }
    };
    let operator = admin();
    let revoke = service.api(Method::DELETE, "/s/connections/eve=", &operator);
    let (waited, (status, revoked)) = tokio::join!(waiting, revoke);
    assert_eq!((status, revoked), (200, json!({"success": true})));
    assert_eq!((waited.action, waited.connection.as_str()), (RelayAction::Close, "eve="));
    let frame: Value = serde_json::from_slice(&waited.frame).unwrap();
    assert_eq!((&frame["type"], &frame["code"]), (&json!("error"), &json!("REVOKED")));
    assert_eq!(frame["retryable"], false);
    let meanwhile = service.post(&eve(MESSAGE_PATH, PING), PING).await;
    assert_eq!(
        (meanwhile.status(), meanwhile.headers().get(CLOSE_HEADER)),
        (StatusCode::NO_CONTENT, None),
        "told once"
    );
    relay.frames(&service, 0).await;
    let late = service.post(&eve(MESSAGE_PATH, PING), PING).await;
    assert_eq!(late.headers()[CLOSE_HEADER], "connection");
    for late in [ATTACH, COMMAND] {
        let (status, gone) = read(service.post(&eve(MESSAGE_PATH, late), late).await).await;
        assert_eq!((status, &gone["code"]), (200, &json!("CONNECTION_GONE")), "{late}");
    }
    let anew = GatewayClaims { cid: ConnectionId::new("eve2=").unwrap(), ..eve(MESSAGE_PATH, ATTACH) };
    let (_, refused) = read(service.post(&anew, ATTACH).await).await;
    assert_eq!(refused["code"], "REVOKED", "the same client over another connection");
    assert_eq!(connected(&service, &user("ada", None), "").await.len(), 1);
    let (status, gone) = service.api(Method::DELETE, "/s/connections/eve=", &admin()).await;
    assert_eq!((status, &gone["code"]), (410, &json!("CONNECTION_GONE")));
}

#[tokio::test]
async fn a_direct_connection_is_revoked_and_notified() {
    let (service, mut ada) = attached().await;
    let connections = connected(&service, &user("ada", None), "").await;
    let path = format!("/s/connections/{}", connections[0]["id"].as_str().unwrap());
    // A stranger does not see the session; an invited user may not close connections.
    assert_eq!(service.api(Method::DELETE, &path, &user("eve", None)).await.0, 404);
    assert_eq!(service.api(Method::DELETE, &path, &user("eve", Some("s"))).await.0, 403);
    let watching = UserClaims { role: Role::Viewer, ..user("ada", None) };
    assert_eq!(service.api(Method::DELETE, &path, &watching).await.0, 403);
    let (status, refused) = service.api(Method::DELETE, &path, &user("ada", None)).await;
    assert_eq!((status, &refused["code"]), (403, &json!("FORBIDDEN")), "only an operator removes the owner");
    assert_eq!(service.api(Method::DELETE, &path, &admin()).await.0, 200);
    ada.reply(has(ErrorCode::Revoked)).await;
    assert_eq!(ada.close_code().await, 4001);
}

#[tokio::test]
async fn clients_are_notified_when_an_operator_ends_the_session() {
    let (service, mut ada) = attached().await;
    assert_eq!(service.api(Method::DELETE, "/s", &admin()).await.0, 200, "with either role");
    let exit = ada.event(|event| matches!(event, StreamEvent::Exit { .. })).await;
    assert!(matches!(exit, StreamEvent::Exit { reason: EndReason::Revoked, .. }), "{exit:?}");
    assert_eq!(ada.close_code().await, 1000);
    let mut session = Value::Null;
    // The end is recorded after the cleanup.
    until("the record of the end", async || {
        session = service.api(Method::GET, "", &user("ada", None)).await.1["sessions"][0].clone();
        !session["endReason"].is_null()
    })
    .await;
    assert_eq!((&session["endReason"], &session["connections"]), (&json!("revoked"), &json!([])));
    // A token that was issued after the end may create the session anew.
    let earlier = UserClaims { iat: Some(now() - 60), ..user("ada", Some("s")) };
    let mut again = Terminal::open(&service.terminal_url("s", &user_token(&earlier))).await;
    again.send(ATTACH).await;
    again.reply(has(ErrorCode::SessionEnded)).await;
}

#[tokio::test]
async fn an_expired_token_closes_its_connection_on_both_transports() {
    let (service, mut ada) = attached().await;
    ada.away = true;
    // Expired, but valid for 5 s more of the tolerated clock difference: time for two connections on a busy machine.
    let short = UserClaims { exp: now() - 5, role: Role::Viewer, ..user("vic", Some("s")) };
    let mut viewer = Terminal::open(&service.terminal_url("s", &user_token(&short))).await;
    viewer.away = true;
    viewer.attach("watching").await;
    let mut idle = Terminal::open(&service.terminal_url("s", &user_token(&short))).await;
    for terminal in [&mut viewer, &mut idle] {
        terminal.reply(has(ErrorCode::TokenExpired)).await;
        assert_eq!(terminal.close_code().await, 4001);
    }
    for (session, body) in [("s", ATTACH), ("s", COMMAND), ("other", ATTACH), ("other", PING)] {
        let claims = gateway_claims(MESSAGE_PATH, body.as_bytes(), "late=", Some("s"));
        let sid = SessionId::new(session).ok();
        let refused = service.post(&GatewayClaims { uexp: now() - 11, sid, ..claims }, body).await;
        assert_eq!(refused.status(), 200);
        assert_eq!(refused.headers()[CLOSE_HEADER], "connection");
        let (_, frame) = read(refused).await;
        assert_eq!((&frame["type"], &frame["code"]), (&json!("error"), &json!("TOKEN_EXPIRED")), "{session} {body}");
    }
    ada.send(r#"{"type":"ping","t":1}"#).await;
    ada.reply(|reply| matches!(reply, ServerMessage::Pong(_))).await;
}

#[tokio::test]
async fn any_instance_lists_and_closes() {
    let store = Arc::new(MemoryStore::shared());
    let start = || Service::one_of(&[], Arc::new(ScriptedSpawner::default()), Arc::<MemoryStore>::clone(&store));
    let (here, there) = (start().await, start().await);
    let mut ada = here.attached("adas").await;
    let connections = connected(&there, &admin(), "?user=ada").await;
    let path = format!("/s/connections/{}", connections[0]["id"].as_str().unwrap());
    assert_eq!(there.api(Method::DELETE, &path, &admin()).await.0, 200);
    ada.reply(has(ErrorCode::Revoked)).await;
    assert_eq!(ada.close_code().await, 4001);
    let mut out = here.terminal("s").await;
    out.send(ATTACH).await;
    out.reply(has(ErrorCode::Revoked)).await;
    let (_, listed) = there.api(Method::GET, "?user=ada", &admin()).await;
    let member = format!("/s/revoked/{}", listed["sessions"][0]["revoked"][0]["member"].as_str().unwrap());
    let (status, refused) = there.api(Method::DELETE, &member, &user("ada", Some("s"))).await;
    assert_eq!((status, &refused["code"]), (403, &json!("REVOKED")), "not by herself");
    assert_eq!(there.api(Method::DELETE, &member, &admin()).await.0, 200);
    let mut again = here.attached("another").await;
    assert_eq!(there.api(Method::DELETE, "/s", &admin()).await.0, 200);
    let exit = again.event(|event| matches!(event, StreamEvent::Exit { .. })).await;
    assert!(matches!(exit, StreamEvent::Exit { reason: EndReason::Revoked, .. }), "{exit:?}");
    tokio::join!(here.stop(), there.stop());
}

#[tokio::test]
async fn a_removed_guest_stays_out_of_every_instance_and_of_the_next_shell() {
    let store = Arc::new(MemoryStore::shared());
    let start = || Service::one_of(&[], Arc::new(ScriptedSpawner::default()), Arc::<MemoryStore>::clone(&store));
    let (here, there) = (start().await, start().await);
    let _ada = here.attached("adas").await;
    let class = ClassClaims { jti: Some("link".into()), ..ClassClaims::default() };
    let link = UserClaims { role: Role::Viewer, class, ..user("vic", Some("s")) };
    let open = async |service: &Service| Terminal::open(&service.terminal_url("s", &user_token(&link))).await;
    let is_out = async |service: &Service| {
        let mut vic = open(service).await;
        vic.send(ATTACH).await;
        vic.reply(has(ErrorCode::Revoked)).await;
    };
    let mut vic = open(&here).await;
    vic.attach("vics").await;
    let owner = user("ada", None);
    let listed = connected(&there, &owner, "").await;
    let vics = listed.iter().find(|connection| connection["user"] == "vic").unwrap();
    let path = format!("/s/connections/{}", vics["id"].as_str().unwrap());
    assert_eq!(there.api(Method::DELETE, &path, &owner).await.0, 200);
    vic.reply(has(ErrorCode::Revoked)).await;
    assert_eq!(vic.close_code().await, 4001);
    is_out(&here).await;
    is_out(&there).await;
    let (status, refused) = there.api(Method::GET, "/s", &link).await;
    assert_eq!((status, &refused["code"]), (403, &json!("REVOKED")));
    // The store loses the list, and the owner's heartbeat brings it back.
    let id = SessionId::new("s").unwrap();
    store.put_revoked(&id, &Revocations::default(), now()).await.unwrap();
    until("the heartbeat", async || !store.revoked(&id).await.unwrap().is_empty()).await;
    here.stop().await;
    // The link alone starts no shell, and the next one knows it.
    is_out(&there).await;
    let _ada = there.attached("adas-again").await;
    is_out(&there).await;
    let (_, listed) = there.api(Method::GET, "", &owner).await;
    let revoked = &listed["sessions"][0]["revoked"][0];
    assert!(revoked["until"].as_u64().unwrap() > now());
    let member = revoked["member"].as_str().unwrap();
    assert!(member.starts_with("j:"), "{member}");
    let path = format!("/s/revoked/{member}");
    assert_eq!(there.api(Method::DELETE, &path, &user("eve", Some("s"))).await.0, 403);
    assert_eq!(there.api(Method::DELETE, "/s/revoked/link", &owner).await.0, 400);
    for _ in 0..2 {
        assert_eq!(there.api(Method::DELETE, &path, &owner).await.0, 200);
    }
    assert!(store.revoked(&id).await.unwrap().is_empty());
    open(&there).await.attach("vics").await;
    there.stop().await;
}

#[tokio::test]
async fn one_who_was_removed_stays_out_while_the_next_shell_starts() {
    let store = Arc::new(FaultyStore::new(MemoryStore::shared()));
    let start = || Service::one_of(&[], Arc::new(ScriptedSpawner::default()), Arc::<FaultyStore>::clone(&store));
    let (here, there) = (start().await, start().await);
    let _ada = here.attached("adas").await;
    let eve = user("eve", Some("s"));
    let mut eves = Terminal::open(&here.terminal_url("s", &user_token(&eve))).await;
    eves.attach("eves").await;
    let owner = user("ada", None);
    let listed = connected(&here, &owner, "").await;
    let theirs = listed.iter().find(|connection| connection["user"] == "eve").unwrap();
    let path = format!("/s/connections/{}", theirs["id"].as_str().unwrap());
    assert_eq!(here.api(Method::DELETE, &path, &owner).await.0, 200);
    here.stop().await;
    store.set(Operation::Screen, Fault::Hangs);
    let before = store.calls(Operation::Screen);
    let mut ada = there.terminal("s").await;
    ada.send(ATTACH).await;
    until("the start", async || store.calls(Operation::Screen) > before).await;
    let (status, refused) = there.api(Method::DELETE, "/s", &eve).await;
    assert_eq!((status, &refused["code"]), (403, &json!("REVOKED")));
}

/// An id may come to another user, whom the user before had removed.
#[tokio::test]
async fn the_creator_of_a_session_is_not_out_of_it() {
    let service = Service::scripted().await;
    let eve = UserClaims { iat: Some(now() + 5), ..user("eve", Some("s")) };
    let mut ada = service.attached("adas").await;
    let open = async || Terminal::open(&service.terminal_url("s", &user_token(&eve))).await;
    let mut eves = open().await;
    eves.attach("eves").await;
    let listed = connected(&service, &user("ada", None), "").await;
    let theirs = listed.iter().find(|connection| connection["user"] == "eve").unwrap();
    let path = format!("/s/connections/{}", theirs["id"].as_str().unwrap());
    assert_eq!(service.api(Method::DELETE, &path, &user("ada", None)).await.0, 200);
    assert_eq!(service.api(Method::DELETE, "/s", &user("ada", None)).await.0, 200);
    ada.event(|event| matches!(event, StreamEvent::Exit { .. })).await;
    until("the record of the end", async || {
        service.api(Method::GET, "", &user("ada", None)).await.1["sessions"][0]["state"] == "ended"
    })
    .await;
    open().await.attach("eves-own").await;
}

#[tokio::test]
async fn a_connection_that_a_relay_finds_closed_is_disconnected() {
    let (service, _ada) = attached().await;
    let mut relay = attach_through_the_gateway(&service).await;
    let waits = service.post(&eve(MESSAGE_PATH, "not json"), "not json").await;
    assert_eq!(waits.status(), StatusCode::NO_CONTENT, "the error waits for its relay");
    // The relay's first member.
    relay.report_gone(1);
    assert_eq!(relay.ask(&service, 0).await.status(), StatusCode::NO_CONTENT, "a report counts before the answer");
    let owner = user("ada", None);
    until("the disconnect", async || connected(&service, &owner, "").await.len() == 1).await;
    let (status, error) = read(service.post(&eve(MESSAGE_PATH, ATTACH), ATTACH).await).await;
    assert_eq!((status, &error["code"]), (200, &json!("CONNECTION_GONE")));
}
