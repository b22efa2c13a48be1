//! Measures Termgate and its peers on this machine, in one run, in turn: `make bench`, or `cargo run --release -p bench -- echo` for one figure.
//! Prints tables, and writes everything as JSON. docs/performance.md says what limits each figure.
#![expect(clippy::print_stdout, reason = "a program says what it found")]
#![expect(clippy::expect_used, reason = "a measurement that cannot go on ends")]

mod connect;
mod cost;
mod crowd;
mod dialect;
mod distance;
mod echo;
mod far;
mod flood;
mod forward;
mod growth;
mod line;
mod peers;
mod process;
mod report;
mod resources;
mod resume;
mod shown;
mod soak;
mod start;
mod stats;
mod subjects;

use clap::{Parser, ValueEnum};
use report::Report;
use std::path::PathBuf;
use std::process::ExitCode;
use subjects::Subjects;

/// Measures on this machine, and says what it found.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Args {
    /// What to measure; everything when nothing is named.
    #[arg(value_enum)]
    figures: Vec<Figure>,
    /// Times that each is measured; the medians count.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// How long `soak` takes, in minutes, beside some four for its warm-up and its end.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    minutes: u16,
    /// What `growth` looks at; everything when nothing is named.
    #[arg(long, value_enum)]
    axes: Vec<growth::Axis>,
    /// Of `echo` and `flood`, only who has this in the name: for a profiler.
    #[arg(long)]
    only: Option<String>,
    /// Where the results are written, as JSON.
    #[arg(long, default_value = "target/bench.json")]
    json: PathBuf,
    /// Plays a recording in this terminal instead: what `cost` starts in its shells.
    #[arg(long, hide = true)]
    play: Option<PathBuf>,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Figure {
    /// From a key to its echo.
    Echo,
    /// How fast a program's output comes through.
    Flood,
    /// How long a page waits for its terminal.
    Connect,
    /// What it costs that a session lives in another instance.
    Forward,
    /// The same when every post takes its time.
    SlowPosts,
    /// From Ctrl-C to the prompt while a program floods the page, from far away.
    Interrupt,
    /// Coming back to a session from far away.
    Resume,
    /// Many sessions at once, typed into at a human pace.
    Crowd,
    /// What a cold start of the function costs.
    Start,
    /// Memory of the service for each session, beside its shell.
    Memory,
    /// What is left of users who came and went for minutes; ends with 1 when something is that must not.
    Soak,
    /// How cost grows with sessions, watchers, rates, ages and scrollbacks.
    Growth,
    /// What an hour of one user costs on AWS, for recorded work. Takes two minutes.
    Cost,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> std::io::Result<ExitCode> {
    let args = Args::parse();
    if let Some(recording) = &args.play {
        return cost::player::run(recording).await.map(|()| ExitCode::SUCCESS);
    }
    let figures = if args.figures.is_empty() { Figure::value_variants() } else { &args.figures };
    let mut report = Report::new();
    let mut faults = Vec::new();
    let subjects = Subjects::start(args.only.clone()).await;
    for figure in figures {
        match figure {
            Figure::Echo => echo::measure(&subjects, args.rounds, &mut report).await,
            Figure::Flood => flood::measure(&subjects, args.rounds, &mut report).await,
            Figure::Connect => connect::measure(&subjects, args.rounds, &mut report).await,
            Figure::Forward => forward::measure(args.rounds, &mut report).await,
            Figure::SlowPosts => far::flood(args.rounds, &mut report).await,
            Figure::Interrupt => far::interrupt(&subjects, args.rounds, &mut report).await,
            Figure::Resume => resume::measure(args.rounds, &mut report).await,
            Figure::Crowd => crowd::measure(&mut report).await,
            Figure::Start => start::measure(args.rounds, &mut report).await,
            Figure::Cost => cost::measure(&mut report).await,
            Figure::Memory => resources::memory(&mut report).await,
            Figure::Growth => growth::measure(&args.axes, &mut report).await,
            Figure::Soak => faults.extend(soak::measure(args.minutes, &mut report).await),
        }
    }
    subjects.stop().await;
    println!("{}", report.tables());
    report.write(&args.json)?;
    println!("written to {}", args.json.display());
    for fault in &faults {
        println!("FAULT: {fault}");
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
