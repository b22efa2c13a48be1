//! The posts: order, slots, the fence, and what a failure means.

use super::*;
use crate::support::{CONNECTION, identity, row};
use gateway_lambda::PostError;
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn members_are_posted_to_at_the_same_time_and_each_in_order() {
    let harness = granted();
    harness.browser.delay_posts(ms(100));
    let answer = frames(1, 1, 3).chain(frames(2, 1, 2)).chain(frames(3, 1, 1));
    harness.backend.on_question(NO_DELAY, Ok(stop(answer)));
    let began = run(&harness).await;
    assert_eq!(posts(&harness, 1, began), [(0, 100), (100, 200), (200, 300)]);
    assert_eq!(posts(&harness, 2, began), [(0, 100), (100, 200)]);
    assert_eq!(posts(&harness, 3, began), [(0, 100)]);
    let first: Vec<_> = harness.browser.frames().into_iter().filter(|text| text.starts_with("1.")).collect();
    assert_eq!(first, ["1.1", "1.2", "1.3"]);
}

#[tokio::test(start_paused = true)]
async fn two_members_of_one_connection_take_turns() {
    let harness = granted();
    harness.browser.delay_posts(ms(100));
    let again = RelayFrame { member: 2, ..relay_frame(1, 1, "2.1") };
    harness.backend.on_question(NO_DELAY, Ok(stop(frames(1, 1, 1).chain([again]))));
    let began = run(&harness).await;
    assert_eq!(posts(&harness, 1, began), [(0, 100), (100, 200)]);
}

#[tokio::test(start_paused = true)]
async fn frames_wait_for_those_before_them_and_repeated_ones_are_ignored() {
    let harness = granted();
    harness.backend.on_question(NO_DELAY, Ok(now(frames(1, 2, 3))));
    harness.backend.on_question(ms(10), Ok(now(frames(1, 1, 2))));
    harness.backend.on_question(ms(10), Ok(stop(frames(1, 1, 3))));
    run(&harness).await;
    assert_eq!(harness.browser.frames(), ["1.1", "1.2", "1.3"]);
}

#[tokio::test(start_paused = true)]
async fn thirty_two_posts_run_at_a_time() {
    let harness = granted();
    harness.browser.delay_posts(ms(100));
    harness.backend.on_question(NO_DELAY, Ok(stop((1..=40).flat_map(|member| frames(member, 1, 1)))));
    let began = run(&harness).await;
    let starts = (1..=40).map(|member| posts(&harness, member, began)[0].0);
    assert_eq!(starts.filter(|start| *start == 0).count(), 32);
    assert_eq!(began.elapsed(), ms(200));
}

#[tokio::test(start_paused = true)]
async fn slow_members_use_eight_slots() {
    let harness = granted();
    for member in 1..=32 {
        harness.browser.delay_posts_to(&connection(member), ms(3_600_000));
    }
    harness.backend.on_question(NO_DELAY, Ok(now((1..=32).flat_map(|member| frames(member, 1, 2)))));
    harness.backend.on_question(ms(600), Ok(stop((33..=50).flat_map(|member| frames(member, 1, 1)))));
    let began = run(&harness).await;
    let starts: Vec<_> = (1..=32).flat_map(|member| attempts(&harness, member, began)).collect();
    for (start, expected) in [(0, 32), (500, 8), (1000, 8), (1500, 8)] {
        assert_eq!(starts.iter().filter(|at| **at == start).count(), expected, "{start}");
    }
    assert_eq!(starts.len(), 32 + 3 * 8, "no attempt begins behind the fence");
    for member in 33..=50 {
        assert_eq!(attempts(&harness, member, began), [600], "{member}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_that_recovers_is_not_slow() {
    let harness = granted();
    let all = |number| (1..=9).flat_map(move |member| frames(member, number, number));
    harness.browser.delay_posts(ms(3_600_000));
    harness.backend.on_question(NO_DELAY, Ok(now(all(1))));
    harness.backend.on_question(ms(600), Ok(now(all(2))));
    harness.backend.on_question(ms(400), Ok(stop(all(3))));
    let recovers = async {
        tokio::time::sleep(ms(550)).await;
        harness.browser.delay_posts(ms(100));
    };
    let (began, ()) = tokio::join!(run(&harness), recovers);
    assert_eq!(attempts(&harness, 8, began), [0, 600, 1000]);
    assert_eq!(attempts(&harness, 9, began), [0, 700, 1000], "only its second frame waits for one of eight slots");
}

#[tokio::test(start_paused = true)]
async fn no_attempt_begins_two_seconds_after_its_answer() {
    let harness = granted();
    harness.browser.delay_posts(ms(3_600_000));
    harness.backend.on_question(ms(1000), Ok(stop(frames(1, 1, 6))));
    let began = run(&harness).await;
    assert_eq!(attempts(&harness, 1, began), [1000, 1500, 2000, 2500], "each attempt takes half a second");
    // The first four may have arrived, the others were never sent.
    assert_eq!(last_report(&harness, 1), Some(MemberReport { unknown: 4, lost: 6, ..report(1, 6) }));
}

#[tokio::test(start_paused = true)]
async fn a_frame_behind_the_fence_is_given_up_at_once() {
    let harness = granted();
    harness.browser.delay_posts(ms(3_600_000));
    // Later frames of the last of these members never get one of the eight slots.
    harness.backend.on_question(NO_DELAY, Ok(now((1..=32).flat_map(|member| frames(member, 1, 2)))));
    harness.backend.on_question(ms(700), Ok(now((1..=32).flat_map(|member| frames(member, 3, 3)))));
    harness.backend.on_question(ms(10_000), Ok(stop([])));
    let began = run(&harness).await;
    for (number, at) in [(2, 2000), (3, 2700)] {
        let lost = MemberReport { lost: number, unknown: 1, ..report(32, number) };
        let told = harness.questions().into_iter().find(|(question, _)| question.reports.contains(&lost));
        assert_eq!((told.unwrap().1 - began).as_millis(), at);
    }
}

#[tokio::test(start_paused = true)]
async fn each_failure_has_its_meaning_and_no_retry() {
    let lost = MemberReport { lost: 1, ..report(1, 1) };
    let unknown = MemberReport { unknown: 1, ..report(1, 1) };
    for (error, expected) in [
        (PostError::TooLarge, &lost),
        (PostError::Forbidden("no".to_owned()), &lost),
        (PostError::Failed("reset".to_owned()), &unknown),
        // The connection exists.
        (PostError::Gone, &unknown),
    ] {
        let harness = granted();
        harness.put(&row("member-1=", identity())).await;
        harness.browser.script_posts([Err(error.clone())]);
        harness.backend.on_question(NO_DELAY, Ok(stop(frames(1, 1, 1))));
        let began = run(&harness).await;
        assert_eq!(attempts(&harness, 1, began), [0], "{error:?}");
        assert_eq!(last_report(&harness, 1).as_ref(), Some(expected), "{error:?}");
        assert_eq!(harness.connections.rows_exist(&["member-1="]).await, [true], "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_members_gone_connection_is_forgotten_and_nothing_else() {
    let harness = Harness::new();
    for name in [CONNECTION, "member-1=", "member-2="] {
        harness.put(&row(name, identity())).await;
    }
    let mut of_member_2 = fixture("message-default-without-authorizer");
    of_member_2["requestContext"]["connectionId"] = json!("member-2=");
    harness.message(of_member_2.clone()).await;
    grant(&harness);
    harness.browser.disappear_after(&connection(2), 0);
    harness.backend.on_question(NO_DELAY, Ok(now(frames(1, 1, 1).chain(frames(2, 1, 3)))));
    harness.backend.on_question(ms(100), Ok(now(frames(1, 2, 2).chain(frames(2, 4, 4)))));
    harness.backend.on_question(ms(100), Ok(stop(frames(1, 3, 3))));
    let began = run(&harness).await;
    assert_eq!(harness.browser.frames(), ["1.1", "1.2", "1.3"]);
    assert_eq!(attempts(&harness, 2, began), [0], "its other frames are dropped");
    let gone = |settled| MemberReport { gone: true, ..report(2, settled) };
    assert!(questions(&harness)[1].reports.contains(&gone(3)), "it is reported at once");
    assert_eq!(last_report(&harness, 2), Some(gone(4)));
    assert_eq!(harness.connections.rows_exist(&[CONNECTION, "member-1=", "member-2="]).await, [true, true, false]);
    assert_eq!(harness.disconnects(), 0, "the service disconnects the member itself");
    harness.browser.disappear_after(&connection(2), 1);
    harness.message(of_member_2).await;
    assert_eq!(harness.errors(), ["UNAUTHORIZED"], "its cached identity is removed");
}

#[tokio::test(start_paused = true)]
async fn a_look_up_holds_no_slot() {
    let harness = granted();
    harness.browser.delay_lookups(ms(900));
    for member in 1..=32 {
        harness.browser.disappear_after(&connection(member), 0);
    }
    harness.browser.delay_posts(ms(10));
    harness.backend.on_question(NO_DELAY, Ok(stop((1..=40).flat_map(|member| frames(member, 1, 1)))));
    let began = run(&harness).await;
    for member in 33..=40 {
        assert_eq!(posts(&harness, member, began), [(10, 20)], "{member}");
    }
    assert_eq!(last_report(&harness, 32), Some(MemberReport { gone: true, ..report(32, 1) }));
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_the_first_members_own_connection_does_not_end_the_relay() {
    for error in [PostError::Gone, PostError::Forbidden("no".to_owned()), PostError::TooLarge] {
        let harness = granted();
        let own = RelayFrame { connection: id(CONNECTION), ..relay_frame(1, 1, "own") };
        if error == PostError::Gone {
            harness.browser.disappear_after(&id(CONNECTION), 0);
        } else {
            harness.browser.script_posts_to(&id(CONNECTION), [Err(error.clone())]);
        }
        harness.backend.on_question(NO_DELAY, Ok(now([own])));
        harness.backend.on_question(ms(5000), Ok(stop(frames(2, 1, 1))));
        run(&harness).await;
        assert_eq!(harness.browser.frames(), ["2.1"], "{error:?}");
        assert_eq!(harness.disconnects(), 0, "{error:?}");
    }
}
