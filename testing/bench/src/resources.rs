//! What a session costs the service beside its shell: when it rests, when everyone prints at once, and when nobody looks.

use crate::line::PATIENCE;
use crate::process::{most_resident, resident};
use crate::report::{Report, Row, Table};
use crate::subjects::in_process;
use e2e::Terminal;
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, interval};

/// Sessions that are started to see what one costs.
const SESSIONS: u32 = 50;

/// Lines of 50 bytes that each prints while everyone prints: several times what the service keeps of it.
const BUSY_LINES: u32 = 60_000;

/// How often it is looked whether the shells are done.
const LOOK: Duration = Duration::from_millis(50);

/// Memory of the service for each session.
pub(crate) async fn memory(report: &mut Report) {
    let variables = &[("MAX_SESSIONS_PER_USER", "1000"), ("MAX_SESSIONS", "1000"), ("OUTPUT_BYTES_PER_SECOND", "0")];
    let stack = in_process(variables).await;
    let process = stack.backend.id(0);
    // What is made once is not a session's.
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

    fs::write(format!("/proc/{process}/clear_refs"), FORGET_THE_MOST).expect("the service's own user may");
    join_all(terminals.iter_mut().map(|terminal| print(terminal, BUSY_LINES))).await;
    let busy = most_resident(process);

    let done = tempfile::tempdir().expect("a temporary folder");
    for (number, terminal) in terminals.iter_mut().enumerate() {
        let file = done.path().join(number.to_string());
        terminal.run(&format!("{}; touch {}", lines(BUSY_LINES), file.display())).await;
    }
    let count = terminals.len();
    join_all(terminals.into_iter().map(Terminal::leave)).await;
    all_there(done.path(), count).await;
    let unfollowed = resident(process);

    let each = |after: u64| after.saturating_sub(before) as f64 / f64::from(SESSIONS) / 1024.0;
    let columns = vec!["fresh", "1,000 lines", "all print, most", "nobody looks, ring full"];
    let values: BTreeMap<_, _> = columns.iter().copied().zip([fresh, full, busy, unfollowed].map(each)).collect();
    let rows = vec![Row { subject: "Termgate, session beside its shell".to_owned(), values }];
    report.add(Table { figure: "memory of the service", unit: "KiB", columns, rows });
    stack.stop().await;
}

/// What makes the kernel forget how much memory a process had at most (proc_pid_clear_refs(5)).
const FORGET_THE_MOST: &str = "5";

/// What prints so many lines.
fn lines(count: u32) -> String {
    format!("seq -f 'a line of a log that fills the width of a terminal %.0f' 1 {count}")
}

/// Prints so many lines, and waits for them.
async fn print(terminal: &mut Terminal, count: u32) {
    terminal.type_text(&format!("{}; echo o'v'er\r", lines(count))).await;
    terminal.expect_within(PATIENCE, "over\r\n").await;
}

/// Waits for so many files.
async fn all_there(folder: &Path, count: usize) {
    let (deadline, mut looks) = (Instant::now() + PATIENCE, interval(LOOK));
    while fs::read_dir(folder).expect("it is there").count() < count {
        assert!(Instant::now() < deadline, "the shells are not done in time");
        looks.tick().await;
    }
}
