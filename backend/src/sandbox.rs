//! Isolation of sessions from each other and from the service: each session runs under a uid of its own, starts through a
//! launcher that gives up root, is held to quotas, and leaves nothing behind. Takes root.

mod accounts;
pub mod check;
mod checks;
pub mod cleanup;
mod dirfd;
pub mod files;
pub mod launch;
mod processes;
mod root;
#[expect(clippy::module_inception, reason = "the type that the module is named for")]
mod sandbox;
mod shared_directories;
mod spawner;
mod subcommand;
mod uid_pool;
mod usage;

pub use spawner::SandboxedSpawner;

use crate::terminal::SessionLimits;
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::io;
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

impl SandboxSettings {
    /// The settings for a session with limits of its own.
    fn with(&self, own: SessionLimits) -> Self {
        let SessionLimits { memory, disk, processes, network } = own;
        Self {
            memory: memory.unwrap_or(self.memory),
            disk: disk.unwrap_or(self.disk),
            processes: processes.unwrap_or(self.processes),
            network: network.map_or(self.network, |shared| if shared { Network::Shared } else { Network::None }),
            ..self.clone()
        }
    }
}

/// Adds the failed step to an I/O error.
trait Context<T> {
    /// Puts `step` before the error message, and keeps the kind of the error.
    fn context(self, step: impl Display) -> io::Result<T>;
}

impl<T, E: Into<io::Error>> Context<T> for Result<T, E> {
    fn context(self, step: impl Display) -> io::Result<T> {
        self.map_err(|error| {
            let error = error.into();
            io::Error::new(error.kind(), format!("{step}: {error}"))
        })
    }
}
