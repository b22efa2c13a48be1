//! Writes a new file. It has another name until it is complete and its digest is right, and then gets its own by a link, which
//! replaces nothing. If the bytes end early, it is removed.

use super::name::{MAX_NUMBER, check_name, numbered};
use super::path::{Starts, enter_or_make, path_of};
use super::wire::{CHUNK_BYTES, FileRefusal, Head, read_chunk, write_json};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags, linkat, openat, unlinkat};
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Write};

/// Length of the name of an incomplete file, in hex digits.
const MAX_PART_BYTES: usize = 64;

/// A file that is incomplete; dropping it removes it.
struct Part<'a> {
    directory: &'a OwnedFd,
    /// Its name while it is incomplete.
    name: String,
    file: File,
}

impl<'a> Part<'a> {
    fn create(directory: &'a OwnedFd, id: &str) -> Result<Self, FileRefusal> {
        if id.is_empty() || id.len() > MAX_PART_BYTES || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(FileRefusal::Failed);
        }
        let name = format!(".termgate-{id}.part");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(directory, &*name, flags, Mode::RUSR | Mode::WUSR)?;
        Ok(Self { directory, name, file: file.into() })
    }

    /// Gives the file its name, or one with a number. Returns the name.
    fn publish(&self, name: &str) -> Result<String, FileRefusal> {
        for number in 0..=MAX_NUMBER {
            let name = numbered(name, number);
            match linkat(self.directory, &*self.name, self.directory, &*name, AtFlags::empty()) {
                Ok(()) => return Ok(name),
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(FileRefusal::Taken)
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        // Fails if the session has removed it.
        let _ = unlinkat(self.directory, &*self.name, AtFlags::empty());
    }
}

/// A new file.
pub(super) struct NewFile<'a> {
    pub directory: Option<&'a str>,
    pub folder: Option<&'a str>,
    pub name: &'a str,
    pub part: &'a str,
    pub most: u64,
}

impl NewFile<'_> {
    /// Takes the bytes of the file, and answers. Fails if they end early.
    pub(super) fn receive(&self, starts: &Starts<'_>, from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
        let answer = match self.write(starts, from, to) {
            Ok(written) => written?,
            Err(refusal) => Head::Refused(refusal),
        };
        write_json(to, &answer)
    }

    /// The outer error is a refusal, the inner one that of a pipe.
    fn write(
        &self,
        starts: &Starts<'_>,
        from: &mut impl Read,
        to: &mut impl Write,
    ) -> Result<io::Result<Head>, FileRefusal> {
        check_name(self.name).map_err(|_| FileRefusal::Failed)?;
        let mut directory = starts.directory(self.directory.unwrap_or_default())?;
        if let Some(folder) = self.folder {
            directory = enter_or_make(directory, folder)?;
        }
        let mut part = Part::create(&directory, self.part)?;
        if let Err(error) = write_json(to, &Head::Ready) {
            return Ok(Err(error));
        }
        let (mut digest, mut buffer, mut bytes) = (Sha256::new(), Vec::new(), 0);
        loop {
            if let Err(error) = read_chunk(from, &mut buffer, CHUNK_BYTES) {
                return Ok(Err(error));
            }
            if buffer.is_empty() {
                break;
            }
            bytes += buffer.len() as u64;
            if bytes > self.most {
                return Err(FileRefusal::TooLarge);
            }
            part.file.write_all(&buffer)?;
            digest.update(&buffer);
        }
        let sha256 = hex::encode(digest.finalize());
        // The expected digest follows; an empty one counts as any.
        if let Err(error) = read_chunk(from, &mut buffer, CHUNK_BYTES) {
            return Ok(Err(error));
        }
        if !buffer.is_empty() && buffer != sha256.as_bytes() {
            return Err(FileRefusal::Mismatch);
        }
        let name = part.publish(self.name)?;
        Ok(Ok(Head::Stored { name, directory: path_of(&directory, starts.home), bytes, sha256 }))
    }
}
