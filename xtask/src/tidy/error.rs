//! A broken rule: apart from the checks, because each of them reports it.

use std::fmt;

/// A broken rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TidyError {
    path: String,
    /// The fault and its remedy.
    pub(super) message: String,
}

impl TidyError {
    pub(super) fn new(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), message: message.into() }
    }
}

impl fmt::Display for TidyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}
