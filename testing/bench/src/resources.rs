//! Memory of the service per session, without its shell: idle, during output, and without clients.

use crate::client::STEP_TIMEOUT;
use crate::process::{peak_resident, resident};
use crate::report::{Report, Row, Table};
use crate::subjects::in_process;
use e2e::{Stack, Terminal, until};
use futures_util::future::join_all;
use std::fs;

const SESSIONS: u32 = 50;

/// When memory is measured.
pub(crate) const COLUMNS: [&str; 4] = ["fresh", "1,000 lines", "peak during output", "no client, log full"];

/// Lines of 50 bytes that each session prints: several times the output log.
const BUSY_LINES: u32 = 60_000;

pub(crate) async fn memory(report: &mut Report) {
    let variables = &[("MAX_SESSIONS_PER_USER", "1000"), ("MAX_SESSIONS", "1000"), ("OUTPUT_BYTES_PER_SECOND", "0")];
    let stack = Stack::start_with(in_process(variables)).await;
    let columns = COLUMNS.to_vec();
    let rows = vec![Row::new("Termgate, session beside its shell", columns.iter().copied().zip(of(&stack).await))];
    report.add(Table { figure: "memory of the service", unit: "KiB", columns, rows });
    stack.stop().await;
}

/// Memory per session of a service, in KiB, by [`COLUMNS`].
pub(crate) async fn of(stack: &Stack) -> [f64; 4] {
    let process = stack.backend.id(0);
    // The first session pays for what is initialized once.
    let mut terminals = vec![stack.terminal("ada", "first").await];
    let before = resident(process);
    for number in 0..SESSIONS {
        terminals.push(stack.terminal(&format!("user-{number}"), &format!("s{number}")).await);
    }
    let fresh = resident(process);
    for terminal in &mut terminals {
        print(terminal, 1100).await;
    }
    let full = resident(process);

    fs::write(format!("/proc/{process}/clear_refs"), RESET_PEAK).expect("the service's own user may");
    join_all(terminals.iter_mut().map(|terminal| print(terminal, BUSY_LINES))).await;
    let busy = peak_resident(process);

    let done = tempfile::tempdir().expect("a temporary folder");
    for (number, terminal) in terminals.iter_mut().enumerate() {
        let file = done.path().join(number.to_string());
        terminal.run(&format!("{}; touch {}", lines(BUSY_LINES), file.display())).await;
    }
    let count = terminals.len();
    join_all(terminals.into_iter().map(Terminal::leave)).await;
    let all_done = async || fs::read_dir(done.path()).expect("it is there").count() >= count;
    until("the output", STEP_TIMEOUT, all_done).await;
    let unfollowed = resident(process);

    let each = |after: u64| after.saturating_sub(before) as f64 / f64::from(SESSIONS) / 1024.0;
    [fresh, full, busy, unfollowed].map(each)
}

/// Resets a process's peak resident memory (proc_pid_clear_refs(5)).
const RESET_PEAK: &str = "5";

/// A command that prints `count` lines.
fn lines(count: u32) -> String {
    format!("seq -f 'a line of a log that fills the width of a terminal %.0f' 1 {count}")
}

/// Prints `count` lines, and waits for them.
async fn print(terminal: &mut Terminal, count: u32) {
    terminal.type_text(&format!("{}; echo o'v'er\r", lines(count))).await;
    terminal.expect_within(STEP_TIMEOUT, "over\r\n").await;
}
