//! Tests of the life of relays, with a function that posts at once; apart because they are longer than what they test.

use super::*;
use crate::clock::{SystemClock, SystemRandom};
use crate::relay::answer::Next;
use crate::relay::test_support::{self, Switch};
use bytes::Bytes;
use shared_protocol::relay::{MemberReport, RelayFrame};
use tokio::time::advance;

mod apart;
mod numbers;

const LONG: Duration = Duration::from_secs(20);

fn relays() -> Arc<Relays> {
    Relays::new("i".into(), Arc::new(SystemClock), Arc::new(SystemRandom), Metrics::new(0))
}

fn joining(name: &str) -> Joining {
    test_support::joining(name, &Switch::on())
}

#[tokio::test(start_paused = true)]
async fn the_first_relay_after_a_rest_is_watched() {
    let relays = relays();
    let running = tokio::spawn({
        let relays = Arc::clone(&relays);
        async move { relays.run().await }
    });
    for round in 0..2 {
        advance(Duration::from_secs(3600)).await;
        let (_, grant) = relays.join(joining("c1"), true);
        assert_eq!((grant.is_some(), relays.count()), (true, 1), "{round}");
        // No question uses the grant.
        tokio::time::timeout(Duration::from_secs(10), async {
            while relays.count() > 0 {
                tokio::time::sleep(TICK_INTERVAL).await;
            }
        })
        .await
        .unwrap();
    }
    running.abort();
}

/// The function's side: asks without waiting, and reports every frame as posted.
struct Run {
    relay: Arc<Relay>,
    number: u64,
    reports: Vec<MemberReport>,
}

impl Run {
    fn of(relays: &Relays, grant: &str) -> Self {
        Self { relay: relays.find(grant, "api/prod").unwrap(), number: 0, reports: Vec::new() }
    }

    fn question(&mut self, last: bool) -> RelayQuestion {
        self.number += 1;
        let (number, reports) = (self.number, std::mem::take(&mut self.reports));
        RelayQuestion {
            relay: String::new(),
            number,
            answered: number - 1,
            wait_ms: 0,
            throttled: false,
            last,
            reports,
        }
    }

    async fn ask(&mut self, relays: &Relays, wait: Duration) -> Answer {
        let question = self.question(false);
        self.relay.report(&question);
        let answer = relays.ask(&self.relay, &question, wait).await;
        for RelayFrame { member, number, .. } in &answer.frames {
            self.reports.push(MemberReport { member: *member, settled: *number, ..MemberReport::default() });
        }
        answer
    }

    async fn last(&mut self, relays: &Relays) {
        let question = self.question(true);
        self.relay.report(&question);
        relays.ask(&self.relay, &question, Duration::ZERO).await;
    }
}

/// A client with its own relay, which asks.
async fn carried(relays: &Relays, name: &str) -> (Outlet, Run) {
    let (outlet, grant) = relays.join(joining(name), true);
    let mut run = Run::of(relays, &grant.unwrap());
    run.ask(relays, Duration::ZERO).await;
    (outlet.unwrap(), run)
}

fn push(outlet: &Outlet) {
    outlet.push(Bytes::from_static(b"{}"), u64::MAX, Instant::now());
}

#[tokio::test(start_paused = true)]
async fn clients_share_a_relay_of_their_own_api_until_it_is_full() {
    let relays = relays();
    let (_first, _run) = carried(&relays, "c0").await;
    let places: Vec<_> = (1..50).map(|n| relays.join(joining(&format!("c{n}")), true)).collect();
    assert!(places.iter().all(|(outlet, grant)| outlet.is_some() && grant.is_none()));
    assert!(relays.join(joining("one-more"), true).1.is_some(), "a relay of its own");
    let elsewhere = Joining { endpoint: "other/prod".into(), ..joining("c") };
    assert!(relays.join(elsewhere, true).1.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_frame_answers_the_question_that_waits_and_a_newer_question_replaces_it() {
    let relays = relays();
    let (outlet, mut run) = carried(&relays, "c").await;
    let began = Instant::now();
    let (answer, ()) = tokio::join!(run.ask(&relays, LONG), async { push(&outlet) });
    assert_eq!((answer.frames.len(), began.elapsed()), (1, Duration::ZERO));
    let mut newer = Run { relay: Arc::clone(&run.relay), number: run.number + 1, reports: run.reports.clone() };
    let (waiting, _) = tokio::join!(run.ask(&relays, LONG), newer.ask(&relays, Duration::ZERO));
    assert_eq!((waiting, began.elapsed()), (Answer { frames: vec![], next: Some(Next::Now) }, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_is_not_used_is_void() {
    let relays = relays();
    let (outlet, grant) = relays.join(joining("c"), true);
    advance(Duration::from_secs(3)).await;
    relays.tick(Instant::now());
    assert!(relays.find(&grant.unwrap(), "api/prod").is_none());
    assert!(outlet.unwrap().look(Instant::now()).released);
}

#[tokio::test(start_paused = true)]
async fn a_silent_relay_loses_its_members_to_another_at_once() {
    let relays = relays();
    let (outlet, mut run) = carried(&relays, "c").await;
    push(&outlet);
    run.ask(&relays, Duration::ZERO).await;
    advance(Duration::from_secs(2)).await;
    relays.tick(Instant::now());
    assert!(!outlet.look(Instant::now()).released);
    advance(Duration::from_secs(1)).await;
    relays.tick(Instant::now());
    let state = outlet.look(Instant::now());
    assert!(state.released && state.lost, "its last frame may be lost");
}

#[tokio::test(start_paused = true)]
async fn members_move_when_the_successor_asks_and_their_last_frame_is_reported() {
    let relays = relays();
    let (busy, mut old) = carried(&relays, "busy").await;
    let (idle, _) = relays.join(joining("idle"), true);
    let idle = idle.unwrap();
    push(&busy);
    old.ask(&relays, Duration::ZERO).await;
    advance(RENEWAL_AGE).await;
    let grant = relays.renew(&busy, Renewal::Message).expect("it is old enough");
    assert!(relays.renew(&idle, Renewal::Message).is_none(), "one grant is open at a time");
    assert!(!idle.look(Instant::now()).released, "until the successor asks");
    let mut new = Run::of(&relays, &grant);
    let (stop, _) = tokio::join!(old.ask(&relays, LONG), new.ask(&relays, Duration::ZERO));
    assert_eq!(stop.next, None);
    old.last(&relays).await;
    for outlet in [&busy, &idle] {
        let state = outlet.look(Instant::now());
        assert!(state.released && !state.lost);
    }
    assert!(relays.join(joining("busy"), false).0.is_some(), "the successor has room");
}

#[tokio::test(start_paused = true)]
async fn a_member_whose_frames_are_not_reported_moves_after_the_fence() {
    let relays = relays();
    let (outlet, mut run) = carried(&relays, "c").await;
    push(&outlet);
    run.ask(&relays, Duration::ZERO).await;
    run.relay.lock().end(Instant::now(), 0);
    assert!(!outlet.look(Instant::now()).released, "a post of it may be running");
    advance(Duration::from_millis(2999)).await;
    assert!(!outlet.look(Instant::now()).released);
    advance(Duration::from_millis(1)).await;
    let state = outlet.look(Instant::now());
    assert!(state.released && state.lost);
}

#[tokio::test(start_paused = true)]
async fn a_successor_that_never_asks_is_void_and_the_next_message_gets_another() {
    let relays = relays();
    let (outlet, mut run) = carried(&relays, "c").await;
    advance(RENEWAL_AGE).await;
    run.ask(&relays, Duration::ZERO).await;
    assert!(relays.renew(&outlet, Renewal::Message).is_some());
    advance(Duration::from_millis(999)).await;
    assert!(relays.renew(&outlet, Renewal::Message).is_none(), "it may still ask");
    advance(Duration::from_millis(1)).await;
    relays.tick(Instant::now());
    assert!(relays.renew(&outlet, Renewal::Message).is_some());
    assert!(!outlet.look(Instant::now()).released, "the old relay serves");
}

#[tokio::test(start_paused = true)]
async fn a_relay_whose_members_fit_into_others_is_not_renewed() {
    let relays = relays();
    let (first, _run) = carried(&relays, "c0").await;
    let fill: Vec<_> = (1..MAX_MEMBERS).map(|n| relays.join(joining(&format!("c{n}")), true).0).collect();
    advance(RENEWAL_AGE - Duration::from_secs(1)).await;
    let (_second, _young) = carried(&relays, "d").await;
    drop(fill);
    advance(Duration::from_secs(1)).await;
    assert!(relays.renew(&first, Renewal::Message).is_none());
}

#[tokio::test(start_paused = true)]
async fn the_members_heard_last_are_asked_to_renew_one_a_second() {
    let relays = relays();
    let (quiet, mut run) = carried(&relays, "quiet").await;
    let (active, _) = relays.join(joining("active"), true);
    let active = active.unwrap();
    advance(RENEW_AGE).await;
    active.heard(Instant::now());
    run.ask(&relays, Duration::ZERO).await;
    let mut asked = Vec::new();
    for _ in 0..3 {
        relays.tick(Instant::now());
        asked.push((active.look(Instant::now()).renew, quiet.look(Instant::now()).renew));
        advance(RENEW_INTERVAL / 2).await;
        run.ask(&relays, Duration::ZERO).await;
    }
    assert_eq!(asked, [(true, false), (false, false), (false, true)]);
}

#[tokio::test(start_paused = true)]
async fn a_relay_ends_with_its_life_and_its_clients_wait_for_the_next() {
    let relays = relays();
    let (outlet, mut run) = carried(&relays, "c").await;
    advance(LIFE).await;
    let (stop, ()) = tokio::join!(run.ask(&relays, LONG), async { relays.tick(Instant::now()) });
    assert_eq!(stop.next, None);
    assert!(outlet.look(Instant::now()).released);
    let waiting = joining("c");
    let wake = Arc::clone(&waiting.wake);
    assert!(relays.join(waiting, false).0.is_none());
    let (_other, _run) = carried(&relays, "other").await;
    wake.notified().await;
    assert!(relays.join(joining("c"), false).0.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_relay_without_members_stops() {
    let relays = relays();
    let (outlet, mut run) = carried(&relays, "c").await;
    let began = Instant::now();
    let (stop, ()) = tokio::join!(run.ask(&relays, LONG), async { drop(outlet) });
    assert_eq!((stop.next, began.elapsed()), (None, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_throttled_account_is_known_to_all_relays_of_its_api_until_every_one_says_that_it_is_over() {
    let relays = relays();
    let (first, mut one) = carried(&relays, "c0").await;
    let fill: Vec<_> = (1..MAX_MEMBERS).map(|n| relays.join(joining(&format!("c{n}")), true).0).collect();
    let (second, mut two) = carried(&relays, "d").await;
    let (elsewhere, _) = relays.join(Joining { endpoint: "other/prod".into(), ..joining("e") }, true);
    let (first, second, elsewhere) = (&first, &second, &elsewhere.unwrap());
    let throttled = || [first, second, elsewhere].map(|outlet| outlet.due().unwrap().is_throttled);
    let report = |run: &mut Run, throttled| {
        let question = RelayQuestion { throttled, ..run.question(false) };
        run.relay.report(&question);
    };
    report(&mut one, true);
    report(&mut one, true);
    assert_eq!(throttled(), [true, true, false]);
    report(&mut two, true);
    report(&mut one, false);
    assert_eq!(throttled(), [true, true, false], "the other one still is");
    advance(Duration::from_secs(3)).await;
    one.ask(&relays, Duration::ZERO).await;
    relays.tick(Instant::now());
    assert!(!first.due().unwrap().is_throttled, "the other one is over");
    drop(fill);
}
