//! Attaching, control, leaving and rejection.

use super::connection::SILENCE_TIMEOUT;
use super::*;
use crate::session::caller::caller;
use crate::session::client::TOUCH_INTERVAL;
use serde_json::json;

fn attach(attachments: &mut Attachments, caller: &Caller, client: &str) -> Result<bool, SessionError> {
    let attach: Attach = serde_json::from_value(json!({"client": client, "cols": 80, "rows": 24})).unwrap();
    attachments.attach(caller, &attach, Instant::now(), 0)
}

fn creator() -> Creator {
    Creator { user: "ada".into(), ..Creator::default() }
}

fn empty() -> Attachments {
    let creator = creator();
    Attachments::new(SessionId::new("s").unwrap(), creator, Revocations::default(), Metrics::new(0))
}

fn id(client: &str) -> ClientId {
    ClientId::new(client).unwrap()
}

#[test]
fn a_client_belongs_to_its_first_user() {
    let mut attachments = empty();
    assert_eq!(attach(&mut attachments, &caller("ada", "c1"), "page"), Ok(true));
    assert_eq!(attach(&mut attachments, &caller("ada", "c2"), "page"), Ok(false));
    let error = attach(&mut attachments, &caller("eve", "c3"), "page").unwrap_err();
    assert_eq!(error.code, ErrorCode::Forbidden);
    assert_eq!(attachments.client_of(&caller("eve", "c3").connection), None);
}

#[test]
fn a_client_id_is_taken_over_only_with_the_same_role() {
    let mut attachments = empty();
    attach(&mut attachments, &caller("ada", "c1"), "page").unwrap();
    let viewer = Caller { role: Role::Viewer, ..caller("ada", "c2") };
    let error = attach(&mut attachments, &viewer, "page").unwrap_err();
    assert_eq!(error.code, ErrorCode::Forbidden);
    assert!(attachments.client(&id("page")).is_some_and(|client| client.role == Role::Controller));
    assert!(attachments.carried_client(&viewer, &id("page")).is_err(), "nor may its frames be carried");
    attach(&mut attachments, &viewer, "watching").unwrap();
    let up = attach(&mut attachments, &caller("ada", "c3"), "watching").unwrap_err();
    assert_eq!(up.code, ErrorCode::Forbidden, "another right is another client");
}

#[test]
fn the_client_of_a_connection_that_never_attached_is_nobodys() {
    let (mut attachments, ada) = (empty(), caller("ada", "c1"));
    let one_shot = attachments.one_shot_client(&ada, Instant::now(), 0).unwrap();
    assert!(attach(&mut attachments, &caller("ada", "c2"), one_shot.as_str()).is_err());
}

#[test]
fn guests_leave_room_for_instructors() {
    let mut attachments = empty();
    for n in 0..62 {
        attach(&mut attachments, &caller("vic", &format!("c{n}")), &format!("page{n}")).unwrap();
    }
    assert!(attach(&mut attachments, &caller("vic", "late"), "late").is_err());
    for n in 0..2 {
        let grace = Caller { role: Role::Instructor, ..caller("grace", &format!("g{n}")) };
        assert_eq!(attach(&mut attachments, &grace, &format!("grace{n}")), Ok(true));
    }
    attachments.disconnect(ConnectionId::new("g0").unwrap());
    assert!(
        attach(&mut attachments, &caller("vic", "late"), "late").is_err(),
        "an instructor's place is not a guest's"
    );
}

#[test]
fn a_client_without_connections_does_not_control() {
    let mut attachments = empty();
    for connection in ["c1", "c2"] {
        attach(&mut attachments, &caller("ada", connection), "page").unwrap();
    }
    attachments.controller = Some(id("page"));
    attachments.disconnect(ConnectionId::new("c1").unwrap());
    assert!(attachments.controller == Some(id("page")));
    attachments.disconnect(ConnectionId::new("c2").unwrap());
    assert!(attachments.controller.is_none() && !attachments.has_connections());
    assert!(attachments.client(&id("page")).is_some(), "it may come back");
}

#[test]
fn a_one_shot_client_leaves_with_its_connection() {
    let (mut attachments, ada) = (empty(), caller("ada", "c1"));
    let one_shot = attachments.one_shot_client(&ada, Instant::now(), 0).unwrap();
    assert_eq!(attachments.one_shot_client(&ada, Instant::now(), 0), Ok(one_shot.clone()));
    attach(&mut attachments, &ada, "page").unwrap();
    assert!(attachments.client(&one_shot).is_none(), "the connection speaks for a page now");
}

#[test]
fn a_new_client_replaces_the_one_that_left_longest_ago() {
    let mut attachments = empty();
    for n in 0..MAX_CLIENTS - INSTRUCTORS_CLIENTS {
        attach(&mut attachments, &caller("ada", &format!("c{n}")), &format!("page{n}")).unwrap();
    }
    let late = caller("ada", "late");
    assert_eq!(attach(&mut attachments, &late, "late"), Err(SessionError::too_many_clients()));
    attachments.disconnect(ConnectionId::new("c5").unwrap());
    assert_eq!(attach(&mut attachments, &late, "late"), Ok(true));
    assert!(attachments.client(&id("page5")).is_none());
}

#[test]
fn silent_connections_expire_and_may_come_back() {
    let (mut attachments, ada) = (empty(), caller("ada", "c1"));
    attach(&mut attachments, &ada, "page").unwrap();
    let now = Instant::now();
    attachments.expire(now);
    assert!(attachments.has_connections());
    assert!(attachments.touch(&ada.connection, now + TOUCH_INTERVAL));
    assert!(!attachments.touch(&ada.connection, now + TOUCH_INTERVAL), "once for each interval");
    attachments.expire(now + SILENCE_TIMEOUT);
    assert!(!attachments.has_connections());
    assert_eq!(attachments.closed.reason(&ada.connection), None);
}

#[test]
fn expired_and_revoked_connections_are_rejected() {
    let (mut attachments, ada, eve) = (empty(), caller("ada", "c1"), caller("eve", "c2"));
    attach(&mut attachments, &ada, "page-a").unwrap();
    attach(&mut attachments, &eve, "page-e").unwrap();
    assert_eq!(attachments.authorize(&ada, false, 0, false), None);
    let (owner, now) = (caller("ada", "x").standing(&creator()), Now { instant: Instant::now(), ms: 0, steady_ms: 0 });
    assert!(attachments.remove_client(&id("page-a"), owner, now).is_err(), "the owner stays");
    attachments.remove_client(&id("page-e"), owner, now).unwrap();
    assert_eq!(attachments.authorize(&eve, false, 0, false), Some(ErrorCode::Revoked));
    let end = attachments.next_token_expiry_ms().unwrap();
    assert_eq!(attachments.authorize(&ada, false, end, true), None, "the last events of a session that ends");
    attachments.reject_expired(end);
    assert_eq!(attachments.closed.reason(&ada.connection), Some(ErrorCode::TokenExpired));
    assert!(!attachments.has_connections());
}
