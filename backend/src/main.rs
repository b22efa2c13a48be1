//! Parses, wires, runs, and returns an exit code.

use backend::app::{App, Parts};
use backend::clock::{Clock, SystemClock, SystemEntropy};
use backend::config::{Advertise, Config};
use backend::metrics::Metrics;
use backend::sandbox::{OWN_PROGRAM, SandboxedSpawner, cleanup, launch};
use backend::store::{ConnectError, MemoryStore, REDIS_START_TIMEOUT, RedisStore, Store};
use backend::terminal::{ShellSpawner, UnixSpawner, reap_orphans};
use backend::{shutdown, telemetry};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Time for what cannot be cancelled, after everything else has ended.
const LEFTOVER: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    // Before anything else: these are processes of their own, with one thread, that end as someone else.
    match arguments.next() {
        Some(word) if word == "launch" => return launch::main(arguments),
        Some(word) if word == "sweep" => return cleanup::main(arguments),
        Some(word) if word == "doctor" => return doctor::main(arguments),
        Some(word) => return fail(&format!("{} is not understood; settings are variables", word.display())),
        None => {}
    }
    #[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
    let lookup = |name: &str| std::env::var(name).ok();
    let config = match Config::from_lookup(lookup, &SystemEntropy) {
        Ok(config) => config,
        Err(error) => return fail(&error),
    };
    telemetry::start(&config.log);
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(serve(config));
            // What still looks for processes to kill must not keep the service: platforms count the seconds.
            runtime.shutdown_timeout(LEFTOVER);
            code
        }
        Err(error) => fail(&error),
    }
}

async fn serve(mut config: Config) -> ExitCode {
    let metrics = Metrics::new(SystemClock.now_ms());
    // First: whoever listens is expected to answer.
    let store = tokio::select! {
        // So that it listens for signals before it says that it waits.
        biased;
        () = shutdown::requested() => return ExitCode::SUCCESS,
        connected = store(&config) => match connected {
            Ok(store) => store,
            Err(error) => return fail(&format!("REDIS_URL: {error}")),
        },
    };
    let listener = match TcpListener::bind(config.listen).await {
        Ok(listener) => listener,
        Err(error) => return fail(&format!("{} cannot be listened on: {error}", config.listen)),
    };
    if let Err(error) = advertise(&mut config, &listener).await {
        return fail(&format!("ADVERTISE_URL: {error}"));
    }
    let shells = match shells(&config) {
        Ok(shells) => shells,
        Err(error) => return fail(&error),
    };
    tokio::spawn(reap_orphans());
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let app = App::new(Parts { config, store, shells, clock, entropy, metrics });
    match app.serve(listener, shutdown::requested()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Shells that are kept apart where that is configured, or else as the service's own user, unless that is forbidden.
fn shells(config: &Config) -> Result<Arc<dyn ShellSpawner>, String> {
    match &config.isolation.settings {
        Some(settings) => match SandboxedSpawner::new(settings.clone(), OWN_PROGRAM.into()) {
            Ok(shells) => Ok(Arc::new(shells)),
            // Never in silence without: it was asked for, or would be there on any machine like this.
            Err(error) => Err(format!("sessions cannot be kept apart: {error} (SESSION_UIDS=none does without)")),
        },
        None if config.isolation.required => {
            let why = "REQUIRE_ISOLATION is true, but sessions are not kept apart: ";
            Err(format!("{why}run the service as root, with a range in SESSION_UIDS"))
        }
        None => Ok(Arc::new(UnixSpawner)),
    }
}

/// Finds out where other instances reach this one, when that is asked for.
async fn advertise(config: &mut Config, listener: &TcpListener) -> std::io::Result<()> {
    if let (Some(Advertise::Auto), Some(redis)) = (&config.advertise, &config.redis) {
        let url = backend::advertise::find(&redis.0, listener.local_addr()?).await?;
        config.advertise = Some(Advertise::Url(url));
    }
    Ok(())
}

/// Where state is kept.
async fn store(config: &Config) -> Result<Arc<dyn Store>, ConnectError> {
    let Some(url) = &config.redis else { return Ok(Arc::new(MemoryStore::default())) };
    let authority = config.redis_authority.as_deref();
    Ok(Arc::new(RedisStore::connect_trusting(&url.0, authority, REDIS_START_TIMEOUT).await?))
}

#[expect(clippy::print_stderr, reason = "logging may not have started, and the reader is a person at a prompt")]
fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("termgate: {error}");
    ExitCode::FAILURE
}
