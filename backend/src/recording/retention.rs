//! Deletes recordings in a folder that are too old, and the oldest where all are too much.

use super::error::RecordingError;
use super::keys::RecordingKey;
use super::settings::Recorded;
use super::store::Recordings;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::sleep;

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(600);

#[derive(Debug, Default)]
struct Found {
    objects: Vec<Path>,
    /// Sum of their sizes, in bytes.
    bytes: u64,
    /// Time of the last write, in ms since 1970.
    written_at: u64,
}

impl Recordings {
    /// Deletes what is too old, or too much, now and then until dropped. Only in a folder: a bucket has rules for it.
    pub async fn run_retention(&self, now_ms: impl Fn() -> u64) {
        if !self.is_folder || self.settings.recorded == Recorded::None {
            return std::future::pending().await;
        }
        loop {
            if let Err(error) = sweep(self, now_ms()).await {
                tracing::warn!(%error, "old recordings stay");
            }
            sleep(INTERVAL).await;
        }
    }
}

async fn sweep(recordings: &Recordings, now_ms: u64) -> Result<(), RecordingError> {
    let mut all = BTreeMap::<String, Found>::new();
    for object in recordings.list(&recordings.root).await? {
        let Some((recording, _)) = RecordingKey::of_object(&object.location) else { continue };
        let found = all.entry(recording.0.to_string()).or_default();
        found.bytes += object.size;
        found.written_at = found.written_at.max(object.last_modified.timestamp_millis().unsigned_abs());
        found.objects.push(object.location);
    }
    let mut all: Vec<_> = all.into_values().collect();
    all.sort_by_key(|found| found.written_at);
    let mut total: u64 = all.iter().map(|found| found.bytes).sum();
    let settings = &recordings.settings;
    let oldest = now_ms.saturating_sub(settings.retention().as_millis() as u64);
    for found in all {
        if found.written_at >= oldest && total <= settings.total_bytes {
            break;
        }
        total -= found.bytes;
        for object in &found.objects {
            recordings.objects.delete(object).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;
    use crate::recording::RecordingSettings;
    use object_store::PutPayload;
    use object_store::memory::InMemory;
    use std::sync::Arc;

    async fn left(days: u32, total_bytes: u64, later_ms: u64) -> usize {
        let settings = RecordingSettings { days, total_bytes, ..RecordingSettings::default() };
        let recordings = Recordings::in_store(settings, Arc::new(InMemory::new()), Metrics::new(0));
        for name in ["a/1/meta.json", "a/1/x.cast", "a/2/x.cast", "b/1/x.cast"] {
            let payload = PutPayload::from_static(&[b'x'; 100]);
            recordings.objects.put(&Path::from(name), payload).await.unwrap();
        }
        let all = recordings.list(&Path::default()).await.unwrap();
        let newest = all.iter().map(|object| object.last_modified.timestamp_millis()).max().unwrap();
        sweep(&recordings, newest.unsigned_abs() + later_ms).await.unwrap();
        recordings.list(&Path::default()).await.unwrap().len()
    }

    #[tokio::test]
    async fn recordings_go_when_they_are_too_old_or_too_much() {
        let day = 24 * 3600 * 1000;
        assert_eq!(left(30, 1000, 29 * day).await, 4);
        assert_eq!(left(30, 1000, 31 * day).await, 0);
        assert!(matches!(left(30, 399, 0).await, 2 | 3), "one whole recording goes");
        assert_eq!(left(30, 0, 0).await, 0);
    }
}
