//! Isolation of sessions from each other and from the service: each session runs under a uid of its own, starts through a
//! launcher that gives up root, is held to quotas, and leaves nothing behind. Takes root.

pub mod cleanup;
mod context;
mod directories;
mod dirfd;
pub mod launch;
mod root;
#[expect(clippy::module_inception, reason = "the type that the module is named for")]
mod sandbox;
mod settings;
mod spawner;
mod subcommand;
mod uid_pool;
mod usage;

pub use settings::{Network, SandboxSettings};
pub use spawner::{OWN_PROGRAM, SandboxedSpawner};
