//! A service with sandboxed sessions, which runs with the privileges of root in a container.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use crate::support::{Service, Terminal, until, user, user_token};
use backend::sandbox::{Network, SandboxSettings, SandboxedSpawner};
use backend::terminal::{ShellSpawner, reap_orphans};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, remove_capability_from_bounding_set, set_capabilities,
};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const UIDS: u32 = 10;

/// The service's binary, with its subcommands `launch` and `sweep`.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_termgate");

pub(crate) struct Harness {
    pub(crate) service: Service,
    pub(crate) state: tempfile::TempDir,
    pub(crate) settings: SandboxSettings,
}

/// Uids that no other test uses, in this process or another.
fn uids() -> std::ops::RangeInclusive<u32> {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let first = 100_000 + std::process::id() * 100 + TAKEN.fetch_add(UIDS, Ordering::Relaxed);
    first..=first + UIDS - 1
}

pub(crate) fn settings(state: PathBuf) -> SandboxSettings {
    SandboxSettings { uids: uids(), state, network: Network::Shared, memory: 256 << 20, disk: 64 << 20, processes: 64 }
}

/// A state directory that other users can pass through.
pub(crate) fn state() -> tempfile::TempDir {
    let state = tempfile::tempdir().unwrap();
    std::fs::set_permissions(state.path(), PermissionsExt::from_mode(0o711)).unwrap();
    state
}

/// Default capabilities of root in a container, in Docker and on Fargate, as `CapEff` shows them.
const CONTAINER: CapabilitySet = CapabilitySet::from_bits_retain(0xa804_25fb);

/// Limits this thread and its children to the capabilities of a container.
fn enter_container() {
    for capability in CapabilitySet::all().difference(CONTAINER).iter() {
        // Fails for capabilities that the kernel does not know.
        let _ = remove_capability_from_bounding_set(capability);
    }
    let current = capabilities(None).unwrap();
    let [effective, permitted] = [current.effective, current.permitted].map(|set| set.intersection(CONTAINER));
    set_capabilities(None, CapabilitySets { effective, permitted, inheritable: CapabilitySet::empty() }).unwrap();
}

impl Harness {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut SandboxSettings)) -> Self {
        Self::configured(&[("USER", "root")], change).await
    }

    pub(crate) async fn configured(variables: &[(&str, &str)], change: impl FnOnce(&mut SandboxSettings)) -> Self {
        let me = std::fs::metadata("/proc/self").unwrap().uid();
        assert_eq!(me, 0, "these tests need root: run them as CI does, for example with `sudo -E cargo nextest run`");
        enter_container();
        let state = state();
        let mut settings = settings(state.path().to_owned());
        change(&mut settings);
        let shells = SandboxedSpawner::new(settings.clone(), PROGRAM.into()).unwrap();
        // The runner shows the log of failed tests.
        let _ = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_test_writer().try_init();
        tokio::spawn(reap_orphans());
        let shells: Arc<dyn ShellSpawner> = Arc::new(shells);
        let service = Service::with(variables, shells).await;
        Self { service, state, settings }
    }

    /// A service with a shell of `eve`, and its uid.
    pub(crate) async fn with_shell() -> (Self, Terminal, u32) {
        let harness = Self::new().await;
        let mut shell = harness.shell("eve").await;
        let uid = uid_of(&mut shell).await;
        (harness, shell, uid)
    }

    pub(crate) async fn shell(&self, name: &str) -> Terminal {
        self.page(name, "first").await
    }

    pub(crate) async fn page(&self, name: &str, client: &str) -> Terminal {
        let token = user_token(&user(name, Some(name)));
        let mut terminal = Terminal::open(&self.service.terminal_url(name, &token)).await;
        terminal.away = true;
        terminal.attach(client).await;
        terminal
    }

    /// Ends a session and waits for its cleanup and the reaper.
    pub(crate) async fn end(&self, mut terminal: Terminal, uid: u32) {
        terminal.ordered("close", "").await;
        terminal.close_code().await;
        self.wait_for_cleanup(uid).await;
    }

    pub(crate) async fn wait_for_cleanup(&self, uid: u32) {
        let path = self.state.path().join("sessions").join(uid.to_string());
        until("the cleanup", async || !path.exists() && processes_of(uid).is_empty()).await;
    }

    pub(crate) async fn assert_healthy(&self) {
        assert!(self.service.get("/health").await.status().is_success());
    }
}

/// Output of a command, without the last newline.
pub(crate) async fn says(terminal: &mut Terminal, line: &str) -> String {
    terminal.command(line).await.0.trim_end().to_owned()
}

pub(crate) async fn uid_of(terminal: &mut Terminal) -> u32 {
    says(terminal, "id -u").await.parse().expect("a uid")
}

/// The `stat` lines of a user's processes, zombies included.
pub(crate) fn processes_of(uid: u32) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let theirs = entries.filter(|entry| entry.metadata().is_ok_and(|process| process.uid() == uid));
    theirs
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok())
        .filter(|stat| stat.contains(") "))
        .collect()
}
