//! Watchers: cost of a MiB of output for each client that receives it, through the whole chain.

use super::{cost_of, curve, mib};
use crate::client::STEP_TIMEOUT;
use crate::flood;
use crate::report::Report;
use crate::subjects::{VARIABLES, in_process};
use e2e::{Stack, Terminal};
use futures_util::future::join_all;

/// Clients of the session, up to the limit of the service.
const WATCHERS: [usize; 4] = [1, 4, 16, 64];

/// Chunks of 5 KiB, one each 20 ms: 256 KiB/s, slow enough for 64 clients on a small machine.
const CHUNKS: u32 = 250;
const CHUNK_BYTES: u32 = 5243;

pub(crate) async fn measure(report: &mut Report) {
    let log = flood::log(1 << 13);
    let log = log.path().display();
    let program =
        format!("for ((n = 0; n < {CHUNKS}; n++)); do head -c {CHUNK_BYTES} {log}; sleep 0.02; done; echo ov'e'r\r");
    let stack = Stack::start_with(in_process(VARIABLES)).await;
    let mut terminals = vec![stack.terminal("ada", "s").await];
    let mut points = Vec::new();
    for count in WATCHERS {
        while terminals.len() < count {
            let token = stack.viewer_token(&format!("viewer-{}", terminals.len()), "s");
            let mut viewer = Terminal::connect(&stack.url(), &token).await.expect("the handshake is accepted");
            viewer.attach().await;
            terminals.push(viewer);
        }
        let before = received(&terminals);
        terminals[0].type_text(&program).await;
        let all = terminals.iter_mut().map(|terminal| terminal.expect_within(STEP_TIMEOUT, "over\r\n"));
        let (cost, _) = cost_of(&stack, join_all(all)).await;
        points.push((count as u32, vec![cost / mib(received(&terminals) - before)]));
    }
    stack.stop().await;
    report.add(curve("output with several watchers", "watchers", vec!["µs for each MiB and watcher"], points));
}

fn received(terminals: &[Terminal]) -> u64 {
    terminals.iter().map(|terminal| terminal.stream.bytes.len() as u64).sum()
}
