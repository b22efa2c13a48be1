//! The scrollback: what keeping more of it costs, and what it costs to show it to a page that comes back.

use super::{Point, curve, mib, spent};
use crate::line::PATIENCE;
use crate::report::Report;
use crate::shown::Shown;
use crate::stats::ms;
use crate::subjects::in_process;
use e2e::{Stack, Terminal};
use tokio::time::Instant;

/// Lines, and the variables that say so.
const SIZES: [(u32, &[(&str, &str)]); 3] = [
    (100, &[("OUTPUT_BYTES_PER_SECOND", "0"), ("SESSION_SCROLLBACK_LINES", "100")]),
    (1000, &[("OUTPUT_BYTES_PER_SECOND", "0"), ("SESSION_SCROLLBACK_LINES", "1000")]),
    (10_000, &[("OUTPUT_BYTES_PER_SECOND", "0"), ("SESSION_SCROLLBACK_LINES", "10000")]),
];

/// Lines that are printed: more than any scrollback keeps.
const PRINTED: u32 = 200_000;

/// Pages that come.
const PAGES: u32 = 20;

pub(super) async fn measure(report: &mut Report) {
    let (mut keeping, mut showing) = (Vec::new(), Vec::new());
    for (lines, variables) in SIZES {
        let stack = in_process(variables).await;
        let mut terminal = stack.terminal("ada", "s").await;
        let before = terminal.stream.bytes.len();
        terminal
            .type_text(&format!(
                "seq -f 'a line of a log of the usual length, number %08.0f' 1 {PRINTED}; echo ov'e'r\r"
            ))
            .await;
        let work = spent(&stack, terminal.expect_within(PATIENCE, "over\r\n")).await;
        keeping.push(Point::new(lines, work / mib((terminal.stream.bytes.len() - before) as u64)));
        showing.push(shown(&stack, lines).await);
        stack.stop().await;
    }
    report.add(curve("keeping a scrollback", "lines", "µs a MiB of output", keeping));
    report.add(curve("showing it to a page that comes", "lines", "µs a line", showing));
}

/// Each page is another client, so that it gets all there is.
async fn shown(stack: &Stack, lines: u32) -> Point {
    let sent = async || Shown::by(stack, 0).await.sum("termgate_frames_sent_bytes_total");
    let (bytes, begin) = (sent().await, Instant::now());
    let work = spent(stack, async {
        for number in 0..PAGES {
            let token = stack.viewer_token(&format!("viewer-{number}"), "s");
            let mut page = Terminal::connect(&stack.url(), &token).await.expect("the handshake is accepted");
            page.attach().await;
            page.expect_within(PATIENCE, "over").await;
            page.leave().await;
        }
    })
    .await;
    let each = f64::from(PAGES);
    Point::new(lines, work / each / f64::from(lines))
        .with("ms", ms(begin.elapsed()) / each)
        .with("KiB on the wire", (sent().await - bytes) / each / 1024.0)
}
