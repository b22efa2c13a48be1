//! Shared memory, queues and semaphores that have no file (System V): they outlive every process until they are removed.

use crate::pty::descriptor::{SystemV, remove_system_v};
use std::io;

/// What `/proc` lists of one kind: for each object, the values of its columns.
pub(in crate::pty) fn list(kind: SystemV) -> Vec<Object> {
    let (file, id) = match kind {
        SystemV::Memory => ("shm", "shmid"),
        SystemV::Queue => ("msg", "msqid"),
        SystemV::Semaphores => ("sem", "semid"),
    };
    // A kernel without them has no such file.
    let text = std::fs::read_to_string(format!("/proc/sysvipc/{file}")).unwrap_or_default();
    parse(&text, id)
}

/// One object.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::pty) struct Object {
    /// The kernel's number.
    pub id: i32,
    /// Whose it is.
    pub uid: u32,
    /// Who made it.
    pub creator: u32,
    /// What it takes: memory in use, or messages, in bytes.
    pub bytes: u64,
}

fn parse(text: &str, id: &str) -> Vec<Object> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
    let place = |name: &str| names.iter().position(|there| *there == name);
    let objects = lines.filter_map(|line| {
        let values: Vec<&str> = line.split_whitespace().collect();
        let value = |name: &str| values.get(place(name)?).copied();
        let size = |name: &str| value(name).and_then(|value| value.parse().ok()).unwrap_or(0);
        Some(Object {
            id: value(id)?.parse().ok()?,
            uid: value("uid")?.parse().ok()?,
            creator: value("cuid")?.parse().ok()?,
            bytes: size("rss") + size("swap") + size("cbytes"),
        })
    });
    objects.collect()
}

/// Removes all of a user, which this process is.
pub(super) fn remove_all_of(uid: u32) -> io::Result<()> {
    let mut worst = Ok(());
    for kind in [SystemV::Memory, SystemV::Queue, SystemV::Semaphores] {
        for object in list(kind).iter().filter(|object| object.uid == uid || object.creator == uid) {
            worst = worst.and(remove_system_v(kind, object.id));
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name() {
        let text = "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap
         0      65536  1600                524288  1234  1234      2  1000  1000  1001  1000 1700000000 1700000000 1700000000                  4096                  8192\n";
        assert_eq!(parse(text, "shmid"), [Object { id: 65_536, uid: 1000, creator: 1001, bytes: 12_288 }]);
        assert_eq!(parse("", "shmid"), []);
    }
}
