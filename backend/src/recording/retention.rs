//! Deletes recordings in a folder that are too old; and while all are too much, the oldest of the user who has most, but none of
//! a session that runs. Touches only what recordings are made of, and follows no link.

use super::cast::is_exit;
use super::keys::{META, PartKey, is_object, is_recording, is_session};
use super::settings::Recorded;
use super::store::{MAX_META_BYTES, Meta, Recordings};
use crate::metrics::{Deletion, Metrics};
use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, metadata, read_dir, remove_dir, remove_file, symlink_metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::sleep;

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(600);

/// Time after the last part of a recording without the session's end, in which the session may run and print nothing.
const SILENCE: Duration = Duration::from_secs(24 * 3600);

/// Bytes at the end of a part in which the line of an exit is.
const LAST_LINE_BYTES: u64 = 256;

/// Limits of the recordings that are kept.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// Time after the last write.
    age: Duration,
    /// Size of all, in bytes.
    total_bytes: u64,
}

impl Recordings {
    /// Deletes what is too old, or too much, now and then until dropped. Only in a folder: a bucket has rules for it.
    pub async fn run_retention(&self, now: impl Fn() -> SystemTime) {
        let Some(folder) = self.folder.clone().filter(|_| self.settings.recorded != Recorded::None) else {
            return std::future::pending().await;
        };
        let bounds = Bounds { age: self.settings.retention(), total_bytes: self.settings.total_bytes };
        loop {
            let (folder, metrics, now) = (folder.clone(), Arc::clone(&self.metrics), now());
            if let Err(error) = self.calls.block(move || sweep(&folder, bounds, now, &metrics)).await {
                tracing::warn!(%error, "old recordings stay");
            }
            sleep(INTERVAL).await;
        }
    }
}

/// One recording.
#[derive(Debug)]
struct Found {
    folder: PathBuf,
    /// The description comes last, so that it is there as long as a part is.
    files: Vec<PathBuf>,
    /// The last part.
    last: Option<(PartKey, PathBuf)>,
    /// Sum of the files' sizes, in bytes.
    bytes: u64,
    /// Time of the last write.
    written: SystemTime,
}

fn sweep(folder: &Path, bounds: Bounds, now: SystemTime, metrics: &Metrics) -> io::Result<()> {
    let mut all = Vec::new();
    for session in folders(folder, is_session)? {
        let found = folders(&session, is_recording);
        let found =
            found.and_then(|found| found.into_iter().map(|one| Found::read(one, now)).collect::<io::Result<Vec<_>>>());
        match found {
            Ok(found) => all.extend(found),
            Err(error) => tracing::warn!(%error, session = %session.display(), "recordings are not read, and stay"),
        }
    }
    let (old, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(|found| found.is_silent_for(bounds.age, now));
    for found in old {
        // The next look tries it again.
        let _ = found.delete(Deletion::Age, metrics);
    }
    delete_surplus(kept, bounds.total_bytes, now, metrics);
    Ok(())
}

/// Deletes recordings of users who have most, the oldest first, until the others are not too much. Recordings that run stay, and
/// no one else pays for them: those of a user who has most do not count.
fn delete_surplus(mut all: Vec<Found>, most: u64, now: SystemTime, metrics: &Metrics) {
    let mut total: u64 = all.iter().map(|found| found.bytes).sum();
    if total <= most {
        return;
    }
    all.sort_by_key(|found| found.written);
    // Of each user, the size of all, and those whose session is over.
    let mut users = BTreeMap::<String, (u64, VecDeque<Found>)>::new();
    for found in all {
        let (bytes, over) = users.entry(found.user()).or_default();
        *bytes += found.bytes;
        if found.is_over(now) {
            over.push_back(found);
        }
    }
    while total > most {
        let Some((bytes, over)) = users.values_mut().max_by_key(|(bytes, _)| *bytes) else { return };
        let Some(found) = over.pop_front() else {
            tracing::warn!(bytes, most, "recordings of a user whose sessions run are more than the folder may hold");
            total -= std::mem::take(bytes);
            continue;
        };
        *bytes -= found.bytes;
        total -= found.bytes;
        // The next look tries it again.
        let _ = found.delete(Deletion::Size, metrics);
    }
}

/// Deletes the recording in this folder, of which an error leaves the description. Links are not followed.
pub(super) fn delete(recording: &Path, metrics: &Metrics) -> io::Result<()> {
    let is_folder = |path: &Path| symlink_metadata(path).map(|found| found.is_dir());
    if !is_folder(recording)? || !recording.parent().map(is_folder).transpose()?.unwrap_or(false) {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "a recording is no link"));
    }
    Found::read(recording.to_owned(), UNIX_EPOCH)?.delete(Deletion::Asked, metrics)
}

/// The entries of a folder; none if it is gone.
fn entries(folder: &Path) -> io::Result<Vec<std::fs::DirEntry>> {
    match read_dir(folder) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The folders in a folder with such a name. A link is none.
fn folders(of: &Path, has_name: fn(&str) -> bool) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in entries(of)? {
        if entry.file_type()?.is_dir() && entry.file_name().to_str().is_some_and(has_name) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

impl Found {
    fn read(folder: PathBuf, now: SystemTime) -> io::Result<Self> {
        let (files, last) = Default::default();
        let mut found = Self { folder, files, last, bytes: 0, written: UNIX_EPOCH };
        for entry in entries(&found.folder)? {
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| is_object(name)) else { continue };
            let Ok(read) = entry.metadata() else {
                // Another instance has deleted it.
                continue;
            };
            if !read.is_file() {
                continue;
            }
            found.bytes += read.len();
            found.written = found.written.max(read.modified()?);
            let part = PartKey::parse(name).map(|part| (part, entry.path()));
            found.last = found.last.take().max(part);
            found.files.push(entry.path());
        }
        if found.files.is_empty() {
            // It may have begun just now.
            found.written = metadata(&found.folder).and_then(|read| read.modified()).unwrap_or(now);
        }
        found.files.sort_unstable();
        Ok(found)
    }

    fn is_silent_for(&self, time: Duration, now: SystemTime) -> bool {
        now.duration_since(self.written).is_ok_and(|silent| time < silent)
    }

    /// True once the session is surely over.
    fn is_over(&self, now: SystemTime) -> bool {
        self.is_silent_for(SILENCE, now)
            || self.last.as_ref().is_some_and(|(_, part)| ends_with_exit(part).unwrap_or(false))
    }

    /// The user that the session belonged to; empty where that is not known.
    fn user(&self) -> String {
        let mut json = Vec::new();
        let read = File::open(self.folder.join(META)).and_then(|file| file.take(MAX_META_BYTES).read_to_end(&mut json));
        let meta = read.ok().and_then(|_| serde_json::from_slice::<Meta>(&json).ok());
        meta.map(|meta| meta.sub).unwrap_or_default()
    }

    fn delete(&self, why: Deletion, metrics: &Metrics) -> io::Result<()> {
        for file in &self.files {
            if let Err(error) = remove_file(file)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%error, file = %file.display(), "a recording cannot be deleted");
                return Err(error);
            }
        }
        // Fails for the session's while it has others.
        let _ = remove_dir(&self.folder);
        let _ = self.folder.parent().map(remove_dir);
        if !self.files.is_empty() {
            metrics.recordings.deleted.of(why).inc();
            tracing::info!(recording = %self.folder.display(), bytes = self.bytes, ?why, "a recording was deleted");
        }
        Ok(())
    }
}

/// True if the last line of a part is the session's end.
fn ends_with_exit(part: &Path) -> io::Result<bool> {
    let mut file = File::open(part)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LAST_LINE_BYTES)))?;
    let mut end = Vec::new();
    file.take(LAST_LINE_BYTES).read_to_end(&mut end)?;
    Ok(is_exit(end.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use shared_protocol::Epoch;
    use std::fs::{create_dir_all, write};
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(24 * 3600);

    /// The line of an exit.
    const EXIT: &str = "[0.001, \"x\", \"0\"]\n";

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    fn name() -> String {
        PartKey { epoch: Epoch(1), number: 1, start: 0, end: 1 }.name()
    }

    /// Writes a file that is so old.
    fn file(path: &Path, text: &str, age: Duration) {
        create_dir_all(path.parent().unwrap()).unwrap();
        write(path, text).unwrap();
        File::options().write(true).open(path).unwrap().set_modified(now() - age).unwrap();
    }

    /// Adds a recording of somewhat more than 1000 bytes, whose last line is this one.
    fn add(home: &TempDir, number: u8, user: &str, end: &str, age: Duration) -> PathBuf {
        let folder = home.path().join(format!("{number:064x}/17"));
        let meta = json!({"session": "s", "sub": user, "started": 17, "cols": 80, "rows": 24});
        file(&folder.join(META), &meta.to_string(), age);
        file(&folder.join(name()), &format!("[0.000, \"o\", \"{}\"]\n{end}", "x".repeat(1000)), age);
        folder
    }

    /// Sweeps, and returns how many recordings went for their age, and for their size.
    fn swept(home: &TempDir, days: u32, total_bytes: u64) -> (u64, u64) {
        let metrics = Metrics::new(0);
        sweep(home.path(), Bounds { age: DAY * days, total_bytes }, now(), &metrics).unwrap();
        let deleted = |why| metrics.recordings.deleted.of(why).get();
        (deleted(Deletion::Age), deleted(Deletion::Size))
    }

    #[test]
    fn recordings_go_when_they_are_too_old() {
        let home = tempfile::tempdir().unwrap();
        let (old, young) = (add(&home, 1, "ada", EXIT, DAY * 31), add(&home, 2, "ada", EXIT, DAY * 29));
        let half_written = old.join("meta.json#1");
        file(&half_written, "", DAY * 31);
        assert_eq!(swept(&home, 30, u64::MAX), (1, 0));
        assert!(!old.parent().unwrap().exists() && young.exists());
        assert_eq!(swept(&home, 28, u64::MAX), (1, 0));
        assert!(home.path().exists() && entries(home.path()).unwrap().is_empty(), "the folder itself stays");
        let missing = home.path().join("missing");
        sweep(&missing, Bounds { age: DAY, total_bytes: 0 }, now(), &Metrics::new(0)).unwrap();
    }

    #[test]
    fn what_is_no_recording_stays_and_no_link_is_followed() {
        let (home, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folder = |number: u8| home.path().join(format!("{number:064x}"));
        let theirs = add(&outside, 1, "ada", EXIT, DAY * 99);
        let kept = [
            home.path().join("notes/2026/meta.json"),
            home.path().join(format!("{}/17/{}", "A".repeat(64), name())),
            folder(2).join(format!("index/{}", name())),
            folder(2).join(META),
            folder(3).join("17/thesis.txt"),
            folder(3).join("17/1-1-0-1.cast"),
            folder(3).join("17/meta.json#x"),
        ];
        for path in &kept {
            file(path, "years of work", DAY * 99);
        }
        symlink(outside.path().join(format!("{:064x}", 1)), folder(1)).unwrap();
        create_dir_all(folder(4).join("17")).unwrap();
        symlink(&theirs, folder(4).join("18")).unwrap();
        symlink(theirs.join(META), folder(4).join("17").join(META)).unwrap();
        assert_eq!(swept(&home, 1, 0), (0, 0));
        for path in kept.iter().chain([&theirs.join(META), &theirs.join(name())]) {
            assert!(path.exists(), "{}", path.display());
        }
    }

    #[test]
    fn the_user_who_has_most_loses_the_oldest_first() {
        let home = tempfile::tempdir().unwrap();
        let adas = add(&home, 0, "ada", EXIT, DAY * 20);
        let eves: Vec<_> = (1..=5).map(|day| add(&home, day, "eve", EXIT, DAY * u32::from(day))).collect();
        assert_eq!(swept(&home, 30, 5000), (0, 2));
        assert_eq!(eves.iter().map(|folder| folder.exists()).collect::<Vec<_>>(), [true, true, true, false, false]);
        assert!(adas.exists(), "hers is the oldest, and one");
        assert_eq!(swept(&home, 30, 0), (0, 4));
    }

    #[test]
    fn one_that_is_asked_for_goes_alone_and_whole() {
        let home = tempfile::tempdir().unwrap();
        let (asked, other) = (add(&home, 1, "ada", EXIT, HOUR), add(&home, 2, "ada", EXIT, HOUR));
        let half_written = asked.join(format!("{}#1", name()));
        file(&half_written, "typed by ada", HOUR);
        let metrics = Metrics::new(0);
        delete(&asked, &metrics).unwrap();
        assert!(!asked.parent().unwrap().exists() && other.join(META).exists());
        assert_eq!(metrics.recordings.deleted.of(Deletion::Asked).get(), 1);
        assert_eq!(delete(&asked, &metrics).unwrap_err().kind(), io::ErrorKind::NotFound);
        let link = home.path().join(format!("{:064x}", 3));
        symlink(other.parent().unwrap(), &link).unwrap();
        delete(&link.join("17"), &metrics).unwrap_err();
        assert!(other.join(META).exists(), "links are not followed");
    }

    #[test]
    fn none_goes_for_its_size_while_its_session_may_run() {
        let home = tempfile::tempdir().unwrap();
        let forged = "[0.000, \"o\", \"\\n[0.001, \\\"x\\\", \\\"0\\\"]\"]\n";
        let running = [add(&home, 1, "eve", "", HOUR), add(&home, 2, "eve", forged, HOUR * 23)];
        add(&home, 3, "eve", "", HOUR * 25);
        add(&home, 4, "ada", EXIT, HOUR);
        assert_eq!(swept(&home, 30, 0), (0, 2));
        assert!(running.iter().all(|folder| folder.join(META).exists()));
    }

    #[test]
    fn no_other_user_pays_for_recordings_that_run() {
        let home = tempfile::tempdir().unwrap();
        for number in 1..=5 {
            add(&home, number, "eve", "", HOUR);
        }
        let adas: Vec<_> = (6..=8).map(|number| add(&home, number, "ada", EXIT, HOUR * number.into())).collect();
        assert_eq!(swept(&home, 30, 4000), (0, 0));
        assert_eq!(swept(&home, 30, 2500), (0, 1), "hers alone are too much");
        assert!(adas[0].exists() && adas[1].exists() && !adas[2].exists());
    }
}
