//! A scan that concurrent callers share: a walk through all of `/proc` is slow, and many sessions may end at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

/// Shares the results of scans. Waiting callers block no thread: the blocking pool has fewer threads than sessions may end at
/// once, and each batch of blocked callers would need a scan of its own.
#[derive(Debug)]
pub(super) struct SharedScan<T> {
    /// Number of scans started.
    started: AtomicU64,
    /// Number and result of the last completed scan. Locked during a scan.
    latest: Mutex<Option<(u64, Arc<T>)>>,
}

impl<T: Send + Sync + 'static> SharedScan<T> {
    pub(super) const fn new() -> Self {
        Self { started: AtomicU64::new(0), latest: Mutex::const_new(None) }
    }

    /// Returns a scan that started after this call. A scan in progress may have missed our process, so callers wait for the
    /// next one, which one of them runs for all.
    pub(super) async fn scan(&self, run: impl FnOnce() -> T + Send + 'static) -> io::Result<Arc<T>> {
        self.scan_after(self.started(), run).await
    }

    fn started(&self) -> u64 {
        self.started.load(Ordering::Acquire)
    }

    async fn scan_after(&self, started: u64, run: impl FnOnce() -> T + Send + 'static) -> io::Result<Arc<T>> {
        let mut latest = self.latest.lock().await;
        if let Some((_, result)) = latest.as_ref().filter(|(number, _)| *number > started) {
            return Ok(Arc::clone(result));
        }
        let number = self.started.fetch_add(1, Ordering::AcqRel) + 1;
        let result = Arc::new(spawn_blocking(run).await?);
        *latest = Some((number, Arc::clone(&result)));
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn callers_share_only_scans_that_started_after_their_call() {
        let scans = Arc::new(SharedScan::new());
        let (first, second) = (scans.started(), scans.started());
        let running = Arc::clone(&scans);
        let one = scans.scan_after(first, move || ("one", running.started())).await.unwrap();
        let during = one.1;
        assert_eq!(scans.scan_after(second, || ("two", 0)).await.unwrap().0, "one");
        assert_eq!(
            scans.scan_after(during, || ("three", 0)).await.unwrap().0,
            "three",
            "a running scan does not count"
        );
        assert_eq!(scans.scan(|| ("four", 0)).await.unwrap().0, "four", "nor does a completed one");
    }

    #[tokio::test]
    async fn a_failed_scan_does_not_break_the_next() {
        let scans = SharedScan::new();
        assert!(scans.scan(|| -> u32 { panic!("intended by the test") }).await.is_err());
        assert_eq!(*scans.scan(|| 2).await.unwrap(), 2);
    }
}
