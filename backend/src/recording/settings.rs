//! Settings of recordings.

use std::path::PathBuf;
use std::time::Duration;

/// Sessions that are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recorded {
    /// Those whose token says so.
    #[default]
    Asked,
    /// All.
    All,
    /// None, even if a token asks for it.
    None,
}

/// The store of recordings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordingsPlace {
    /// A folder of this machine, or one that all instances mount.
    Folder(PathBuf),
    /// A bucket of any S3 API.
    Bucket(Bucket),
}

/// A bucket of an S3 API.
#[derive(Clone, PartialEq, Eq, derive_more::Debug)]
pub struct Bucket {
    /// Its name.
    pub bucket: String,
    /// The folder in it; empty for the whole bucket.
    pub folder: String,
    /// Base URL of the API, without the bucket; none for AWS.
    pub endpoint: Option<String>,
    /// The region.
    pub region: String,
    /// The access key.
    pub access_key: String,
    /// Its secret.
    #[debug("<redacted>")]
    pub secret_key: String,
}

/// Settings of recordings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingSettings {
    /// `RECORDINGS`: `asked` (default), `all` or `none`.
    pub recorded: Recorded,
    /// `RECORDINGS_URL`: the store, as `file:///folder` or `s3://bucket/folder?region=…&endpoint=…`;
    /// `file:///var/lib/termgate/recordings` by default. `RECORDINGS_CREDENTIALS`: access key and secret of the bucket, with a
    /// colon between them.
    pub place: RecordingsPlace,
    /// `RECORDING_REQUIRED`: whether a session that cannot be recorded is refused; `false` by default.
    pub required: bool,
    /// `RECORD_INPUT`: whether what people type is recorded too, where it may be; `false` by default.
    pub input: bool,
    /// `RECORDINGS_OWNER_DELETES`: whether a session's owner may delete its recordings; `false` by default.
    pub owner_deletes: bool,
    /// `RECORDING_MAX_BYTES`: size of one recording, in bytes; 64 MiB by default.
    pub max_bytes: u64,
    /// `RECORDINGS_MAX_BYTES`: size of all recordings in a folder, in bytes; 10 GiB by default. Beyond it, the oldest of the
    /// user who has most go.
    pub total_bytes: u64,
    /// `RECORDINGS_DAYS`: time for which recordings are kept, in days; 30 by default.
    pub days: u32,
}

impl RecordingSettings {
    /// Time for which recordings are kept.
    pub(super) fn retention(&self) -> Duration {
        Duration::from_secs(u64::from(self.days) * 24 * 3600)
    }
}

impl Default for RecordingSettings {
    fn default() -> Self {
        Self {
            recorded: Recorded::Asked,
            place: RecordingsPlace::Folder("/var/lib/termgate/recordings".into()),
            required: false,
            input: false,
            owner_deletes: false,
            max_bytes: 64 * 1024 * 1024,
            total_bytes: 10 * 1024 * 1024 * 1024,
            days: 30,
        }
    }
}
