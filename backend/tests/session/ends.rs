//! Every end that comes by itself: what is said before, when it comes, and its reason.

use crate::harness::{Harness, LIMITS, WALL, Watched, caller, id, input, told, until};
use backend::session::{Caller, ENDED_PER_USER, Limits};
use backend::terminal::{QuotaExceeded, Resource};
use serde_json::json;
use shared_protocol::{EndReason, Role, SessionId};
use std::time::Duration;

const NEVER_IDLE: Limits = Limits { idle_timeout: Duration::from_secs(100_000), ..LIMITS };

#[tokio::test(start_paused = true)]
async fn the_end_of_the_lifetime_is_announced_twice() {
    let (harness, ada, _, token) = Harness::attached_with(NEVER_IDLE).await;
    let (heard, over) = harness.watch(&ada, token, 20_000).await;
    let life = "max_life";
    assert_eq!(told(&heard), [(14_100, "closing", life), (14_340, "closing", life), (14_400, "exit", life)]);
    for (_, closing) in &heard[..2] {
        assert_eq!((&closing["code"], &closing["at"]), (&json!("SESSION_ENDED"), &json!((WALL + 14_400) * 1000)));
    }
    assert_eq!(over, Watched::Stopped { closed: true });
    assert_eq!(harness.ended().await, EndReason::MaxLife);
}

#[tokio::test(start_paused = true)]
async fn extend_prolongs_the_lifetime_and_is_announced_to_all() {
    let (harness, ada, attached, _) = Harness::attached_with(NEVER_IDLE).await;
    let viewer = Caller { role: Role::Viewer, ..caller("vic", "c2") };
    assert_eq!((&attached["endsAt"], &attached["canExtend"]), (&json!((WALL + 14_400) * 1000), &json!(true)));
    let (_, viewers) = harness.attach(&viewer, "watching").await;
    let extend = |seq| json!({"type":"extend","seq":seq,"epoch":attached["epoch"]});
    let ask = async {
        // The first asks for less than there is.
        for (at, seq) in [(60, 1), (14_200, 2), (17_700, 3), (21_200, 4), (24_700, 5)] {
            harness.at(at).await;
            // A client that was silent for this long has expired.
            harness.attach(&ada, "page").await;
            harness.say(&ada, extend(seq)).await;
        }
        harness.at(28_200).await;
        let (again, _) = harness.attach(&ada, "page").await;
        assert_eq!((&again["endsAt"], &again["canExtend"]), (&json!((WALL + 28_300) * 1000), &json!(true)));
        harness.say(&ada, extend(6)).await;
    };
    let ((heard, _), ()) = tokio::join!(harness.watch(&viewer, viewers, 30_000), ask);
    let life = "max_life";
    let mut expected = Vec::new();
    for at in [14_200, 17_700, 21_200, 24_700, 28_200] {
        let before = if at == 14_200 { 100 } else { 200 };
        expected.extend([(at - before, "closing", life), (at, "ends", ""), (at, "stays", life)]);
    }
    expected.extend([(28_500, "closing", life), (28_740, "closing", life), (28_800, "exit", life)]);
    let about_the_end = |(_, kind, _): &(u64, &str, &str)| !matches!(*kind, "joined" | "left");
    assert_eq!(told(&heard).into_iter().filter(about_the_end).collect::<Vec<_>>(), expected);
    let ends: Vec<_> = heard.iter().filter(|(_, frame)| frame["kind"] == "ends").collect();
    assert_eq!((&ends[0].1["at"], &ends[0].1["canExtend"]), (&json!((WALL + 17_800) * 1000), &json!(true)));
    assert_eq!((&ends[4].1["at"], &ends[4].1["canExtend"]), (&json!((WALL + 28_800) * 1000), &json!(false)));
    assert_eq!(harness.ended().await, EndReason::MaxLife);
}

#[tokio::test(start_paused = true)]
async fn extend_counts_as_activity() {
    let limits = Limits { max_lifetime: LIMITS.initial_lifetime, ..LIMITS };
    let (harness, ada, attached, token) = Harness::attached_with(limits).await;
    assert_eq!(attached["canExtend"], false, "there is no more than the longest life");
    let (_, Watched::Open(token)) = harness.watch(&ada, token, 1790).await else { panic!() };
    harness.say(&ada, json!({"type":"extend","seq":1,"epoch":attached["epoch"]})).await;
    let (heard, _) = harness.watch(&ada, token, 20_000).await;
    assert_eq!(told(&heard), [(1790, "stays", "idle"), (3530, "closing", "idle"), (3590, "exit", "idle")]);
}

#[tokio::test(start_paused = true)]
async fn input_after_a_warning_retracts_it() {
    let (harness, ada, attached, token) = Harness::attached().await;
    let (heard, Watched::Open(token)) = harness.watch(&ada, token, 1790).await else { panic!() };
    assert_eq!(told(&heard), [(1740, "closing", "idle")]);
    assert_eq!(heard[0].1["at"], json!((WALL + 1800) * 1000), "the warning itself is nothing that happens");
    harness.say(&ada, input(&attached, 1, "x")).await;
    let (heard, _) = harness.watch(&ada, token, 20_000).await;
    assert_eq!(told(&heard), [(1790, "stays", "idle"), (3530, "closing", "idle"), (3590, "exit", "idle")]);
    assert_eq!(harness.ended().await, EndReason::Idle);
}

#[tokio::test(start_paused = true)]
async fn output_after_a_warning_retracts_it() {
    let (harness, ada, _, token) = Harness::attached().await;
    let (_, Watched::Open(token)) = harness.watch(&ada, token, 1750).await else { panic!() };
    harness.script.print("done");
    let (heard, _) = harness.watch(&ada, token, 2000).await;
    assert_eq!(told(&heard), [(1750, "stays", "idle")]);
}

#[tokio::test(start_paused = true)]
async fn a_short_lifetime_is_announced_at_half_time() {
    let limits = Limits { initial_lifetime: Duration::from_secs(10), ..LIMITS };
    let (harness, ada, _, token) = Harness::attached_with(limits).await;
    let (heard, _) = harness.watch(&ada, token, 100).await;
    assert_eq!(told(&heard), [(5, "closing", "max_life"), (10, "exit", "max_life")]);
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_with_its_controllers_token() {
    let harness = Harness::new().await;
    let ada = until(1000, caller("ada", "c1"));
    let (_, token) = harness.attach(&ada, "page").await;
    let viewer = until(9000, Caller { role: Role::Viewer, ..caller("vic", "c2") });
    let (_, viewers) = harness.attach(&viewer, "watching").await;
    let ((heard, over), (seen, _)) =
        tokio::join!(harness.watch(&ada, token, 2000), harness.watch(&viewer, viewers, 2000));
    let token = "token_expired";
    let (joined, end) = ((0, "joined", ""), (1010, "exit", token));
    assert_eq!(told(&heard), [joined, (710, "closing", token), (950, "closing", token), end]);
    assert_eq!(told(&seen), told(&heard), "a viewer gives no authority");
    let warning = &heard[1].1;
    assert_eq!(warning["code"], "TOKEN_EXPIRED");
    assert_eq!(warning["at"], (WALL + 1010) * 1000, "clocks may differ by ten seconds");
    let heard_the_end = Watched::Stopped { closed: true };
    assert_eq!(over, heard_the_end, "although the token was not good any more");
    assert_eq!(harness.ended().await, EndReason::TokenExpired);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_token_keeps_the_session() {
    let harness = Harness::new().await;
    let old = until(1000, caller("ada", "c1"));
    let (_, token) = harness.attach(&old, "page").await;
    let (heard, _) = harness.watch(&old, token, 800).await;
    assert_eq!(told(&heard), [(710, "closing", "token_expired")]);
    let fresh = until(1700, caller("ada", "c2"));
    let (_, token) = harness.attach(&fresh, "page").await;
    let (heard, _) = harness.watch(&fresh, token, 3000).await;
    // Attached without `resume`, it hears the past again.
    let expected = [(800, "closing"), (800, "stays"), (1410, "closing"), (1650, "closing"), (1710, "exit")];
    assert_eq!(told(&heard), expected.map(|(at, kind)| (at, kind, "token_expired")));
}

#[tokio::test(start_paused = true)]
async fn a_replacement_is_announced_before_the_shell_hangs_up() {
    let (harness, ada, _, token) = Harness::attached().await;
    let (_, (heard, _)) =
        tokio::join!(harness.registry.shut_down(Duration::from_secs(20)), harness.watch(&ada, token, 60));
    assert_eq!(told(&heard), [(0, "closing", "server_restart"), (0, "exit", "server_restart")]);
    assert_eq!(heard[0].1["code"], "DRAINING");
    let at = heard[0].1["at"].as_u64().unwrap() - WALL * 1000;
    assert!(at <= 1500, "the shell is killed after {at} ms");
    assert_eq!(harness.ended().await, EndReason::ServerRestart);
}

#[tokio::test(start_paused = true)]
async fn an_operator_ends_it_with_a_reason() {
    let (harness, ada, _, token) = Harness::attached().await;
    let record = harness.registry.record(&id(), &ada).await.unwrap();
    harness.registry.end(record, EndReason::Revoked).await.unwrap();
    let (heard, over) = harness.watch(&ada, token, 60).await;
    assert_eq!(told(&heard), [(0, "exit", "revoked")]);
    assert_eq!(over, Watched::Stopped { closed: true });
    assert_eq!(harness.ended().await, EndReason::Revoked);
}

#[tokio::test(start_paused = true)]
async fn creating_and_ending_sessions_does_not_fill_the_store() {
    assert_eq!(ENDED_PER_USER, 500);
    let harness = Harness::new().await;
    let churn = async |n: usize| {
        let record =
            harness.registry.create(SessionId::new(format!("churn-{n}")).unwrap(), &caller("eve", "eve")).await?;
        harness.registry.end(record, EndReason::Closed).await
    };
    for n in 0..ENDED_PER_USER {
        churn(n).await.unwrap();
    }
    let refused = churn(ENDED_PER_USER).await.unwrap_err();
    assert_eq!(refused.code.status(), 429, "{refused}");
    harness
        .registry
        .create(SessionId::new("other").unwrap(), &caller("bob", "bob"))
        .await
        .expect("it is not for others to suffer");
    // A session that never had a shell is forgotten within the hour.
    harness.at(3601).await;
    churn(ENDED_PER_USER).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn extend_moves_the_end_of_no_token() {
    let harness = Harness::new().await;
    let ada = until(1000, caller("ada", "c1"));
    let (attached, token) = harness.attach(&ada, "page").await;
    let (_, Watched::Open(token)) = harness.watch(&ada, token, 800).await else { panic!() };
    harness.say(&ada, json!({"type":"extend","seq":1,"epoch":attached["epoch"]})).await;
    let (heard, _) = harness.watch(&ada, token, 2000).await;
    assert_eq!(told(&heard), [(950, "closing", "token_expired"), (1010, "exit", "token_expired")]);
}

#[tokio::test(start_paused = true)]
async fn a_session_above_its_quota_ends_10_s_later_and_at_once_above_twice_the_quota() {
    let limits = "limits";
    let (soon, twice) = (
        [(0, "closing", limits), (10, "closing", limits), (10, "exit", limits)],
        [(0, "closing", limits), (0, "exit", limits)],
    );
    for (used, expected, at) in [(200, &soon[..], 10_000), (201, &twice[..], 1500)] {
        let (harness, ada, _, token) = Harness::attached().await;
        harness.script.exceed(Some(QuotaExceeded { resource: Resource::Memory, used, quota: 100 }));
        let (heard, _) = harness.watch(&ada, token, 60).await;
        assert_eq!(told(&heard), expected, "{used} of 100 bytes");
        let closing = (&heard[0].1["code"], &heard[0].1["at"]);
        assert_eq!(closing, (&json!("LIMIT_REACHED"), &json!(WALL * 1000 + at)), "{used} of 100 bytes");
        assert_eq!(harness.ended().await, EndReason::Limits);
    }
}
