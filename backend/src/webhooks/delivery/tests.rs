//! Order, retries and bounds, with a receiver that answers as the test says, on a paused clock.

use super::*;
use crate::store::contract::event;
use crate::store::{MemoryStore, Priority, SENDER_TTL};
use async_trait::async_trait;
use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

/// Time of the events of the tests, in seconds since 1970.
const WALL: u64 = 1_800_000_000;

struct WallClock(Instant);

impl Clock for WallClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(WALL) + self.0.elapsed()
    }
}

/// Answers with the refusals that are left, then takes all; notes what came, and when.
struct ScriptedReceiver {
    began: Instant,
    refusals: Mutex<VecDeque<Refusal>>,
    came: Mutex<Vec<(String, String, Duration)>>,
    /// Time that an answer takes.
    takes: Duration,
    /// Attempts now, and at most.
    in_flight: Mutex<(usize, usize)>,
}

#[async_trait]
impl Receiver for ScriptedReceiver {
    async fn send(&self, id: &str, body: String) -> Result<(), Refusal> {
        self.came.lock().push((id.to_owned(), body, self.began.elapsed()));
        {
            let mut in_flight = self.in_flight.lock();
            in_flight.0 += 1;
            in_flight.1 = in_flight.1.max(in_flight.0);
        }
        sleep(self.takes).await;
        self.in_flight.lock().0 -= 1;
        self.refusals.lock().pop_front().map_or(Ok(()), Err)
    }
}

struct Bench {
    store: Arc<MemoryStore>,
    receiver: Arc<ScriptedReceiver>,
    metrics: Arc<Metrics>,
    delivery: Arc<Delivery>,
}

impl Bench {
    fn new(refusals: impl IntoIterator<Item = Option<u64>>, takes: Duration) -> Self {
        let began = Instant::now();
        let refusal = |wait: Option<u64>| Refusal { why: "it answers 500".into(), wait: wait.map(Duration::from_secs) };
        let refusals = Mutex::new(refusals.into_iter().map(refusal).collect());
        let (came, in_flight) = Default::default();
        let receiver = Arc::new(ScriptedReceiver { began, refusals, came, takes, in_flight });
        let (store, metrics) = (Arc::new(MemoryStore::shared()), Metrics::new(0));
        let delivery = Arc::new(Delivery::new(
            InstanceId("here".into()),
            Arc::clone(&store) as Arc<dyn Store>,
            Arc::clone(&receiver) as Arc<dyn Receiver>,
            Arc::new(WallClock(began)),
            Arc::clone(&metrics),
        ));
        Self { store, receiver, metrics, delivery }
    }

    async fn push(&self, session: &str, numbers: std::ops::RangeInclusive<u64>) {
        let events: Vec<_> = numbers.map(|number| event(number, Priority::Other)).collect();
        self.store.push_events(&id(session), &events).await.unwrap();
    }

    /// Runs for so long; says which events came, and when, in seconds.
    async fn run(&self, time: Duration) -> Vec<(String, u64)> {
        let _ = tokio::time::timeout(time, self.delivery.run()).await;
        self.receiver.came.lock().iter().map(|(id, _, at)| (id.clone(), at.as_secs())).collect()
    }
}

fn id(session: &str) -> SessionId {
    SessionId::new(session).unwrap()
}

fn ids(came: &[(String, u64)]) -> Vec<&str> {
    came.iter().map(|(id, _)| id.as_str()).collect()
}

const NO_TIME: Duration = Duration::ZERO;

#[tokio::test(start_paused = true)]
async fn an_event_is_sent_again_until_it_is_taken_and_the_next_ones_wait_for_it() {
    let bench = Bench::new([None, None, None], NO_TIME);
    bench.push("s", 1..=2).await;
    let came = bench.run(Duration::from_secs(60)).await;
    assert_eq!(
        came,
        [("evt_1", 0), ("evt_1", 1), ("evt_1", 3), ("evt_1", 7), ("evt_2", 7)].map(|(id, at)| (id.into(), at))
    );
    assert_eq!(bench.store.first_event(&id("s")).await.unwrap(), None);
    let metrics = bench.metrics.text();
    assert!(
        metrics.contains("termgate_webhooks_sent_total 2\n") && metrics.contains("termgate_webhooks_refused_total 3\n")
    );
}

#[tokio::test(start_paused = true)]
async fn waits_double_up_to_an_hour_and_an_event_is_given_up_after_a_day() {
    let bench = Bench::new(std::iter::repeat_n(None, 100), NO_TIME);
    bench.push("s", 1..=1).await;
    let store = Arc::clone(&bench.store);
    tokio::spawn(async move {
        // A later one keeps the store from forgetting the first.
        sleep(EVENTS_TTL / 2).await;
        store.push_events(&id("s"), &[event(2, Priority::Other)]).await.unwrap();
    });
    let came = bench.run(EVENTS_TTL * 2).await;
    assert!(came.iter().all(|(id, _)| id == "evt_1"), "the second one is as old");
    let times: Vec<_> = came.iter().map(|(_, at)| *at).collect();
    let waits: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits[..5], [1, 2, 4, 8, 16]);
    assert_eq!(waits.iter().max(), Some(&LAST_WAIT.as_secs()));
    assert!(times.last().unwrap() < &EVENTS_TTL.as_secs());
    assert_eq!(bench.store.first_event(&id("s")).await.unwrap(), None);
    assert!(bench.metrics.text().contains("termgate_webhooks_dropped_total 2\n"));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_may_ask_for_a_longer_wait_but_for_no_shorter_one() {
    let bench = Bench::new([Some(30), Some(0)], NO_TIME);
    bench.push("s", 1..=1).await;
    let came = bench.run(Duration::from_secs(60)).await;
    assert_eq!(came.iter().map(|(_, at)| *at).collect::<Vec<_>>(), [0, 30, 32]);
}

#[tokio::test(start_paused = true)]
async fn sessions_do_not_wait_for_each_other_and_attempts_are_bounded() {
    let bench = Bench::new([], Duration::from_secs(5));
    for number in 0..3 * IN_FLIGHT {
        bench.push(&format!("s{number}"), 1..=2).await;
    }
    let came = bench.run(Duration::from_secs(40)).await;
    assert_eq!(came.len(), 6 * IN_FLIGHT);
    assert_eq!(bench.receiver.in_flight.lock().1, IN_FLIGHT);
}

#[tokio::test(start_paused = true)]
async fn a_session_has_one_attempt_at_a_time() {
    let bench = Bench::new([], Duration::from_secs(5));
    bench.push("s", 1..=3).await;
    bench.delivery.ready(id("s"));
    let came = bench.run(Duration::from_secs(60)).await;
    assert_eq!((ids(&came), bench.receiver.in_flight.lock().1), (vec!["evt_1", "evt_2", "evt_3"], 1));
}

#[tokio::test(start_paused = true)]
async fn events_that_come_while_the_last_are_sent_are_sent_at_once() {
    let bench = Bench::new([], Duration::from_secs(3));
    bench.push("s", 1..=1).await;
    let (store, delivery) = (Arc::clone(&bench.store), Arc::clone(&bench.delivery));
    tokio::spawn(async move {
        sleep(Duration::from_secs(4)).await;
        store.push_events(&id("s"), &[event(2, Priority::Other)]).await.unwrap();
        delivery.ready(id("s"));
    });
    assert_eq!(bench.run(Duration::from_secs(9)).await, [("evt_1".into(), 0), ("evt_2".into(), 4)]);
}

#[tokio::test(start_paused = true)]
async fn another_instance_sends_while_it_lives_and_this_one_after_it() {
    let bench = Bench::new([], NO_TIME);
    bench.push("s", 1..=1).await;
    assert!(bench.store.claim_sender(&id("s"), &InstanceId("there".into())).await.unwrap());
    let came = bench.run(SENDER_TTL * 3).await;
    let [(_, at)] = &came[..] else { panic!("{came:?}") };
    assert!((SENDER_TTL.as_secs()..=SENDER_TTL.as_secs() + 10).contains(at), "{at}");
}

#[tokio::test(start_paused = true)]
async fn this_instance_stays_the_sender_during_a_long_wait() {
    let bench = Bench::new([Some(600)], NO_TIME);
    bench.push("s", 1..=1).await;
    let (store, came) = (Arc::clone(&bench.store), Arc::clone(&bench.receiver));
    let other = tokio::spawn(async move {
        sleep(Duration::from_secs(599)).await;
        assert_eq!(came.came.lock().len(), 1);
        store.claim_sender(&id("s"), &InstanceId("there".into())).await.unwrap()
    });
    assert_eq!(bench.run(Duration::from_secs(700)).await.len(), 2);
    assert!(!other.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_told_with_the_number_of_events_that_went() {
    let bench = Bench::new([None], NO_TIME);
    let gap = EventRecord { missing: 3, ..event(1, Priority::Gap) };
    bench.store.push_events(&id("s"), &[gap]).await.unwrap();
    assert_eq!(ids(&bench.run(Duration::from_secs(9)).await), ["evt_1-3", "evt_1-3"]);
    assert!(bench.receiver.came.lock()[0].1.contains(r#""type":"gap""#));
    assert!(bench.metrics.text().contains("termgate_webhooks_dropped_total 3\n"));
}
