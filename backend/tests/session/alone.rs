//! An owner who types alone, beyond the keys: windows and ends of others are held back too.

use crate::harness::{Harness, LIMITS, caller, id, input};
use backend::store::SessionState;
use serde_json::{Value, json};
use shared_protocol::{EndReason, ErrorCode};
use std::time::Duration;

fn only_me(attached: &Value, seq: u64, on: bool) -> Value {
    json!({"type": "only_me", "seq": seq, "epoch": attached["epoch"], "on": on})
}

/// Attaches with a window of this width. Returns the direct answer, which only a page's first attach has.
async fn attach(harness: &Harness, user: &str, cols: u16) -> Value {
    let message = json!({"type": "attach", "client": format!("page-{user}"), "cols": cols, "rows": 24});
    let reply = harness.say(&caller(user, user), message).await;
    reply.frame.map_or(Value::Null, |frame| serde_json::from_slice(&frame).unwrap())
}

fn cols(harness: &Harness) -> Vec<u16> {
    harness.script.sizes().iter().map(|size| size.cols).collect()
}

#[tokio::test(start_paused = true)]
async fn the_window_is_the_owners() {
    let harness = Harness::created_by(&caller("ada", "ada"), LIMITS).await;
    let attached = attach(&harness, "ada", 80).await;
    attach(&harness, "bob", 50).await;
    harness.say(&caller("bob", "bob"), input(&attached, 1, "b")).await;
    assert_eq!(cols(&harness), [80, 50], "bob typed last");
    harness.say(&caller("ada", "ada"), only_me(&attached, 1, true)).await;
    assert_eq!(cols(&harness), [80, 50, 80]);
    // Not by an attach either, while no page of the owner's is there.
    harness.session.disconnect(caller("ada", "ada").connection).await.unwrap();
    attach(&harness, "bob", 50).await;
    assert_eq!(cols(&harness), [80, 50, 80]);
    let again = caller("ada", "again");
    harness.say(&again, json!({"type": "attach", "client": "again", "cols": 90, "rows": 24})).await;
    assert_eq!(cols(&harness), [80, 50, 80, 90]);
    harness.say(&again, only_me(&attached, 1, false)).await;
    harness.say(&caller("bob", "bob"), input(&attached, 2, "b")).await;
    assert_eq!(cols(&harness), [80, 50, 80, 90, 50]);
}

#[tokio::test(start_paused = true)]
async fn no_other_controller_ends_the_session() {
    let harness = Harness::created_by(&caller("ada", "ada"), LIMITS).await;
    let attached = attach(&harness, "ada", 80).await;
    harness.say(&caller("ada", "ada"), only_me(&attached, 1, true)).await;
    let record = async || harness.registry.record(&id(), &caller("ada", "ada")).await.unwrap();
    let refused = harness.registry.end_by(record().await, &caller("bob", "bob"), EndReason::Closed).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::ReadOnly, "{refused}");
    harness.settle().await;
    assert_eq!(record().await.state, SessionState::Running);
    harness.registry.end_by(record().await, &caller("ada", "ada"), EndReason::Closed).await.unwrap();
    assert_eq!(harness.ended().await, EndReason::Closed);
}

#[tokio::test(start_paused = true)]
async fn letting_others_type_has_a_rate_and_holding_them_back_has_none() {
    let (harness, ada) = (Harness::created_by(&caller("ada", "ada"), LIMITS).await, caller("ada", "ada"));
    let (attached, token) = harness.attach(&ada, "page").await;
    for round in 0..20 {
        harness.say(&ada, only_me(&attached, 2 * round + 1, true)).await;
        harness.say(&ada, only_me(&attached, 2 * round + 2, false)).await;
    }
    let (frames, _) = harness.fetch_all(token).await;
    let refused = frames.iter().filter(|frame| frame["code"] == "RATE_LIMITED").count();
    let told = frames.iter().filter(|frame| frame["kind"] == "control").count();
    assert_eq!((refused, told), (10, 21), "ten times on and off, and once on");
    let state = async |user| attach(&harness, user, 80).await["control"]["state"].clone();
    assert_eq!(state("bob").await, "only");
    tokio::time::sleep(Duration::from_secs(1)).await;
    harness.say(&ada, only_me(&attached, 41, false)).await;
    assert_eq!(state("eve").await, Value::Null);
}
