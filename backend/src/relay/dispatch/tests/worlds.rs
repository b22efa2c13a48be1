//! The evidence in both worlds, with runs that live or are killed, and messages as a gateway hands them over.

use super::*;
use proptest::prelude::*;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::time::{sleep, sleep_until};

/// Age of a run, in ms, at which its page sends `follow`.
const FOLLOW_MS: u64 = 20_000;

/// Longest life of a relay with one member, in ms, and the look that ends it.
const LIFE_MS: u64 = 25_100;

/// One run that a page's message starts.
#[derive(Debug, Clone)]
struct Plan {
    /// The page.
    user: usize,
    /// Times of its further messages, in ms since the run's start.
    said: Vec<u64>,
    /// Time at which the function is killed, and time that its request stays open after that, in ms.
    killed: Option<(u64, u64)>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let killed = prop::option::weighted(0.3, (0_u64..24_000, 0_u64..3000));
    (0_usize..3, prop::collection::vec(0..FOLLOW_MS, 0..5), killed).prop_map(|(user, mut said, killed)| {
        said.push(FOLLOW_MS);
        said.sort_unstable();
        Plan { user, said, killed }
    })
}

/// Carries a relay as the function does, until it is told to stop or killed.
async fn carry(relays: Arc<Relays>, relay: Arc<Relay>, killed: Arc<AtomicBool>) {
    for number in 1.. {
        let question = RelayQuestion { number, answered: number - 1, ..RelayQuestion::default() };
        let answer = relays.ask(&relay, &question, Duration::from_secs(26)).await;
        if killed.load(Ordering::Relaxed) {
            return pending().await;
        }
        if answer.next.is_none() {
            return end(relay).await;
        }
    }
}

/// Plays one run to its end, and hands its page's messages over.
async fn play(relays: &Arc<Relays>, plan: &Plan, world: Dispatch) {
    let page = connection(["ada", "bob", "eve"][plan.user]);
    let (outlet, grant) = relays.join(test_support::joining(page.as_str(), &Switch::on()), true);
    let grant = grant.expect("the run before has ended");
    relays.granted(&grant, &page, page.as_str(), false);
    let (relay, killed, start) = (relays.find(&grant, API).unwrap(), Arc::new(AtomicBool::new(false)), Instant::now());
    let run = tokio::spawn(carry(Arc::clone(relays), relay, Arc::clone(&killed)));
    let at = move |ms| start + Duration::from_millis(ms);
    if let Some((ms, open_ms)) = plan.killed {
        let run = run.abort_handle();
        tokio::spawn(async move {
            sleep_until(at(ms)).await;
            killed.store(true, Ordering::Relaxed);
            sleep(Duration::from_millis(open_ms)).await;
            run.abort();
        });
    }
    let ends_ms = plan.killed.map_or(LIFE_MS, |(ms, _)| ms);
    for said in &plan.said {
        let heard = if world == Dispatch::Serial { (*said).max(ends_ms + 100) } else { *said };
        sleep_until(at(heard)).await;
        relays.dispatches.heard(API, &page, Some(heard - said), NOW);
    }
    // The next run begins once nothing of this one is left.
    sleep_until(at(LIFE_MS + 10_000)).await;
    run.abort();
    drop(outlet);
}

/// True if three runs in a row have been waited for, of two users or of the only one so far.
fn shows_serial(plans: &[Plan]) -> bool {
    let (mut waited, mut users) = (Vec::new(), BTreeSet::new());
    plans.iter().any(|plan| {
        users.insert(plan.user);
        waited.extend(plan.killed.is_none().then_some(plan.user));
        let last = &waited[waited.len().saturating_sub(SERIAL_RUNS)..];
        last.len() == SERIAL_RUNS && (users.len() == 1 || last.iter().any(|user| *user != last[0]))
    })
}

/// The dispatch that is known after each of these runs.
async fn known_after(plans: &[Plan], world: Dispatch) -> Vec<Option<Dispatch>> {
    let relays = relays();
    let ticks = Arc::clone(&relays);
    let ticking = tokio::spawn(async move { ticks.run().await });
    let mut known = Vec::new();
    for plan in plans {
        play(&relays, plan, world).await;
        known.push(relays.dispatches.known(API));
    }
    ticking.abort();
    known
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_dispatch_is_found_in_both_worlds_and_never_the_other(
        plans in prop::collection::vec(plan(), 1..8),
        serial in any::<bool>(),
    ) {
        let (world, other) = match serial {
            true => (Dispatch::Serial, Dispatch::Concurrent),
            false => (Dispatch::Concurrent, Dispatch::Serial),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let known = runtime.block_on(known_after(&plans, world));
        prop_assert!(!known.contains(&Some(other)), "{known:?}");
        let is_shown = if serial { shows_serial(&plans) } else { plans.iter().any(|plan| plan.killed.is_none()) };
        prop_assert!(!is_shown || known.contains(&Some(world)), "{known:?}");
    }
}
