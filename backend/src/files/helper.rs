//! One transfer from its task to its end. The caller has given up every privilege before.

use super::path::{Starts, open_whole};
use super::receive::NewFile;
use super::send::send;
use super::wire::{FileTask, read_json};
use rustix::fd::OwnedFd;
use serde::{Deserialize, Serialize};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// Where the paths of a session begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Places {
    /// Process of the shell, whose working directory counts.
    pub shell: u32,
    /// The user's home, which takes its place if the shell has gone away.
    pub home: PathBuf,
}

impl Places {
    /// Opens the shell's directory. The kernel allows it to the user of the shell alone, and before a Landlock domain is entered.
    pub(crate) fn open(&self) -> io::Result<OwnedFd> {
        let directory = open_whole(Path::new(&format!("/proc/{}/cwd", self.shell)));
        Ok(directory.or_else(|_| open_whole(&self.home))?)
    }
}

/// Reads a task, and does it.
pub(crate) fn carry(places: &Places, shell: &OwnedFd, from: impl Read, to: impl Write) -> io::Result<()> {
    let (mut from, mut to) = (BufReader::new(from), BufWriter::new(to));
    let starts = Starts { shell, home: &places.home };
    match read_json(&mut from)? {
        FileTask::Receive { directory, folder, name, part, most } => {
            let (directory, folder) = (directory.as_deref(), folder.as_deref());
            let file = NewFile { directory, folder, name: &name, part: &part, most };
            file.receive(&starts, &mut from, &mut to)
        }
        FileTask::Send { path, most } => send(&starts, &path, most, &mut to),
    }
}

#[cfg(test)]
mod tests;
