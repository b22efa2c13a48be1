//! The processes of a sandboxed session: those of its shell, and those of its checks.

use super::checks::Checks;
use super::sandbox::Sandbox;
use crate::terminal::{Check, CheckError, CheckReport, ProcessGroup, QuotaExceeded};
use async_trait::async_trait;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::task::spawn_blocking;

pub(super) struct SandboxProcesses {
    shell: Arc<Sandbox>,
    checks: Arc<Checks>,
}

impl SandboxProcesses {
    pub(super) fn new(shell: Arc<Sandbox>, checks: Checks) -> Self {
        Self { shell, checks: Arc::new(checks) }
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
        self.blocking(|shell, checks| {
            checks.end();
            shell.hang_up();
        })
        .await
    }

    async fn kill(&self) -> io::Result<usize> {
        self.blocking(|shell, checks| {
            checks.end();
            shell.kill()
        })
        .await
    }

    async fn clean(&self) -> io::Result<()> {
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
}
