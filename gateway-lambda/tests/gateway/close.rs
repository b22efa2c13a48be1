//! The service closes the connection of a message, after the last frame.

use crate::harness::{Harness, fixture, frame};
use crate::support::{CONNECTION, id, identity, row};
use gateway_lambda::browser::Delivery;
use gateway_lambda::{PostError, Reply};
use std::time::Duration;

/// The connection, and another one of its user and session.
const ROWS: [&str; 2] = [CONNECTION, "mine-too="];

async fn harness() -> Harness {
    let harness = Harness::new();
    for name in ROWS {
        harness.put(&row(name, identity())).await;
    }
    harness.backend.on_message(Duration::ZERO, Ok(Reply { close: true, ..frame("bye", Some("ignored")) }));
    harness
}

#[tokio::test(start_paused = true)]
async fn this_connection_is_closed_after_the_last_frame() {
    let harness = harness().await;
    harness.message(fixture("message-default")).await;
    assert_eq!(harness.connections.rows_exist(&ROWS).await, [false, true]);
    let deliveries = harness.browser.deliveries();
    assert!(
        matches!(&deliveries[..], [Delivery::Frame { frame, .. }, Delivery::Closed(_)] if frame == "bye"),
        "{deliveries:?}"
    );
    assert_eq!(harness.browser.closed(), [id(CONNECTION)]);
    assert_eq!(harness.questions(), [], "nothing follows a close");
}

#[tokio::test(start_paused = true)]
async fn this_connection_is_closed_even_if_its_last_frame_is_lost() {
    let harness = harness().await;
    harness.browser.script_posts([Err(PostError::TooLarge)]);
    harness.message(fixture("message-default")).await;
    assert_eq!(harness.browser.closed(), [id(CONNECTION)]);
    assert_eq!(harness.connections.rows_exist(&ROWS).await, [false, true]);
}
