//! Deletes a recording before its time, for a person who may. Its description goes last: what is left after a failure is found
//! and deleted by the same request again.

use super::error::RecordingError;
use super::keys::RecordingKey;
use super::replay::Replay;
use super::retention;
use super::store::Recordings;
use crate::metrics::Deletion;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Time for all objects of a recording. The rest then waits for the next request.
const DELETE_TIMEOUT: Duration = Duration::from_secs(20);

impl Replay {
    /// Deletes the recording. Whether it is still written is the caller's to know.
    pub async fn delete(self, recordings: &Recordings) -> Result<(), RecordingError> {
        let deleted = timeout(DELETE_TIMEOUT, recordings.delete(&self.key)).await;
        deleted.unwrap_or_else(|_| Err(RecordingError("the store needs more time".into())))
    }
}

impl Recordings {
    async fn delete(&self, key: &RecordingKey) -> Result<(), RecordingError> {
        if let (Some(folder), Some((session, recording))) = (self.folder.clone(), key.names()) {
            let recording = folder.join(session).join(recording);
            let metrics = Arc::clone(&self.metrics);
            return self.calls.block(move || retention::delete(&recording, &metrics)).await;
        }
        let meta = key.meta();
        let found = self.list(&key.0).await?;
        let parts = found.into_iter().map(|object| object.location).filter(|path| *path != meta).collect();
        self.delete_all(parts).await?;
        self.delete_all(vec![meta]).await?;
        self.metrics.recordings.deleted.of(Deletion::Asked).inc();
        Ok(())
    }

    async fn delete_all(&self, paths: Vec<Path>) -> Result<(), RecordingError> {
        let objects = Arc::clone(&self.objects);
        let deleted = objects.delete_stream(stream::iter(paths.into_iter().map(Ok)).boxed());
        self.calls.make(deleted.try_for_each(async |_| Ok(()))).await
    }
}
