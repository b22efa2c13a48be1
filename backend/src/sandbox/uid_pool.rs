//! Hands out each uid once: a file that a session left and cleanup missed must not belong to a later session. The counter is
//! on disk, so it survives a restart of the service as long as the container's disk does.

use serde::de::{Deserialize, Deserializer, Error};
use std::fs::{File, OpenOptions};
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// Smallest uid of a session. Lower ones are accounts of the system.
const MIN_UID: u32 = 1000;

pub(super) fn deserialize_uid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let uid = u32::deserialize(deserializer)?;
    if uid < MIN_UID { Err(D::Error::custom(format!("uid {uid} is not a session's"))) } else { Ok(uid) }
}

/// Unused uids. Several services of a machine may share the counter.
#[derive(Debug)]
pub(super) struct UidPool {
    range: RangeInclusive<u32>,
    next: PathBuf,
    lock: PathBuf,
}

impl UidPool {
    /// Keeps the counter in a directory that only root can enter.
    pub(super) fn new(range: RangeInclusive<u32>, directory: &Path) -> Self {
        Self { range, next: directory.join("next-uid"), lock: directory.join("next-uid.lock") }
    }

    /// Takes an unused uid. The counter is written before this returns, so a crash hands out no uid twice.
    pub(super) fn take(&self) -> io::Result<u32> {
        let lock = lock_file(&self.lock)?;
        lock.lock()?;
        let uid = self.next()?;
        if !self.range.contains(&uid) {
            let (start, end) = (self.range.start(), self.range.end());
            let text = format!(
                "every uid of SESSION_UIDS ({start}-{end}) was used once; replace the container or widen the range"
            );
            return Err(io::Error::other(text));
        }
        let new = self.next.with_extension("new");
        std::fs::write(&new, format!("{}\n", uid + 1))?;
        std::fs::rename(&new, &self.next)?;
        Ok(uid)
    }

    /// True for used and unused uids of the pool.
    pub(super) fn contains(&self, uid: u32) -> bool {
        self.range.contains(&uid)
    }

    /// The first unused uid.
    pub(super) fn next(&self) -> io::Result<u32> {
        let next = match std::fs::read_to_string(&self.next) {
            Ok(text) => text.trim().parse().map_err(|_| {
                // A guess could hand out a uid twice.
                io::Error::other(format!(
                    "{} does not hold a number; remove the files of all sessions, then this file",
                    self.next.display()
                ))
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => *self.range.start(),
            Err(error) => return Err(error),
        };
        Ok(next.max(*self.range.start()))
    }
}

pub(super) fn lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_uid_is_taken_once() {
        let directory = tempfile::tempdir().unwrap();
        let pool = || UidPool::new(20_000..=20_002, directory.path());
        assert_eq!(pool().take().unwrap(), 20_000);
        assert_eq!(pool().take().unwrap(), 20_001, "a restart remembers");
        assert_eq!(UidPool::new(10..=20_002, directory.path()).take().unwrap(), 20_002, "and so does another range");
        let all_used =
            "every uid of SESSION_UIDS (20000-20002) was used once; replace the container or widen the range";
        assert_eq!(pool().take().unwrap_err().to_string(), all_used);
        assert_eq!(UidPool::new(30_000..=30_001, directory.path()).take().unwrap(), 30_000);
        std::fs::write(directory.path().join("next-uid"), "").unwrap();
        assert!(pool().take().unwrap_err().to_string().contains("does not hold a number"));
    }

    #[test]
    fn concurrent_callers_get_different_uids() {
        let directory = tempfile::tempdir().unwrap();
        let take = || -> Vec<u32> {
            let pool = UidPool::new(20_000..=29_999, directory.path());
            (0..50).map(|_| pool.take().unwrap()).collect()
        };
        let mut all: Vec<u32> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        all.sort_unstable();
        assert_eq!(all, (20_000..20_200).collect::<Vec<_>>());
    }
}
