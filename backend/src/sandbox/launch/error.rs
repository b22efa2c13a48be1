//! A failed step of the launcher.

use std::io;

/// A failed step, as a sentence for the service's log.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {error}")]
pub(in crate::sandbox) struct LaunchError {
    pub(super) step: &'static str,
    pub(super) error: io::Error,
}

/// Names the step that a result belongs to.
pub(super) trait Step<T> {
    fn step(self, step: &'static str) -> Result<T, LaunchError>;
}

impl<T, E: Into<io::Error>> Step<T> for Result<T, E> {
    fn step(self, step: &'static str) -> Result<T, LaunchError> {
        self.map_err(|error| LaunchError { step, error: error.into() })
    }
}
