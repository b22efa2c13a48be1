//! Benchmarks Termgate and its peers on this machine: `make bench`, or `cargo run --release -p bench -- echo` for one figure.
//! Prints each table as soon as it is measured, and writes all results as JSON. docs/performance.md explains each figure.
#![expect(clippy::print_stdout, reason = "a program prints its results")]
#![expect(clippy::expect_used, reason = "a failed measurement ends the program")]

mod attack;
mod client;
mod connect;
mod cost;
mod counts;
mod delay_proxy;
mod echo;
mod files;
mod flood;
mod forward;
mod growth;
mod latency;
mod metrics;
mod peer_protocol;
mod peers;
mod prediction;
mod process;
mod quiet;
mod recording;
mod relays;
mod report;
mod resources;
mod resume;
mod soak;
mod start;
mod stats;
mod subjects;
mod wakeups;

use clap::{Parser, ValueEnum};
use report::Report;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use subjects::Subjects;

/// Benchmarks Termgate and its peers on this machine.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Args {
    /// Figures to measure; all by default.
    #[arg(value_enum)]
    figures: Vec<Figure>,
    /// Rounds of each figure.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Minutes of `soak`; its warm-up and its end take about four more.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    minutes: u16,
    /// Sessions of the largest figures of `relays`.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    sessions: u32,
    /// Seconds for which `relays` watches programs.
    #[arg(long, default_value_t = 70, value_parser = clap::value_parser!(u64).range(1..))]
    watch_seconds: u64,
    /// Restricts `echo` and `flood` to subjects whose name contains this, for a profiler, and `relays` to such parts: hour,
    /// visible, sessions, small account, beside, one-at-a-time, flood, silence.
    #[arg(long)]
    only: Option<String>,
    /// JSON file for the results.
    #[arg(long, default_value = "target/bench.json")]
    json: PathBuf,
    /// Plays a recording in this terminal instead; `cost` starts this in its shells.
    #[arg(long, hide = true)]
    play: Option<PathBuf>,
}

/// A figure to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Figure {
    /// Keystroke latency.
    Echo,
    /// Throughput of a program's output.
    Flood,
    /// Context switches, system calls and processor time of each process.
    Wakeups,
    /// Time to connect.
    Connect,
    /// Cost of forwarding between instances.
    Forward,
    /// Throughput with 15 ms for each post.
    SlowPosts,
    /// Time from Ctrl-C to the prompt, with latency, while a program prints.
    Interrupt,
    /// Time to resume a session, with latency.
    Resume,
    /// Keystroke latency with up to 1,000 concurrent sessions.
    #[value(alias = "crowd")]
    Concurrency,
    /// Keystroke latency beside attacks, as root.
    Attack,
    /// Keystroke latency of a session that gets a file.
    Files,
    /// Cold start of the function.
    Start,
    /// Memory of the service per session.
    Memory,
    /// Throughput, keystroke latency and memory of sessions that are recorded, and of those that are not.
    Recording,
    /// Leaks after minutes of sessions. Exits with 1 if there are any.
    Soak,
    /// Growth of cost with sessions and watchers.
    Growth,
    /// Cost of an hour of one user on AWS, for recorded work. Takes two minutes.
    Cost,
    /// Predicted echo: keys shown at once, mistakes, messages and cost. Takes five minutes.
    Prediction,
    /// Cost, runs of the function, latency and silences with several members of a relay. Takes half an hour.
    Relays,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> std::io::Result<ExitCode> {
    let args = Args::parse();
    if let Some(recording) = &args.play {
        return cost::player::run(recording).await.map(|()| ExitCode::SUCCESS);
    }
    let figures = if args.figures.is_empty() { Figure::value_variants() } else { &args.figures };
    let mut report = Report::new(quiet::warning().await);
    println!("{}", report.heading());
    let mut leaks = Vec::new();
    let relays = relays::Options {
        rounds: args.rounds,
        sessions: args.sessions,
        watch: Duration::from_secs(args.watch_seconds),
        only: args.only.clone(),
    };
    let subjects = Subjects::start(args.only.clone()).await;
    for figure in figures {
        match figure {
            Figure::Echo => echo::measure(&subjects, args.rounds, &mut report).await,
            Figure::Flood => flood::measure(&subjects, args.rounds, &mut report).await,
            Figure::Wakeups => wakeups::measure(&subjects, args.rounds, &mut report).await,
            Figure::Connect => connect::measure(&subjects, args.rounds, &mut report).await,
            Figure::Forward => forward::measure(args.rounds, &mut report).await,
            Figure::SlowPosts => latency::flood(args.rounds, &mut report).await,
            Figure::Interrupt => latency::interrupt(&subjects, args.rounds, &mut report).await,
            Figure::Resume => resume::measure(args.rounds, &mut report).await,
            Figure::Concurrency => growth::sessions::latency(&mut report).await,
            Figure::Attack => attack::measure(args.rounds, &mut report).await,
            Figure::Files => files::measure(args.rounds, &mut report).await,
            Figure::Start => start::measure(args.rounds, &mut report).await,
            Figure::Cost => cost::measure(&mut report).await,
            Figure::Prediction => prediction::measure(&mut report).await,
            Figure::Relays => relays::measure(&relays, &mut report).await,
            Figure::Memory => resources::memory(&mut report).await,
            Figure::Recording => recording::measure(args.rounds, &mut report).await,
            Figure::Growth => {
                growth::sessions::measure(&mut report).await;
                growth::watchers::measure(&mut report).await;
            }
            Figure::Soak => leaks.extend(soak::measure(args.minutes, &mut report).await),
        }
        report.write(&args.json)?;
    }
    subjects.stop().await;
    println!("\nwritten to {}", args.json.display());
    for leak in &leaks {
        println!("LEAK: {leak}");
    }
    Ok(if leaks.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
