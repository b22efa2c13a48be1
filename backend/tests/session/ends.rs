//! Every end that comes by itself: what is said before, when it comes, and its reason.

use crate::world::{LIMITS, WALL, Watched, World, id, input, speaker, told, until};
use backend::session::{Close, ENDED_PER_USER, Limits, Speaker};
use serde_json::json;
use shared_protocol::{EndReason, Role, SessionId};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn the_longest_life_is_announced_twice() {
    let world = World::with(Limits { idle: Duration::from_secs(100_000), ..LIMITS }).await;
    let ada = speaker("ada", "c1");
    let (_, ticket) = world.attach(&ada, "page").await;
    let (heard, over) = world.watch(&ada, ticket, 20_000).await;
    assert_eq!(
        told(&heard),
        [(14_100, "closing", "max_life"), (14_340, "closing", "max_life"), (14_400, "exit", "max_life")]
    );
    for (_, closing) in &heard[..2] {
        assert_eq!((&closing["code"], &closing["at"]), (&json!("SESSION_ENDED"), &json!((WALL + 14_400) * 1000)));
    }
    assert_eq!(over, Watched::Stopped(Some(Close::Connection)));
    assert_eq!(world.ended().await, EndReason::MaxLife);
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_more_time_gets_it_and_everybody_hears_so() {
    let world = World::with(Limits { idle: Duration::from_secs(100_000), ..LIMITS }).await;
    let (ada, viewer) = (speaker("ada", "c1"), Speaker { role: Role::Viewer, ..speaker("vic", "c2") });
    let (attached, _) = world.attach(&ada, "page").await;
    assert_eq!((&attached["endsAt"], &attached["canExtend"]), (&json!((WALL + 14_400) * 1000), &json!(true)));
    let (_, viewers) = world.attach(&viewer, "watching").await;
    let extend = |seq| json!({"type":"extend","seq":seq,"epoch":attached["epoch"]});
    let ask = async {
        // The first asks for less than there is.
        for (at, seq) in [(60, 1), (14_200, 2), (17_700, 3), (21_200, 4), (24_700, 5)] {
            world.at(at).await;
            // Who was silent for so long is forgotten.
            world.attach(&ada, "page").await;
            world.say(&ada, extend(seq)).await;
        }
        world.at(28_200).await;
        let (again, _) = world.attach(&ada, "page").await;
        assert_eq!((&again["endsAt"], &again["canExtend"]), (&json!((WALL + 28_300) * 1000), &json!(true)));
        world.say(&ada, extend(6)).await;
    };
    let ((heard, _), ()) = tokio::join!(world.watch(&viewer, viewers, 30_000), ask);
    let life = "max_life";
    let mut expected = Vec::new();
    for at in [14_200, 17_700, 21_200, 24_700, 28_200] {
        let before = if at == 14_200 { 100 } else { 200 };
        expected.extend([(at - before, "closing", life), (at, "ends", ""), (at, "stays", life)]);
    }
    expected.extend([(28_500, "closing", life), (28_740, "closing", life), (28_800, "exit", life)]);
    assert_eq!(told(&heard), expected);
    let ends: Vec<_> = heard.iter().filter(|(_, frame)| frame["kind"] == "ends").collect();
    assert_eq!((&ends[0].1["at"], &ends[0].1["canExtend"]), (&json!((WALL + 17_800) * 1000), &json!(true)));
    assert_eq!((&ends[4].1["at"], &ends[4].1["canExtend"]), (&json!((WALL + 28_800) * 1000), &json!(false)));
    assert_eq!(world.ended().await, EndReason::MaxLife);
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_more_time_is_there() {
    let world = World::with(Limits { longest: LIMITS.life, ..LIMITS }).await;
    let ada = speaker("ada", "c1");
    let (attached, ticket) = world.attach(&ada, "page").await;
    assert_eq!(attached["canExtend"], false, "there is no more than the longest life");
    let (_, Watched::Open(ticket)) = world.watch(&ada, ticket, 1790).await else { panic!() };
    world.say(&ada, json!({"type":"extend","seq":1,"epoch":attached["epoch"]})).await;
    let (heard, _) = world.watch(&ada, ticket, 20_000).await;
    assert_eq!(told(&heard), [(1790, "stays", "idle"), (3530, "closing", "idle"), (3590, "exit", "idle")]);
}

#[tokio::test(start_paused = true)]
async fn who_types_after_the_warning_stays() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (attached, ticket) = world.attach(&ada, "page").await;
    let (heard, Watched::Open(ticket)) = world.watch(&ada, ticket, 1790).await else { panic!() };
    assert_eq!(told(&heard), [(1740, "closing", "idle")]);
    assert_eq!(heard[0].1["at"], json!((WALL + 1800) * 1000), "the warning itself is nothing that happens");
    world.say(&ada, input(&attached, 1, "x")).await;
    let (heard, _) = world.watch(&ada, ticket, 20_000).await;
    assert_eq!(told(&heard), [(1790, "stays", "idle"), (3530, "closing", "idle"), (3590, "exit", "idle")]);
    assert_eq!(world.ended().await, EndReason::Idle);
}

#[tokio::test(start_paused = true)]
async fn output_takes_a_warning_back_too() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (_, ticket) = world.attach(&ada, "page").await;
    let (_, Watched::Open(ticket)) = world.watch(&ada, ticket, 1750).await else { panic!() };
    world.script.print("done");
    let (heard, _) = world.watch(&ada, ticket, 2000).await;
    assert_eq!(told(&heard), [(1750, "stays", "idle")]);
}

#[tokio::test(start_paused = true)]
async fn a_short_life_is_announced_at_its_half() {
    let world = World::with(Limits { life: Duration::from_secs(10), ..LIMITS }).await;
    let ada = speaker("ada", "c1");
    let (_, ticket) = world.attach(&ada, "page").await;
    let (heard, _) = world.watch(&ada, ticket, 100).await;
    assert_eq!(told(&heard), [(5, "closing", "max_life"), (10, "exit", "max_life")]);
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_with_the_token_of_who_may_type() {
    let world = World::new().await;
    let ada = until(1000, speaker("ada", "c1"));
    let (_, ticket) = world.attach(&ada, "page").await;
    let viewer = until(9000, Speaker { role: Role::Viewer, ..speaker("vic", "c2") });
    let (_, viewers) = world.attach(&viewer, "watching").await;
    let ((heard, over), (seen, _)) = tokio::join!(world.watch(&ada, ticket, 2000), world.watch(&viewer, viewers, 2000));
    let token = "token_expired";
    assert_eq!(told(&heard), [(710, "closing", token), (950, "closing", token), (1010, "exit", token)]);
    assert_eq!(told(&seen), told(&heard), "a viewer gives no authority");
    assert_eq!(
        (&heard[0].1["code"], &heard[0].1["at"]),
        (&json!("TOKEN_EXPIRED"), &json!((WALL + 1010) * 1000)),
        "clocks may differ by ten seconds"
    );
    assert_eq!(
        over,
        Watched::Stopped(Some(Close::Connection)),
        "the end was heard, although the token was not good any more"
    );
    assert_eq!(world.ended().await, EndReason::TokenExpired);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_token_keeps_it() {
    let world = World::new().await;
    let old = until(1000, speaker("ada", "c1"));
    let (_, ticket) = world.attach(&old, "page").await;
    let (heard, _) = world.watch(&old, ticket, 800).await;
    assert_eq!(told(&heard), [(710, "closing", "token_expired")]);
    let fresh = until(1700, speaker("ada", "c2"));
    let (_, ticket) = world.attach(&fresh, "page").await;
    let (heard, _) = world.watch(&fresh, ticket, 3000).await;
    // Attached without `resume`, it hears the past again.
    let token = "token_expired";
    assert_eq!(
        told(&heard),
        [
            (800, "closing", token),
            (800, "stays", token),
            (1410, "closing", token),
            (1650, "closing", token),
            (1710, "exit", token),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_replacement_is_announced_before_the_shell_hangs_up() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (_, ticket) = world.attach(&ada, "page").await;
    let (_, (heard, _)) =
        tokio::join!(world.registry.shut_down(Duration::from_secs(20)), world.watch(&ada, ticket, 60));
    assert_eq!(told(&heard), [(0, "closing", "server_restart"), (0, "exit", "server_restart")]);
    assert_eq!(heard[0].1["code"], "DRAINING");
    assert_eq!(world.ended().await, EndReason::ServerRestart);
}

#[tokio::test(start_paused = true)]
async fn an_operator_ends_it_with_a_reason() {
    let world = World::new().await;
    let ada = speaker("ada", "c1");
    let (_, ticket) = world.attach(&ada, "page").await;
    let record = world.registry.record(&id(), &ada).await.unwrap();
    world.registry.end(record, EndReason::Revoked).await.unwrap();
    let (heard, over) = world.watch(&ada, ticket, 60).await;
    assert_eq!(told(&heard), [(0, "exit", "revoked")]);
    assert_eq!(over, Watched::Stopped(Some(Close::Connection)));
    assert_eq!(world.ended().await, EndReason::Revoked);
}

#[tokio::test(start_paused = true)]
async fn making_and_ending_sessions_fills_no_store() {
    let world = World::new().await;
    let churn = async |n: usize| {
        let record = world.registry.create(SessionId::new(format!("churn-{n}")).unwrap(), "eve").await?;
        world.registry.end(record, EndReason::Closed).await
    };
    for n in 0..ENDED_PER_USER {
        churn(n).await.unwrap();
    }
    let refused = churn(ENDED_PER_USER).await.unwrap_err();
    assert_eq!(refused.code.status(), 429, "{refused}");
    world.registry.create(SessionId::new("other").unwrap(), "bob").await.expect("it is not for others to suffer");
    // What never had a shell is forgotten within the hour.
    world.at(3601).await;
    churn(ENDED_PER_USER).await.unwrap();
}
