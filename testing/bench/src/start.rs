//! Cold start of the function: time from the start of the process to its first request for an event, memory, and size.

use crate::report::{Report, Row, Table};
use crate::stats::{ms, percentile};
use e2e::binary;
use std::io::Write;
use std::process::Stdio;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::{Instant, timeout};

/// Starts per round.
const STARTS: u16 = 10;

/// Measures the real function, started as Lambda starts it.
pub(crate) async fn measure(rounds: u16, report: &mut Report) {
    let (mut times, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..rounds * STARTS {
        let (time, resident) = start().await;
        times.push(time);
        memory.push(resident);
    }
    let values = [
        ("start p50 (ms)", percentile(&times, 0.5)),
        ("start max (ms)", percentile(&times, 1.0)),
        ("memory (MB)", percentile(&memory, 0.5)),
        ("zipped (MB)", Some(zipped())),
    ];
    let columns = values.iter().map(|(name, _)| *name).collect();
    let values = values.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let rows = vec![Row::new("Termgate, real function", values)];
    let unit = "from the start of the process to its first request";
    report.add(Table { figure: "cold start of the function", unit, columns, rows });
}

/// Time to the first request for an event in ms, and resident memory in MB.
async fn start() -> (f64, f64) {
    let lambda = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = lambda.local_addr().expect("it listens").to_string();
    let mut command = Command::new(binary("bootstrap"));
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", address)
        .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "bench")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "bench")
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "bench")
        .env("AWS_SECRET_ACCESS_KEY", "bench")
        .env("TABLE_NAME", "WebSocketConnections")
        .env("BACKEND_URL", "https://service.invalid")
        .env("JWT_SECRET", "0123456789abcdef0123456789abcdef")
        .stdout(Stdio::null())
        .kill_on_drop(true);
    let started = Instant::now();
    let mut function = command.spawn().expect("it starts");
    let (mut socket, _) =
        timeout(crate::client::STEP_TIMEOUT, lambda.accept()).await.expect("it connects in time").expect("it connects");
    let mut first = [0; 64];
    let count = socket.read(&mut first).await.expect("it sends a request");
    let time = ms(started.elapsed());
    assert!(first[..count].starts_with(b"GET /2018-06-01/runtime/invocation/next"), "it asks for an event");
    let resident = crate::process::resident(function.id().expect("it runs"));
    let _ = function.kill().await;
    (time, resident as f64 / 1e6)
}

/// Compressed size in MB.
fn zipped() -> f64 {
    let program = std::fs::read(binary("bootstrap")).expect("it was built");
    let mut deflated = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    deflated.write_all(&program).expect("room in memory");
    deflated.finish().expect("room in memory").len() as f64 / 1e6
}
