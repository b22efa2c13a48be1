//! Tests of the evidence, with runs that a test begins and ends.

mod worlds;

use super::*;
use crate::clock::{SystemClock, SystemRandom};
use crate::metrics::Metrics;
use crate::relay::Relays;
use crate::relay::endpoint::Endpoint;
use crate::relay::shared::Kind;
use crate::relay::test_support::{self, Switch};
use shared_protocol::relay::RelayQuestion;
use tokio::task::AbortHandle;
use tokio::time::advance;

/// API of the doubles.
const API: &str = "api/prod";

/// Wall time of the tests, in ms since 1970.
const NOW: u64 = 1_800_000_000_000;

fn relays() -> Arc<Relays> {
    let relays = Relays::new("i".into(), Arc::new(SystemClock), Arc::new(SystemRandom), Metrics::new(0));
    relays.dispatches.learn(API, None);
    relays
}

fn connection(name: &str) -> ConnectionId {
    ConnectionId::new(name).unwrap()
}

fn record(dispatch: Dispatch, at: u64) -> KnownDispatch {
    KnownDispatch { dispatch, at }
}

/// The run of a message of this connection: its first question waits.
async fn run(relays: &Arc<Relays>, name: &str, user: &str) -> Arc<Relay> {
    killable_run(relays, name, user).await.0
}

/// The same, and the handle that drops its question, as a killed function does.
async fn killable_run(relays: &Arc<Relays>, name: &str, user: &str) -> (Arc<Relay>, AbortHandle) {
    let joining = test_support::joining(name, &Switch::on());
    let (outlet, grant) = relays.join(joining, true);
    let grant = grant.expect("no other relay lives");
    relays.granted(&grant, &connection(name), user, true);
    let relay = relays.find(&grant, API).unwrap();
    std::mem::forget(outlet);
    let (relays, asking) = (Arc::clone(relays), Arc::clone(&relay));
    let asked = tokio::spawn(async move {
        let question = RelayQuestion { number: 1, ..RelayQuestion::default() };
        relays.ask(&asking, &question, Duration::from_secs(60)).await
    });
    tokio::task::yield_now().await;
    (relay, asked.abort_handle())
}

async fn end(relay: Arc<Relay>) {
    relay.ask(&RelayQuestion { number: 2, last: true, ..RelayQuestion::default() }, Duration::ZERO).await;
}

impl Dispatches {
    /// The dispatch of an API, if it is known.
    fn known(&self, api: &str) -> Option<Dispatch> {
        self.inner().apis.get(api)?.dispatch()
    }
}

/// One run of this user whose connection's next message has waited for its end. Returns what is known then.
async fn waited(relays: &Arc<Relays>, name: &str, user: &str) -> Option<Dispatch> {
    let relay = run(relays, name, user).await;
    advance(Duration::from_secs(25)).await;
    end(relay).await;
    relays.tick(Instant::now());
    relays.dispatches.heard(API, &connection(name), None, NOW);
    relays.dispatches.known(API)
}

/// Another question of a run, this long from now.
async fn ask_after(relays: &Relays, relay: &Arc<Relay>, delay: Duration) {
    advance(delay).await;
    relays.ask(relay, &RelayQuestion { number: 2, ..RelayQuestion::default() }, Duration::ZERO).await;
    relays.dispatches.tick(NOW, 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_before_a_question_of_its_own_connections_run_proves_concurrent_dispatch() {
    let relays = relays();
    assert!(waited(&relays, "a", "ada").await.is_none() && waited(&relays, "a", "ada").await.is_none());
    let relay = run(&relays, "a", "ada").await;
    relays.dispatches.heard(API, &connection("b"), None, NOW);
    relays.dispatches.heard(API, &connection("a"), Some(20_000), NOW);
    relays.dispatches.tick(NOW, 0);
    assert_eq!(relays.dispatches.known(API), None, "the run may have been killed before");
    ask_after(&relays, &relay, QUESTION_DELAY + Duration::from_millis(1)).await;
    assert_eq!(relays.dispatches.known(API), Some(Dispatch::Concurrent));
    assert_eq!(relays.dispatches.learn(API, None), Some(record(Dispatch::Concurrent, NOW)));
    let inner = relays.dispatches.inner();
    assert_eq!((inner.overtaking.len(), inner.apis[API].waited.len()), (0, 0), "it outweighs all that waited");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_run_is_had_to_ask_again_while_the_dispatch_is_not_known() {
    for known in [None, Some(record(Dispatch::Serial, NOW)), Some(record(Dispatch::Concurrent, NOW))] {
        let relays = relays();
        relays.dispatches.learn(API, known);
        let (_relay, question) = killable_run(&relays, "a", "ada").await;
        relays.dispatches.heard(API, &connection("a"), None, NOW);
        for _ in 0..20 {
            advance(Duration::from_millis(100)).await;
            relays.dispatches.tick(NOW, 0);
            tokio::task::yield_now().await;
        }
        let is_settled = known.is_some_and(|known| known.dispatch == Dispatch::Concurrent);
        assert_eq!(question.is_finished(), !is_settled, "{known:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_after_a_killed_run_proves_nothing() {
    let relays = relays();
    for late_question in [false, true] {
        let (relay, question) = killable_run(&relays, "a", "ada").await;
        relays.dispatches.heard(API, &connection("a"), None, NOW);
        question.abort();
        if late_question {
            ask_after(&relays, &relay, QUESTION_DELAY).await;
        }
        // Noticed at the first look, given up at the second.
        for _ in 0..2 {
            advance(Duration::from_secs(4)).await;
            relays.tick(Instant::now());
        }
        relays.dispatches.tick(NOW, 0);
        assert_eq!(relays.dispatches.known(API), None);
        assert!(relays.dispatches.inner().overtaking.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn serial_dispatch_is_concluded_from_three_runs_of_two_users() {
    let relays = relays();
    assert_eq!(waited(&relays, "a", "ada").await, None);
    assert_eq!(waited(&relays, "b", "bob").await, None);
    assert_eq!(relays.dispatches.known(API), None);
    assert_eq!(waited(&relays, "a", "ada").await, Some(Dispatch::Serial));
}

#[tokio::test(start_paused = true)]
async fn three_runs_of_one_user_are_enough_only_if_there_is_no_other() {
    let alone = relays();
    assert!(waited(&alone, "a", "ada").await.is_none() && waited(&alone, "a", "ada").await.is_none());
    assert!(waited(&alone, "a", "ada").await.is_some());
    let shared = relays();
    end(run(&shared, "b", "bob").await).await;
    shared.tick(Instant::now());
    for _ in 0..4 {
        assert_eq!(waited(&shared, "a", "ada").await, None, "one user could make it up");
    }
    assert!(waited(&shared, "b", "bob").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_message_long_after_the_end_counts_only_if_it_has_waited() {
    let relays = relays();
    for (waited_ms, counts) in [(Some(MIN_WAIT_MS - 1), false), (None, false), (Some(MIN_WAIT_MS), true)] {
        end(run(&relays, "a", "ada").await).await;
        advance(MAX_AFTER_END + Duration::from_millis(1)).await;
        relays.tick(Instant::now());
        let before = relays.dispatches.inner().apis[API].waited.len();
        relays.dispatches.heard(API, &connection("a"), waited_ms, NOW);
        let after = relays.dispatches.inner().apis[API].waited.len();
        assert_eq!(after - before, usize::from(counts), "{waited_ms:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn throttled_runs_and_those_that_have_not_begun_say_nothing() {
    let relays = relays();
    let relay = run(&relays, "a", "ada").await;
    relay.report(&RelayQuestion { throttled: true, ..RelayQuestion::default() });
    end(relay).await;
    relays.tick(Instant::now());
    relays.dispatches.heard(API, &connection("a"), Some(9000), NOW);
    let (_outlet, grant) = relays.join(test_support::joining("b", &Switch::on()), true);
    relays.granted(&grant.unwrap(), &connection("b"), "bob", true);
    relays.dispatches.heard(API, &connection("b"), Some(9000), NOW);
    assert_eq!(relays.dispatches.inner().apis[API].waited.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_carriers_next_message_beside_its_run_ends_serial_dispatch() {
    let relays = relays();
    relays.dispatches.learn(API, Some(record(Dispatch::Serial, NOW)));
    let relay = run(&relays, "carrier", "ada").await;
    relays.dispatches.heard(API, &connection("carrier"), None, NOW);
    ask_after(&relays, &relay, Duration::from_secs(15)).await;
    assert_eq!(relays.dispatches.known(API), Some(Dispatch::Concurrent));
}

#[test]
fn the_newer_record_counts_and_the_store_gets_it() {
    let dispatches = Dispatches::default();
    assert!(dispatches.is_new(API));
    assert_eq!(dispatches.learn(API, None), None);
    assert!(!dispatches.is_new(API) && dispatches.known(API).is_none());
    let (old, new) = (record(Dispatch::Serial, 1), record(Dispatch::Concurrent, 2));
    assert_eq!((dispatches.learn(API, Some(old)), dispatches.known(API)), (None, Some(Dispatch::Serial)));
    assert_eq!((dispatches.learn(API, Some(new)), dispatches.known(API)), (None, Some(Dispatch::Concurrent)));
    assert_eq!(dispatches.learn(API, Some(old)), Some(new), "another instance wrote an older one");
    assert_eq!(dispatches.learn(API, None), Some(new), "the store lost it");
    assert_eq!(dispatches.learn(API, Some(new)), None);
}

#[test]
fn apis_and_runs_are_bounded() {
    let dispatches = Dispatches::default();
    for number in 0..MAX_APIS {
        dispatches.learn(&number.to_string(), None);
    }
    assert!(!dispatches.is_new("one more"));
    dispatches.learn("one more", Some(record(Dispatch::Serial, 1)));
    assert_eq!((dispatches.known("one more"), dispatches.apis().len()), (None, MAX_APIS));
    let relay =
        Relay::new(Endpoint::new("0".into()), Arc::default(), Kind::First, Arc::new(SystemClock), Metrics::new(0));
    for number in 0..=MAX_RUNS {
        dispatches.granted(connection(&number.to_string()), "ada".into(), Arc::clone(&relay));
    }
    assert_eq!(dispatches.inner().runs.len(), MAX_RUNS);
}
