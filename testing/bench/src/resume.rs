//! Time to resume: an empty page attaches with latency, until it has the whole screen.

use crate::delay_proxy::DelayProxy;
use crate::latency;
use crate::report::{Report, Row, Table};
use crate::stats::{ms, percentile};
use e2e::Terminal;
use std::fmt::Write as _;
use std::io::Write as _;
use tempfile::NamedTempFile;
use tokio::time::Instant;

/// Columns and rows.
const SIZE: (usize, usize) = (120, 40);

pub(crate) async fn measure(rounds: u16, report: &mut Report) {
    let stack = latency::stack().await;
    let proxy = DelayProxy::start(&stack.url(), latency::ROUND_TRIP).await;
    let mut rows = Vec::new();
    for (name, screen) in [("a shell", shell()), ("an editor", editor()), ("a monitor of processes", monitor())] {
        let mut file = NamedTempFile::new().expect("a temporary file");
        file.write_all(screen.as_bytes()).expect("room on the disk");
        let session = format!("resume-{}", rows.len());
        let mut owner = stack.terminal("ada", &session).await;
        owner.run(&format!("cat {}; read", file.path().display())).await;
        owner.expect("the end").await;
        let (mut times, mut bytes, mut frames) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let token = stack.token("ada", &session);
            let connected = Terminal::connect(&proxy.url(&stack.url()), &token).await;
            let mut terminal = connected.expect("the handshake is accepted");
            let started = Instant::now();
            terminal.attach().await;
            terminal.wait("the screen", |terminal| terminal.is_current().then_some(())).await;
            times.push(ms(started.elapsed()));
            bytes.push(terminal.received.bytes as f64 / 1024.0);
            frames.push(f64::from(terminal.received.frames));
            terminal.leave().await;
        }
        let values = [("time (ms)", times), ("KiB", bytes), ("frames", frames)];
        let values = values.into_iter().filter_map(|(column, found)| Some((column, percentile(&found, 0.5)?)));
        rows.push(Row::new(format!("Termgate, {name}"), values));
    }
    let figure = "coming back, 50 ms away, 15 ms for each post";
    report.add(Table { figure, unit: "median", columns: vec!["time (ms)", "KiB", "frames"], rows });
    stack.stop().await;
}

/// A prompt below a listing.
fn shell() -> String {
    let mut text = String::new();
    for number in 0..35 {
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "-rw-r--r-- 1 ada ada {:>8} Nov {:>2} 10:{:02} report-{number}.txt",
            number * 7919,
            number % 28 + 1,
            number
        );
    }
    text + "\x1b[1;32mada@lab\x1b[0m:\x1b[1;34m~/reports\x1b[0m$ the end"
}

/// This file in an editor with line numbers and colours, on the alternate screen.
fn editor() -> String {
    let mut text = "\x1b[?1049h\x1b[?1h\x1b=\x1b[H\x1b[2J".to_owned();
    for (number, line) in include_str!("resume.rs").lines().take(SIZE.1 - 1).enumerate() {
        let _ = write!(text, "\x1b[{};1H\x1b[33m{:>4} \x1b[0m", number + 1, number + 1);
        for word in line.split_inclusive(' ').take(SIZE.0 / 8) {
            let colour = match word.trim_end() {
                "use" | "const" | "fn" | "let" | "for" | "async" | "in" | "mut" | "pub(crate)" => 35,
                "//!" | "///" => 36,
                word if word.starts_with(char::is_uppercase) => 32,
                word if word.starts_with(['"', '\'']) => 31,
                _ => 39,
            };
            let _ = write!(text, "\x1b[{colour}m{word}");
        }
    }
    let _ = write!(text, "\x1b[{};1H\x1b[7m resume.rs [+]{:>95} \x1b[0m\x1b[12;20Hthe end", SIZE.1, "12,20   10%");
    text
}

/// Bars and a table in colours, like a process monitor, on the alternate screen.
fn monitor() -> String {
    let mut text = "\x1b[?1049h\x1b[H\x1b[2J".to_owned();
    for cpu in 0..8 {
        let used = (cpu * 37 + 11) % 60;
        let bar = "|".repeat(used);
        let _ = write!(
            text,
            "\x1b[{};1H\x1b[36m{cpu:>3}\x1b[1m[\x1b[32m{bar}\x1b[31m||\x1b[90m{:>1$}%\x1b[0m]",
            cpu + 1,
            100 - used
        );
    }
    let _ = write!(
        text,
        "\x1b[10;1H\x1b[30;42m{:<120}\x1b[0m",
        "    PID USER       PRI  NI  VIRT   RES   SHR S CPU% MEM%   TIME+  Command"
    );
    for row in 11..=SIZE.1 {
        let pid = row * 7919 % 32768;
        let _ = write!(
            text,
            "\x1b[{row};1H{pid:>7} \x1b[1mada{:<7}\x1b[0m  20   0 \x1b[32m{:>5}M\x1b[0m {:>5}M {:>5} S \x1b[1m{:>4}.{}\x1b[0m {:>4}.{}  0:{:02}.{:02} \x1b[36m/usr/lib/program-{pid}\x1b[0m --serve={row}",
            row % 9,
            pid % 977,
            pid % 313,
            pid % 97,
            row % 50,
            pid % 10,
            row % 7,
            pid % 10,
            row,
            pid % 60,
        );
    }
    text + "\x1b[40;100Hthe end"
}
