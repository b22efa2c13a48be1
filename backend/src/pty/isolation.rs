//! Shells that are kept apart: each session's under a user of its own, started by the launcher, swept up at its end. Takes
//! root. Proves at start, once, that every step works where it runs.

use super::descriptor::landlock_version;
use super::launch::Order;
use super::open::{KernelPty, Owner, Spawned, spawn};
use super::processes::wait_for_end;
use super::quarters::{Ground, Quarters};
use super::watch::{Allowance, Watch};
use super::{Pty, ShellSpec, Shells, Size};
use portable_pty::CommandBuilder;
use rustix::process::{WaitId, WaitIdOptions, geteuid, waitid};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Read};
use std::ops::RangeInclusive;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The service's own program, also after its file was replaced.
pub const OWN_PROGRAM: &str = "/proc/self/exe";

/// What sessions call themselves; their uid has no entry in `/etc/passwd`.
const USER: &str = "student";

/// Time for the trial at start.
const TRIAL: Duration = Duration::from_secs(10);

/// Time to find out who uses too much, and to end it.
const LOOK: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(4);

/// The first Landlock that keeps signals and sockets without a name within a session.
const LANDLOCK_SCOPES: i64 = 6;

/// What sessions can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// The service's own network.
    Shared,
    /// None, not even this machine's.
    None,
}

/// How sessions are kept apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IsolationSettings {
    /// Users of sessions; the first is nobody's.
    pub uids: RangeInclusive<u32>,
    /// Where homes are, and what must be remembered as long as the container lives.
    pub state: PathBuf,
    /// What sessions can reach.
    pub network: Network,
    /// Memory of a session, in bytes.
    pub memory: u64,
    /// Files of a session, in bytes.
    pub disk: u64,
    /// Processes and threads of a session.
    pub processes: u64,
}

/// Starts shells under users of their own.
pub struct IsolatedShells {
    settings: IsolationSettings,
    program: PathBuf,
    ground: Arc<Ground>,
    watch: Watch,
    /// The kernel has what is optional.
    scoped: bool,
}

impl IsolatedShells {
    /// Sweeps up what a service before it left, and tries everything once. An error says what is missing. Blocks.
    ///
    /// `program` is the service's own binary, which knows `launch` and `sweep`.
    pub fn new(settings: IsolationSettings, program: PathBuf) -> io::Result<Self> {
        if !geteuid().is_root() {
            return Err(io::Error::other("the service does not run as root"));
        }
        let ground = Arc::new(Ground::new(program.clone(), &settings.state, settings.uids.clone())?);
        let swept = ground.sweep_up()?;
        if swept > 0 {
            tracing::warn!(swept, "sessions of a service that was killed were swept up");
        }
        let watch = Watch::start(Allowance { memory: settings.memory, disk: settings.disk }, &settings.state)?;
        let scoped = landlock_version() >= LANDLOCK_SCOPES;
        let shells = Self { settings, program, ground, watch, scoped };
        shells.attempt()?;
        Ok(shells)
    }

    /// One short session, from its launch to its sweep.
    fn attempt(&self) -> io::Result<()> {
        let quarters = Arc::new(Quarters::new(&self.ground)?);
        let shell = self.launch(&quarters, Size { cols: 80, rows: 24 }, "/bin/true", &[], &BTreeMap::new())?;
        if !wait_for_end(&shell.handle, Instant::now() + TRIAL) {
            quarters.kill();
            return Err(io::Error::other("a program that does nothing did not end in time"));
        }
        let status = waitid(WaitId::PidFd(shell.handle.as_fd()), WaitIdOptions::EXITED)?;
        let code = status.and_then(|status| status.exit_status());
        let left = quarters.kill();
        quarters.clean();
        if code != Some(0) {
            return Err(io::Error::other(last_words(&shell, code)));
        }
        if left > 0 || !quarters.is_gone() {
            return Err(io::Error::other("a session cannot be swept up; the log says why"));
        }
        Ok(())
    }

    fn launch(
        &self,
        quarters: &Quarters,
        size: Size,
        program: &str,
        arguments: &[&str],
        environment: &BTreeMap<String, String>,
    ) -> io::Result<Spawned> {
        let order = Order {
            uid: quarters.uid(),
            home: quarters.home(),
            memory: self.settings.memory,
            disk: self.settings.disk,
            processes: self.settings.processes,
            network: self.settings.network,
            program: program.into(),
            arguments: arguments.iter().map(OsString::from).collect(),
        };
        let mut command = CommandBuilder::new(&self.program);
        command.arg("launch");
        command.args(order.arguments());
        command.env_clear();
        for (name, value) in environment {
            command.env(name, value);
        }
        command.cwd("/");
        let shell = spawn(size, command)?;
        quarters.occupy(&shell.handle)?;
        Ok(shell)
    }
}

/// What the launcher said on the terminal.
fn last_words(shell: &Spawned, code: Option<i32>) -> String {
    let mut words = Vec::new();
    if let Ok(terminal) = shell.master.try_clone_reader() {
        // Ends with an error once nobody has the terminal open: the rest is what counts.
        let _ = terminal.take(1000).read_to_end(&mut words);
    }
    match String::from_utf8_lossy(&words).trim() {
        "" => format!("the launcher ended with {code:?}"),
        said => said.trim_start_matches("termgate: ").to_owned(),
    }
}

impl Shells for IsolatedShells {
    fn start(&self, spec: &ShellSpec) -> io::Result<Box<dyn Pty>> {
        let quarters = Arc::new(Quarters::new(&self.ground)?);
        let mut environment = spec.environment.clone();
        for (name, value) in [
            ("USER", &USER as &dyn Display),
            ("LOGNAME", &USER),
            ("HOME", &quarters.home().display()),
            ("TMPDIR", &quarters.temporary().display()),
            ("TMUX_TMPDIR", &quarters.temporary().display()),
            ("XDG_RUNTIME_DIR", &quarters.runtime().display()),
        ] {
            environment.insert(name.to_owned(), value.to_string());
        }
        let launch = || self.launch(&quarters, spec.size, &spec.shell, &["-l"], &environment);
        let deadline = Instant::now() + PATIENCE;
        let shell = loop {
            match launch() {
                Ok(shell) => break shell,
                Err(error) if deadline <= Instant::now() => return Err(error),
                // Terminals are everyone's: whoever holds far too many of them is ended first, which takes a moment.
                Err(error) => tracing::warn!(%error, "a shell could not be started; looking for who uses too much"),
            }
            self.watch.look_now(LOOK);
        };
        self.watch.add(&quarters);
        Ok(Box::new(KernelPty::new(shell, Owner::Quartered(quarters))?))
    }

    fn isolation(&self) -> &'static str {
        match (self.settings.network, self.scoped) {
            (Network::Shared, true) => "uid, landlock",
            (Network::Shared, false) => "uid",
            (Network::None, true) => "uid, landlock, no network",
            (Network::None, false) => "uid, no network",
        }
    }
}
