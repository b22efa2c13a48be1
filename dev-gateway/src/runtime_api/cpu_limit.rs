//! The processor share of a function's process, kept by a cgroup: Lambda gives each execution environment a share in
//! proportion to its memory. Separate from the process, because the kernel's files differ between versions 1 and 2.

use parking_lot::Mutex;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Time in which a share is granted. AWS does not document Lambda's; measurements report this one.
const PERIOD_MICROS: u32 = 20_000;
/// The kernel's shortest grant.
const MIN_QUOTA_MICROS: u32 = 1000;
/// Processors of the largest function. Source: Lambda developer guide, "Configure Lambda function memory".
const MAX_SHARE: f64 = 6.0;
/// Numbers the groups of this process.
static NEXT_GROUP: AtomicU64 = AtomicU64::new(0);

/// A share of one processor. Lambda gives 1 for 1,769 MB, so 128 MB get `1/14`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CpuShare(f64);

impl FromStr for CpuShare {
    type Err = String;

    /// Reads a fraction, `1/14`, or a number, `0.072`.
    fn from_str(text: &str) -> Result<Self, String> {
        let share = match text.split_once('/') {
            Some((part, whole)) => {
                part.parse::<f64>().ok().zip(whole.parse::<f64>().ok()).map(|(part, whole)| part / whole)
            }
            None => text.parse().ok(),
        };
        let min = f64::from(MIN_QUOTA_MICROS) / f64::from(PERIOD_MICROS);
        let usable = share.filter(|share| (min..=MAX_SHARE).contains(share));
        usable
            .map(Self)
            .ok_or_else(|| format!("it takes a share of a processor from {min} to {MAX_SHARE}, such as 1/14"))
    }
}

impl CpuShare {
    fn quota_micros(self) -> u64 {
        // At most 120,000, because the share has a limit.
        (self.0 * f64::from(PERIOD_MICROS)).round() as u64
    }
}

/// Failure to limit processes.
#[derive(Debug, thiserror::Error)]
pub enum CpuLimitError {
    /// No cgroup file system has the controller `cpu`.
    #[error("--cpu-share needs a cgroup file system with the controller `cpu`, and none is mounted")]
    NoController,
    /// The kernel or its permissions refuse.
    #[error("--cpu-share could not make a cgroup: {}: {error}; it needs root, or a cgroup that is delegated", .path.display())]
    Refused {
        /// File or directory that could not be used.
        path: PathBuf,
        /// Cause.
        error: io::Error,
    },
}

/// Makes a cgroup for each process of a function. Clones share their cgroups, which are removed with the last clone.
#[derive(Debug, Clone)]
pub struct CpuLimit(Arc<Groups>);

#[derive(Debug)]
struct Groups {
    parent: ParentGroup,
    share: CpuShare,
    /// Groups without a process, for the next ones.
    free: Mutex<Vec<PathBuf>>,
}

/// The group of one process. Dropping it frees it for another process.
#[derive(Debug)]
pub(super) struct CpuGroup {
    groups: Arc<Groups>,
    directory: PathBuf,
}

/// A directory in which groups can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ParentGroup {
    directory: PathBuf,
    version: Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

impl CpuLimit {
    /// Makes a first group, to fail now rather than at the first event.
    pub fn new(share: CpuShare) -> Result<Self, CpuLimitError> {
        let read = |path: &str| fs::read_to_string(path).map_err(refused(Path::new(path)));
        let (mounts, own) = (read("/proc/self/mountinfo")?, read("/proc/self/cgroup")?);
        let has_cpu = |directory: &Path| {
            let controllers = fs::read_to_string(directory.join("cgroup.controllers")).unwrap_or_default();
            controllers.split_whitespace().any(|name| name == "cpu")
        };
        let parent = find_parent(&mounts, &own, has_cpu).ok_or(CpuLimitError::NoController)?;
        parent.remove_stale_groups();
        Self::within(parent, share)
    }

    fn within(parent: ParentGroup, share: CpuShare) -> Result<Self, CpuLimitError> {
        let limit = Self(Arc::new(Groups { parent, share, free: Mutex::default() }));
        limit.group()?;
        Ok(limit)
    }

    pub(super) fn group(&self) -> Result<CpuGroup, CpuLimitError> {
        let groups = self.0.clone();
        let free = groups.free.lock().pop();
        let directory = free.map_or_else(|| groups.parent.make_group(groups.share), Ok)?;
        Ok(CpuGroup { groups, directory })
    }
}

impl CpuGroup {
    /// Moves a process with all its threads into the group.
    pub(super) fn add(&self, pid: u32) -> Result<(), CpuLimitError> {
        write(&self.directory.join("cgroup.procs"), &pid.to_string())
    }
}

impl Drop for CpuGroup {
    fn drop(&mut self) {
        self.groups.free.lock().push(std::mem::take(&mut self.directory));
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for directory in self.free.lock().drain(..) {
            // Fails while a killed process still ends. The next gateway removes that group.
            let _ = fs::remove_dir(directory);
        }
    }
}

impl ParentGroup {
    /// Makes a limited group, named for this process.
    fn make_group(&self, share: CpuShare) -> Result<PathBuf, CpuLimitError> {
        let number = NEXT_GROUP.fetch_add(1, Ordering::Relaxed);
        let directory = self.directory.join(format!("dev-gateway-{}-{number}", std::process::id()));
        let quota = share.quota_micros();
        match self.version {
            Version::V1 => {
                fs::create_dir(&directory).map_err(refused(&directory))?;
                write(&directory.join("cpu.cfs_period_us"), &PERIOD_MICROS.to_string())?;
                write(&directory.join("cpu.cfs_quota_us"), &quota.to_string())?;
            }
            Version::V2 => {
                write(&self.directory.join("cgroup.subtree_control"), "+cpu")?;
                fs::create_dir(&directory).map_err(refused(&directory))?;
                write(&directory.join("cpu.max"), &format!("{quota} {PERIOD_MICROS}"))?;
            }
        }
        Ok(directory)
    }

    /// Removes the groups of gateways that have ended.
    fn remove_stale_groups(&self) {
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let pid = name.to_str().and_then(|name| name.strip_prefix("dev-gateway-")?.split('-').next());
            if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                // Fails if a process of the function outlived its gateway.
                let _ = fs::remove_dir(entry.path());
            }
        }
    }
}

fn refused(path: &Path) -> impl FnOnce(io::Error) -> CpuLimitError {
    let path = path.to_owned();
    move |error| CpuLimitError::Refused { path, error }
}

fn write(path: &Path, text: &str) -> Result<(), CpuLimitError> {
    fs::write(path, text).map_err(refused(path))
}

/// Finds the directory for new groups from `/proc/self/mountinfo` and `/proc/self/cgroup`.
///
/// Version 2 comes first: there, a group that holds processes cannot have groups, so the new ones become neighbours of
/// this process's own. Version 1 has the controller if version 2 does not.
fn find_parent(mounts: &str, own: &str, has_cpu: impl Fn(&Path) -> bool) -> Option<ParentGroup> {
    let own_path = |wanted: &dyn Fn(&str) -> bool| {
        own.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            wanted(controllers).then_some(path)
        })
    };
    let mounted = |kind: &str, option: Option<&str>, path: &str| {
        mounts.lines().find_map(|line| {
            let (mount, device) = line.split_once(" - ")?;
            let (mut mount, mut device) = (mount.split(' ').skip(3), device.split(' '));
            let (root, point) = (mount.next()?, mount.next()?);
            let has_option = |options: &str| option.is_none_or(|option| options.split(',').any(|one| one == option));
            let matches = device.next() == Some(kind) && device.nth(1).is_some_and(has_option);
            let below = Path::new(path).strip_prefix(root).ok()?;
            matches.then(|| (PathBuf::from(point), Path::new(point).join(below)))
        })
    };
    let v2 = || {
        let (top, own) = mounted("cgroup2", None, own_path(&str::is_empty)?)?;
        let directory = if own == top { top } else { own.parent()?.to_owned() };
        has_cpu(&directory).then_some(ParentGroup { directory, version: Version::V2 })
    };
    let v1 = || {
        let is_cpu = |controllers: &str| controllers.split(',').any(|name| name == "cpu");
        let (_, directory) = mounted("cgroup", Some("cpu"), own_path(&is_cpu)?)?;
        Some(ParentGroup { directory, version: Version::V1 })
    };
    v2().or_else(v1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_fraction_or_a_number() {
        for (text, quota) in [("1/14", Some(1429)), ("0.5", Some(10_000)), ("2", Some(40_000)), ("1/20", Some(1000))] {
            assert_eq!(text.parse().ok().map(CpuShare::quota_micros), quota, "{text}");
        }
        for bad in ["", "0", "1/21", "7", "-1", "1/0", "x", "NaN", "1/"] {
            assert!(bad.parse::<CpuShare>().unwrap_err().contains("from 0.05 to 6, such as 1/14"), "{bad}");
        }
    }

    #[test]
    fn the_parent_is_found_in_either_version() {
        let v2 = "30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        let v1 = "31 1 0:27 /box /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n";
        let set = "32 1 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n";
        for (mounts, own, has_cpu, expected) in [
            (v2, "0::/user.slice/a.scope\n", true, Some(("/sys/fs/cgroup/user.slice", Version::V2))),
            (v2, "0::/\n", true, Some(("/sys/fs/cgroup", Version::V2))),
            (v2, "0::/a\n", false, None),
            (
                &format!("{v2}{set}{v1}"),
                "2:cpu,cpuacct:/box/a\n3:cpuset:/\n0::/\n",
                false,
                Some(("/sys/fs/cgroup/cpu/a", Version::V1)),
            ),
            (set, "3:cpuset:/\n", true, None),
            ("", "", true, None),
        ] {
            let found = find_parent(mounts, own, |_| has_cpu);
            let expected = expected.map(|(directory, version)| ParentGroup { directory: directory.into(), version });
            assert_eq!(found, expected, "{own}");
        }
    }

    #[test]
    fn each_version_has_its_files_and_a_group_is_used_again() {
        for (version, files) in [
            (Version::V1, &[("cpu.cfs_period_us", "20000"), ("cpu.cfs_quota_us", "1429")][..]),
            (Version::V2, &[("cpu.max", "1429 20000")]),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let parent = ParentGroup { directory: directory.path().to_owned(), version };
            let limit = CpuLimit::within(parent, "1/14".parse().unwrap()).unwrap();
            let (one, two) = (limit.group().unwrap(), limit.group().unwrap());
            one.add(77).unwrap();
            for (name, expected) in files.iter().chain(&[("cgroup.procs", "77")]) {
                assert_eq!(&fs::read_to_string(one.directory.join(name)).unwrap(), expected, "{name}");
            }
            assert_ne!(one.directory, two.directory);
            let freed = two.directory.clone();
            drop(two);
            assert_eq!(limit.group().unwrap().directory, freed);
        }
    }

    #[test]
    fn errors_name_the_option_and_the_cause() {
        let parent = ParentGroup { directory: "/proc/nowhere".into(), version: Version::V1 };
        let error = CpuLimit::within(parent, CpuShare(0.5)).unwrap_err().to_string();
        assert!(error.starts_with("--cpu-share could not make a cgroup: /proc/nowhere/dev-gateway-"), "{error}");
        assert!(error.ends_with("it needs root, or a cgroup that is delegated"), "{error}");
        assert!(CpuLimitError::NoController.to_string().contains("the controller `cpu`"));
    }
}
