//! The program: reads the configuration, wires the service, serves, and returns an exit code.

use backend::app::{App, AppDeps};
use backend::clock::{Clock, SystemClock, SystemRandom};
use backend::config::{Advertise, Config};
use backend::metrics::Metrics;
use backend::sandbox::{SandboxedSpawner, check, cleanup, files, launch};
use backend::store::{ConnectError, MemoryStore, REDIS_START_TIMEOUT, RedisStore, Store};
use backend::terminal::{OWN_PROGRAM, ShellSpawner, UnixSpawner, reap_orphans};
use backend::{shutdown, telemetry};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Handle, Runtime};

/// Time for blocking tasks, which cannot be cancelled, after everything else has ended.
const RUNTIME_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    // First, while the process has one thread: these subcommands change its user.
    match arguments.next() {
        Some(word) if word == "launch" => return launch::main(arguments),
        Some(word) if word == "sweep" => return cleanup::main(arguments),
        Some(word) if word == "check" => return check::main(arguments),
        Some(word) if word == "files" => return files::main(arguments),
        Some(word) if word == "doctor" => return doctor::main(arguments),
        Some(word) => return fail(&format!("unknown argument {}: configure with variables", word.display())),
        None => {}
    }
    #[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
    let lookup = |name: &str| std::env::var(name).ok();
    let config = match Config::from_lookup(lookup, &SystemRandom) {
        Ok(config) => config,
        Err(error) => return fail(&error),
    };
    telemetry::start(&config.log);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    // Two: the system gives each its share of the processor, so nothing that sessions do holds up a heartbeat.
    match (runtime("service"), runtime("sessions")) {
        (Ok(runtime), Ok(sessions)) => {
            let code = runtime.block_on(serve(config, sessions.handle().clone()));
            // A scan for processes may still run; platforms kill a service that takes long to stop.
            sessions.shutdown_timeout(RUNTIME_SHUTDOWN_TIMEOUT);
            runtime.shutdown_timeout(RUNTIME_SHUTDOWN_TIMEOUT);
            code
        }
        (Err(error), _) | (_, Err(error)) => fail(&error),
    }
}

fn runtime(name: &str) -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().thread_name(name).enable_all().build()
}

async fn serve(mut config: Config, session_runtime: Handle) -> ExitCode {
    let metrics = Metrics::new(SystemClock.now_ms());
    // Before the listener exists: clients of an open port expect responses.
    let store = tokio::select! {
        // Registers the signal handlers before the store logs that it waits.
        biased;
        () = shutdown::requested() => return ExitCode::SUCCESS,
        connected = store(&config) => match connected {
            Ok(store) => store,
            Err(error) => return fail(&format!("REDIS_URL: {error}")),
        },
    };
    let listener = match TcpListener::bind(config.listen).await {
        Ok(listener) => listener,
        Err(error) => return fail(&format!("cannot listen on {}: {error}", config.listen)),
    };
    if let Err(error) = advertise(&mut config, &listener).await {
        return fail(&format!("ADVERTISE_URL: {error}"));
    }
    let shells = match shells(&config) {
        Ok(shells) => shells,
        Err(error) => return fail(&error),
    };
    tokio::spawn(reap_orphans());
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let app = match App::new(AppDeps { config, store, shells, clock, random, metrics, session_runtime }) {
        Ok(app) => app,
        Err(error) => return fail(&format!("RECORDINGS_URL: {error}")),
    };
    match app.serve(listener, shutdown::requested()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Sandboxed shells if configured; otherwise shells of the service's own user, unless `REQUIRE_ISOLATION` forbids them.
fn shells(config: &Config) -> Result<Arc<dyn ShellSpawner>, String> {
    match &config.isolation.settings {
        Some(settings) => match SandboxedSpawner::new(settings.clone(), OWN_PROGRAM.into()) {
            Ok(shells) => Ok(Arc::new(shells)),
            // Never falls back silently: isolation is configured, or the default for root.
            Err(error) => Err(format!("sessions cannot be isolated: {error} (SESSION_UIDS=none turns isolation off)")),
        },
        None if config.isolation.required => {
            let why = "REQUIRE_ISOLATION is true, but sessions are not isolated";
            Err(format!("{why}: run the service as root, with a range in SESSION_UIDS"))
        }
        None => Ok(Arc::new(UnixSpawner)),
    }
}

/// Replaces `ADVERTISE_URL=auto` by the URL of this instance.
async fn advertise(config: &mut Config, listener: &TcpListener) -> std::io::Result<()> {
    if let (Some(Advertise::Auto), Some(redis)) = (&config.advertise, &config.redis) {
        let url = backend::advertise::find(&redis.0, listener.local_addr()?).await?;
        config.advertise = Some(Advertise::Url(url));
    }
    Ok(())
}

/// The store: Redis if configured, otherwise memory.
async fn store(config: &Config) -> Result<Arc<dyn Store>, ConnectError> {
    let Some(url) = &config.redis else { return Ok(Arc::new(MemoryStore::default())) };
    let authority = config.redis_authority.as_deref();
    Ok(Arc::new(RedisStore::connect(&url.0, authority, REDIS_START_TIMEOUT).await?))
}

#[expect(clippy::print_stderr, reason = "logging may not have started, and the reader is a person at a prompt")]
fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("termgate: {error}");
    ExitCode::FAILURE
}
