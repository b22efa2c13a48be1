//! The processes of a session without a sandbox, where all sessions share the service's user. They are found by the kernel
//! session of the shell, or by a tag in their environment, which survives double forks, setsid and nohup.

use super::integration::{Nonce, TAG_VARIABLE};
use super::procfs::{Process, all, signal_if};
use super::pty::ProcessGroup;
use super::shared_scan::SharedScan;
use async_trait::async_trait;
use rustix::process::{Pid, Signal};
use std::collections::{HashMap, HashSet};
use std::io;
use tokio::task::spawn_blocking;

/// Scans of `/proc`, shared by all sessions.
static SCANS: SharedScan<ProcSnapshot> = SharedScan::new();

/// A mark by which a process belongs to a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Tag {
    KernelSession(Pid),
    Environment(Vec<u8>),
}

/// Living processes by tag.
#[derive(Debug, Default)]
struct ProcSnapshot(HashMap<Tag, Vec<Pid>>);

impl ProcSnapshot {
    fn take() -> Self {
        let mut found: HashMap<Tag, Vec<Pid>> = HashMap::new();
        for process in all() {
            for tag in tags(&process) {
                found.entry(tag).or_default().push(process.pid);
            }
        }
        Self(found)
    }
}

/// Tags of a process; none of a zombie.
fn tags(process: &Process) -> Vec<Tag> {
    if process.is_zombie() {
        return Vec::new();
    }
    let environment = std::fs::read(format!("/proc/{}/environ", process.pid.as_raw_nonzero())).unwrap_or_default();
    let variables = environment.split(|&byte| byte == 0);
    let values = variables.filter_map(|variable| variable.strip_prefix(TAG_VARIABLE.as_bytes())?.strip_prefix(b"="));
    let values = values.map(|value| Tag::Environment(value.to_vec()));
    process.session().map(Tag::KernelSession).into_iter().chain(values).collect()
}

/// Processes with one of a session's tags.
#[derive(Debug, Clone)]
pub(super) struct TaggedProcesses([Tag; 2]);

impl TaggedProcesses {
    pub(super) fn new(shell: Pid, nonce: &Nonce) -> Self {
        Self([Tag::KernelSession(shell), Tag::Environment(nonce.as_str().into())])
    }

    /// Signals all processes. Returns the number found.
    async fn signal(&self, signals: &'static [Signal]) -> io::Result<usize> {
        let snapshot = SCANS.scan(ProcSnapshot::take).await?;
        let found: HashSet<Pid> = self.0.iter().filter_map(|tag| snapshot.0.get(tag)).flatten().copied().collect();
        let (processes, count) = (self.clone(), found.len());
        if count > 0 {
            let signal_all =
                move || found.into_iter().for_each(|pid| signal_if(pid, signals, || processes.include(pid)));
            spawn_blocking(signal_all).await?;
        }
        Ok(count)
    }

    fn include(&self, pid: Pid) -> bool {
        Process::read(pid).is_some_and(|process| tags(&process).iter().any(|tag| self.0.contains(tag)))
    }
}

#[async_trait]
impl ProcessGroup for TaggedProcesses {
    async fn hang_up(&self) -> io::Result<()> {
        self.signal(&[Signal::HUP, Signal::CONT]).await.map(drop)
    }

    async fn kill(&self) -> io::Result<usize> {
        self.signal(&[Signal::KILL]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::process::Stdio;

    #[tokio::test]
    async fn a_process_is_found_by_its_kernel_session_and_by_its_tag() {
        let nonce = Nonce::new([7; 8]);
        let mut daemon = std::process::Command::new("setsid");
        daemon.args(["sh", "-c", "echo ready; read -r word"]).env(TAG_VARIABLE, nonce.as_str());
        let mut daemon = daemon.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // The environment cannot be read during exec.
        let mut ready = [0; 6];
        daemon.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
        // The test's own session may have started outside of a container, where it has no number.
        let shell = Pid::from_raw(daemon.id() as i32).unwrap();
        assert!(tags(&Process::read(shell).unwrap()).contains(&Tag::KernelSession(shell)));
        let unused = Pid::from_raw(i32::MAX).unwrap();
        assert_eq!(TaggedProcesses::new(unused, &Nonce::new([8; 8])).kill().await.unwrap(), 0);
        assert_eq!(TaggedProcesses::new(unused, &nonce).kill().await.unwrap(), 1);
        assert!(!daemon.wait().unwrap().success(), "it was killed");
        assert_eq!(TaggedProcesses::new(unused, &nonce).kill().await.unwrap(), 0);
    }
}
