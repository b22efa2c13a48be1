//! Adds the failed step to an I/O error.

use std::fmt::Display;
use std::io;

pub(super) trait Context<T> {
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
