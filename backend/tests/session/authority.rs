//! Revocation of connections: tokens that expire, connections closed by others, late messages, and pages that change
//! their mind about who they are.

use crate::harness::{Harness, WALL, Watched, ack, caller, frame, input, question, told, until};
use crate::removal::remove;
use backend::clock::Clock;
use backend::session::{Caller, Close, Grant, Reply, valid_until_ms};
use serde_json::{Value, json};
use shared_protocol::relay::RelayQuestion;
use shared_protocol::server::UnknownCommand;
use shared_protocol::{ConnectionId, Role, ServerMessage};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

fn rejected(reply: Reply, code: &str) {
    assert_eq!((reply.close, reply.grant.is_none()), (Some(Close::Rejected), true));
    assert_eq!(frame(reply.frame)["code"], code);
}

#[tokio::test(start_paused = true)]
async fn messages_with_an_expired_token_are_rejected() {
    let harness = Harness::new().await;
    let (lasting, ada) = (caller("ada", "c0"), until(100, caller("ada", "c1")));
    harness.attach(&lasting, "lasting").await;
    let (attached, _) = harness.attach(&ada, "page").await;
    harness.at(109).await;
    assert!(harness.say(&ada, input(&attached, 1, "a")).await.close.is_none(), "clocks may differ");
    // The reason waits for a relay that never asks.
    harness.at(110 + 3).await;
    let epoch = &attached["epoch"];
    for message in [
        input(&attached, 2, "x"),
        json!({"type":"attach","client":"page","cols":80,"rows":24}),
        json!({"type":"attach","client":"another","cols":80,"rows":24}),
        json!({"type":"follow","epoch":epoch,"pos":0}),
        json!({"type":"ack","epoch":epoch,"pos":0}),
        json!({"type":"ping"}),
        json!({"type":"close","seq":2,"epoch":epoch}),
        json!({"type":"command","command":"ls"}),
        json!({"type":"resize","cols":10,"rows":10}),
        json!({"type":"dance"}),
    ] {
        rejected(harness.say(&ada, message).await, "TOKEN_EXPIRED");
    }
    assert_eq!(harness.script.input(), b"a");
    // The same page with a fresh token goes on where it was.
    let fresh = until(1000, caller("ada", "c2"));
    let (again, _) = harness.attach(&fresh, "page").await;
    assert_eq!((&again["type"], &again["inputSeq"]), (&json!("attached"), &json!(1)));
}

#[tokio::test(start_paused = true)]
async fn a_carried_connection_is_rejected_when_its_token_expires() {
    let (harness, ada, _, adas) = Harness::attached().await;
    let viewer = until(100, Caller { role: Role::Viewer, ..caller("vic", "c2") });
    let (_, viewers) = harness.attach(&viewer, "watching").await;
    let ((heard, over), (others, open)) =
        tokio::join!(harness.watch(&viewer, viewers, 200), harness.watch(&ada, adas, 200));
    assert_eq!(told(&heard), [(0, "joined", ""), (110, "TOKEN_EXPIRED", "")]);
    assert_eq!(over, Watched::Stopped { closed: true });
    let others: Vec<_> = told(&others).into_iter().filter(|(_, kind, _)| !matches!(*kind, "joined" | "left")).collect();
    assert!(others.is_empty() && matches!(open, Watched::Open(_)), "that connection only");
}

/// The end of a token's life is decided when it arrives.
#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_jumps_ends_no_connection_and_no_session() {
    let harness = Harness::new().await;
    harness.attach(&caller("ada", "c0"), "lasting").await;
    let ada = until(600, caller("ada", "c1"));
    let (attached, _) = harness.attach(&ada, "page").await;
    harness.clock.jump(3600);
    harness.at(10).await;
    let late = Caller { valid_until_ms: valid_until_ms(WALL + 600, &*harness.clock), ..ada.clone() };
    assert!(late.has_expired(harness.clock.steady_ms()), "a token that arrives now has expired");
    assert!(harness.say(&late, input(&attached, 1, "a")).await.close.is_none(), "this one came before");
    assert_eq!(harness.script.input(), b"a");
    harness.at(609).await;
    assert!(harness.say(&late, input(&attached, 2, "b")).await.close.is_none());
    // The reason waits for a relay that never asks.
    harness.at(610 + 3).await;
    rejected(harness.say(&late, input(&attached, 3, "c")).await, "TOKEN_EXPIRED");
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_posts_the_reason_posts_it_alone() {
    // The session goes on: ada's token is valid.
    let (harness, ..) = Harness::attached().await;
    let vic = until(5, caller("vic", "c2"));
    let (attached, mut token) = harness.attach(&vic, "watching").await;
    assert_eq!(harness.next(&mut token).await["kind"], "joined");
    harness.say(&vic, ack(&attached, 1)).await;
    let told = harness.fetch(token, Duration::from_secs(60)).await;
    assert_eq!((told.close, frame(told.frame)["code"].as_str()), (true, Some("TOKEN_EXPIRED")));
    let meanwhile = harness.say(&vic, json!({"type":"ping"})).await;
    assert_eq!((meanwhile.frame, meanwhile.close), (None, None));
    assert!(harness.session.tell(vic.connection.clone(), unknown()).await, "nor anything else");
    harness.at(15 + 3).await;
    rejected(harness.say(&vic, json!({"type":"ping"})).await, "TOKEN_EXPIRED");
}

#[tokio::test(start_paused = true)]
async fn a_frame_about_a_message_that_reached_no_session_goes_with_the_relay_of_its_connection() {
    let (harness, ada, _, mut token) = Harness::attached().await;
    assert!(harness.session.tell(ada.connection, unknown()).await);
    let told = harness.next(&mut token).await;
    assert_eq!((&told["type"], told["head"].is_u64()), (&json!("unknown_command"), true));
    for elsewhere in ["c2", "never-attached"] {
        assert!(!harness.session.tell(ConnectionId::new(elsewhere).unwrap(), unknown()).await);
    }
}

fn unknown() -> ServerMessage {
    ServerMessage::UnknownCommand(UnknownCommand { received: "x".into(), epoch: None })
}

#[tokio::test(start_paused = true)]
async fn a_handover_before_the_expiry_is_not_noticed() {
    let harness = Harness::new().await;
    let (old, fresh) = (until(100, caller("ada", "c1")), until(1000, caller("ada", "c2")));
    harness.attach(&old, "page").await;
    harness.at(50).await;
    let (_, token) = harness.attach(&fresh, "page").await;
    let (heard, open) = harness.watch(&fresh, token, 300).await;
    assert!(heard.iter().all(|(_, frame)| frame["type"] != "error") && matches!(open, Watched::Open(_)), "{heard:?}");
    rejected(harness.say(&old, json!({"type":"ping"})).await, "TOKEN_EXPIRED");
}

#[tokio::test(start_paused = true)]
async fn a_revoked_client_is_told_and_cannot_attach_again() {
    let harness = Harness::new().await;
    let (ada, eve) = (caller("ada", "c1"), caller("eve", "c2"));
    harness.attach(&ada, "page").await;
    let (attached, token) = harness.attach(&eve, "eves").await;
    let revoke = async {
        harness.at(5).await;
        remove(&harness, &eve).await
    };
    let ((heard, over), known) = tokio::join!(harness.watch(&eve, token, 60), revoke);
    assert!(known);
    assert_eq!((told(&heard), over), (vec![(0, "joined", ""), (5, "REVOKED", "")], Watched::Stopped { closed: true }));
    harness.at(5 + 3).await;
    rejected(harness.say(&eve, input(&attached, 1, "x")).await, "REVOKED");
    rejected(harness.say(&eve, json!({"type":"command","command":"ls"})).await, "REVOKED");
    let attach = json!({"type":"attach","client":"eves","cols":80,"rows":24});
    rejected(harness.say(&caller("eve", "c3"), attach).await, "REVOKED");
    assert!(harness.script.input().is_empty());
    assert!(!remove(&harness, &caller("eve", "unknown")).await);
    let attach = json!({"type":"attach","client":"another-page","cols":80,"rows":24});
    rejected(harness.say(&caller("eve", "c4"), attach).await, "REVOKED");
}

#[tokio::test(start_paused = true)]
async fn a_revoked_client_gets_no_output_that_no_answer_has_brought_to_the_function() {
    for is_repeated in [false, true] {
        let (harness, eve) = (Harness::new().await, caller("eve", "c2"));
        let attach = json!({"type":"attach","client":"eves","cols":80,"rows":24});
        let Some(Grant::Relay(grant)) = harness.say(&eve, attach).await.grant else { panic!("no grant") };
        let relays = harness.registry.relays();
        let relay = relays.find(&grant, "c2").unwrap();
        let ask = async |number: u64, answered: u64| {
            let question = RelayQuestion { answered, ..question(number, Vec::new()) };
            let answer = relays.ask(&relay, &question, Duration::from_secs(1)).await;
            let frames = answer.frames.into_iter().filter(|frame| !frame.frame.is_empty());
            frames.map(|sent| frame(Some(sent.frame))).collect::<Vec<_>>()
        };
        let text = |frames: &[Value]| Value::from(frames).to_string();
        harness.script.print("secret");
        sleep(Duration::from_millis(200)).await;
        if is_repeated {
            assert!(text(&ask(1, 0).await).contains("secret"), "an answer that is lost on its way");
        }
        assert!(remove(&harness, &eve).await);
        let (mut frames, last) = (ask(1, 0).await, ask(2, 1).await);
        frames.extend(last);
        let codes: Vec<_> = frames.iter().map(|frame| frame["code"].as_str()).collect();
        assert_eq!(codes, [Some("REVOKED")], "{is_repeated}: {}", text(&frames));
    }
}

#[tokio::test(start_paused = true)]
async fn revoking_a_client_closes_all_its_connections() {
    let harness = Harness::new().await;
    let (one, two) = (caller("ada", "c1"), caller("ada", "c2"));
    harness.attach(&one, "page").await;
    let (_, token) = harness.attach(&two, "page").await;
    assert!(remove(&harness, &one).await);
    let (heard, over) = harness.watch(&two, token, 60).await;
    assert_eq!((told(&heard)[0].1, over), ("REVOKED", Watched::Stopped { closed: true }));
}

#[tokio::test(start_paused = true)]
async fn a_late_message_does_not_reconnect_a_closed_connection() {
    let (harness, ada, ..) = Harness::attached().await;
    harness.session.disconnect(ada.connection.clone()).await.unwrap();
    for late in [
        json!({"type":"command","command":"ls"}),
        json!({"type":"resize","cols":10,"rows":10}),
        json!({"type":"attach","client":"page","cols":80,"rows":24}),
    ] {
        rejected(harness.say(&ada, late).await, "CONNECTION_GONE");
    }
    assert_eq!((harness.script.input(), harness.script.sizes().len()), (Vec::new(), 1));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_attaches_as_another_page_leaves_the_first() {
    let harness = Harness::new().await;
    let ada = caller("ada", "c1");
    let (_, token) = harness.attach(&ada, "first").await;
    let wide = json!({"type":"attach","client":"second","cols":120,"rows":50});
    let (first, reply) = tokio::join!(harness.fetch(token, Duration::from_secs(60)), harness.say(&ada, wide));
    assert_eq!((first.next, harness.begun.elapsed()), (None, Duration::ZERO), "the first is not followed any more");
    assert_eq!(harness.script.sizes().last().map(|size| size.cols), Some(120), "and controls no more");
    assert!(harness.fetch(harness.token(&ada, reply.grant).unwrap(), Duration::from_secs(1)).await.next.is_some());
}

#[tokio::test(start_paused = true)]
async fn connections_are_listed_when_they_attach_and_refreshed_while_active() {
    let harness = Harness::new().await;
    let ada = caller("ada", "c1");
    let attach = json!({"type":"attach","client":"page","cols":80,"rows":24});
    let listed = harness.say(&ada, attach.clone()).await.listed.unwrap();
    assert_eq!((listed.id.as_str(), listed.user.as_str(), listed.session.as_str()), ("c1", "ada", "s"));
    assert!(harness.say(&ada, json!({"type":"ping"})).await.listed.is_none());
    sleep_until(Instant::now() + Duration::from_secs(250)).await;
    let again = harness.say(&ada, json!({"type":"ping"})).await;
    assert_eq!((again.touch, again.listed), (true, Some(listed)));
    let plain = caller("ada", "plain");
    assert!(harness.say(&plain, json!({"type":"ping"})).await.listed.is_none());
    assert!(harness.say(&plain, json!({"type":"resize","cols":80,"rows":24})).await.listed.is_some());
    let refused: Value = frame(harness.say(&caller("eve", "e"), attach).await.frame);
    assert_eq!(refused["code"], "FORBIDDEN");
}
