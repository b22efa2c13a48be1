//! Copies a student's files for the checker, by two processes: one has the student's rights, and reads; the other has the
//! checker's, and writes. Neither follows a link, and the reader's word counts for nothing but the content of files.

use crate::files::open_to_read;
use crate::sandbox::dirfd::{for_each_name, open_directory};
use crate::sandbox::launch::privileges;
use crate::terminal::sys::close_all_but_standard;
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, mkdirat, openat};
use rustix::io::Errno;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::process::ExitCode;

/// Content of all files, in bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Number of files.
const MAX_FILES: usize = 4096;

/// Depth of a directory.
const MAX_DEPTH: usize = 32;

/// Length of a path, in bytes.
const MAX_PATH_BYTES: usize = 4096;

/// Length of the list of paths as JSON, in bytes.
const MAX_PATHS_BYTES: u64 = 512 * 1024;

/// Exit code if there are more files, or larger ones.
pub(in crate::sandbox) const TOO_LARGE: u8 = 3;

/// Reads the paths from standard input, and writes the files to standard output. A file that is not there, or is none, is left
/// out: the script does not find it either.
pub(super) fn collect(uid: u32, home: &Path) -> io::Result<ExitCode> {
    become_user(uid)?;
    let paths: Vec<String> = serde_json::from_reader(io::stdin().take(MAX_PATHS_BYTES))?;
    let home = open_directory(CWD, home)?;
    let mut collector = Collector { out: BufWriter::new(io::stdout()), room: Room::default() };
    for path in &paths {
        let components: Option<Vec<CString>> = components(path.as_bytes());
        let Some((name, folders)) = components.as_ref().and_then(|components| components.split_last()) else {
            continue;
        };
        let mut folder = home.try_clone()?;
        let is_there = folders.iter().all(|name| open_directory(&folder, &**name).map(|inner| folder = inner).is_ok());
        if is_there {
            match collector.entry(&folder, name, path.as_bytes(), 0) {
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Ok(ExitCode::from(TOO_LARGE)),
                done => done?,
            }
        }
    }
    collector.out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// Reads files from standard input, and writes them below the home.
pub(super) fn place(uid: u32, home: &Path) -> io::Result<ExitCode> {
    become_user(uid)?;
    let (home, mut files, mut room) = (open_directory(CWD, home)?, io::stdin(), Room::default());
    while let Some(file) = CopiedFile::read(&mut files, &mut room)? {
        write(&home, &file)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn become_user(uid: u32) -> io::Result<()> {
    close_all_but_standard()?;
    privileges::become_user(uid)?;
    privileges::show_open_files()?;
    privileges::check(uid)
}

/// The names of a path that stays where it begins.
fn components(path: &[u8]) -> Option<Vec<CString>> {
    let names = path.split(|byte| *byte == b'/');
    let names = names.map(|name| CString::new(name).ok().filter(|_| !matches!(name, b"" | b"." | b"..")));
    names.collect::<Option<Vec<_>>>().filter(|_| path.len() <= MAX_PATH_BYTES)
}

/// Bytes and files that the limits still allow.
struct Room {
    bytes: u64,
    files: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { bytes: MAX_BYTES, files: MAX_FILES }
    }
}

impl Room {
    fn take(&mut self, bytes: u64) -> io::Result<()> {
        let left = (self.bytes.checked_sub(bytes), self.files.checked_sub(1));
        let (Some(bytes), Some(files)) = left else { return Err(io::ErrorKind::FileTooLarge.into()) };
        *self = Self { bytes, files };
        Ok(())
    }
}

struct Collector<W> {
    out: W,
    room: Room,
}

impl<W: Write> Collector<W> {
    /// Writes a file, or the files of a directory. Fails if that is too much.
    fn entry(&mut self, folder: &OwnedFd, name: &CString, path: &[u8], depth: usize) -> io::Result<()> {
        let Ok(entry) = open_to_read(folder, name) else { return Ok(()) };
        let Ok(status) = fstat(&entry) else { return Ok(()) };
        match FileType::from_raw_mode(status.st_mode) {
            FileType::RegularFile => {
                let mut content = Vec::new();
                File::from(entry).take(self.room.bytes.saturating_add(1)).read_to_end(&mut content)?;
                self.room.take(content.len() as u64)?;
                let executable = Mode::from_raw_mode(status.st_mode).contains(Mode::XUSR);
                CopiedFile { path: path.to_owned(), executable, content }.write(&mut self.out)
            }
            FileType::Directory if depth >= MAX_DEPTH => Err(io::ErrorKind::FileTooLarge.into()),
            FileType::Directory => {
                let mut names = Vec::new();
                for_each_name(&entry, |name| names.push(name.to_owned()))?;
                names
                    .iter()
                    .try_for_each(|name| self.entry(&entry, name, &[path, b"/", name.as_bytes()].concat(), depth + 1))
            }
            _ => Ok(()),
        }
    }
}

/// A file on its way: the lengths of its path and content, whether it is a program, and both.
#[derive(Debug, PartialEq, Eq)]
struct CopiedFile {
    path: Vec<u8>,
    executable: bool,
    content: Vec<u8>,
}

impl CopiedFile {
    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        to.write_all(&(self.path.len() as u32).to_le_bytes())?;
        to.write_all(&(self.content.len() as u64).to_le_bytes())?;
        to.write_all(&[u8::from(self.executable)])?;
        to.write_all(&self.path)?;
        to.write_all(&self.content)
    }

    /// The next file; `None` after the last one.
    fn read(from: &mut impl Read, room: &mut Room) -> io::Result<Option<Self>> {
        let (mut path_bytes, mut bytes, mut executable) = ([0; 4], [0; 8], [0; 1]);
        if from.read(&mut path_bytes[..1])? == 0 {
            return Ok(None);
        }
        from.read_exact(&mut path_bytes[1..])?;
        from.read_exact(&mut bytes)?;
        from.read_exact(&mut executable)?;
        let (path_bytes, bytes) = (u32::from_le_bytes(path_bytes) as usize, u64::from_le_bytes(bytes));
        room.take(bytes)?;
        let mut path = vec![0; path_bytes.min(MAX_PATH_BYTES + 1)];
        from.read_exact(&mut path)?;
        let mut content = vec![0; bytes as usize];
        from.read_exact(&mut content)?;
        Ok(Some(Self { path, executable: executable[0] == 1, content }))
    }
}

/// Writes a file that is not there yet.
fn write(home: &OwnedFd, file: &CopiedFile) -> io::Result<()> {
    let components = components(&file.path).ok_or(io::ErrorKind::InvalidInput)?;
    let Some((name, folders)) = components.split_last() else { return Ok(()) };
    let mut folder = home.try_clone()?;
    for name in folders {
        match mkdirat(&folder, &**name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => folder = open_directory(&folder, &**name)?,
            Err(error) => return Err(error.into()),
        }
    }
    let mode = if file.executable { Mode::RWXU } else { Mode::RUSR | Mode::WUSR };
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(&folder, &**name, flags, mode) {
        Ok(made) => File::from(made).write_all(&file.content),
        // Two of the paths have it.
        Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_where_they_begin() {
        assert_eq!(components(b"a/b c").unwrap(), [c"a".to_owned(), c"b c".to_owned()]);
        for path in [&b""[..], b"/a", b"a/", b"a//b", b"..", b"a/../b", b"./a", b"a\0", &[b'a'; MAX_PATH_BYTES + 1]] {
            assert_eq!(components(path), None, "{}", path.escape_ascii());
        }
    }

    #[test]
    fn files_arrive_as_they_were_sent_and_no_more_than_may() {
        let files = [(&b"a/\xff"[..], true, &b"#!"[..]), (b"b", false, b"")];
        let files = files.map(|(path, executable, content)| CopiedFile {
            path: path.into(),
            executable,
            content: content.into(),
        });
        let mut sent = Vec::new();
        files.iter().for_each(|file| file.write(&mut sent).unwrap());
        let (mut from, mut room) = (&sent[..], Room::default());
        for file in files {
            assert_eq!(CopiedFile::read(&mut from, &mut room).unwrap(), Some(file));
        }
        assert_eq!(CopiedFile::read(&mut from, &mut room).unwrap(), None);
        assert!(CopiedFile::read(&mut &sent[..sent.len() - 1], &mut room).unwrap().is_some());
        assert!(CopiedFile::read(&mut &sent[..3], &mut room).is_err());
        let mut full = Room { bytes: 1, files: 9 };
        assert!(CopiedFile::read(&mut &sent[..], &mut full).is_err(), "before it is read");
        let mut full = Room { bytes: 9, files: 0 };
        assert!(CopiedFile::read(&mut &sent[..], &mut full).is_err());
    }

    #[test]
    fn what_is_no_regular_file_is_left_out() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        std::fs::create_dir_all(at("a/b")).unwrap();
        std::fs::write(at("a/b/file"), "text").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", at("a/link")).unwrap();
        std::os::unix::fs::symlink("b", at("a/folder")).unwrap();
        rustix::fs::mkfifoat(CWD, at("a/pipe"), Mode::RWXU).unwrap();
        let mut collector = Collector { out: Vec::new(), room: Room::default() };
        let folder = open_directory(CWD, home.path()).unwrap();
        collector.entry(&folder, &c"a".to_owned(), b"a", 0).unwrap();
        let file = CopiedFile { path: b"a/b/file".to_vec(), executable: false, content: b"text".to_vec() };
        let mut from = &collector.out[..];
        assert_eq!(CopiedFile::read(&mut from, &mut Room::default()).unwrap(), Some(file));
        assert_eq!(from, b"");
        collector.room.bytes = 3;
        assert!(collector.entry(&folder, &c"a".to_owned(), b"a", 0).is_err(), "it has 4 bytes");
    }
}
