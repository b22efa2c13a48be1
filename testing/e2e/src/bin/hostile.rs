//! The proof at full length, from a command line:
//! `cargo build --release --workspace --bins && cargo run -p e2e --release --bin hostile -- --keys 100000 --seed 1`.
#![expect(clippy::print_stdout, reason = "a program says what it found")]

use clap::{Parser, ValueEnum};
use dev_gateway::{FAULTS_HELP, FaultPlan};
use e2e::{Function, Trial};
use std::time::Duration;

/// Types into a program through the whole stack while the transport does everything wrong, and compares byte for byte what
/// the program read and what the client saw.
#[derive(Debug, Parser)]
#[command(name = "hostile", after_long_help = FAULTS_HELP)]
struct Args {
    /// Keys of each typist.
    #[arg(long, default_value_t = 3000)]
    keys: u64,
    /// Decides what is typed, printed and broken; may be given more than once.
    #[arg(long = "seed", value_name = "N", default_values_t = [1])]
    seeds: Vec<u64>,
    /// How many type at once.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=2))]
    typists: u16,
    /// Keys that each types in a second.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    rate: u64,
    /// What goes wrong in place of the usual; --help lists what can.
    #[arg(long)]
    fault: Option<FaultPlan>,
    /// How the function runs: the real bootstrap needs `make .venv/installed`.
    #[arg(long, value_enum, default_value = "in-process")]
    function: How,
    /// Instances of the service, behind a load balancer and with Redis when there are more than one.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=8))]
    instances: u8,
    /// Hand over to a fresh connection every so many milliseconds.
    #[arg(long, value_name = "MS")]
    handover: Option<u64>,
    /// Lambda's timeout of the function, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 30_000)]
    timeout: u64,
    /// Longest that it may take before it counts as stalled.
    #[arg(long, value_name = "SECONDS")]
    patience: Option<u64>,
}

impl Args {
    fn trial(&self, seed: u64) -> Trial {
        let usual = Trial::new(seed, self.keys);
        Trial {
            typists: self.typists.into(),
            rate: self.rate,
            faults: self.fault.clone().unwrap_or(usual.faults),
            function: match self.function {
                How::InProcess => Function::InProcess,
                How::Bootstrap => Function::Bootstrap,
            },
            instances: self.instances.into(),
            handover: self.handover.map(Duration::from_millis),
            timeout: Duration::from_millis(self.timeout),
            patience: self.patience.map_or(usual.patience, Duration::from_secs),
            ..usual
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum How {
    InProcess,
    Bootstrap,
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    for seed in &args.seeds {
        println!("{}", args.trial(*seed).run().await);
    }
}
