//! One profile: what it says of a session.

use crate::terminal::SessionLimits;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// One profile. Each absent part is as the settings of the service have it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// Path of the shell.
    pub shell: Option<String>,
    /// Variables beside those of every shell, or in their place.
    pub environment: BTreeMap<String, String>,
    /// Directory in which the shell starts, where it may be entered: absolute, or below home.
    pub directory: Option<PathBuf>,
    /// Script that runs on the terminal before the shell.
    pub start: Option<String>,
    /// Time for it, in whole seconds.
    pub start_timeout: Option<Duration>,
    /// Text that the terminal shows before the first prompt.
    pub message: Option<String>,
    /// Quotas and network.
    pub limits: SessionLimits,
}
