//! The store of all recordings: a folder, or a bucket of any S3 API.

use super::buffer::Buffer;
use super::cast::Encoder;
use super::error::RecordingError;
use super::keys::{PartKey, RecordingKey};
use super::settings::{Recorded, RecordingSettings, RecordingsPlace};
use super::writer::{ActiveRecording, Writer};
use super::{s3, writer};
use crate::metrics::Metrics;
use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use serde::{Deserialize, Serialize};
use shared_protocol::{Epoch, GroupId, SessionId};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Time that the store may take before a session starts.
const START_TIMEOUT: Duration = Duration::from_secs(3);

/// Permissions of the folder: no session may look into it.
const FOLDER_MODE: u32 = 0o700;

/// Resets a terminal, before another screen.
pub const RESET: &[u8] = b"\x1bc";

/// Longest `meta.json`, in bytes.
const MAX_META_BYTES: u64 = 64 * 1024;

/// Whose recording it is, and how it began. Written once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Id of the session.
    pub session: SessionId,
    /// The user that the session belonged to.
    pub sub: String,
    /// Group of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grp: Option<GroupId>,
    /// Time of the recording's start, in ms since 1970.
    pub started: u64,
    /// Width of the terminal at the start, in columns.
    pub cols: u16,
    /// Height of the terminal at the start, in rows.
    pub rows: u16,
}

/// The recordings of all sessions.
#[derive(Debug)]
pub struct Recordings {
    /// What is recorded, and for how long it is kept.
    pub settings: RecordingSettings,
    pub(super) objects: Arc<dyn ObjectStore>,
    /// Path of all recordings in the store.
    pub(super) root: Path,
    /// True for a folder, where the service itself deletes what is too old.
    pub(super) is_folder: bool,
    metrics: Arc<Metrics>,
}

impl Recordings {
    /// Opens the store of these settings. A folder is made at the first recording.
    pub fn open(settings: RecordingSettings, metrics: Arc<Metrics>) -> Result<Self, RecordingError> {
        let (objects, root, is_folder): (Arc<dyn ObjectStore>, _, _) = match &settings.place {
            RecordingsPlace::Folder(folder) => {
                let root = Path::from_absolute_path(folder).map_err(|error| RecordingError(error.to_string()))?;
                (Arc::new(LocalFileSystem::new().with_automatic_cleanup(true)), root, true)
            }
            RecordingsPlace::Bucket(bucket) => (s3::open(bucket)?, Path::from(bucket.folder.as_str()), false),
        };
        Ok(Self { settings, objects, root, is_folder, metrics })
    }

    /// Recordings that are kept in memory.
    #[cfg(any(test, feature = "test-support"))]
    pub fn in_memory(settings: RecordingSettings) -> Arc<Self> {
        Arc::new(Self::in_store(settings, Arc::new(object_store::memory::InMemory::new()), Metrics::new(0)))
    }

    /// Recordings in this store.
    #[cfg(any(test, feature = "test-support"))]
    pub fn in_store(settings: RecordingSettings, objects: Arc<dyn ObjectStore>, metrics: Arc<Metrics>) -> Self {
        Self { settings, objects, root: Path::default(), is_folder: false, metrics }
    }

    /// True if a session is recorded whose token asks for it or not.
    pub fn wants(&self, asked: bool) -> bool {
        match self.settings.recorded {
            Recorded::All => true,
            Recorded::Asked => asked,
            Recorded::None => false,
        }
    }

    /// Begins the recording of a session, or goes on with it in a new epoch. `now` is in ms since 1970, `created_at` too.
    pub async fn begin(
        &self,
        meta: Meta,
        created_at: u64,
        epoch: Epoch,
        now: u64,
    ) -> Result<ActiveRecording, RecordingError> {
        let begun = timeout(START_TIMEOUT, self.begin_unbounded(meta, created_at, epoch, now)).await;
        begun.unwrap_or_else(|_| Err(RecordingError("the store does not answer".into())))
    }

    async fn begin_unbounded(
        &self,
        meta: Meta,
        created_at: u64,
        epoch: Epoch,
        now: u64,
    ) -> Result<ActiveRecording, RecordingError> {
        if self.is_folder {
            self.make_folder()?;
        }
        let key = RecordingKey::new(&self.root, &meta.session, created_at);
        let json = serde_json::to_vec(&meta).map_err(|error| RecordingError(error.to_string()))?;
        let put = self.objects.put_opts(&key.meta(), PutPayload::from(json), PutMode::Create.into()).await;
        let (mut started, mut written, mut encoder) = (meta.started, 0, Encoder::new(epoch, 0));
        match put {
            Ok(_) => {}
            Err(object_store::Error::AlreadyExists { .. }) => {
                let before = self.meta(&key).await?;
                if (&before.session, &before.sub) != (&meta.session, &meta.sub) {
                    return Err(RecordingError("the recording belongs to another session".into()));
                }
                started = before.started;
                written = self.list(&key.0).await?.iter().map(|object| object.size).sum();
                let at = now.saturating_sub(started);
                encoder = Encoder::new(epoch, at);
                // The new shell has a terminal of its own.
                encoder.resize(at, meta.cols, meta.rows);
                encoder.output(at, RESET);
            }
            Err(error) => return Err(error.into()),
        }
        let (buffer, offset) = (Arc::new(Buffer::default()), now.saturating_sub(started));
        let room = self.settings.max_bytes.saturating_sub(written);
        if room == 0 {
            buffer.set_full();
        }
        let writer = Writer {
            objects: Arc::clone(&self.objects),
            key,
            buffer,
            encoder,
            room,
            session: meta.session,
            metrics: Arc::clone(&self.metrics),
        };
        Ok(writer::start(writer, Instant::now(), offset))
    }

    /// Makes the folder, for the service's own user alone.
    fn make_folder(&self) -> Result<(), RecordingError> {
        let folder = format!("/{}", self.root);
        let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&folder);
        made.map_err(|error| RecordingError(format!("{folder} cannot be made: {error}")))
    }

    pub(super) async fn meta(&self, key: &RecordingKey) -> Result<Meta, RecordingError> {
        let found = self.objects.get(&key.meta()).await?;
        if found.meta.size > MAX_META_BYTES {
            return Err(RecordingError(format!("{} is no description of a recording", key.meta())));
        }
        let json = found.bytes().await?;
        serde_json::from_slice(&json).map_err(|error| RecordingError(format!("{} cannot be read: {error}", key.meta())))
    }

    pub(super) async fn list(&self, folder: &Path) -> Result<Vec<ObjectMeta>, RecordingError> {
        Ok(self.objects.list(Some(folder)).try_collect().await?)
    }

    pub(super) async fn part(&self, key: &RecordingKey, part: &PartKey) -> Result<bytes::Bytes, RecordingError> {
        Ok(self.objects.get(&key.part(part)).await?.bytes().await?)
    }
}
