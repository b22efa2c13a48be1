//! What it costs that a session lives in another instance than the one that is asked: each request for it is looked up in Redis, passed
//! on, and its answer passed back. The same instance is asked for its own session and for that of the other.

use crate::line::Line;
use crate::report::{Report, Table};
use crate::subjects::{QUIET, VARIABLES, direct, fresh, settle};
use crate::{echo, flood};
use e2e::{Function, Setting, Stack};

/// The instance that is asked.
const ASKED: usize = 0;

/// How it is asked, whose session it is asked for, and the instance that has it.
const LINES: [(&str, usize); 4] = [
    ("Termgate, `/terminal`, own session", ASKED),
    ("Termgate, `/terminal`, passed on", ASKED + 1),
    ("Termgate, function in process, own session", ASKED),
    ("Termgate, function in process, passed on", ASKED + 1),
];

/// Measures two instances that share Redis.
pub(crate) async fn measure(rounds: u16, report: &mut Report) {
    let setting = Setting {
        instances: 2,
        asked: Some(ASKED),
        log: QUIET,
        variables: VARIABLES,
        ..Setting::new(Function::InProcess)
    };
    let stack = Stack::start_with(setting).await;
    report.add(compared(echo::of(lines(&stack).await, rounds).await, "p50"));
    report.add(compared(flood::of(lines(&stack).await, rounds).await, "median"));
    stack.stop().await;
}

async fn lines(stack: &Stack) -> Vec<(String, Line)> {
    let mut lines = Vec::new();
    for (number, (name, owner)) in LINES.into_iter().enumerate() {
        let session = format!("bench-{}", fresh());
        // Where a session is asked for first, there is its shell.
        direct(stack, stack.backend.address(owner), "ada", &session).await.leave().await;
        let terminal = if number < 2 {
            direct(stack, stack.backend.address(ASKED), "ada", &session).await
        } else {
            let mut terminal = stack.connect("ada", &session).await;
            terminal.attach().await;
            terminal
        };
        lines.push((name.to_owned(), Line::Termgate(Box::new(terminal))));
    }
    settle(&mut lines).await;
    lines
}

/// Beside each what is passed on, in units of what is not.
fn compared(table: Table, column: &'static str) -> Table {
    table.beside("× own session", column, |row| row / 2 * 2)
}
