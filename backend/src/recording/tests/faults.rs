//! Stores that hang, and descriptions that cannot be understood.

use super::super::calls::MAX_CALLS;
use super::{
    Happening, PART_TIME, RecordingSettings, Replay, ReplayError, START, begin, id, meta, print, recordings,
    recordings_in,
};
use crate::recording::keys::RecordingKey;
use async_trait::async_trait;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::throttle::{ThrottleConfig, ThrottledStore};
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use shared_protocol::Epoch;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A store whose writes never return while it hangs.
#[derive(Debug, Default)]
struct Hanging {
    inner: InMemory,
    hangs: AtomicBool,
    /// Writes that hang.
    begun: AtomicUsize,
}

impl fmt::Display for Hanging {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Hanging")
    }
}

#[async_trait]
impl ObjectStore for Hanging {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        if self.hangs.load(Ordering::Relaxed) {
            self.begun.fetch_add(1, Ordering::Relaxed);
            std::future::pending::<()>().await;
        }
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_hangs_is_not_written_a_second_time() {
    let store = Arc::new(Hanging::default());
    let recordings = recordings_in(Arc::<Hanging>::clone(&store), RecordingSettings::default());
    let recording = begin(&recordings, 1, START).await;
    store.hangs.store(true, Ordering::Relaxed);
    print(&recording, "hello");
    sleep(Duration::from_secs(600)).await;
    assert_eq!(store.begun.load(Ordering::Relaxed), 1, "each holds a thread");
    assert!(recording.buffer.push(0, Happening::Exit(0)), "the session goes on");
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_deletion_goes_with_the_next() {
    let store = Arc::new(ThrottledStore::new(InMemory::new(), ThrottleConfig::default()));
    let recordings = recordings_in(Arc::<ThrottledStore<InMemory>>::clone(&store), RecordingSettings::default());
    let recording = begin(&recordings, 1, START).await;
    for _ in 0..5 {
        print(&recording, "hello");
        sleep(PART_TIME * 2).await;
    }
    recording.finish().await;
    store.config_mut(|config| config.wait_delete_per_call = Duration::from_secs(3600));
    let session = id();
    let found = || Replay::find(&recordings, &session, None, |meta| meta.sub == "ada");
    let begun = Instant::now();
    found().await.unwrap().delete(&recordings).await.unwrap_err();
    assert_eq!(begun.elapsed().as_secs(), 20);
    store.config_mut(|config| config.wait_delete_per_call = Duration::ZERO);
    found().await.expect("whose it is goes last").delete(&recordings).await.unwrap();
    assert!(recordings.list(&recordings.root).await.unwrap().is_empty());
    assert!(matches!(found().await, Err(ReplayError::NotFound)));
}

#[tokio::test(start_paused = true)]
async fn however_many_sessions_start_a_bounded_number_of_calls_hangs() {
    let store = Arc::new(Hanging::default());
    let recordings = recordings_in(Arc::<Hanging>::clone(&store), RecordingSettings::default());
    store.hangs.store(true, Ordering::Relaxed);
    for created_at in 0..MAX_CALLS as u64 + 10 {
        recordings.begin(meta("ada", START), created_at, Epoch(1), START).await.unwrap_err();
    }
    assert_eq!(store.begun.load(Ordering::Relaxed), MAX_CALLS);
}

#[tokio::test(start_paused = true)]
async fn a_description_that_cannot_be_understood_hides_no_other_recording() {
    let recordings = recordings();
    for (created_at, bad) in [(1, "".to_owned()), (2, "{".to_owned()), (3, " ".repeat(100_000))] {
        let path = RecordingKey::new(&recordings.root, &id(), created_at).meta();
        recordings.objects.put(&path, PutPayload::from(bad.into_bytes())).await.unwrap();
    }
    let session = id();
    let found = || Replay::find(&recordings, &session, None, |_| true);
    assert!(matches!(found().await, Err(ReplayError::NotFound)));
    begin(&recordings, 1, START).await.finish().await;
    assert_eq!(found().await.unwrap().meta.started, START);
}

#[tokio::test(start_paused = true)]
async fn a_reader_waits_for_a_store_that_hangs_for_ten_seconds() {
    let store = Arc::new(ThrottledStore::new(InMemory::new(), ThrottleConfig::default()));
    let recordings = recordings_in(Arc::<ThrottledStore<InMemory>>::clone(&store), RecordingSettings::default());
    begin(&recordings, 1, START).await.finish().await;
    store.config_mut(|config| config.wait_get_per_call = Duration::from_secs(3600));
    let begun = Instant::now();
    let error = Replay::find(&recordings, &id(), None, |_| true).await.unwrap_err();
    assert!(matches!(error, ReplayError::Store(_)));
    assert_eq!(begun.elapsed().as_secs(), 10);
}
