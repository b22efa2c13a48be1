//! Actions of frames: they concern the frame's connection, never the invoker's nor another one of the session.

use super::*;
use crate::support::{CONNECTION, identity, row, session};
use gateway_lambda::{Identity, PostError};

const ROWS: [&str; 5] = [CONNECTION, "member-1=", "member-2=", "mine=", "too="];

/// Rows of the invoker's session `lab-7`, and two of each `lab-8`, with member 2.
async fn harness() -> Harness {
    let harness = granted();
    let other = Identity { sub: "eve".into(), sid: Some(session("lab-8")), ..identity() };
    for name in ROWS {
        let identity = if ["member-2=", "too="].contains(&name) { other.clone() } else { identity() };
        harness.put(&row(name, identity)).await;
    }
    harness
}

fn last(action: RelayAction, text: &str) -> RelayFrame {
    RelayFrame { action, ..relay_frame(2, 1, text) }
}

#[tokio::test(start_paused = true)]
async fn another_users_connection_is_closed_after_its_frame() {
    for text in ["bye", ""] {
        let harness = harness().await;
        harness.backend.on_question(NO_DELAY, Ok(now([last(RelayAction::Close, text)])));
        harness.backend.on_question(ms(100), Ok(stop(frames(1, 1, 1))));
        run(&harness).await;
        assert_eq!(harness.browser.closed(), [connection(2)]);
        assert_eq!(harness.connections.rows_exist(&ROWS).await, [true, true, false, true, true]);
        let deliveries = harness.browser.deliveries();
        let closed = deliveries.iter().position(|delivery| matches!(delivery, Delivery::Closed(_))).unwrap();
        assert_eq!(closed, usize::from(!text.is_empty()), "{deliveries:?}");
        assert_eq!(harness.browser.frames().last().unwrap(), "1.1", "the relay goes on");
        assert_eq!(last_report(&harness, 2), Some(report(2, 1)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_closed_even_if_its_last_frame_is_lost() {
    for outcome in [Err(PostError::TooLarge), Err(PostError::Failed("reset".to_owned()))] {
        let harness = harness().await;
        harness.browser.script_posts([outcome]);
        harness.backend.on_question(NO_DELAY, Ok(now([last(RelayAction::Close, "bye")])));
        harness.backend.on_question(ms(100), Ok(stop(frames(1, 1, 1))));
        run(&harness).await;
        assert_eq!(harness.browser.closed(), [connection(2)]);
        assert_eq!(harness.connections.rows_exist(&ROWS).await, [true, true, false, true, true]);
        assert_eq!(harness.browser.frames().last().unwrap(), "1.1", "the relay goes on");
    }
}
