//! The store of all recordings: a folder, or a bucket of any S3 API.

use super::buffer::Buffer;
use super::calls::Calls;
use super::cast::Encoder;
use super::error::RecordingError;
use super::keys::{PartKey, RecordingKey};
use super::settings::{Recorded, RecordingSettings, RecordingsPlace};
use super::writer::{ActiveRecording, Writer};
use super::{folder, s3, writer};
use crate::metrics::Metrics;
use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use serde::{Deserialize, Serialize};
use shared_protocol::{Epoch, GroupId, SessionId};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Time that the store may take before a session starts.
const START_TIMEOUT: Duration = Duration::from_secs(3);

/// Resets a terminal, before another screen.
pub const RESET: &[u8] = b"\x1bc";

/// Longest `meta.json`, in bytes.
pub(super) const MAX_META_BYTES: u64 = 64 * 1024;

/// Session, user and start of a recording. Written once.
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
    /// Content and retention of recordings.
    pub settings: RecordingSettings,
    pub(super) objects: Arc<dyn ObjectStore>,
    /// Path of all recordings in the store.
    pub(super) root: Path,
    /// The folder, where the service itself deletes what is too old; `None` for a bucket.
    pub(super) folder: Option<PathBuf>,
    pub(super) calls: Calls,
    pub(super) metrics: Arc<Metrics>,
}

impl Recordings {
    /// Opens the store of these settings. A folder is made at the first recording.
    pub fn open(settings: RecordingSettings, metrics: Arc<Metrics>) -> Result<Self, RecordingError> {
        let (objects, root, folder): (Arc<dyn ObjectStore>, _, _) = match &settings.place {
            RecordingsPlace::Folder(folder) => {
                let root = Path::from_absolute_path(folder).map_err(|error| RecordingError(error.to_string()))?;
                (Arc::new(LocalFileSystem::new()), root, Some(folder.clone()))
            }
            RecordingsPlace::Bucket(bucket) => (s3::open(bucket)?, Path::from(bucket.folder.as_str()), None),
        };
        Ok(Self { settings, objects, root, folder, calls: Calls::default(), metrics })
    }

    /// Recordings that are kept in memory.
    #[cfg(any(test, feature = "test-support"))]
    pub fn in_memory(settings: RecordingSettings) -> Arc<Self> {
        Arc::new(Self::in_store(settings, Arc::new(object_store::memory::InMemory::new()), Metrics::new(0)))
    }

    /// Recordings in this store.
    #[cfg(any(test, feature = "test-support"))]
    pub fn in_store(settings: RecordingSettings, objects: Arc<dyn ObjectStore>, metrics: Arc<Metrics>) -> Self {
        Self { settings, objects, root: Path::default(), folder: None, calls: Calls::default(), metrics }
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
        if let Some(folder) = self.folder.clone() {
            self.calls.block(move || folder::make(&folder).map_err(|error| unusable(&folder, &error))).await?;
        }
        let key = RecordingKey::new(&self.root, &meta.session, created_at);
        let (mut started, mut written, mut encoder) = (meta.started, 0, Encoder::new(epoch, 0));
        if !self.create(&key, &meta).await? {
            let unreadable = || RecordingError(format!("{} cannot be read", key.meta()));
            let before = self.meta(&key).await?.ok_or_else(unreadable)?;
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
        let (buffer, offset) = (Arc::new(Buffer::default()), now.saturating_sub(started));
        let room = self.settings.max_bytes.saturating_sub(written);
        if room == 0 {
            buffer.set_full();
        }
        let writer = Writer {
            objects: Arc::clone(&self.objects),
            calls: self.calls.clone(),
            key,
            buffer,
            encoder,
            room,
            session: meta.session,
            metrics: Arc::clone(&self.metrics),
        };
        Ok(writer::start(writer, Instant::now(), offset))
    }

    /// Closes a folder that is there already, before there is a session that could look into it.
    pub async fn close_folder(&self) {
        let Some(folder) = self.folder.clone() else { return };
        let close = self.calls.block(move || match folder::close(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unusable(&folder, &error)),
            _ => Ok(()),
        });
        let closed = timeout(START_TIMEOUT, close).await;
        if let Err(error) = closed.unwrap_or_else(|_| Err(RecordingError("it does not answer".into()))) {
            tracing::error!(%error, "the folder of recordings may be open to sessions, and nothing will be recorded");
        }
    }

    /// Writes whose recording it is. False if that is written already.
    async fn create(&self, key: &RecordingKey, meta: &Meta) -> Result<bool, RecordingError> {
        let json = serde_json::to_vec(meta).map_err(|error| RecordingError(error.to_string()))?;
        let (objects, path) = (Arc::clone(&self.objects), key.meta());
        let put = async move { objects.put_opts(&path, PutPayload::from(json), PutMode::Create.into()).await };
        let create = async move {
            match put.await {
                Ok(_) => Ok(true),
                Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
                Err(error) => Err(error),
            }
        };
        self.calls.make(create).await
    }

    /// Session, user and start of a recording; `None` if `meta.json` is missing, too large or invalid.
    pub(super) async fn meta(&self, key: &RecordingKey) -> Result<Option<Meta>, RecordingError> {
        let (objects, path) = (Arc::clone(&self.objects), key.meta());
        let read = async move {
            match objects.get(&path).await {
                Ok(found) if found.meta.size <= MAX_META_BYTES => found.bytes().await.map(Some),
                Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };
        let json = self.calls.make(read).await?;
        let meta = json.and_then(|json| serde_json::from_slice(&json).ok());
        if meta.is_none() {
            tracing::warn!(path = %key.meta(), "this is no description of a recording");
        }
        Ok(meta)
    }

    pub(super) async fn list(&self, folder: &Path) -> Result<Vec<ObjectMeta>, RecordingError> {
        let (objects, folder) = (Arc::clone(&self.objects), folder.clone());
        self.calls.make(async move { objects.list(Some(&folder)).try_collect().await }).await
    }

    pub(super) async fn part(&self, key: &RecordingKey, part: &PartKey) -> Result<bytes::Bytes, RecordingError> {
        let (objects, path) = (Arc::clone(&self.objects), key.part(part));
        self.calls.make(async move { objects.get(&path).await?.bytes().await }).await
    }
}

fn unusable(folder: &std::path::Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{} cannot be the folder of recordings: {error}", folder.display()))
}
