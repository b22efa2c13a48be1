//! As far away as on AWS: a post takes its time, the page is a round trip away, and its emulator parses no faster than a browser's.
//! How much comes through, and how soon Ctrl-C brings the prompt back.

use crate::distance::Distance;
use crate::flood;
use crate::line::{Line, Stop};
use crate::report::{Report, Table};
use crate::stats::ms;
use crate::subjects::{QUIET, Subjects, VARIABLES};
use dev_gateway::{DurationRange, FaultPlan, Faults, Options, PostPlan};
use e2e::{Function, Setting, Stack};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// What a post to `@connections` takes.
const POST: Duration = Duration::from_millis(15);

/// Between page and gateway, both ways.
pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(50);

/// What a browser's emulator parses in a second, in bytes.
const PARSED: u32 = 8 << 20;

/// How long a program floods the page before it is stopped.
const FLOODED: Duration = Duration::from_millis(1500);

/// Longest that a prompt is waited for.
const GIVE_UP: Duration = Duration::from_secs(20);

/// A gateway whose posts take their time. In it, output accumulates and travels in one frame.
pub(crate) fn slow_posts() -> Options {
    let posts = PostPlan { slow: DurationRange::exactly(POST), ..PostPlan::default() };
    let faults = Faults::new(FaultPlan { posts, ..FaultPlan::default() }, 1);
    Options { faults: Some(faults), ..Options::default() }
}

/// The whole chain behind it.
pub(crate) async fn stack() -> Stack {
    let gateway = slow_posts();
    Stack::start_with(Setting { gateway, log: QUIET, variables: VARIABLES, ..Setting::new(Function::InProcess) }).await
}

/// How much comes through when every post takes its time.
pub(crate) async fn flood(rounds: u16, report: &mut Report) {
    let stack = stack().await;
    let line = Line::Termgate(Box::new(stack.terminal("ada", "flood").await));
    let lines = vec![("Termgate, function in process".to_owned(), line)];
    report.add(Table { figure: "flood with 15 ms for each post", ..flood::of(lines, rounds).await });
    stack.stop().await;
}

/// How soon the prompt is back after Ctrl-C, while a program floods the page.
pub(crate) async fn interrupt(subjects: &Subjects, rounds: u16, report: &mut Report) {
    let stack = stack().await;
    let distance = Distance::before(&stack.url(), ROUND_TRIP).await;
    let mut lines = Vec::new();
    for (name, stop) in [("interrupt", Stop::Interrupt), ("0x03", Stop::Key)] {
        let terminal = stack.terminal_at(&distance.url(&stack.url()), "ada", name).await;
        lines.push((format!("Termgate, function in process, {name}"), stop, Line::Termgate(Box::new(terminal))));
    }
    let (peers, _distances) = subjects.far_peers(ROUND_TRIP).await;
    lines.extend(peers.into_iter().map(|(name, line)| (name, Stop::Key, line)));
    for (_, _, line) in &mut lines {
        line.keys("PS1='ready> '; echo be'g'in\r").await;
        line.until("begin\r\n").await;
        line.until("ready> ").await;
        line.parse_slowly(PARSED);
    }
    let mut found: Vec<Vec<f64>> = vec![Vec::new(); lines.len()];
    for _ in 0..rounds {
        // Who keeps everything that was printed may take for ever: it is not asked again.
        let still =
            lines.iter_mut().zip(&mut found).filter(|(_, times)| times.last().is_none_or(|last| *last < ms(GIVE_UP)));
        for ((_, stop, line), times) in still {
            line.keys("yes\r").await;
            line.until("yes\r\n").await;
            line.stay(FLOODED).await;
            let started = Instant::now();
            line.stop_program(*stop).await;
            let back = timeout(GIVE_UP, line.until("ready> ")).await;
            times.push(ms(started.elapsed()));
            assert!(back.is_ok() || matches!(line, Line::Foreign(_)), "the prompt does not come back");
        }
    }
    let measured = lines.into_iter().zip(found).map(|((subject, ..), times)| (subject, times));
    let figure = ("Ctrl-C under `yes` to the prompt, 50 ms away, 15 ms for each post, 8 MiB/s parsed", "ms");
    report.add(Table::of_percentiles(figure, &[("median", 0.5), ("max", 1.0)], measured));
    stack.stop().await;
}
