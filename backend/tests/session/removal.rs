//! People who are removed for good: who may do it, who goes, and how they stay out.

use crate::harness::{Harness, LIMITS, WALL, caller, frame, id, input};
use backend::session::{Caller, Close, Reply, SessionError, Standing};
use backend::store::{MAX_REVOKED, Member, SessionState, Store};
use serde_json::{Value, json};
use shared_protocol::server::Part;
use shared_protocol::{ClassClaims, ConnectionId, EndReason, ErrorCode, GroupId, Role};

const OPERATOR: Standing = Standing { part: Part::Instructor, operator: true };

/// Has an operator remove everyone with the token of a connection. False if the session does not know it.
pub(crate) async fn remove(harness: &Harness, who: &Caller) -> bool {
    harness.session.remove(who.connection.clone(), OPERATOR).await.unwrap()
}

fn of_class(role: Role, user: &str, connection: &str, jti: Option<&str>) -> Caller {
    let class = ClassClaims { grp: GroupId::new("class-7").ok(), jti: jti.map(Into::into), ..ClassClaims::default() };
    Caller { role, class, ..caller(user, connection) }
}

fn viewer(user: &str, connection: &str, jti: Option<&str>) -> Caller {
    of_class(Role::Viewer, user, connection, jti)
}

fn attach(client: &str) -> Value {
    json!({"type":"attach","client":client,"cols":80,"rows":24})
}

fn code(reply: Reply) -> Value {
    assert_eq!(reply.close, Some(Close::Rejected));
    frame(reply.frame)["code"].clone()
}

/// A session of ada's class, with her and her instructor attached; and the epoch.
async fn class() -> (Harness, Caller, Caller, Value) {
    let ada = of_class(Role::Controller, "ada", "ada", None);
    let grace = of_class(Role::Instructor, "grace", "grace", None);
    let harness = Harness::created_by(&ada, LIMITS).await;
    let (attached, _) = harness.attach(&ada, "page-a").await;
    harness.attach(&grace, "page-g").await;
    (harness, ada, grace, attached["epoch"].clone())
}

/// Sends the first message of a person, `remove`; returns the code of its refusal.
async fn removes(harness: &Harness, by: &Caller, epoch: &Value, who: u64) -> Option<String> {
    let (_, token) = harness.attach(by, &format!("page-of-{}", by.user)).await;
    harness.say(by, json!({"type":"remove","seq":1,"epoch":epoch,"who":who})).await;
    let (frames, _) = harness.fetch_all(token).await;
    let refused = frames.iter().find(|frame| frame["type"] == "error" && frame["code"] != "REVOKED");
    let stored = harness.store.revoked(&id()).await.unwrap();
    assert_eq!(stored.is_empty(), refused.is_some(), "it is stored, or nothing changes");
    refused.and_then(|frame| frame["code"].as_str()).map(Into::into)
}

#[tokio::test(start_paused = true)]
async fn a_removed_guest_stays_out_with_every_message_of_the_same_link() {
    let (harness, ada, _, epoch) = class().await;
    let (vic, val) = (viewer("vic", "v1", Some("link")), viewer("val", "v2", Some("link")));
    let (attached, _) = harness.attach(&vic, "page-v").await;
    let (joined, _) = harness.attach(&val, "page-w").await;
    let people = joined["people"].as_array().unwrap();
    let links: Vec<_> = people.iter().map(|person| person.get("link").cloned()).collect();
    assert_eq!(links, [None, None, None, Some(json!(3))], "val came with the link of vic");
    harness.say(&ada, json!({"type":"remove","seq":1,"epoch":epoch,"who":3})).await;
    harness.settle().await;
    for gone in [&vic, &val] {
        for message in
            [input(&attached, 1, "x"), json!({"type":"ping"}), json!({"type":"follow","epoch":epoch,"pos":0})]
        {
            let reply = harness.say(gone, message).await;
            assert!(reply.frame.is_none() || code(reply) == "REVOKED", "told once, by a relay or the answer");
        }
    }
    for (user, connection) in [("vic", "v3"), ("val", "v4"), ("another", "v5")] {
        for message in [
            attach("another-page"),
            json!({"type":"command","command":"ls"}),
            json!({"type":"chat_message","data":{"message":"x"}}),
            json!({"type":"resize","cols":10,"rows":10}),
            json!({"type":"ping"}),
        ] {
            let again = viewer(user, &format!("{connection}-{}", message["type"]).replace('"', ""), Some("link"));
            assert_eq!(code(harness.say(&again, message).await), "REVOKED");
        }
        let carrier = Caller { carrier: true, ..viewer(user, &format!("{connection}c"), Some("link")) };
        let carry = json!({"type":"carry","client":"page-v","epoch":epoch});
        assert_eq!(code(harness.say(&carrier, carry).await), "REVOKED");
    }
    let (room, _) = harness.attach(&viewer("vic", "v6", Some("other")), "page-x").await;
    assert_eq!(room["people"].as_array().unwrap().len(), 3, "another link lets in; both have left");
    assert_eq!(room["who"], 5);
}

#[tokio::test(start_paused = true)]
async fn a_token_without_an_id_is_known_by_user_and_role() {
    let (harness, ..) = class().await;
    let vic = viewer("vic", "v1", None);
    harness.attach(&vic, "page-v").await;
    assert!(remove(&harness, &vic).await && remove(&harness, &vic).await, "a repeat, as long as it is not stored");
    harness.registry.save_revoked(&id()).await.unwrap();
    assert!(!remove(&harness, &vic).await);
    assert_eq!(code(harness.say(&viewer("vic", "v2", None), attach("new")).await), "REVOKED");
    for other in [viewer("vic", "v3", Some("link")), viewer("val", "v4", None), caller("vic", "v5")] {
        assert_eq!(frame(harness.say(&other, attach(other.connection.as_str())).await.frame)["type"], "attached");
    }
}

#[tokio::test(start_paused = true)]
async fn guests_are_removed_by_owner_and_instructor_and_others_by_operators_alone() {
    let operator = Caller { admin: true, ..viewer("root", "root", None) };
    let guest = viewer("val", "val", None);
    let owner = of_class(Role::Controller, "ada", "ada2", None);
    let instructor = of_class(Role::Instructor, "ina", "ina", None);
    // The remover; whether the owner (1), an instructor (2), a guest (3) and one who is not there (99) can be removed.
    let forbidden = Some("FORBIDDEN");
    let table = [
        (&owner, [forbidden, forbidden, None, Some("BUSY")]),
        (&instructor, [forbidden, forbidden, None, Some("BUSY")]),
        (&guest, [forbidden; 4]),
        (&operator, [None, None, None, Some("BUSY")]),
    ];
    for (by, row) in table {
        for (who, expected) in [1, 2, 3, 99].into_iter().zip(row) {
            let (harness, _, _, epoch) = class().await;
            harness.attach(&viewer("vic", "vic", Some("link")), "page-v").await;
            let refused = removes(&harness, by, &epoch, who).await;
            assert_eq!(refused.as_deref(), expected, "{} removes {who}", by.user);
        }
    }
}

/// A platform that gave one id to two tokens must not have its student removed by an instructor.
#[tokio::test(start_paused = true)]
async fn a_link_whose_id_the_owner_has_too_is_not_closed() {
    let ada = of_class(Role::Controller, "ada", "ada", Some("same"));
    let harness = Harness::created_by(&ada, LIMITS).await;
    harness.attach(&ada, "page-a").await;
    let vic = viewer("vic", "v1", Some("same"));
    harness.attach(&vic, "page-v").await;
    let by = Standing { part: Part::Instructor, operator: false };
    let refused: Result<bool, SessionError> = harness.session.remove(vic.connection.clone(), by).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::Forbidden);
    assert!(harness.say(&vic, json!({"type":"ping"})).await.close.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_removal_is_stored_and_taken_back() {
    let (harness, ada, _, epoch) = class().await;
    let id = id();
    let vic = Caller { valid_until_ms: (WALL + 110) * 1000, ..viewer("vic", "v1", Some("link")) };
    harness.attach(&vic, "page-v").await;
    harness.say(&ada, json!({"type":"remove","seq":1,"epoch":epoch,"who":3})).await;
    harness.settle().await;
    let member = Member::of("vic", Role::Viewer, Some("link"));
    let stored = harness.store.revoked(&id).await.unwrap();
    let until = WALL + 110;
    assert_eq!(stored.iter().collect::<Vec<_>>(), [(&member, until)], "its expiry, and the leeway");
    let record = harness.store.session(&id).await.unwrap().unwrap();
    assert!(harness.registry.let_in(&record, member.clone()).await.unwrap());
    assert!(!harness.registry.let_in(&record, member).await.unwrap(), "in already");
    harness.registry.save_revoked(&id).await.unwrap();
    assert!(harness.store.revoked(&id).await.unwrap().is_empty());
    let again = Caller { valid_until_ms: vic.valid_until_ms, ..viewer("vic", "v2", Some("link")) };
    assert_eq!(frame(harness.say(&again, attach("page-v")).await.frame)["type"], "attached", "the very same page");
}

/// As if the removal came after the request was let through.
#[tokio::test(start_paused = true)]
async fn one_who_was_removed_does_not_end_the_session() {
    let (harness, ..) = class().await;
    let bob = caller("bob", "b1");
    harness.attach(&bob, "page-b").await;
    let record = harness.store.session(&id()).await.unwrap().unwrap();
    assert!(remove(&harness, &bob).await);
    let refused = harness.registry.end_by(record.clone(), &bob, EndReason::Closed).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Revoked);
    harness.settle().await;
    assert_eq!(harness.store.session(&id()).await.unwrap().unwrap().state, SessionState::Running);
    harness.registry.end_by(record, &caller("ada", "again"), EndReason::Closed).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_full_list_refuses_and_forgets_no_one() {
    assert_eq!(MAX_REVOKED, 500);
    let (harness, ..) = class().await;
    let link = |n: usize| viewer("vic", &format!("c{n}"), Some(&format!("link {n}")));
    for n in 0..MAX_REVOKED {
        harness.attach(&link(n), &format!("page-{n}")).await;
        assert!(remove(&harness, &link(n)).await, "{n}");
    }
    let one_more = link(MAX_REVOKED);
    harness.attach(&one_more, "one-more").await;
    let refused = harness.session.remove(one_more.connection.clone(), OPERATOR).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::LimitReached);
    let first = Caller { connection: ConnectionId::new("late").unwrap(), ..link(0) };
    assert_eq!(code(harness.say(&first, attach("late")).await), "REVOKED", "the first is still out");
}

#[tokio::test(start_paused = true)]
async fn a_question_is_over_when_the_asker_has_left() {
    let (harness, _, grace, epoch) = class().await;
    harness.say(&grace, json!({"type":"ask","seq":1,"epoch":epoch})).await;
    let control = async |user: &str| harness.attach(&viewer(user, user, None), user).await.0.get("control").cloned();
    assert_eq!(control("vic").await.unwrap()["state"], "asked");
    assert!(remove(&harness, &grace).await);
    assert_eq!(control("val").await, None);
}
