//! A directory as a tar archive of its directories and regular files. Links, pipes and devices are left out, and so is what the
//! session's user cannot read.

use super::name::MAX_DEPTH;
use super::path::open_to_read;
use super::wire::{CHUNK_BYTES, FileRefusal, write_chunk};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, Dir, FileType, Stat, fstat, statat};
use std::ffi::{CStr, CString, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};

/// Entries of an archive.
const MAX_ENTRIES: u64 = 20_000;

/// Entries and bytes so far.
#[derive(Debug, Default)]
struct Size {
    entries: u64,
    bytes: u64,
}

impl Size {
    fn add(&mut self, bytes: u64, most: u64) -> Result<(), FileRefusal> {
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.entries > MAX_ENTRIES || self.bytes > most { Err(FileRefusal::TooLarge) } else { Ok(()) }
    }
}

/// Fails if the directory holds more than an archive may.
pub(super) fn fits(folder: &OwnedFd, most: u64) -> Result<(), FileRefusal> {
    measure(folder, most, 0, &mut Size::default())
}

fn measure(folder: &OwnedFd, most: u64, depth: usize, size: &mut Size) -> Result<(), FileRefusal> {
    if depth > MAX_DEPTH {
        return Err(FileRefusal::TooLarge);
    }
    for name in names(folder)? {
        let Ok(status) = statat(folder, &*name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        match FileType::from_raw_mode(status.st_mode) {
            FileType::RegularFile => size.add(status.st_size as u64, most)?,
            FileType::Directory => {
                size.add(0, most)?;
                if let Ok(inner) = open_to_read(folder, &name) {
                    measure(&inner, most, depth + 1, size)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Writes the archive. Fails if the directory has grown beyond what an archive may hold, or a file is cut while it is read.
pub(super) fn write(folder: &OwnedFd, most: u64, to: &mut impl Write) -> io::Result<()> {
    let mut archive = Archive { builder: Builder::new(Chunks { to, buffer: Vec::new() }), size: Size::default(), most };
    archive.directory(folder, &PathBuf::new(), 0)?;
    archive.builder.into_inner()?.send()
}

struct Archive<W: Write> {
    builder: Builder<W>,
    size: Size,
    most: u64,
}

impl<W: Write> Archive<W> {
    fn directory(&mut self, folder: &OwnedFd, path: &Path, depth: usize) -> io::Result<()> {
        if depth > MAX_DEPTH {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        for name in names(folder)? {
            let Ok(entry) = open_to_read(folder, &name) else { continue };
            let path = path.join(shown(&name));
            let Ok(status) = fstat(&entry) else { continue };
            let kind = FileType::from_raw_mode(status.st_mode);
            let bytes = if kind == FileType::RegularFile { status.st_size as u64 } else { 0 };
            match kind {
                FileType::RegularFile | FileType::Directory => {
                    self.size.add(bytes, self.most).map_err(io::Error::other)?;
                }
                _ => continue,
            }
            let mut header = header(&status, bytes);
            if kind == FileType::Directory {
                self.builder.append_data(&mut header, &path, io::empty())?;
                self.directory(&entry, &path, depth + 1)?;
            } else {
                self.builder.append_data(&mut header, &path, Exactly(File::from(entry).take(bytes)))?;
            }
        }
        Ok(())
    }
}

/// Of the owner only the name of the session's user would be known elsewhere, and that is the same for all.
fn header(status: &Stat, bytes: u64) -> Header {
    let mut header = Header::new_gnu();
    let is_directory = FileType::from_raw_mode(status.st_mode) == FileType::Directory;
    header.set_entry_type(if is_directory { EntryType::Directory } else { EntryType::Regular });
    header.set_mode(status.st_mode & 0o777);
    header.set_mtime(u64::try_from(status.st_mtime).unwrap_or_default());
    header.set_size(bytes);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// The name in an archive. Windows would take a backslash for the end of a directory, which may be `..`.
fn shown(name: &CStr) -> OsString {
    let bytes = name.to_bytes().iter().map(|byte| if *byte == b'\\' { b'_' } else { *byte });
    OsString::from_vec(bytes.collect())
}

/// Names in a directory, in an order of their own.
fn names(folder: &impl AsFd) -> rustix::io::Result<Vec<CString>> {
    let entries = Dir::read_from(folder)?.take(MAX_ENTRIES as usize + 2).filter_map(Result::ok);
    let names = entries.map(|entry| entry.file_name().to_owned()).filter(|name| **name != *c"." && **name != *c"..");
    let mut names: Vec<CString> = names.collect();
    names.sort_unstable();
    Ok(names)
}

/// A file that fails where it ends before its size, which would make the rest of the archive unreadable.
struct Exactly(io::Take<File>);

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 if self.0.limit() > 0 && !buffer.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            count => Ok(count),
        }
    }
}

/// Gathers chunks.
struct Chunks<'a, W> {
    to: &'a mut W,
    buffer: Vec<u8>,
}

impl<W: Write> Chunks<'_, W> {
    fn send(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            write_chunk(self.to, &self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }
}

impl<W: Write> Write for Chunks<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(CHUNK_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..count]);
        if self.buffer.len() == CHUNK_BYTES {
            self.send()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()?;
        self.to.flush()
    }
}
