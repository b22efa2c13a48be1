//! The binary: parses the command line, starts the gateway, and runs until SIGINT or SIGTERM.

mod config;

use clap::Parser;
use config::{Args, InvokeMode};
use dev_gateway::{DevGateway, Invoke, Tls};
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::new(variable("RUST_LOG").unwrap_or_else(|| "info".to_owned()));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "dev-gateway: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let options = args.options(variable)?;
    let dev_key = options.dev_token.as_ref().map(|secret| secret.key().to_owned());
    let mut gateway = DevGateway::new(options);
    let listener = TcpListener::bind(args.listen).await.map_err(|error| format!("{}: {error}", args.listen))?;
    let addr = listener.local_addr()?;
    let tls = if args.tls { Some(Tls::new(addr.ip())?) } else { None };
    let certificate = tls.as_ref().map(|tls| tls.certificate().to_owned());
    let invoker: Arc<dyn Invoke> = match args.invoke {
        InvokeMode::InProcess => Arc::new(args.in_process(gateway.clients(), variable)?),
        InvokeMode::RuntimeApi => {
            let function = args.function(addr, tls.as_ref(), variable)?;
            args.functions.start(function)
        }
    };
    if let Some(tls) = tls {
        gateway = gateway.with_tls(tls);
    }
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let running = gateway.start(listener, invoker)?;
    // A closed standard output does not stop the gateway.
    let _ = writeln!(std::io::stdout(), "{}", args.welcome(addr, dev_key.as_deref(), certificate.as_deref()));
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    running.shutdown().await;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
