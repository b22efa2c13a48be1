//! Finds and ends every process of a session: those in the shell's kernel session, and those that left it but still carry
//! its marker in their environment (double forks, setsid, nohup).

use super::integration::MARKER;
use super::{Nonce, Processes};
use rustix::process::{Pid, Signal, kill_process};

/// Walks `/proc`, which needs no privilege for one's own processes.
#[derive(Debug)]
pub(super) struct ProcProcesses {
    shell: Pid,
    marker: Vec<u8>,
}

impl ProcProcesses {
    pub(super) fn new(shell: Pid, nonce: &Nonce) -> Self {
        Self { shell, marker: format!("{MARKER}={nonce}").into_bytes() }
    }

    fn find(&self) -> Vec<Pid> {
        let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok().and_then(Pid::from_raw))
            .filter(|&pid| self.is_ours(pid))
            .collect()
    }

    fn is_ours(&self, pid: Pid) -> bool {
        let folder = format!("/proc/{}", pid.as_raw_nonzero());
        let stat = std::fs::read_to_string(format!("{folder}/stat")).unwrap_or_default();
        // "pid (name) state ppid pgrp session …"; the name may hold anything, so count from its last parenthesis.
        let Some((_, fields)) = stat.rsplit_once(") ") else { return false };
        let mut fields = fields.split(' ');
        if fields.next() == Some("Z") {
            return false;
        }
        let session = fields.nth(2).and_then(|id| id.parse().ok());
        if session == Some(self.shell.as_raw_nonzero().get()) {
            return true;
        }
        let environment = std::fs::read(format!("{folder}/environ")).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|variable| variable == self.marker)
    }
}

impl Processes for ProcProcesses {
    fn hang_up(&self) {
        for pid in self.find() {
            // A process that ended meanwhile needs no signal.
            let _ = kill_process(pid, Signal::HUP);
            let _ = kill_process(pid, Signal::CONT);
        }
    }

    fn kill(&self) -> usize {
        let found = self.find();
        for &pid in &found {
            let _ = kill_process(pid, Signal::KILL);
        }
        found.len()
    }
}
