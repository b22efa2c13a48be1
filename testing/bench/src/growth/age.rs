//! The age of a session: what a key costs, and what the service holds, after many keys and after much output. Over a WebSocket to the
//! service itself: more keys in less time.

use super::{Point, VARIABLES, curve, mib, spent};
use crate::echo::{echo_of, key};
use crate::flood;
use crate::line::PATIENCE;
use crate::process::resident;
use crate::report::Report;
use crate::subjects::{direct, in_process};
use e2e::{Stack, Terminal};

/// Keys of a session before it is looked at; what is made once is made by the first.
const KEYS: [u32; 3] = [1_000, 20_000, 100_000];

/// Output of a session before it is looked at, in MiB.
const OUTPUT: [u32; 4] = [0, 1, 10, 100];

/// Keys that are measured.
const MEASURED: u32 = 10_000;

/// Keys on their way at the same time while a session ages.
const AT_ONCE: u32 = 50;

pub(super) async fn measure(report: &mut Report) {
    report.add(curve("typing into a session after many keys", "keys before", "µs a key", after_keys().await));
    report.add(curve("typing into a session after much output", "MiB before", "µs a key", after_output().await));
}

async fn after_keys() -> Vec<Point> {
    let stack = in_process(VARIABLES).await;
    let mut terminal = at_a_prompt(&stack).await;
    reads(&mut terminal).await;
    let (mut points, mut typed) = (Vec::new(), 0);
    for age in KEYS {
        type_keys(&mut terminal, age - typed, AT_ONCE).await;
        points.push(point(&stack, &mut terminal, age).await);
        typed = age + MEASURED;
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
        let times = age - printed;
        terminal
            .type_text(&format!(
                "for ((n = 0; n < {times}; n++)); do cat {}; done; echo ov'e'r\r",
                log.path().display()
            ))
            .await;
        terminal.expect_within(PATIENCE, "over\r\n").await;
        terminal.expect("\u{1b}]133;B").await;
        printed = age;
        reads(&mut terminal).await;
        type_keys(&mut terminal, KEYS[0], 1).await;
        points.push(point(&stack, &mut terminal, age).await);
        terminal.type_text("\r\u{4}").await;
        terminal.expect("\u{1b}]133;B").await;
    }
    stack.stop().await;
    points
}

async fn point(stack: &Stack, terminal: &mut Terminal, age: u32) -> Point {
    let typed = spent(stack, type_keys(terminal, MEASURED, 1)).await;
    let memory = mib(resident(stack.backend.id(0)));
    Point::new(age, typed / f64::from(MEASURED)).with("memory (MiB)", memory)
}

/// At a prompt, without a gateway.
async fn at_a_prompt(stack: &Stack) -> Terminal {
    let mut terminal = direct(stack, stack.backend.address(0), "ada", "s").await;
    terminal.expect("\u{1b}]133;B").await;
    terminal.expect("\u{7}").await;
    terminal
}

/// Starts a program that reads and says nothing: the terminal echoes.
async fn reads(terminal: &mut Terminal) {
    terminal.run("cat >/dev/null").await;
}

/// Types so many keys, some at once, and sees each.
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
