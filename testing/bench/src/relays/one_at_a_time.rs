//! Keystroke latency where the gateway hands over the messages of one connection one after the other, beside a gateway that hands
//! them over at once: with the real function, once the service knows, and for longer than two runs carry.

use super::beside::real;
use crate::client::STEP_TIMEOUT;
use crate::echo::{self, echo_of, key};
use crate::latency::slow_posts;
use crate::report::Table;
use crate::stats::ms;
use dev_gateway::Options;
use e2e::{Stack, StackOptions, Terminal};
use std::time::Duration;
use tokio::time::Instant;

/// The measured terminal.
const USER: &str = "ada";
const SESSION: &str = "one-at-a-time";

/// Time of typing: more than twice the life of a relay.
const TYPING_TIME: Duration = Duration::from_secs(60);

/// Delay from an echo to the next key.
const KEY_DELAY: Duration = Duration::from_millis(50);

/// Time in which the service finds out: three runs of up to 25 s, and what waits behind them.
const KNOWN_TIMEOUT: Duration = Duration::from_secs(180);

pub(super) async fn table() -> Table {
    let mut samples = Vec::new();
    for (name, one_at_a_time) in [("at once", false), ("one at a time, once it is known", true)] {
        let gateway = gateway(one_at_a_time);
        let stack = Stack::start_with(StackOptions { gateway, ..real(None) }).await;
        let mut terminal = stack.terminal(USER, SESSION).await;
        if one_at_a_time {
            terminal.expect_serial_dispatch(KNOWN_TIMEOUT).await;
            terminal.open_carrier(&stack.url(), stack.token(USER, SESSION));
        }
        terminal.run("cat >/dev/null").await;
        samples.push((name.to_owned(), type_for(TYPING_TIME, &mut terminal).await));
        terminal.leave().await;
        stack.stop().await;
    }
    let figure = "keystroke to echo under one-at-a-time, real function, posts over TLS";
    Table::of_percentiles((figure, "ms"), &echo::COLUMNS, samples).with_ratio("× at once, p50", "p50", |_| 0)
}

/// A gateway with slow posts, and messages of a connection at once or one at a time.
fn gateway(one_at_a_time: bool) -> Options {
    let options = slow_posts();
    if let Some(faults) = &options.faults {
        let mut plan = faults.plan();
        plan.connections.one_at_a_time = one_at_a_time;
        faults.set(plan);
    }
    options
}

/// Latencies in ms of keys that are typed for this time.
async fn type_for(time: Duration, terminal: &mut Terminal) -> Vec<f64> {
    let (end, mut times) = (Instant::now() + time, Vec::new());
    for number in 1.. {
        if Instant::now() >= end {
            break;
        }
        times.push(echo_of_key(terminal, number).await);
        terminal.read_until(Instant::now() + KEY_DELAY).await;
    }
    times
}

/// Latency of the key of this number, in ms.
async fn echo_of_key(terminal: &mut Terminal, number: u32) -> f64 {
    let (key, typed) = (key(number), Instant::now());
    terminal.type_text(&key).await;
    terminal.skip_past(STEP_TIMEOUT, echo_of(&key)).await;
    ms(typed.elapsed())
}
