//! `$disconnect`: the row is removed and the service notified, within a time limit.

use crate::harness::{Harness, fixture};
use crate::support::{CONNECTION, endpoint, id, identity};
use gateway_lambda::Caller;
use gateway_lambda::backend::Call;
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test]
async fn the_row_is_removed_and_the_service_notified_for_any_close_code() {
    for end in ["closed", "idle", "lost", "no-status", "without-authorizer"] {
        let name = &format!("disconnect-{end}");
        let harness = Harness::with_rows(&[CONNECTION, "other="]).await;
        assert_eq!(harness.handle(fixture(name)).await, json!({"statusCode": 200}), "{name}");
        assert_eq!(harness.connections.rows_exist(&[CONNECTION, "other="]).await, [false, true], "{name}");
        let caller = Caller {
            connection: id(CONNECTION),
            endpoint: endpoint(),
            identity: Some(identity()),
            request_id: "Lq3yNHAvDoEFZIw=".to_owned(),
            received_at: None,
        };
        assert_eq!(harness.backend.calls(), [Call::Disconnect(caller)], "{name}");
    }
}

#[tokio::test]
async fn an_unknown_caller_is_not_reported_to_the_service() {
    let harness = Harness::new();
    assert_eq!(harness.handle(fixture("disconnect-without-authorizer")).await, json!({"statusCode": 200}));
    assert_eq!(harness.backend.calls(), []);
}

#[tokio::test(start_paused = true)]
async fn a_slow_service_times_out_after_two_seconds() {
    let harness = Harness::with_rows(&[CONNECTION, "other="]).await;
    harness.backend.delay_disconnects(Duration::from_secs(3600));
    let began = Instant::now();
    assert_eq!(harness.handle(fixture("disconnect-lost")).await, json!({"statusCode": 200}));
    assert_eq!(began.elapsed(), Duration::from_secs(2));
    assert_eq!(harness.connections.rows_exist(&[CONNECTION]).await, [false]);
}

#[tokio::test]
async fn the_service_is_notified_even_if_the_table_fails() {
    let harness = Harness::with_rows(&[CONNECTION, "other="]).await;
    harness.connections.broken.store(true, Ordering::Relaxed);
    assert_eq!(harness.handle(fixture("disconnect-closed")).await, json!({"statusCode": 200}));
    assert_eq!(harness.disconnects(), 1);
}
