//! Bounds on the counts of the hot path, as microbench bounds its instructions. Other load on the machine only adds to these
//! counts, so the cheapest of several batches of keys tells the cost of the path.

use super::tracer::Tracer;
use super::{Client, type_keys};
use crate::counts::Counts;
use crate::subjects::{VARIABLES, direct, in_process};
use e2e::Stack;
use std::time::Duration;
use tokio::time::Instant;

/// Keys of a batch: enough that the start and the end of a count do not show.
const KEYS: u32 = 100;

const BATCHES: u32 = 12;

/// Waits of the service for each key: one for the key and one for its echo.
const SWITCHES: f64 = 2.0;

/// System calls of the service for each key: `epoll_wait`, `recvfrom`, a look at the terminal's settings and `write` for the key,
/// and `epoll_wait`, `read` and `sendto` for its echo.
const CALLS: f64 = 7.0;

/// Share of keys in which one more is no failure: the kernel may report an event a second time.
const MARGIN: f64 = 0.1;

/// Rounds of the service's timers in a second, which count in proportion to the time that the keys take.
const TIMERS_PER_SECOND: f64 = 120.0;

/// Calls of one round of timers: a wait, and the look at the terminal's settings.
const CALLS_PER_TIMER: u32 = 3;

#[tokio::test]
async fn a_key_and_its_echo_cost_the_service_two_waits_and_seven_system_calls() {
    let stack = Stack::start_with(in_process(VARIABLES)).await;
    let service = [stack.backend.id(0)];
    let mut terminal = direct(&stack, stack.backend.address(0), "ada", "counted").await;
    terminal.run("cat >/dev/null").await;
    let mut client = Client::Termgate(Box::new(terminal));
    type_keys(&mut client, KEYS, None).await;

    let (mut switches, mut calls) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..BATCHES {
        let (begun, before) = (Instant::now(), Counts::of(&service));
        type_keys(&mut client, KEYS, None).await;
        let counted = Counts::of(&service).since(&before).voluntary as f64;
        switches = switches.min(per_key(counted, begun.elapsed()));

        let tracer = Tracer::attach(&service).await.unwrap();
        let begun = Instant::now();
        type_keys(&mut client, KEYS, None).await;
        let time = begun.elapsed();
        let counted = tracer.detach().await as f64;
        calls = calls.min(per_key(counted, time * CALLS_PER_TIMER));
    }
    assert!(switches <= SWITCHES + MARGIN, "{switches:.2} waits for each key");
    assert!(calls <= CALLS + MARGIN, "{calls:.2} system calls for each key");
    drop(client);
    stack.stop().await;
}

/// Count for each key, without those of the timers in this time.
fn per_key(count: f64, time: Duration) -> f64 {
    (count - TIMERS_PER_SECOND * time.as_secs_f64()) / f64::from(KEYS)
}
