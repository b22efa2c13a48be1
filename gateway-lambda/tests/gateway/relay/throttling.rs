//! Throttled posts: retries, their budget, and the throttle of the whole account.

use super::*;
use gateway_lambda::PostError;

fn throttled(times: usize) -> Vec<Result<(), PostError>> {
    vec![Err(PostError::Throttled); times]
}

#[tokio::test(start_paused = true)]
async fn a_throttled_post_is_retried_within_the_fence_and_then_lost() {
    let harness = granted();
    harness.browser.script_posts_to(&connection(1), throttled(6));
    harness.backend.on_question(NO_DELAY, Ok(stop(frames(1, 1, 2).chain(frames(2, 1, 1)))));
    let began = run(&harness).await;
    // The second frame is posted as soon as the first is given up.
    assert_eq!(attempts(&harness, 1, began), [0, 50, 150, 350, 750, 1550, 1550]);
    assert_eq!(last_report(&harness, 1), Some(MemberReport { lost: 1, ..report(1, 2) }));
    assert_eq!(attempts(&harness, 2, began), [0], "no other member waits");
}

#[tokio::test(start_paused = true)]
async fn a_post_without_a_connection_to_api_gateway_is_retried() {
    let harness = granted();
    harness.browser.script_posts_to(&connection(1), [Err(PostError::Unsent("refused".to_owned()))]);
    harness.backend.on_question(NO_DELAY, Ok(stop(frames(1, 1, 1))));
    let began = run(&harness).await;
    assert_eq!(attempts(&harness, 1, began), [0, 50]);
    assert_eq!(last_report(&harness, 1), Some(report(1, 1)));
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_no_slot() {
    let harness = granted();
    // Refusals of two members are no throttle of the account.
    for member in 1..=2 {
        harness.browser.script_posts_to(&connection(member), throttled(5));
    }
    harness.browser.delay_posts(ms(400));
    harness.backend.on_question(NO_DELAY, Ok(stop((1..=34).flat_map(|member| frames(member, 1, 1)))));
    let began = run(&harness).await;
    for member in 33..=34 {
        assert_eq!(attempts(&harness, member, began), [400], "{member}");
    }
}

#[tokio::test(start_paused = true)]
async fn retries_are_at_most_one_in_ten_posts() {
    let harness = granted();
    let outcomes = (0..40).flat_map(|_| [Err(PostError::Throttled), Ok(())]);
    harness.browser.script_posts_to(&connection(1), outcomes);
    harness.backend.on_question(NO_DELAY, Ok(stop(frames(1, 1, 13))));
    run(&harness).await;
    // Ten retries to begin with, and one for the first ten posts. The twelfth frame is lost without a retry.
    let delivered: Vec<_> = (1..=11).chain([13]).map(|number| format!("1.{number}")).collect();
    assert_eq!(harness.browser.frames(), delivered);
    assert_eq!(last_report(&harness, 1), Some(MemberReport { lost: 12, ..report(1, 13) }));
}

#[tokio::test(start_paused = true)]
async fn refusals_of_three_members_pause_all_until_a_probe_succeeds() {
    let harness = granted();
    for member in 1..=3 {
        harness.browser.script_posts_to(&connection(member), throttled(1));
    }
    harness.browser.delay_posts(ms(5));
    harness.backend.on_question(NO_DELAY, Ok(now((1..=3).flat_map(|member| frames(member, 1, 1)))));
    harness.backend.on_question(ms(10), Ok(now(frames(4, 1, 1).chain(frames(5, 1, 1)))));
    harness.backend.on_question(ms(1500), Ok(stop([])));
    let began = run(&harness).await;
    let mut all: Vec<_> = (1..=5).flat_map(|member| attempts(&harness, member, began)).collect();
    all.sort_unstable();
    assert_eq!(all[..3], [0, 0, 0]);
    let mut expected: Vec<_> = (1..=5).map(|member| format!("{member}.1")).collect();
    let mut delivered = harness.browser.frames();
    let first = delivered[0].clone();
    expected.sort();
    delivered.sort();
    assert_eq!(delivered, expected);
    assert_eq!(
        (first.as_str(), all[3]),
        ("4.1", 10),
        "a member that was not refused need not wait for the end of the pause"
    );
    assert!(all[4] >= all[3] + 5, "one probe at a time: {all:?}");
    let flags: Vec<_> = questions(&harness).iter().map(|question| question.throttled).collect();
    assert_eq!(flags, [false, false, true, true, false, false], "its begin and end are reported at once");
    let at: Vec<_> = harness.questions().iter().map(|(_, at)| (*at - began).as_millis()).collect();
    assert_eq!((at[2], at[4]), (5, all[3] + 5));
}

#[tokio::test(start_paused = true)]
async fn members_that_are_refused_again_and_again_are_no_throttle_of_the_account() {
    let harness = granted();
    for member in 2..=4 {
        harness.browser.script_posts_to(&connection(member), throttled(9));
    }
    // The post of the first member is taken; later the relay is left with the others.
    harness.backend.on_question(NO_DELAY, Ok(now((1..=4).flat_map(|member| frames(member, 1, 1)))));
    harness.backend.on_question(ms(3000), Ok(stop([])));
    let began = run(&harness).await;
    assert_eq!(attempts(&harness, 2, began)[..4], [0, 50, 150, 350]);
    assert!(questions(&harness).iter().all(|question| !question.throttled));
}

#[tokio::test(start_paused = true)]
async fn a_refused_probe_is_followed_by_a_longer_pause() {
    let harness = granted();
    for member in 1..=4 {
        harness.browser.script_posts_to(&connection(member), throttled(9));
    }
    harness.backend.on_question(NO_DELAY, Ok(now((1..=4).flat_map(|member| frames(member, 1, 1)))));
    harness.backend.on_question(ms(3000), Ok(stop([])));
    let began = run(&harness).await;
    let mut all: Vec<_> = (1..=4).flat_map(|member| attempts(&harness, member, began)).collect();
    all.sort_unstable();
    let probes = &all[4..];
    let mut last = 0;
    for (probe, pause) in probes.iter().zip([50, 100, 200, 400, 800]) {
        let took = probe - last;
        assert!((pause / 2..=pause + 1).contains(&took), "{all:?}");
        last = *probe;
    }
    assert!(probes.len() >= 4, "{all:?}");
}
