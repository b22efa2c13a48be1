//! The processes of a sandboxed session: those of its shell, of its checks, and of transfers of its files.

use super::SandboxSettings;
use super::checks::Checks;
use super::files::helper;
use super::root::SandboxRoot;
use super::sandbox::{HOME, Sandbox};
use crate::terminal::{
    Check, CheckError, CheckReport, FileError, FileHelpers, ProcessGroup, QuotaExceeded, StartedHelper,
};
use async_trait::async_trait;
use rustix::process::Pid;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::task::spawn_blocking;

pub(super) struct SandboxProcesses {
    root: Arc<SandboxRoot>,
    settings: SandboxSettings,
    shell: Arc<Sandbox>,
    /// Process of the shell.
    leader: Pid,
    checks: Arc<Checks>,
    /// The processes that carry its files.
    files: Arc<FileHelpers>,
}

impl SandboxProcesses {
    pub(super) fn new(
        root: Arc<SandboxRoot>,
        settings: SandboxSettings,
        shell: Arc<Sandbox>,
        leader: Pid,
        checks: Checks,
    ) -> Self {
        Self { root, settings, shell, leader, checks: Arc::new(checks), files: Arc::default() }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Sandbox, &Checks) -> T + Send + 'static,
    ) -> io::Result<T> {
        let (shell, checks) = (Arc::clone(&self.shell), Arc::clone(&self.checks));
        Ok(spawn_blocking(move || act(&shell, &checks)).await?)
    }
}

#[async_trait]
impl ProcessGroup for SandboxProcesses {
    async fn hang_up(&self) -> io::Result<()> {
        self.files.end();
        self.blocking(|shell, checks| {
            checks.end();
            shell.hang_up();
        })
        .await
    }

    async fn kill(&self) -> io::Result<usize> {
        self.files.end();
        self.blocking(|shell, checks| {
            checks.end();
            shell.kill()
        })
        .await
    }

    async fn clean(&self) -> io::Result<()> {
        self.files.gone().await;
        self.blocking(|shell, checks| {
            // First: what copies files for a check runs as the shell's user.
            checks.clean();
            shell.remove();
        })
        .await
    }

    fn set_held_by_service(&self, bytes: u64) {
        self.shell.quota.set_held(bytes);
    }

    fn poll_quota_change(&self, context: &mut Context<'_>) -> Poll<()> {
        self.shell.quota.poll_change(context)
    }

    fn quota_exceeded(&self) -> Option<QuotaExceeded> {
        self.shell.quota.exceeded()
    }

    async fn check(&self, check: Check) -> Result<CheckReport, CheckError> {
        self.blocking(move |_, checks| checks.run(&check)).await?
    }

    async fn file_helper(&self) -> Result<StartedHelper, FileError> {
        let home = self.shell.directory(HOME);
        let shell = self.leader.as_raw_nonzero().get().unsigned_abs();
        let command = helper(&self.root.program, &self.settings, self.shell.uid, shell, home)?;
        let files = Arc::clone(&self.files);
        self.blocking(move |_, _| files.start(command)).await?
    }

    fn disk_left(&self) -> Option<u64> {
        Some(self.settings.disk.saturating_sub(self.shell.quota.disk()))
    }
}
