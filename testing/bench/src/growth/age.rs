//! Age of a session: cost of a key and memory after many keys and after much output. Over a WebSocket to the service itself,
//! which types more keys in less time.

use super::curve::{Point, cost_of, curve, mib};
use crate::client::STEP_TIMEOUT;
use crate::echo::{echo_of, key};
use crate::flood;
use crate::process::resident;
use crate::report::Report;
use crate::subjects::{VARIABLES, direct, in_process};
use e2e::{Stack, Terminal};

/// Keys before each measurement; the first ones warm up.
const KEYS: [u32; 3] = [1_000, 20_000, 100_000];

/// Output before each measurement, in MiB.
const OUTPUT: [u32; 3] = [0, 10, 100];

const MEASURED_KEYS: u32 = 10_000;

/// Keys in flight while a session ages.
const KEYS_IN_FLIGHT: u32 = 50;

pub(super) async fn measure(report: &mut Report) {
    report.add(curve("typing into a session after many keys", "keys before", "µs a key", after_keys().await));
    report.add(curve("typing into a session after much output", "MiB before", "µs a key", after_output().await));
}

async fn after_keys() -> Vec<Point> {
    let stack = in_process(VARIABLES).await;
    let mut terminal = at_a_prompt(&stack).await;
    terminal.run("cat >/dev/null").await;
    let (mut points, mut typed) = (Vec::new(), 0);
    for age in KEYS {
        type_keys(&mut terminal, age - typed, KEYS_IN_FLIGHT).await;
        points.push(point(&stack, &mut terminal, age).await);
        typed = age + MEASURED_KEYS;
    }
    stack.stop().await;
    points
}

async fn after_output() -> Vec<Point> {
    let stack = in_process(VARIABLES).await;
    let mut terminal = at_a_prompt(&stack).await;
    let log = flood::log(1 << 14);
    let (mut points, mut printed) = (Vec::new(), 0);
    for age in OUTPUT {
        let (times, log) = (age - printed, log.path().display());
        let print = format!("for ((n = 0; n < {times}; n++)); do cat {log}; done; echo ov'e'r\r");
        terminal.type_text(&print).await;
        terminal.expect_within(STEP_TIMEOUT, "over\r\n").await;
        terminal.expect("\u{1b}]133;B").await;
        printed = age;
        terminal.run("cat >/dev/null").await;
        type_keys(&mut terminal, KEYS[0], 1).await;
        points.push(point(&stack, &mut terminal, age).await);
        terminal.type_text("\r\u{4}").await;
        terminal.expect("\u{1b}]133;B").await;
    }
    stack.stop().await;
    points
}

async fn point(stack: &Stack, terminal: &mut Terminal, age: u32) -> Point {
    let typed = cost_of(stack, type_keys(terminal, MEASURED_KEYS, 1)).await;
    let memory = mib(resident(stack.backend.id(0)));
    Point::new(age, typed / f64::from(MEASURED_KEYS)).with("memory (MiB)", memory)
}

async fn at_a_prompt(stack: &Stack) -> Terminal {
    let mut terminal = direct(stack, stack.backend.address(0), "ada", "s").await;
    terminal.expect("\u{1b}]133;B").await;
    terminal.expect("\u{7}").await;
    terminal
}

/// Types keys, some at once, and waits for each echo.
async fn type_keys(terminal: &mut Terminal, count: u32, at_once: u32) {
    let mut typed = 0;
    while typed < count {
        let some = at_once.min(count - typed);
        for number in typed..typed + some {
            terminal.type_text(&key(number)).await;
        }
        for number in typed..typed + some {
            terminal.expect(echo_of(&key(number))).await;
        }
        typed += some;
    }
}
