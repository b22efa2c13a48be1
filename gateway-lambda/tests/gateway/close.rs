//! The service closes connections: one, or all of a session, after the last frame.

use crate::harness::{Harness, fixture, frame};
use crate::support::{CONNECTION, id, identity, row, session};
use gateway_lambda::backend::Close;
use gateway_lambda::browser::Delivery;
use gateway_lambda::{Identity, PostError, Reply};
use std::sync::atomic::Ordering;
use std::time::Duration;

const ROWS: [&str; 5] = [CONNECTION, "mine-too=", "watcher=", "other-session=", "none="];

/// Rows of this session, of another, and of none.
async fn harness() -> Harness {
    let harness = Harness::new();
    let eve = Identity { sub: "eve".into(), ..identity() };
    let other = Identity { sid: Some(session("lab-8")), ..identity() };
    let none = Identity { sid: None, ..identity() };
    for (name, identity) in ROWS.iter().zip([identity(), identity(), eve, other, none]) {
        harness.put(&row(name, identity)).await;
    }
    harness
}

fn last_frame(close: Close) -> Reply {
    Reply { close: Some(close), ..frame("bye", Some("ignored")) }
}

async fn closed_and_rows(harness: &Harness) -> (Vec<String>, Vec<bool>) {
    let mut closed: Vec<_> = harness.browser.closed().iter().map(ToString::to_string).collect();
    closed.sort();
    (closed, harness.connections.rows_exist(&ROWS).await)
}

#[tokio::test(start_paused = true)]
async fn this_connection_is_closed_after_the_last_frame() {
    let harness = harness().await;
    harness.backend.on_message(Duration::ZERO, Ok(last_frame(Close::Connection)));
    harness.message(fixture("message-default")).await;
    assert_eq!(closed_and_rows(&harness).await, (vec![CONNECTION.to_owned()], vec![false, true, true, true, true]));
    let deliveries = harness.browser.deliveries();
    assert!(
        matches!(&deliveries[..], [Delivery::Frame { frame, .. }, Delivery::Closed(_)] if frame == "bye"),
        "{deliveries:?}"
    );
    assert_eq!(harness.questions(), [], "nothing follows a close");
}

#[tokio::test(start_paused = true)]
async fn a_session_is_closed_with_all_of_its_connections() {
    let harness = harness().await;
    harness.backend.on_message(Duration::ZERO, Ok(last_frame(Close::Session)));
    harness.message(fixture("message-default")).await;
    let mut expected = vec![CONNECTION.to_owned(), "mine-too=".to_owned(), "watcher=".to_owned()];
    expected.sort();
    assert_eq!(closed_and_rows(&harness).await, (expected, vec![false, false, false, true, true]));
}

#[tokio::test(start_paused = true)]
async fn a_session_is_closed_even_if_its_last_frame_is_lost() {
    let harness = harness().await;
    harness.browser.script_posts([Err(PostError::TooLarge)]);
    harness.backend.on_message(Duration::ZERO, Ok(last_frame(Close::Session)));
    harness.message(fixture("message-default")).await;
    assert_eq!(closed_and_rows(&harness).await.1, [false, false, false, true, true]);
}

#[tokio::test(start_paused = true)]
async fn without_the_table_this_connection_is_closed() {
    let harness = harness().await;
    harness.connections.broken.store(true, Ordering::Relaxed);
    harness.backend.on_message(Duration::ZERO, Ok(last_frame(Close::Session)));
    harness.message(fixture("message-default")).await;
    assert_eq!(harness.browser.closed(), [id(CONNECTION)]);
}
