//! Hands out uids, each once. A number that was someone's is never anyone else's: what the first left behind, and nobody
//! found, must not belong to the next. So the count outlives the service, as long as the container's disk does.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// The next uid, in a file that several services of a machine may share.
#[derive(Debug)]
pub(super) struct Uids {
    range: RangeInclusive<u32>,
    next: PathBuf,
    lock: PathBuf,
}

impl Uids {
    /// Counts in a directory that only the service's user can enter.
    pub(super) fn new(range: RangeInclusive<u32>, directory: &Path) -> Self {
        Self { range, next: directory.join("next-uid"), lock: directory.join("next-uid.lock") }
    }

    /// Never used before. It is written down before it is returned, so that no crash gives it out twice.
    pub(super) fn take(&self) -> io::Result<u32> {
        let lock = lock_file(&self.lock)?;
        lock.lock()?;
        let next = match std::fs::read_to_string(&self.next) {
            Ok(text) => text.trim().parse().map_err(|_| {
                // Guessing could give one out twice.
                io::Error::other(format!(
                    "{} does not hold a number; remove every session's files, then it",
                    self.next.display()
                ))
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => *self.range.start(),
            Err(error) => return Err(error),
        };
        let uid = next.max(*self.range.start());
        if !self.range.contains(&uid) {
            let (start, end) = (self.range.start(), self.range.end());
            let text =
                format!("every uid of SESSION_UIDS ({start}-{end}) was used once; replace the container, or widen it");
            return Err(io::Error::other(text));
        }
        let new = self.next.with_extension("new");
        std::fs::write(&new, format!("{}\n", uid + 1))?;
        std::fs::rename(&new, &self.next)?;
        Ok(uid)
    }
}

/// A file that exists to be locked.
pub(super) fn lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_given_out_once_and_then_none() {
        let directory = tempfile::tempdir().unwrap();
        let uids = || Uids::new(20_000..=20_002, directory.path());
        assert_eq!(uids().take().unwrap(), 20_000);
        assert_eq!(uids().take().unwrap(), 20_001, "a restart remembers");
        assert_eq!(Uids::new(10..=20_002, directory.path()).take().unwrap(), 20_002, "and so does another range");
        let refusal = uids().take().unwrap_err().to_string();
        assert_eq!(
            refusal,
            "every uid of SESSION_UIDS (20000-20002) was used once; replace the container, or widen it"
        );
        assert_eq!(Uids::new(30_000..=30_001, directory.path()).take().unwrap(), 30_000);
        std::fs::write(directory.path().join("next-uid"), "").unwrap();
        assert!(uids().take().unwrap_err().to_string().contains("does not hold a number"));
    }

    #[test]
    fn many_at_once_get_different_ones() {
        let directory = tempfile::tempdir().unwrap();
        let take = || -> Vec<u32> {
            let uids = Uids::new(20_000..=29_999, directory.path());
            (0..50).map(|_| uids.take().unwrap()).collect()
        };
        let mut all: Vec<u32> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        all.sort_unstable();
        assert_eq!(all, (20_000..20_200).collect::<Vec<_>>());
    }
}
