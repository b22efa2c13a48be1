//! Settings of the sandbox.

use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// Network access of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// The network of the service.
    Shared,
    /// No network, and no loopback either.
    None,
}

/// Uids, directories and quotas of sandboxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxSettings {
    /// Uids of sessions. The first is reserved: it sends the signals of cleanup.
    pub uids: RangeInclusive<u32>,
    /// Directory of the homes, and of the counter of used uids, which must live as long as the container.
    pub state: PathBuf,
    /// Network access.
    pub network: Network,
    /// Memory of a session, in bytes.
    pub memory: u64,
    /// Files of a session, in bytes.
    pub disk: u64,
    /// Processes and threads of a session.
    pub processes: u64,
}
