//! What a session costs the service beside its shell.

use crate::report::{Report, Row, Table};
use crate::subjects::QUIET;
use e2e::{Function, Setting, Stack};
use std::collections::BTreeMap;

/// Sessions that are started to see what one costs.
const SESSIONS: u32 = 50;

/// Memory of the service for each session: fresh, and with a full scrollback.
pub(crate) async fn memory(report: &mut Report) {
    let variables = &[("MAX_SESSIONS_PER_USER", "1000"), ("MAX_SESSIONS", "1000")];
    let stack = Stack::start_with(Setting { log: QUIET, variables, ..Setting::new(Function::InProcess) }).await;
    let process = stack.backend.id(0);
    // What is made once is not a session's.
    let mut terminals = vec![stack.terminal("ada", "first").await];
    let before = resident(process);
    for number in 0..SESSIONS {
        terminals.push(stack.terminal(&format!("user-{number}"), &format!("s{number}")).await);
    }
    let fresh = resident(process);
    for terminal in &mut terminals {
        terminal
            .type_text("seq -f 'a line of a log that fills the width of a terminal %.0f' 1 1100; echo o'v'er\r")
            .await;
        terminal.expect("over\r\n").await;
    }
    let full = resident(process);
    let each = |after: u64| after.saturating_sub(before) as f64 / f64::from(SESSIONS) / 1024.0;
    let values = BTreeMap::from([("fresh", each(fresh)), ("1,000 lines", each(full))]);
    let rows = vec![Row { subject: "Termgate, idle session beside its shell".to_owned(), values }];
    report.add(Table { figure: "memory of the service", unit: "KiB", columns: vec!["fresh", "1,000 lines"], rows });
    drop(terminals);
    stack.stop().await;
}

/// Bytes of memory that a process holds.
pub(crate) fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the kernel says so");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib * 1024
}
