//! The processor share and the memory of a function's process, kept by a cgroup: Lambda gives each execution environment its
//! memory, and a share of the processor in proportion. Separate from the process, because the kernel's files differ between
//! versions 1 and 2.

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
/// Memory with which a function has one processor, in MB. Source: the same.
const MB_PER_PROCESSOR: f64 = 1769.0;
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
    /// Lambda's share for a function with this memory, from 128 MB on.
    pub fn of_memory(mb: u32) -> Self {
        Self((f64::from(mb) / MB_PER_PROCESSOR).min(MAX_SHARE))
    }

    fn quota_micros(self) -> u64 {
        // At most 120,000, because the share has a limit.
        (self.0 * f64::from(PERIOD_MICROS)).round() as u64
    }
}

/// Limits of each process of a function. At least one is set.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Limits {
    /// Share of the processor.
    pub cpu: Option<CpuShare>,
    /// Memory, in MB. The kernel kills a process that needs more, as Lambda does.
    pub memory_mb: Option<u32>,
}

impl Limits {
    /// Those of Lambda for a function with this memory.
    pub fn of_memory(mb: u32) -> Self {
        Self { cpu: Some(CpuShare::of_memory(mb)), memory_mb: Some(mb) }
    }

    fn controllers(self) -> impl Iterator<Item = Controller> {
        let cpu = self.cpu.map(|_| Controller::Cpu);
        cpu.into_iter().chain(self.memory_mb.map(|_| Controller::Memory))
    }
}

/// Failure to limit processes.
#[derive(Debug, thiserror::Error)]
pub enum ProcessLimitError {
    /// No cgroup file system has the controller.
    #[error("a limit needs a cgroup file system with the controller `{0}`, and none is mounted")]
    NoController(&'static str),
    /// The kernel or its permissions refuse.
    #[error("a limit needs a cgroup, which could not be made: {}: {error}; it needs root, or a cgroup that is delegated", .path.display())]
    Refused {
        /// File or directory that could not be used.
        path: PathBuf,
        /// Cause.
        error: io::Error,
    },
}

/// Makes cgroups for each process of a function. Clones share them; they are removed with the last clone.
#[derive(Debug, Clone)]
pub struct ProcessLimit(Arc<Groups>);

#[derive(Debug)]
struct Groups {
    /// Where groups are made: one place in version 2, one for each controller in version 1.
    parents: Vec<ParentGroup>,
    limits: Limits,
    /// Groups without a process, for the next ones.
    free: Mutex<Vec<Vec<PathBuf>>>,
}

/// The groups of one process. Dropping them frees them for another process.
#[derive(Debug)]
pub(super) struct ProcessGroups {
    groups: Arc<Groups>,
    /// One for each parent.
    directories: Vec<PathBuf>,
}

/// A kind of limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Controller {
    Cpu,
    Memory,
}

impl Controller {
    fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }
}

/// A directory in which groups can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ParentGroup {
    directory: PathBuf,
    version: Version,
    controllers: Vec<Controller>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

impl ProcessLimit {
    /// Makes a first group, to fail now rather than at the first event.
    pub fn new(limits: Limits) -> Result<Self, ProcessLimitError> {
        let read = |path: &str| fs::read_to_string(path).map_err(refused(Path::new(path)));
        let (mounts, own) = (read("/proc/self/mountinfo")?, read("/proc/self/cgroup")?);
        let has = |directory: &Path, controller: &str| {
            let controllers = fs::read_to_string(directory.join("cgroup.controllers")).unwrap_or_default();
            controllers.split_whitespace().any(|name| name == controller)
        };
        let mut parents: Vec<ParentGroup> = Vec::new();
        for controller in limits.controllers() {
            let parent = find_parent(&mounts, &own, controller, has);
            let parent = parent.ok_or(ProcessLimitError::NoController(controller.name()))?;
            match parents.iter_mut().find(|known| known.directory == parent.directory) {
                Some(known) => known.controllers.push(controller),
                None => parents.push(parent),
            }
        }
        for parent in &parents {
            parent.remove_stale_groups();
        }
        Self::within(parents, limits)
    }

    fn within(parents: Vec<ParentGroup>, limits: Limits) -> Result<Self, ProcessLimitError> {
        let limit = Self(Arc::new(Groups { parents, limits, free: Mutex::default() }));
        limit.groups()?;
        Ok(limit)
    }

    pub(super) fn groups(&self) -> Result<ProcessGroups, ProcessLimitError> {
        let groups = self.0.clone();
        let free = groups.free.lock().pop();
        let directories = match free {
            Some(free) => free,
            None => {
                let number = NEXT_GROUP.fetch_add(1, Ordering::Relaxed);
                let name = format!("dev-gateway-{}-{number}", std::process::id());
                groups.parents.iter().map(|parent| parent.make_group(&name, groups.limits)).collect::<Result<_, _>>()?
            }
        };
        Ok(ProcessGroups { groups, directories })
    }
}

impl ProcessGroups {
    /// Moves a process with all its threads into the groups.
    pub(super) fn add(&self, pid: u32) -> Result<(), ProcessLimitError> {
        self.directories.iter().try_for_each(|directory| write(&directory.join("cgroup.procs"), &pid.to_string()))
    }
}

impl Drop for ProcessGroups {
    fn drop(&mut self) {
        self.groups.free.lock().push(std::mem::take(&mut self.directories));
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for directory in self.free.lock().drain(..).flatten() {
            // Fails while a killed process still ends. The next gateway removes that group.
            let _ = fs::remove_dir(directory);
        }
    }
}

impl ParentGroup {
    /// Makes a limited group.
    fn make_group(&self, name: &str, limits: Limits) -> Result<PathBuf, ProcessLimitError> {
        let directory = self.directory.join(name);
        if self.version == Version::V2 {
            for controller in &self.controllers {
                write(&self.directory.join("cgroup.subtree_control"), &format!("+{}", controller.name()))?;
            }
        }
        fs::create_dir(&directory).map_err(refused(&directory))?;
        for controller in &self.controllers {
            for (file, value) in files(*controller, self.version, limits) {
                write(&directory.join(file), &value)?;
            }
        }
        if self.version == Version::V2 && self.controllers.contains(&Controller::Memory) {
            // A kernel without swap has no such file.
            let _ = write(&directory.join("memory.swap.max"), "0");
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

/// The files of a group that limit it, with their values.
fn files(controller: Controller, version: Version, limits: Limits) -> Vec<(&'static str, String)> {
    let quota = limits.cpu.map(CpuShare::quota_micros).unwrap_or_default();
    let bytes = u64::from(limits.memory_mb.unwrap_or_default()) * 1024 * 1024;
    match (controller, version) {
        (Controller::Cpu, Version::V1) => {
            vec![("cpu.cfs_period_us", PERIOD_MICROS.to_string()), ("cpu.cfs_quota_us", quota.to_string())]
        }
        (Controller::Cpu, Version::V2) => vec![("cpu.max", format!("{quota} {PERIOD_MICROS}"))],
        (Controller::Memory, Version::V1) => vec![("memory.limit_in_bytes", bytes.to_string())],
        (Controller::Memory, Version::V2) => vec![("memory.max", bytes.to_string())],
    }
}

fn refused(path: &Path) -> impl FnOnce(io::Error) -> ProcessLimitError {
    let path = path.to_owned();
    move |error| ProcessLimitError::Refused { path, error }
}

fn write(path: &Path, text: &str) -> Result<(), ProcessLimitError> {
    fs::write(path, text).map_err(refused(path))
}

/// Finds the directory for new groups from `/proc/self/mountinfo` and `/proc/self/cgroup`.
///
/// Version 2 comes first: there, a group that holds processes cannot have groups, so the new ones become neighbours of
/// this process's own. Version 1 has the controller if version 2 does not.
fn find_parent(
    mounts: &str,
    own: &str,
    controller: Controller,
    has: impl Fn(&Path, &str) -> bool,
) -> Option<ParentGroup> {
    let name = controller.name();
    let parent = |directory, version| ParentGroup { directory, version, controllers: vec![controller] };
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
        has(&directory, name).then(|| parent(directory, Version::V2))
    };
    let v1 = || {
        let is_its = |controllers: &str| controllers.split(',').any(|one| one == name);
        let (_, directory) = mounted("cgroup", Some(name), own_path(&is_its)?)?;
        Some(parent(directory, Version::V1))
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
        let quotas = [128, 512, 1769, 10_240].map(|mb| CpuShare::of_memory(mb).quota_micros());
        assert_eq!(quotas, [1447, 5789, 20_000, 115_772]);
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
            let found = find_parent(mounts, own, Controller::Cpu, |_, name| has_cpu && name == "cpu");
            let found = found.map(|parent| (parent.directory, parent.version));
            assert_eq!(found, expected.map(|(directory, version)| (directory.into(), version)), "{own}");
        }
    }

    #[test]
    fn each_version_has_its_files_and_a_group_is_used_again() {
        let (cpu, memory) = (Controller::Cpu, Controller::Memory);
        for (version, files) in [
            (Version::V1, &[("cpu.cfs_period_us", "20000"), ("cpu.cfs_quota_us", "5789")][..]),
            (Version::V1, &[("memory.limit_in_bytes", "536870912")]),
            (Version::V2, &[("cpu.max", "5789 20000"), ("memory.max", "536870912"), ("memory.swap.max", "0")]),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let controllers = match files {
                [_, _, _] => vec![cpu, memory],
                [_, _] => vec![cpu],
                _ => vec![memory],
            };
            let parent = ParentGroup { directory: directory.path().to_owned(), version, controllers };
            let limit = ProcessLimit::within(vec![parent], Limits::of_memory(512)).unwrap();
            let (one, two) = (limit.groups().unwrap(), limit.groups().unwrap());
            one.add(77).unwrap();
            for (name, expected) in files.iter().chain(&[("cgroup.procs", "77")]) {
                assert_eq!(&fs::read_to_string(one.directories[0].join(name)).unwrap(), expected, "{name}");
            }
            assert_ne!(one.directories, two.directories);
            let freed = two.directories.clone();
            drop(two);
            assert_eq!(limit.groups().unwrap().directories, freed);
        }
    }

    #[test]
    fn errors_name_the_cause() {
        let (directory, version) = (PathBuf::from("/proc/nowhere"), Version::V1);
        let parent = ParentGroup { directory, version, controllers: vec![Controller::Cpu] };
        let limits = Limits { cpu: Some(CpuShare(0.5)), ..Limits::default() };
        let error = ProcessLimit::within(vec![parent], limits).unwrap_err().to_string();
        assert!(error.contains("could not be made: /proc/nowhere/dev-gateway-"), "{error}");
        assert!(error.ends_with("it needs root, or a cgroup that is delegated"), "{error}");
        assert!(ProcessLimitError::NoController("cpu").to_string().contains("the controller `cpu`"));
    }
}
