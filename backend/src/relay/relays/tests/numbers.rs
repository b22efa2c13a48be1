//! Tests of how long relays live and which one a client joins, by the numbers of the protocol's page.

use super::*;

/// How long a relay with so many members lives that asks all the time.
async fn life(members: usize) -> Duration {
    let relays = relays();
    let (_first, mut run) = carried(&relays, "c0").await;
    let _others: Vec<_> = (1..members).map(|n| relays.join(joining(&format!("c{n}")), true)).collect();
    let began = Instant::now();
    while run.ask(&relays, Duration::ZERO).await.next.is_some() {
        advance(TICK_INTERVAL).await;
        relays.tick(Instant::now());
    }
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_relay_of_several_members_ends_up_to_5_s_earlier() {
    assert_eq!(life(1).await, Duration::from_secs(25));
    let mut lives = Vec::new();
    for _ in 0..100 {
        lives.push(life(2).await.as_millis());
    }
    assert!(lives.iter().all(|ms| (20_000..=25_000).contains(ms)), "{lives:?}");
    // By chance: that a hundred of them are on one side is as good as impossible.
    assert!(lives.iter().any(|ms| *ms < 22_000) && lives.iter().any(|ms| *ms > 23_000), "{lives:?}");
}

#[tokio::test(start_paused = true)]
async fn a_successor_comes_from_15_s_on_and_with_a_lone_pages_follow_from_5_s_on() {
    use Renewal::{Follow, Message};
    for (members, renewal, seconds) in [(1, Follow, 5), (1, Message, 15), (2, Follow, 15), (2, Message, 15)] {
        let relays = relays();
        let (outlet, _run) = carried(&relays, "c0").await;
        let _other = (members == 2).then(|| relays.join(joining("c1"), true));
        advance(Duration::from_millis(seconds * 1000 - 1)).await;
        assert!(relays.renew(&outlet, renewal).is_none(), "{members} {renewal:?}");
        advance(Duration::from_millis(1)).await;
        assert!(relays.renew(&outlet, renewal).is_some(), "{members} {renewal:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn pages_are_asked_to_renew_from_18_s_on_and_a_lone_one_from_21_s_on() {
    for (members, seconds) in [(1, 21), (2, 18)] {
        let relays = relays();
        let (outlet, mut run) = carried(&relays, "c0").await;
        let other = (members == 2).then(|| relays.join(joining("c1"), true).0.unwrap());
        let mut asked = Vec::new();
        for ms in [seconds * 1000 - 1, 1, 999, 1] {
            advance(Duration::from_millis(ms)).await;
            run.ask(&relays, Duration::ZERO).await;
            relays.tick(Instant::now());
            let outlets = [Some(&outlet), other.as_ref()].into_iter().flatten();
            asked.push(outlets.filter(|outlet| outlet.look(Instant::now()).renew).count());
        }
        assert_eq!(asked, [0, 1, 0, 1], "one a second: {members}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_joins_the_fullest_relay_that_has_room() {
    let relays = relays();
    let (_first, fuller) = carried(&relays, "c0").await;
    let mut others: Vec<_> = (1..50).map(|n| relays.join(joining(&format!("c{n}")), true).0).collect();
    let (_second, _other) = carried(&relays, "d").await;
    others.truncate(10);
    for n in 0..39 {
        let (outlet, grant) = relays.join(joining(&format!("e{n}")), true);
        assert!(grant.is_none() && Arc::ptr_eq(outlet.as_ref().unwrap().relay(), &fuller.relay), "{n}");
        others.push(outlet);
    }
    let (outlet, _) = relays.join(joining("one-more"), true);
    assert!(!Arc::ptr_eq(outlet.unwrap().relay(), &fuller.relay), "it is full");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_comes_back_is_another_member() {
    let relays = relays();
    let (_other, mut run) = carried(&relays, "other").await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let (outlet, _) = relays.join(joining("c"), false);
        push(&outlet.unwrap());
        let answer = run.ask(&relays, Duration::ZERO).await;
        seen.extend(answer.frames.into_iter().map(|frame| (frame.connection.to_string(), frame.number, frame.member)));
    }
    let [(first, 1, member), (again, 1, next)] = &seen[..] else { panic!("{seen:?}") };
    assert!(first == again && member != next, "{seen:?}");
}
