//! A quota that a session exceeds: declared here, because the session announces it and the sandbox measures it.

use std::fmt;

/// Usage above this multiple of the quota kills the session without a grace period.
pub const HARD_LIMIT_FACTOR: u64 = 2;

/// Limits of one session in place of those of all; each may be absent. Only a sandbox enforces them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SessionLimits {
    /// Memory, in bytes.
    pub memory: Option<u64>,
    /// Files, in bytes.
    pub disk: Option<u64>,
    /// Processes and threads.
    pub processes: Option<u64>,
    /// True for the network of the service, false for none.
    pub network: Option<bool>,
}

/// Resources with a quota for each session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Bytes of memory.
    Memory,
    /// Bytes of files.
    Disk,
    /// Files and directories.
    Files,
    /// Pseudo-terminals.
    Terminals,
    /// System V segments, queues and semaphores.
    IpcObjects,
}

/// Usage above a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaExceeded {
    /// The resource.
    pub resource: Resource,
    /// Current usage, in the resource's unit.
    pub used: u64,
    /// The quota, in the same unit.
    pub quota: u64,
}

impl QuotaExceeded {
    /// True above the hard limit: the session ends at once.
    pub fn is_hard(&self) -> bool {
        self.used > self.quota.saturating_mul(HARD_LIMIT_FACTOR)
    }
}

impl fmt::Display for QuotaExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = |bytes: u64| bytes.div_ceil(1 << 20);
        let (used, quota) = match self.resource {
            Resource::Memory | Resource::Disk => (megabytes(self.used), megabytes(self.quota)),
            Resource::Files | Resource::Terminals | Resource::IpcObjects => (self.used, self.quota),
        };
        let unit = match self.resource {
            Resource::Memory => "MB of memory",
            Resource::Disk => "MB of disk",
            Resource::Files => "files",
            Resource::Terminals => "terminals",
            Resource::IpcObjects => "shared memory segments, queues and semaphores",
        };
        write!(f, "{used} {unit}, and may use {quota}")
    }
}
