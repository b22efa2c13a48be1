//! Why profiles are refused: sentences for the operator, with file, line and key.

use shared_protocol::ProfileName;
use std::path::PathBuf;

/// A folder of profiles cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// The folder cannot be read.
    #[error("PROFILES: the folder {} cannot be read: {reason}", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The fault, in words.
        reason: String,
    },
    /// The folder holds more than it may.
    #[error("PROFILES: the folder {} holds more than {most} profiles", .folder.display())]
    TooMany {
        /// The folder.
        folder: PathBuf,
        /// As many as it may hold.
        most: usize,
    },
    /// A file cannot be a profile, with any content.
    #[error("PROFILES: {}: {reason}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// The fault, in words.
        reason: String,
    },
    /// A file says what it may not.
    #[error("PROFILES: {}, line {line}, key `{key}`: {reason}", .file.display())]
    Key {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key.
        key: String,
        /// The fault, in words.
        reason: String,
    },
    /// A file is not TOML.
    #[error("PROFILES: {}, line {line}: {reason}", .file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The fault, in words.
        reason: String,
    },
}

/// The service has no profile of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this service has no profile `{0}`")]
pub struct UnknownProfileError(pub ProfileName);
