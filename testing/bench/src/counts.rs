//! Context switches and processor time of processes, from the threads in `/proc`.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Totals of some processes at one moment, by thread.
#[derive(Default)]
pub(crate) struct Counts(HashMap<u32, Usage>);

/// Use of the processors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Times that a thread waited.
    pub(crate) voluntary: u64,
    /// Times that a thread had to make room for another one.
    pub(crate) involuntary: u64,
    /// Time on a processor.
    pub(crate) time: Duration,
}

impl Counts {
    /// The totals of these processes. One that ends meanwhile counts as far as it could be read.
    pub(crate) fn of(processes: &[u32]) -> Self {
        let threads = processes.iter().filter_map(|process| fs::read_dir(format!("/proc/{process}/task")).ok());
        let threads = threads.flatten().filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, usage(&entry.path())?))
        });
        Self(threads.collect())
    }

    /// The use since an earlier moment, without that of threads that have ended.
    pub(crate) fn since(&self, before: &Self) -> Usage {
        let mut total = Usage::default();
        for (thread, now) in &self.0 {
            let before = before.0.get(thread).copied().unwrap_or_default();
            total.voluntary += now.voluntary.saturating_sub(before.voluntary);
            total.involuntary += now.involuntary.saturating_sub(before.involuntary);
            total.time += now.time.saturating_sub(before.time);
        }
        total
    }
}

/// The totals of one thread, whose directory in `/proc` this is.
fn usage(thread: &Path) -> Option<Usage> {
    let status = fs::read_to_string(thread.join("status")).ok()?;
    let field = |name| status.lines().find_map(|line| line.strip_prefix(name))?.trim().parse().ok();
    let times = fs::read_to_string(thread.join("schedstat")).ok()?;
    Some(Usage {
        voluntary: field("voluntary_ctxt_switches:")?,
        involuntary: field("nonvoluntary_ctxt_switches:")?,
        // The first of three numbers: time on a processor, in ns.
        time: Duration::from_nanos(times.split(' ').next()?.parse().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_waits_is_counted() {
        let me = [std::process::id()];
        let (wake, woken) = std::sync::mpsc::channel::<()>();
        let waiter = std::thread::spawn(move || (0..100).filter(|_| woken.recv().is_ok()).count());
        let before = Counts::of(&me);
        while Counts::of(&me).since(&before).voluntary < 10 {
            if wake.send(()).is_err() {
                break;
            }
            std::thread::yield_now();
        }
        drop(wake);
        assert!(waiter.join().unwrap() > 0);
        assert!(Counts::of(&me).since(&before).time > Duration::ZERO);
        assert_eq!(Counts::default().since(&before), Usage::default());
    }
}
