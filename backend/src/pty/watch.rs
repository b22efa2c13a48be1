//! Watches what sessions use, since the kernel limits processes and not users: a thread that looks every second, tells the
//! session that uses more than it may, and ends at once what grows faster than anyone could be told.

mod disk;
mod look;

use super::quarters::Quarters;
use look::{Look, Used};
use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::Instant;

/// How often processes are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// How often files are looked at, at least, and how much longer than the last look took: a twentieth of one processor.
const FILES_EVERY: Duration = Duration::from_secs(2);
const FILES_SHARE: u32 = 20;

/// Terminals of a session: there are 4096 for everyone.
pub(super) const TERMINALS: u64 = 16;

/// Objects of System V of a session: there are some 32,000 for everyone.
const OBJECTS: u64 = 64;

/// So many times what a session may use is not waited for.
const FAR: u64 = 2;

/// Questions to the thread that may wait.
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

enum Question {
    /// New quarters are there.
    Moved(Weak<Quarters>),
    /// Look now, then answer.
    Look(SyncSender<()>),
}

/// The way to the thread, which ends with it.
#[derive(Debug)]
pub(super) struct Watch(SyncSender<Question>);

impl Watch {
    /// Starts the thread.
    pub(super) fn start(allowance: Allowance) -> io::Result<Self> {
        let (sender, questions) = sync_channel(QUESTIONS);
        std::thread::Builder::new().name("watch".into()).spawn(move || {
            let mut rounds = Rounds { allowance, quarters: HashMap::new(), files: Files::default() };
            loop {
                // Nobody to watch: nothing to wake for.
                let question = if rounds.quarters.is_empty() {
                    questions.recv().map_err(|_| RecvTimeoutError::Disconnected)
                } else {
                    questions.recv_timeout(EVERY)
                };
                match question {
                    Ok(Question::Moved(quarters)) => rounds.moved(quarters),
                    Ok(Question::Look(answer)) => {
                        rounds.look();
                        // Whoever asked may be gone.
                        let _ = answer.send(());
                    }
                    Err(RecvTimeoutError::Timeout) => rounds.look(),
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        })?;
        Ok(Self(sender))
    }

    /// From now on these are watched, until they are dropped.
    pub(super) fn add(&self, quarters: &Arc<Quarters>) {
        if self.0.send(Question::Moved(Arc::downgrade(quarters))).is_err() {
            tracing::error!("nobody watches what sessions use");
        }
    }

    /// Looks at once, and returns when what uses far too much is told to end.
    pub(super) fn look_now(&self, patience: Duration) {
        let (answer, answered) = sync_channel(1);
        if self.0.send(Question::Look(answer)).is_ok() {
            let _ = answered.recv_timeout(patience);
        }
    }
}

/// What was known of files when they were looked at last.
#[derive(Default)]
struct Files {
    used: HashMap<u32, disk::Files>,
    next: Option<Instant>,
}

struct Rounds {
    allowance: Allowance,
    quarters: HashMap<u32, Weak<Quarters>>,
    files: Files,
}

impl Rounds {
    fn moved(&mut self, quarters: Weak<Quarters>) {
        if let Some(uid) = quarters.upgrade().map(|quarters| quarters.uid()) {
            self.quarters.insert(uid, quarters);
        }
    }

    fn look(&mut self) {
        self.quarters.retain(|_, quarters| quarters.strong_count() > 0);
        let mut look = Look::take(|uid| self.quarters.contains_key(&uid));
        let now = Instant::now();
        if self.files.next.is_none_or(|next| next <= now) {
            let enough = self.allowance.disk.saturating_mul(FAR);
            let homes =
                self.quarters.values().filter_map(Weak::upgrade).map(|there| (there.uid(), there.directories()));
            self.files.used = disk::look(homes.collect(), &look, enough);
            self.files.next = Some(Instant::now() + FILES_EVERY.max(now.elapsed() * FILES_SHARE));
        }
        for quarters in self.quarters.values().filter_map(Weak::upgrade) {
            let files = self.files.used.get(&quarters.uid()).copied().unwrap_or_default();
            let used = look.users.entry(quarters.uid()).or_default();
            if used.memory + files.memory > self.allowance.memory {
                used.share();
            }
            let overuse = self.judge(used, files);
            quarters.report(overuse);
            if let Some(overuse) = overuse.filter(Overuse::is_far) {
                end_growth(&quarters, used, overuse);
            }
        }
    }

    /// The worst, if anything is too much.
    fn judge(&self, used: &Used, files: disk::Files) -> Option<Overuse> {
        let Allowance { memory, disk } = self.allowance;
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
