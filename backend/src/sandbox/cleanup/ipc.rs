//! System V shared memory, queues and semaphores: they have no file and outlive every process until they are removed.

use crate::terminal::sys::{IpcKind, remove_ipc_object};
use std::io;

/// Objects of one kind, from `/proc/sysvipc`.
pub(in crate::sandbox) fn list(kind: IpcKind) -> Vec<Object> {
    let (file, id) = match kind {
        IpcKind::Memory => ("shm", "shmid"),
        IpcKind::Queue => ("msg", "msqid"),
        IpcKind::Semaphores => ("sem", "semid"),
    };
    // Missing if the kernel has no System V IPC.
    let text = std::fs::read_to_string(format!("/proc/sysvipc/{file}")).unwrap_or_default();
    parse(&text, id)
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::sandbox) struct Object {
    pub id: i32,
    pub uid: u32,
    pub creator: u32,
    /// Bytes of resident and swapped memory, or of queued messages.
    pub bytes: u64,
}

fn parse(text: &str, id: &str) -> Vec<Object> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
    let column = |name: &str| names.iter().position(|other| *other == name);
    let objects = lines.filter_map(|line| {
        let values: Vec<&str> = line.split_whitespace().collect();
        let value = |name: &str| values.get(column(name)?).copied();
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

/// Removes all objects of the user that this process runs as.
pub(super) fn remove_all_of(uid: u32) -> io::Result<()> {
    let mut result = Ok(());
    for kind in [IpcKind::Memory, IpcKind::Queue, IpcKind::Semaphores] {
        for object in list(kind).iter().filter(|object| object.uid == uid || object.creator == uid) {
            result = result.and(remove_ipc_object(kind, object.id));
        }
    }
    result
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
