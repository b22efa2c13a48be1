//! Messages of transfers of files. They have no number: each names its transfer and a place in the file, so a lost one is sent
//! again, and a repeat does nothing.

#[cfg(doc)]
use crate::limits;
use serde::{Deserialize, Serialize};

/// Fields of `upload`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct Upload {
    /// Id of the transfer, chosen by the client.
    pub id: String,
    /// Name of the new file, unless it is taken.
    pub name: String,
    /// Its directory; that of the shell by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Directories below that one, which are made where they are missing: `a/b`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hex digits.
    pub sha256: String,
}

/// Fields of `upload_part`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct UploadPart {
    /// Id of the transfer.
    pub id: String,
    /// Number of bytes before these.
    pub at: u64,
    /// Bytes of the file in base64, at most [`limits::FILE_PART_BYTES`] of them.
    pub b64: String,
}

/// Fields of `download`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Download {
    /// Id of the transfer, chosen by the client.
    pub id: String,
    /// Path of a file, or of a directory, which comes as an archive.
    pub path: String,
}

/// Fields of `download_part`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct DownloadPart {
    /// Id of the transfer.
    pub id: String,
    /// Number of bytes that the client has.
    pub at: u64,
}

/// Fields of `cancel_transfer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct CancelTransfer {
    /// Id of the transfer.
    pub id: String,
}
