//! Entries of sessions' users in `/etc/passwd` and `/etc/group`, while their sessions live: programs ask the system for the
//! name, home and shell of their user. Only files serve every program without a mount namespace or a library of the image.

use super::Context;
use rustix::fs::{FlockOperation, fcntl_lock};
use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Name of every session's user and group. Programs look up a user by uid, and find the entry of their own.
pub(super) const USER: &str = "student";

/// Full name, which tells these entries from others.
const FULL_NAME: &str = "Termgate session";

/// Directory of the account files.
const SYSTEM: &str = "/etc";

/// Lock of the account files. Services and their threads take it by `flock`, `useradd` and its like by `fcntl`.
const LOCK: &str = ".pwd.lock";

/// The system's account files.
#[derive(Debug)]
pub(super) struct Accounts {
    directory: PathBuf,
}

impl Default for Accounts {
    fn default() -> Self {
        Self { directory: SYSTEM.into() }
    }
}

/// Lines of both files.
struct Lines {
    passwd: Vec<String>,
    group: Vec<String>,
}

impl Lines {
    fn remove(&mut self, uid: u32) {
        self.passwd.retain(|line| !(is_ours(line) && field(line, 2) == uid.to_string()));
        self.group.retain(|line| line.trim_end() != format!("{USER}:*:{uid}:"));
    }

    fn remove_stale(&mut self) {
        // The parent of a home is the sandbox.
        let is_gone = |home: &str| Path::new(home).parent().is_none_or(|sandbox| !sandbox.exists());
        let stale = self.passwd.iter().filter(|line| is_ours(line) && is_gone(field(line, 5)));
        let stale: Vec<u32> = stale.filter_map(|line| field(line, 2).parse().ok()).collect();
        stale.into_iter().for_each(|uid| self.remove(uid));
    }
}

impl Accounts {
    /// Adds a user, unless the system has one with this uid. Removes those that an edit in vain left.
    pub(super) fn add(&self, uid: u32, home: &Path, shell: &str) -> io::Result<()> {
        let home = home.to_str().unwrap_or(":");
        if [home, shell].iter().any(|text| text.contains([':', '\n'])) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the home or shell does not fit into /etc/passwd"));
        }
        self.edit(|lines| {
            lines.remove_stale();
            if lines.passwd.iter().all(|line| field(line, 2) != uid.to_string()) {
                lines.passwd.push(format!("{USER}:*:{uid}:{uid}:{FULL_NAME}:{home}:{shell}\n"));
                lines.group.push(format!("{USER}:*:{uid}:\n"));
            }
        })
    }

    /// Removes a session's user.
    pub(super) fn remove(&self, uid: u32) -> io::Result<()> {
        self.edit(|lines| lines.remove(uid))
    }

    /// Removes users whose sandbox is gone, because services were killed.
    pub(super) fn remove_stale(&self) -> io::Result<()> {
        self.edit(Lines::remove_stale)
    }

    /// Changes both files. Readers see the old file or the new one, never a part.
    fn edit(&self, change: impl FnOnce(&mut Lines)) -> io::Result<()> {
        let lock = self.directory.join(LOCK);
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(lock).context("locking accounts")?;
        lock.lock().context("locking accounts")?;
        // Does not wait: a person may hold this one for as long as an editor is open.
        fcntl_lock(&lock, FlockOperation::NonBlockingLockExclusive).context("another program changes accounts")?;
        let [passwd, group] = ["passwd", "group"].map(|name| self.directory.join(name));
        let mut lines = Lines { passwd: read(&passwd)?, group: read(&group)? };
        let before = [lines.passwd.concat(), lines.group.concat()];
        change(&mut lines);
        let after = [lines.passwd.concat(), lines.group.concat()];
        // A group without its user does no harm.
        for (path, before, after) in [(&group, &before[1], &after[1]), (&passwd, &before[0], &after[0])] {
            if before != after {
                replace(path, after).context(path.display())?;
            }
        }
        Ok(())
    }
}

fn field(line: &str, number: usize) -> &str {
    line.trim_end().split(':').nth(number).unwrap_or_default()
}

fn is_ours(line: &str) -> bool {
    field(line, 0) == USER && field(line, 4) == FULL_NAME
}

/// Lines of a file, each with its end.
fn read(path: &Path) -> io::Result<Vec<String>> {
    let mut text = std::fs::read_to_string(path).context(path.display())?;
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text.split_inclusive('\n').map(str::to_owned).collect())
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mode = std::fs::metadata(path)?.permissions().mode();
    let new = path.with_extension("termgate");
    // A killed service may have left one.
    if let Err(error) = std::fs::remove_file(&new)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.set_permissions(Permissions::from_mode(mode & 0o777))?;
    std::fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_sessions_come_and_go_beside_others() {
        let etc = tempfile::tempdir().unwrap();
        let accounts = Accounts { directory: etc.path().into() };
        let text = |name| std::fs::read_to_string(etc.path().join(name)).unwrap();
        let (passwd, group) = ("root:x:0:0:root:/root:/bin/bash\nstudent:x:20003:1::/home/s:/bin/sh", "root:x:0:\n");
        std::fs::write(etc.path().join("passwd"), passwd).unwrap();
        std::fs::write(etc.path().join("group"), group).unwrap();
        std::fs::set_permissions(etc.path().join("passwd"), Permissions::from_mode(0o644)).unwrap();
        let home = etc.path().join("20001/home");
        std::fs::create_dir_all(&home).unwrap();
        accounts.add(20_001, &home, "/bin/bash").unwrap();
        accounts.add(20_003, Path::new("/x"), "/bin/sh").unwrap();
        accounts.add(20_002, Path::new("/gone/20002/home"), "/bin/sh").unwrap();
        let first = format!("student:*:20001:20001:Termgate session:{}:/bin/bash\n", home.display());
        let second = "student:*:20002:20002:Termgate session:/gone/20002/home:/bin/sh\n";
        assert_eq!(text("passwd"), format!("{passwd}\n{first}{second}"), "the system's own 20003 stays as it is");
        assert_eq!(text("group"), format!("{group}student:*:20001:\nstudent:*:20002:\n"));
        accounts.remove_stale().unwrap();
        assert_eq!(text("passwd"), format!("{passwd}\n{first}"));
        accounts.remove(20_001).unwrap();
        accounts.remove(20_003).unwrap();
        assert_eq!((text("passwd"), text("group")), (format!("{passwd}\n"), group.to_owned()));
        assert_eq!(std::fs::metadata(etc.path().join("passwd")).unwrap().permissions().mode() & 0o777, 0o644);
        assert!(accounts.add(20_004, Path::new("/a:b"), "/bin/sh").is_err());
        assert!(accounts.add(20_004, Path::new("/a"), "/bin/sh\nroot2:x:0:0::/:/bin/sh").is_err());
    }
}
