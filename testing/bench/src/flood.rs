//! How fast a program's output comes through: a build log, in colours. Every byte of it must arrive.

use crate::line::Line;
use crate::report::{Report, Table};
use crate::subjects::Subjects;
use std::io::Write;
use tempfile::NamedTempFile;
use tokio::time::Instant;

/// Lines of the log.
const LINES: usize = 400_000;

/// Measures all subjects in turn, round by round.
pub(crate) async fn measure(subjects: &Subjects, rounds: u16, report: &mut Report) {
    report.add(of(subjects.lines().await, rounds).await.compared("median"));
}

/// Measures these.
pub(crate) async fn of(mut lines: Vec<(String, Line)>, rounds: u16) -> Table {
    let log = log(LINES);
    let path = log.path().display().to_string();
    let mut found: Vec<Vec<f64>> = vec![Vec::new(); lines.len()];
    for _ in 0..rounds {
        for ((subject, line), rates) in lines.iter_mut().zip(&mut found) {
            // What is typed does not hold the word that is waited for.
            let started = Instant::now();
            line.keys(&format!("cat {path}; echo o'v'er\r")).await;
            let bytes = line.until("over\r\n").await;
            let seconds = started.elapsed().as_secs_f64();
            assert!(bytes > LINES * 60, "{subject} lost something: {bytes} bytes came");
            rates.push(bytes as f64 / seconds / f64::from(1 << 20));
        }
    }
    let measured = lines.into_iter().zip(found).map(|((subject, _), rates)| (subject, rates));
    let columns = [("median", 0.5), ("least", 0.0), ("most", 1.0)];
    Table::of_percentiles(("flood of coloured lines", "MiB/s"), &columns, measured)
}

/// A build log of so many lines, 64 bytes each with what a terminal makes of the end of a line, in a file that is gone when this is dropped.
pub(crate) fn log(lines: usize) -> NamedTempFile {
    let mut log = NamedTempFile::new().expect("a temporary file");
    for number in 0..lines {
        writeln!(log, "\x1b[32m   Compiling\x1b[0m a-crate-with-a-name-number-{number:08} v0.1.0")
            .expect("room on the disk");
    }
    log.flush().expect("room on the disk");
    log
}
