//! The proof at full length:
//! `cargo build --release --bins && cargo run -p e2e --release --bin hostile -- --keys 100000 --seed 1`.
#![expect(clippy::print_stdout, reason = "a program prints its results")]

use clap::Parser;
use dev_gateway::{FAULTS_HELP, FaultPlan};
use e2e::{FaultRun, Function, Way};
use std::time::Duration;

/// Types into a program through the whole stack while the transport injects faults, and compares the program's input and the
/// client's output byte for byte.
#[derive(Debug, Parser)]
#[command(name = "hostile", after_long_help = FAULTS_HELP)]
struct Args {
    /// Keys per typist.
    #[arg(long, default_value_t = 3000)]
    keys: u64,
    /// Seed of keys, output and faults; may be repeated.
    #[arg(long = "seed", value_name = "N", default_values_t = [1])]
    seeds: Vec<u64>,
    /// Sessions at a time, whose pages share relays.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    sessions: u16,
    /// Concurrent typists of each session.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=2))]
    typists: u16,
    /// Keys per second and typist.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    rate: u64,
    /// Faults in place of the default ones; --help lists them.
    #[arg(long)]
    fault: Option<FaultPlan>,
    /// Way of the pages: over HTTP, requests have faults of their own.
    #[arg(long, value_enum, default_value = "gateway")]
    way: Way,
    /// Kind of function: the real bootstrap needs `make .venv/installed`.
    #[arg(long, value_enum, default_value = "in-process")]
    function: Function,
    /// Instances of the service; more than one share Redis, behind a load balancer.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=8))]
    instances: u8,
    /// Interval of handovers to a new connection, in milliseconds.
    #[arg(long, value_name = "MS")]
    handover: Option<u64>,
    /// Lambda's timeout of the function, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 30_000)]
    timeout: u64,
    /// Longest duration before the run counts as stalled.
    #[arg(long, value_name = "SECONDS")]
    patience: Option<u64>,
}

impl Args {
    fn run(&self, seed: u64) -> FaultRun {
        let default = FaultRun::new(seed, self.keys);
        FaultRun {
            sessions: self.sessions.into(),
            typists: self.typists.into(),
            rate: self.rate,
            faults: self.fault.clone().unwrap_or(default.faults),
            way: self.way,
            function: self.function,
            instances: self.instances.into(),
            handover: self.handover.map(Duration::from_millis),
            timeout: Duration::from_millis(self.timeout),
            max_duration: self.patience.map_or(default.max_duration, Duration::from_secs),
            ..default
        }
    }
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    for seed in &args.seeds {
        println!("{}", args.run(*seed).run().await);
    }
}
