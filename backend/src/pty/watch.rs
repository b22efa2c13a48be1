//! Watches what sessions use, since the kernel limits processes and not users: looks every second, tells the session that
//! uses more than it may, and ends at once what grows faster than anyone could be told.

mod disk;
mod look;

use super::quarters::Quarters;
pub(super) use disk::Files;
use look::{Look, Used};
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// How often processes are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Terminals of a session: there are 4096 for everyone.
pub(super) const TERMINALS: u64 = 16;

/// Objects of System V of a session: there are some 32,000 for everyone.
const OBJECTS: u64 = 64;

/// So many times what a session may use is not waited for.
const FAR: u64 = 2;

/// Questions that may wait: more than one look answers all.
const QUESTIONS: usize = 16;

/// What a session may use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    /// In bytes.
    pub memory: u64,
    /// In bytes.
    pub disk: u64,
}

/// A session uses more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overuse {
    /// Of what, as a person says it, and in what unit.
    what: Resource,
    used: u64,
    allowed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resource {
    Memory,
    Disk,
    Terminals,
    Objects,
}

impl Overuse {
    /// So much that it ends at once.
    pub fn is_far(&self) -> bool {
        self.used > self.allowed.saturating_mul(FAR)
    }
}

impl std::fmt::Display for Overuse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, used, allowed } = *self;
        let megabytes = |bytes: u64| bytes.div_ceil(1 << 20);
        match what {
            Resource::Memory => write!(f, "{} MB of memory, and may use {}", megabytes(used), megabytes(allowed)),
            Resource::Disk => write!(f, "{} MB of disk, and may use {}", megabytes(used), megabytes(allowed)),
            Resource::Terminals => write!(f, "{used} terminals, and may use {allowed}"),
            Resource::Objects => {
                write!(f, "{used} shared memory segments, queues and semaphores, and may use {allowed}")
            }
        }
    }
}

/// Everyone who is watched.
type Roll = Arc<Mutex<HashMap<u32, Weak<Quarters>>>>;

fn present(roll: &Roll) -> Vec<Arc<Quarters>> {
    let mut roll = roll.lock().unwrap_or_else(PoisonError::into_inner);
    roll.retain(|_, quarters| quarters.strong_count() > 0);
    roll.values().filter_map(Weak::upgrade).collect()
}

/// The way to the threads, which end with it.
#[derive(Debug)]
pub(super) struct Watch {
    roll: Roll,
    /// To look now, and then answer.
    questions: SyncSender<SyncSender<()>>,
    /// Closed at the end.
    _files: SyncSender<()>,
}

impl Watch {
    /// Starts the threads: one for what is quick to see, and one for files, of which there may be many. `state` is where most
    /// of them are.
    pub(super) fn start(allowance: Allowance, state: &Path) -> io::Result<Self> {
        let roll = Roll::default();
        let (questions, asked) = sync_channel::<SyncSender<()>>(QUESTIONS);
        let (files, ended) = sync_channel::<()>(1);
        let mut walks = disk::Walks::new(allowance.disk.saturating_mul(FAR), state);
        let there = Arc::clone(&roll);
        std::thread::Builder::new().name("watch-files".into()).spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(EVERY) {
                walks.round(&present(&there));
            }
        })?;
        let there = Arc::clone(&roll);
        std::thread::Builder::new().name("watch".into()).spawn(move || {
            loop {
                let question = asked.recv_timeout(EVERY);
                if let Err(RecvTimeoutError::Disconnected) = question {
                    return;
                }
                look(&present(&there), allowance);
                if let Ok(answer) = question {
                    // Whoever asked may be gone.
                    let _ = answer.send(());
                }
            }
        })?;
        Ok(Self { roll, questions, _files: files })
    }

    /// From now on these are watched, until they are dropped.
    pub(super) fn add(&self, quarters: &Arc<Quarters>) {
        let mut roll = self.roll.lock().unwrap_or_else(PoisonError::into_inner);
        roll.insert(quarters.uid(), Arc::downgrade(quarters));
    }

    /// Looks at once, and returns a moment after who uses far too much began to be ended.
    pub(super) fn look_now(&self, patience: Duration) {
        /// Killed processes close what they hold open.
        const MOMENT: Duration = Duration::from_millis(100);
        let (answer, answered) = sync_channel(2);
        if self.questions.send(answer.clone()).is_ok() && answered.recv_timeout(patience).is_ok() {
            // Nothing more is said.
            let _ = answered.recv_timeout(MOMENT);
        }
        drop(answer);
    }
}

/// Looks at everyone, tells those who use too much, and ends those who use far too much.
fn look(present: &[Arc<Quarters>], allowance: Allowance) {
    let uids: HashSet<u32> = present.iter().map(|quarters| quarters.uid()).collect();
    if uids.is_empty() {
        return;
    }
    let mut look = Look::take(|uid| uids.contains(&uid));
    for quarters in present {
        let files = quarters.files();
        let used = look.users.entry(quarters.uid()).or_default();
        if used.memory + files.memory > allowance.memory {
            used.share(quarters.uid());
        }
        let overuse = allowance.judge(used, files);
        quarters.report(overuse);
        if let Some(overuse) = overuse.filter(Overuse::is_far) {
            end_growth(quarters, used, overuse);
        }
    }
}

impl Allowance {
    /// The worst, if anything is too much.
    fn judge(self, used: &Used, files: Files) -> Option<Overuse> {
        let Self { memory, disk } = self;
        [
            (Resource::Memory, used.memory + files.memory, memory),
            (Resource::Disk, files.disk, disk),
            (Resource::Terminals, used.terminals, TERMINALS),
            (Resource::Objects, used.objects, OBJECTS),
        ]
        .into_iter()
        .map(|(what, used, allowed)| Overuse { what, used, allowed })
        .filter(|overuse| overuse.used > overuse.allowed)
        .max_by(|one, other| {
            (one.used as f64 / one.allowed as f64).total_cmp(&(other.used as f64 / other.allowed as f64))
        })
    }
}

/// All of it ends, of memory the largest process first: what is left may take seconds to end.
fn end_growth(quarters: &Arc<Quarters>, used: &Used, overuse: Overuse) {
    tracing::warn!(uid = quarters.uid(), %overuse, "a session uses far more than it may");
    let first = used.largest.filter(|_| overuse.what == Resource::Memory);
    let quarters = Arc::clone(quarters);
    // Others are to be looked at meanwhile.
    let ending = std::thread::Builder::new().name("end".into()).spawn(move || quarters.kill_soon(first));
    if let Err(error) = ending {
        tracing::error!(%error, "a session that uses far more than it may was not ended");
    }
}
