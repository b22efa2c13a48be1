//! Answers to messages of transfers of files.

use crate::error::ErrorCode;
#[cfg(doc)]
use crate::limits;
use serde::{Deserialize, Serialize};

/// Fields of `transfer`: the answer to `upload`, `upload_part` and `download`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct TransferState {
    /// Id of the transfer.
    pub id: String,
    /// Number of bytes that have arrived, or were sent: the next part begins there.
    pub next: u64,
    /// Size of the file; absent for an archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// True for an archive of a directory.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<bool>"))]
    pub archive: bool,
}

/// Fields of `file_part`: the answer to `download_part`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct FilePart {
    /// Id of the transfer.
    pub id: String,
    /// Number of bytes before these.
    pub at: u64,
    /// Bytes of the file in base64, at most [`limits::FILE_PART_BYTES`] of them.
    pub b64: String,
    /// SHA-256 of all bytes, in hex digits, if these are the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// Fields of `stored`: the answer to the last `upload_part`, or to the `upload` of an empty file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Stored {
    /// Id of the transfer.
    pub id: String,
    /// Name of the file.
    pub name: String,
    /// Its directory.
    pub directory: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of what was written, in hex digits.
    pub sha256: String,
}

/// Fields of `transfer_failed`: a transfer that did not begin, or has ended early.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct TransferFailed {
    /// Id of the transfer.
    pub id: String,
    /// The stable code.
    pub code: ErrorCode,
    /// A sentence for a person.
    pub message: String,
}
