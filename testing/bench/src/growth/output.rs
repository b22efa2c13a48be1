//! Output: what a MiB costs at each rate, and for each of those who watch. Through the whole chain.

use super::{Point, VARIABLES, curve, mib, spent};
use crate::flood;
use crate::line::PATIENCE;
use crate::report::Report;
use crate::subjects::in_process;
use e2e::Terminal;
use futures_util::future::join_all;
use std::path::Path;

/// In KiB a second.
const RATES: [u32; 5] = [64, 256, 1024, 4096, 8192];

/// Of one session; as many as it may have.
const WATCHERS: [u32; 7] = [1, 2, 4, 8, 16, 32, 64];

/// Where there are watchers, in KiB a second: slow enough for all of them on a small machine.
const WATCHED_RATE: u32 = 256;

/// Pieces that a program prints, one each 20 ms.
const PIECES: u32 = 250;
const PIECES_A_SECOND: u32 = 50;

pub(super) async fn measure(report: &mut Report) {
    let log = flood::log(1 << 13);
    report.add(curve("output of a program", "KiB a second", "µs a MiB", rates(log.path()).await));
    report.add(curve(
        "output that several watch",
        "watchers",
        "µs for each MiB that one gets",
        watchers(log.path()).await,
    ));
}

/// What prints so many KiB a second.
fn program(log: &Path, rate: u32) -> String {
    let piece = rate * 1024 / PIECES_A_SECOND;
    format!("for ((n = 0; n < {PIECES}; n++)); do head -c {piece} {}; sleep 0.02; done; echo ov'e'r\r", log.display())
}

async fn rates(log: &Path) -> Vec<Point> {
    let stack = in_process(VARIABLES).await;
    let mut terminal = stack.terminal("ada", "s").await;
    let mut points = Vec::new();
    for rate in RATES {
        let before = terminal.stream.bytes.len();
        terminal.type_text(&program(log, rate)).await;
        let work = spent(&stack, terminal.expect_within(PATIENCE, "over\r\n")).await;
        points.push(Point::new(rate, work / mib((terminal.stream.bytes.len() - before) as u64)));
    }
    stack.stop().await;
    points
}

async fn watchers(log: &Path) -> Vec<Point> {
    let stack = in_process(VARIABLES).await;
    let mut terminals = vec![stack.terminal("ada", "s").await];
    let mut points = Vec::new();
    for count in WATCHERS {
        while terminals.len() < count as usize {
            let token = stack.viewer_token(&format!("viewer-{}", terminals.len()), "s");
            let mut viewer = Terminal::connect(&stack.url(), &token).await.expect("the handshake is accepted");
            viewer.attach().await;
            terminals.push(viewer);
        }
        let got =
            |terminals: &[Terminal]| terminals.iter().map(|terminal| terminal.stream.bytes.len() as u64).sum::<u64>();
        let before = got(&terminals);
        terminals[0].type_text(&program(log, WATCHED_RATE)).await;
        let all = terminals.iter_mut().map(|terminal| terminal.expect_within(PATIENCE, "over\r\n"));
        let work = spent(&stack, join_all(all)).await;
        points.push(Point::new(count, work / mib(got(&terminals) - before)));
    }
    stack.stop().await;
    points
}
