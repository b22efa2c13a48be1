//! Whose connection may go on: tokens that expire, connections that are closed by others, late messages, and pages that change
//! their mind about who they are.

use crate::world::{Watched, World, frame, input, speaker, told, until};
use backend::session::{Close, Reply, Speaker};
use serde_json::{Value, json};
use shared_protocol::{ConnectionId, Role};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

fn turned_away(reply: Reply, code: &str) {
    assert_eq!((reply.close, reply.follow), (Some(Close::TurnedAway), None));
    assert_eq!(frame(reply.frame)["code"], code);
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_good_for_nothing() {
    let world = World::new().await;
    let (lasting, ada) = (speaker("ada", "c0"), until(100, speaker("ada", "c1")));
    world.attach(&lasting, "lasting").await;
    let (attached, _) = world.attach(&ada, "page").await;
    world.at(109).await;
    assert!(world.say(&ada, input(&attached, 1, "a")).await.close.is_none(), "clocks may differ");
    world.at(110).await;
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
        turned_away(world.say(&ada, message).await, "TOKEN_EXPIRED");
    }
    assert_eq!(world.script.input(), b"a");
    // The same page with a fresh token goes on where it was.
    let fresh = until(1000, speaker("ada", "c2"));
    let (again, _) = world.attach(&fresh, "page").await;
    assert_eq!((&again["type"], &again["inputSeq"]), (&json!("attached"), &json!(1)));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_frames_is_told_when_the_token_expires() {
    let world = World::new().await;
    let (ada, viewer) = (speaker("ada", "c1"), until(100, Speaker { role: Role::Viewer, ..speaker("vic", "c2") }));
    let (_, adas) = world.attach(&ada, "page").await;
    let (_, viewers) = world.attach(&viewer, "watching").await;
    let ((heard, over), (others, open)) =
        tokio::join!(world.watch(&viewer, viewers, 200), world.watch(&ada, adas, 200));
    assert_eq!((told(&heard), over), (vec![(110, "TOKEN_EXPIRED", "")], Watched::Stopped(Some(Close::TurnedAway))));
    assert!(others.is_empty() && matches!(open, Watched::Open(_)), "that connection only");
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_frames_later_is_told_then() {
    let world = World::new().await;
    let (ada, viewer) = (speaker("ada", "c1"), until(100, Speaker { role: Role::Viewer, ..speaker("vic", "c2") }));
    world.attach(&ada, "page").await;
    let (_, ticket) = world.attach(&viewer, "watching").await;
    world.at(120).await;
    let (heard, over) = world.watch(&viewer, ticket, 200).await;
    assert_eq!((told(&heard), over), (vec![(120, "TOKEN_EXPIRED", "")], Watched::Stopped(Some(Close::TurnedAway))));
}

#[tokio::test(start_paused = true)]
async fn a_handover_before_the_expiry_is_not_noticed() {
    let world = World::new().await;
    let (old, fresh) = (until(100, speaker("ada", "c1")), until(1000, speaker("ada", "c2")));
    world.attach(&old, "page").await;
    world.at(50).await;
    let (_, ticket) = world.attach(&fresh, "page").await;
    let (heard, open) = world.watch(&fresh, ticket, 300).await;
    assert!(heard.iter().all(|(_, frame)| frame["type"] != "error") && matches!(open, Watched::Open(_)), "{heard:?}");
    turned_away(world.say(&old, json!({"type":"ping"})).await, "TOKEN_EXPIRED");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_closed_for_good_is_told_and_does_not_come_back() {
    let world = World::new().await;
    let (ada, eve) = (speaker("ada", "c1"), speaker("eve", "c2"));
    world.attach(&ada, "page").await;
    let (attached, ticket) = world.attach(&eve, "eves").await;
    let revoke = async {
        world.at(5).await;
        world.session.revoke(eve.connection.clone()).await.unwrap()
    };
    let ((heard, over), known) = tokio::join!(world.watch(&eve, ticket, 60), revoke);
    assert!(known);
    assert_eq!((told(&heard), over), (vec![(5, "REVOKED", "")], Watched::Stopped(Some(Close::TurnedAway))));
    turned_away(world.say(&eve, input(&attached, 1, "x")).await, "REVOKED");
    turned_away(world.say(&eve, json!({"type":"command","command":"ls"})).await, "REVOKED");
    let attach = json!({"type":"attach","client":"eves","cols":80,"rows":24});
    turned_away(world.say(&speaker("eve", "c3"), attach).await, "REVOKED");
    assert!(world.script.input().is_empty());
    assert!(!world.session.revoke(ConnectionId::new("nobody").unwrap()).await.unwrap());
    let (again, _) = world.attach(&speaker("eve", "c4"), "another-page").await;
    assert_eq!(again["type"], "attached", "the person may come back; the session is theirs to end");
}

#[tokio::test(start_paused = true)]
async fn a_page_is_closed_over_all_its_connections() {
    let world = World::new().await;
    let (one, two) = (speaker("ada", "c1"), speaker("ada", "c2"));
    world.attach(&one, "page").await;
    let (_, ticket) = world.attach(&two, "page").await;
    world.session.revoke(one.connection.clone()).await.unwrap();
    let (heard, over) = world.watch(&two, ticket, 60).await;
    assert_eq!((told(&heard)[0].1, over), ("REVOKED", Watched::Stopped(Some(Close::TurnedAway))));
}

#[tokio::test(start_paused = true)]
async fn a_late_message_does_not_bring_a_connection_back() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    world.attach(&ada, "page").await;
    world.session.disconnect(ada.connection.clone()).await.unwrap();
    for late in [
        json!({"type":"command","command":"ls"}),
        json!({"type":"resize","cols":10,"rows":10}),
        json!({"type":"attach","client":"page","cols":80,"rows":24}),
    ] {
        turned_away(world.say(&ada, late).await, "CONNECTION_GONE");
    }
    assert_eq!((world.script.input(), world.script.sizes().len()), (Vec::new(), 1));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_becomes_another_page_lets_the_first_go() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (_, ticket) = world.attach(&ada, "first").await;
    let wide = json!({"type":"attach","client":"second","cols":120,"rows":50});
    let (first, reply) = tokio::join!(world.fetch(&ada, ticket, Duration::from_secs(60)), world.say(&ada, wide));
    assert_eq!((first.next, world.begun.elapsed()), (None, Duration::ZERO), "the first is not followed any more");
    assert_eq!(world.script.sizes().last().map(|size| size.cols), Some(120), "and controls no more");
    assert!(world.fetch(&ada, reply.follow.unwrap(), Duration::from_secs(1)).await.next.is_some());
}

#[tokio::test(start_paused = true)]
async fn the_store_hears_of_connections_when_they_come_and_while_they_speak() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let attach = json!({"type":"attach","client":"page","cols":80,"rows":24});
    let listed = world.say(&ada, attach.clone()).await.listed.unwrap();
    assert_eq!((listed.id.as_str(), listed.user.as_str(), listed.session.as_str()), ("c1", "ada", "s"));
    assert!(world.say(&ada, json!({"type":"ping"})).await.listed.is_none());
    sleep_until(Instant::now() + Duration::from_secs(250)).await;
    // Asking for frames keeps it alive, but takes nothing away from the message that says so.
    let (_, ticket) = world.attach(&speaker("ada", "c2"), "page").await;
    world.session.output(ada.connection.clone(), ticket, Duration::ZERO).await.unwrap();
    let again = world.say(&ada, json!({"type":"ping"})).await;
    assert_eq!((again.touch, again.listed), (true, Some(listed)));
    let plain = speaker("ada", "plain");
    assert!(world.say(&plain, json!({"type":"ping"})).await.listed.is_none());
    assert!(world.say(&plain, json!({"type":"resize","cols":80,"rows":24})).await.listed.is_some());
    let refused: Value = frame(world.say(&speaker("eve", "e"), attach).await.frame);
    assert_eq!(refused["code"], "FORBIDDEN");
}
