//! Starts shells in sandboxes: the launcher starts them under a uid of their own, and cleanup removes everything at their end.
//! Tests each step once when the service starts.

use super::accounts::USER;
use super::checks::Checks;
use super::cleanup::orphans::OrphanSweeper;
use super::launch::LaunchSpec;
use super::launch::seccomp::LANDLOCK_SCOPES;
use super::processes::SandboxProcesses;
use super::root::SandboxRoot;
use super::sandbox::{HOME, RUNTIME, Sandbox, TEMPORARY};
use super::subcommand::MAX_ERROR_BYTES;
use super::usage::{Quotas, UsageMonitor};
use super::{Network, SandboxSettings};
use crate::terminal::procfs::wait_for_end;
use crate::terminal::sys::landlock_version;
use crate::terminal::unix::{UnixPty, UnixShell};
use crate::terminal::{Pty, ShellSpawner, ShellSpec, Size};
use rustix::process::{WaitId, WaitIdOptions, geteuid, waitid};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// OOM score of the service, where the container has CAP_SYS_RESOURCE; -1000 would exempt it even from its own leaks.
const OOM_SCORE: &str = "-500";

const SELF_TEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Time to retry a failed start while the usage monitor frees resources.
const START_TIMEOUT: Duration = Duration::from_secs(4);

const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// Starts each shell in a sandbox of its own.
pub struct SandboxedSpawner {
    settings: SandboxSettings,
    root: Arc<SandboxRoot>,
    monitor: Arc<UsageMonitor>,
    _orphans: OrphanSweeper,
    /// True if the kernel supports Landlock scopes.
    scoped: bool,
}

impl SandboxedSpawner {
    /// Cleans up after killed services and tests every step of a sandbox. Fails if a step fails. Blocks.
    ///
    /// `program` is the service's own binary, with its subcommands `launch` and `sweep`.
    pub fn new(settings: SandboxSettings, program: PathBuf) -> io::Result<Self> {
        if !geteuid().is_root() {
            return Err(io::Error::other("the service does not run as root"));
        }
        let root = Arc::new(SandboxRoot::new(program, &settings.state, settings.uids.clone())?);
        let swept = Sandbox::clean_leftovers(&root)?;
        if swept > 0 {
            tracing::warn!(swept, "sessions of a service that was killed were swept up");
        }
        protect_service();
        let monitor = Arc::new(UsageMonitor::start(settings.clone(), root.shared_directories.clone())?);
        let scoped = landlock_version() >= LANDLOCK_SCOPES;
        let orphans = OrphanSweeper::start(Arc::clone(&root))?;
        let spawner = Self { settings, root, monitor, _orphans: orphans, scoped };
        spawner.self_test()?;
        Ok(spawner)
    }

    fn self_test(&self) -> io::Result<()> {
        let sandbox = Arc::new(Sandbox::new(&self.root, Quotas::of(&self.settings))?);
        let shell =
            self.launch(&self.settings, &sandbox, Size { cols: 80, rows: 24 }, &["/bin/true"], &BTreeMap::new(), None)?;
        if !wait_for_end(&shell.pidfd, Instant::now() + SELF_TEST_TIMEOUT) {
            sandbox.kill();
            return Err(io::Error::other(format!("/bin/true did not end within {SELF_TEST_TIMEOUT:?}")));
        }
        let status = waitid(WaitId::PidFd(shell.pidfd.as_fd()), WaitIdOptions::EXITED)?;
        let code = status.and_then(|status| status.exit_status());
        let left = sandbox.kill();
        sandbox.remove();
        if code != Some(0) {
            return Err(io::Error::other(launcher_error(&shell, code)));
        }
        if left > 0 || sandbox.path.exists() {
            return Err(io::Error::other("a session cannot be swept up; the log says why"));
        }
        Ok(())
    }

    fn launch(
        &self,
        settings: &SandboxSettings,
        sandbox: &Sandbox,
        size: Size,
        command: &[&str],
        environment: &BTreeMap<String, String>,
        asked_directory: Option<&Path>,
    ) -> io::Result<UnixShell> {
        let spec = LaunchSpec::new(settings, sandbox.uid, sandbox.directory(HOME), command);
        let asked_directory =
            asked_directory.map(|asked| spec.directory.join(self.root.below_home(asked).unwrap_or(asked)));
        let spec = LaunchSpec { asked_directory, ..spec };
        let argument = serde_json::to_string(&spec)?;
        let launcher = [self.root.program.as_os_str(), OsStr::new("launch"), OsStr::new(&argument)];
        let shell = UnixShell::spawn(size, &launcher, environment, Path::new("/"))?;
        // A sandbox has one leader: a second launch changes nothing.
        let _ = sandbox.leader.set(shell.pidfd.try_clone()?);
        Ok(shell)
    }
}

/// Lowers this process's OOM score, so that the kernel ends sessions first, and most other processes of a machine too.
fn protect_service() {
    match std::fs::write("/proc/self/oom_score_adj", OOM_SCORE) {
        Ok(()) => tracing::info!("the OOM score of the service is {OOM_SCORE}"),
        Err(error) => tracing::info!(%error, "the OOM score of the service is not lowered: it has no CAP_SYS_RESOURCE"),
    }
}

fn launcher_error(shell: &UnixShell, code: Option<i32>) -> String {
    let mut output = Vec::new();
    if let Ok(terminal) = shell.master.try_clone_reader() {
        // Ends with EIO, since no process has the terminal open; the bytes before it count.
        let _ = terminal.take(MAX_ERROR_BYTES).read_to_end(&mut output);
    }
    match String::from_utf8_lossy(&output).trim() {
        "" => format!("the launcher ended with {code:?}"),
        message => message.trim_start_matches("termgate: ").to_owned(),
    }
}

impl ShellSpawner for SandboxedSpawner {
    fn spawn(&self, spec: &ShellSpec) -> io::Result<Box<dyn Pty>> {
        let settings = self.settings.with(spec.limits);
        let sandbox = Arc::new(Sandbox::new(&self.root, Quotas::of(&settings))?);
        let mut environment = spec.whole_environment();
        let path = |name| sandbox.directory(name).display().to_string();
        for (name, value) in [
            ("USER", USER.to_owned()),
            ("LOGNAME", USER.to_owned()),
            ("HOME", path(HOME)),
            ("TMPDIR", path(TEMPORARY)),
            ("TMUX_TMPDIR", path(TEMPORARY)),
            ("XDG_RUNTIME_DIR", path(RUNTIME)),
            // Otherwise named for the user in a shared directory, and all have one name.
            ("SCREENDIR", format!("{}/screen", path(RUNTIME))),
        ] {
            environment.insert(name.to_owned(), value);
        }
        if let Err(error) = self.root.accounts.add(sandbox.uid, &sandbox.directory(HOME), &spec.shell) {
            // The image may be read-only. Most programs still find a name and home in their environment.
            tracing::warn!(%error, "programs of a session will not find its user");
        }
        let deadline = Instant::now() + START_TIMEOUT;
        let shell = loop {
            let asked = spec.asked_directory.as_deref();
            match self.launch(&settings, &sandbox, spec.size, &spec.command(), &environment, asked) {
                Ok(shell) => break shell,
                Err(error) if deadline <= Instant::now() => return Err(error),
                // A session above the hard limit may hold all PTYs of the machine until the monitor kills it.
                Err(error) => tracing::warn!(%error, "a shell could not be started; checking usage, then retrying"),
            }
            self.monitor.check_now(CHECK_TIMEOUT);
        };
        self.monitor.add(&sandbox);
        let (root, monitor) = (Arc::clone(&self.root), Arc::clone(&self.monitor));
        let checks = Checks::new(root, settings.clone(), monitor, Arc::clone(&sandbox));
        let leader = shell.child.pid();
        let processes = SandboxProcesses::new(Arc::clone(&self.root), settings, sandbox, leader, checks);
        Ok(Box::new(UnixPty::new(shell, Arc::new(processes))?))
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
