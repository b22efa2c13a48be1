//! The error of a store of recordings.

/// A store that cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RecordingError(pub String);

impl From<std::io::Error> for RecordingError {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<object_store::Error> for RecordingError {
    fn from(error: object_store::Error) -> Self {
        Self(error.to_string())
    }
}
