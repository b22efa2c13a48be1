//! `$disconnect`: the row goes, the service hears of it, and a slow service holds nobody up.

use crate::world::{CONNECTION, World, fixture, id, identity, row};
use gateway_lambda::backend::Call;
use gateway_lambda::{Caller, Connections};
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

async fn world_with_rows() -> World {
    let world = World::new();
    world.connections.put(&row(CONNECTION, identity())).await.unwrap();
    world.connections.put(&row("other=", identity())).await.unwrap();
    world
}

#[tokio::test]
async fn the_row_goes_and_the_service_hears_of_it_whatever_the_close_code() {
    for name in [
        "disconnect-closed",
        "disconnect-idle",
        "disconnect-lost",
        "disconnect-no-status",
        "disconnect-without-authorizer",
    ] {
        let world = world_with_rows().await;
        assert_eq!(world.handle(fixture(name)).await, json!({"statusCode": 200}), "{name}");
        assert_eq!(world.connections.rows_left(&[CONNECTION, "other="]).await, [false, true], "{name}");
        let caller = Caller {
            connection: id(CONNECTION),
            identity: identity(),
            request_id: "Lq3yNHAvDoEFZIw=".to_owned(),
            received_at: None,
        };
        assert_eq!(world.backend.calls(), [Call::Disconnect(caller)], "{name}");
    }
}

#[tokio::test]
async fn nobody_is_named_to_the_service_when_nobody_is_known() {
    let world = World::new();
    assert_eq!(world.handle(fixture("disconnect-without-authorizer")).await, json!({"statusCode": 200}));
    assert_eq!(world.backend.calls(), []);
}

#[tokio::test(start_paused = true)]
async fn a_slow_service_is_given_up_after_two_seconds() {
    let world = world_with_rows().await;
    world.backend.disconnects_take(Duration::from_secs(3600));
    let began = Instant::now();
    assert_eq!(world.handle(fixture("disconnect-lost")).await, json!({"statusCode": 200}));
    assert_eq!(began.elapsed(), Duration::from_secs(2));
    assert_eq!(world.connections.rows_left(&[CONNECTION]).await, [false]);
}

#[tokio::test]
async fn a_table_that_fails_does_not_keep_the_service_from_hearing_of_it() {
    let world = world_with_rows().await;
    world.connections.broken.store(true, Ordering::Relaxed);
    assert_eq!(world.handle(fixture("disconnect-closed")).await, json!({"statusCode": 200}));
    assert_eq!(world.disconnects(), 1);
}
