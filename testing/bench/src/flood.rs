//! Throughput of a program's output: a coloured build log. Every byte must arrive.

use crate::client::Client;
use crate::report::{Report, Table};
use crate::subjects::{Subjects, interleaved};
use std::io::Write;
use std::path::Path;
use tempfile::NamedTempFile;
use tokio::time::Instant;

pub(crate) const LINES: usize = 400_000;

/// Measures all subjects, interleaved by round.
pub(crate) async fn measure(subjects: &Subjects, rounds: u16, report: &mut Report) {
    report.add(of(subjects.clients().await, rounds).await.relative_to_peer("median"));
}

pub(crate) async fn of(clients: Vec<(String, Client)>, rounds: u16) -> Table {
    let log = log(LINES);
    let measured = interleaved(clients, rounds, async |subject, client| {
        let started = Instant::now();
        let bytes = print(client, log.path()).await;
        let seconds = started.elapsed().as_secs_f64();
        assert!(bytes > LINES * 60, "{subject} lost output: {bytes} bytes arrived");
        vec![bytes as f64 / seconds / f64::from(1 << 20)]
    });
    let measured = measured.await;
    let columns = [("median", 0.5), ("least", 0.0), ("most", 1.0)];
    Table::of_percentiles(("flood of coloured lines", "MiB/s"), &columns, measured)
}

/// Prints the file at a prompt. Returns the number of bytes that arrived.
pub(crate) async fn print(client: &mut Client, file: &Path) -> usize {
    // The quotes keep the expected word out of the echo.
    client.keys(&format!("cat {}; echo o'v'er\r", file.display())).await;
    client.expect("over\r\n").await
}

/// A temporary file with a build log; each line is 64 bytes with the terminal's `\r\n`.
pub(crate) fn log(lines: usize) -> NamedTempFile {
    let mut log = NamedTempFile::new().expect("a temporary file");
    for number in 0..lines {
        writeln!(log, "\x1b[32m   Compiling\x1b[0m a-crate-with-a-name-number-{number:08} v0.1.0")
            .expect("room on the disk");
    }
    log.flush().expect("room on the disk");
    log
}
