//! Bounds on the counts of the hot path, as microbench bounds its instructions. Other load on the machine changes times, but
//! hardly these counts, which are averages over hundreds of keys.

use super::tracer::Tracer;
use super::{Client, type_keys};
use crate::counts::Counts;
use crate::subjects::{VARIABLES, direct, in_process};
use e2e::Stack;
use std::time::Duration;
use tokio::time::Instant;

const KEYS: u32 = 400;

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
const CALLS_PER_TIMER: f64 = 3.0;

#[tokio::test]
async fn a_key_and_its_echo_cost_the_service_two_waits_and_seven_system_calls() {
    let stack = Stack::start_with(in_process(VARIABLES)).await;
    let service = [stack.backend.id(0)];
    let mut terminal = direct(&stack, stack.backend.address(0), "ada", "counted").await;
    terminal.run("cat >/dev/null").await;
    let mut client = Client::Termgate(Box::new(terminal));
    type_keys(&mut client, KEYS, None).await;

    let (begun, before) = (Instant::now(), Counts::of(&service));
    type_keys(&mut client, KEYS, None).await;
    let switches = Counts::of(&service).since(&before).voluntary as f64;
    assert_within(switches, SWITCHES, begun.elapsed(), "waits");

    let tracer = Tracer::attach(&service).await.unwrap();
    let begun = Instant::now();
    type_keys(&mut client, KEYS, None).await;
    let time = begun.elapsed();
    let calls = tracer.detach().await as f64;
    assert_within(calls, CALLS, time * CALLS_PER_TIMER as u32, "system calls");
    drop(client);
    stack.stop().await;
}

/// Asserts that `count` is at most `each` for a key and one for each round of timers.
fn assert_within(count: f64, each: f64, time: Duration, of: &str) {
    let allowed = (each + MARGIN) * f64::from(KEYS) + TIMERS_PER_SECOND * time.as_secs_f64();
    let per_key = count / f64::from(KEYS);
    assert!(count <= allowed, "{per_key:.2} {of} for each key in {time:?}: at most {allowed:.0} in all, not {count}");
}
