//! Notices that the code of a function has changed, so that later events get processes that run it.

use super::function::Function;
use parking_lot::Mutex;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// Files that are looked at.
const MAX_FILES: usize = 2000;
/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(200);

/// The files of a function: its executable, and those of its task root if it has one of its own.
pub(super) struct Code {
    paths: Vec<PathBuf>,
    last: Mutex<Option<(Instant, u64)>>,
}

impl Code {
    pub(super) fn of(function: &Function) -> Self {
        let own_root = function.bootstrap.parent() != Some(&function.task_root);
        let root = own_root.then(|| function.task_root.clone());
        Self { paths: root.into_iter().chain([function.bootstrap.clone()]).collect(), last: Mutex::default() }
    }

    /// A number that another content of the files changes.
    pub(super) fn version(&self) -> u64 {
        let mut last = self.last.lock();
        if let Some((looked, version)) = *last
            && looked.elapsed() < INTERVAL
        {
            return version;
        }
        let version = version_of(self.paths.clone());
        *last = Some((Instant::now(), version));
        version
    }
}

/// Names, sizes and times of the files below these paths, without those of packages and hidden ones.
fn version_of(mut paths: Vec<PathBuf>) -> u64 {
    let (mut files, mut version) = (0, 0_u64);
    while let Some(path) = paths.pop().filter(|_| files < MAX_FILES) {
        files += 1;
        let Ok(found) = fs::metadata(&path) else { continue };
        if found.is_dir() {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path());
            paths.extend(entries.filter(|path| is_code(path)));
            continue;
        }
        let mut hasher = DefaultHasher::new();
        (path, found.len(), found.modified().ok()).hash(&mut hasher);
        // The order of a directory's entries is of no account.
        version = version.wrapping_add(hasher.finish());
    }
    version
}

fn is_code(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name != "node_modules" && !name.starts_with('.')
}
