//! A gateway that hands over the messages of one connection one after the other, and that says so nowhere.

use dev_gateway::{Faults, Options};
use e2e::{Function, Stack, StackOptions, Terminal, until};
use std::time::Duration;
use tokio::time::Instant;

/// Lambda's timeout, so that a run carries for 11 s instead of 25 s: longer than the time between two carries.
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(14);
/// Time in which two runs that carry end, and the next ones begin.
const TYPING_TIME: Duration = Duration::from_secs(24);
/// Time in which the service finds out: three runs.
const KNOWN_TIMEOUT: Duration = Duration::from_secs(90);
/// Delay from an echo to the next key.
const KEY_DELAY: Duration = Duration::from_millis(150);
/// No key may wait longer, whichever run carries its echo: the first key behind a run waits for all of its 11 s. `bench relays`
/// measures how much shorter the wait is.
const MAX_ECHO: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_do_not_wait_where_messages_do_once_that_is_known() {
    let gateway = Options { faults: Some(Faults::new("one-at-a-time".parse().unwrap(), 1)), ..Options::default() };
    let options = StackOptions { gateway, timeout: FUNCTION_TIMEOUT, ..StackOptions::new(Function::InProcess) };
    let stack = Stack::start_with(options).await;
    let mut terminal = stack.terminal("ada", "serial").await;
    terminal.expect_serial_dispatch(KNOWN_TIMEOUT).await;
    terminal.open_carrier(&stack.url(), stack.token("ada", "serial"));
    until("the first carry's answer", e2e::TEST_TIMEOUT, async || answers(&terminal) > 0).await;
    terminal.run("cat").await;
    let (started, mut keys, mut slowest) = (Instant::now(), String::new(), Duration::ZERO);
    while started.elapsed() < TYPING_TIME {
        let key = char::from(b'a' + u8::try_from(keys.len() % 26).unwrap());
        let typed = Instant::now();
        terminal.type_text(&key.to_string()).await;
        terminal.expect(&key.to_string()).await;
        slowest = slowest.max(typed.elapsed());
        keys.push(key);
        let next = Instant::now() + KEY_DELAY;
        terminal.read_until(next).await;
    }
    assert!(slowest < MAX_ECHO, "the echo of a key took {slowest:?}");
    assert!(answers(&terminal) >= 3, "{} carries were answered", answers(&terminal));
    terminal.type_text("\r").await;
    terminal.expect(&format!("\r\n{keys}\r\n")).await;
    terminal.leave().await;
    stack.stop().await;
}

fn answers(terminal: &Terminal) -> u32 {
    terminal.carrier.as_ref().map_or(0, e2e::CarrierTask::answers)
}
