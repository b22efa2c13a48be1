//! Reads a regular file, and says its digest first: what is read later must have the same one, or the transfer is cut off.

use super::archive;
use super::path::{Starts, is_link, open_to_read};
use super::wire::{CHUNK_BYTES, FileRefusal, Head, write_chunk, write_json};
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, fstat};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Seek, Write};

/// The end of a path.
enum Found {
    File(File, u64),
    Folder(OwnedFd),
}

fn find(starts: &Starts<'_>, path: &str) -> Result<Found, FileRefusal> {
    let (parent, name) = starts.locate(path)?;
    let name = name.as_deref().unwrap_or(c".");
    let opened = open_to_read(&parent, name)
        .map_err(|error| if is_link(&parent, name) { FileRefusal::Link } else { error.into() })?;
    let status = fstat(&opened)?;
    match FileType::from_raw_mode(status.st_mode) {
        FileType::RegularFile => Ok(Found::File(opened.into(), status.st_size as u64)),
        FileType::Directory => Ok(Found::Folder(opened)),
        _ => Err(FileRefusal::Special),
    }
}

/// Answers, and sends the bytes. Fails if they are not those that were announced.
pub(super) fn send(starts: &Starts<'_>, path: &str, most: u64, to: &mut impl Write) -> io::Result<()> {
    match find(starts, path) {
        Err(refusal) => write_json(to, &Head::Refused(refusal)),
        Ok(Found::File(_, bytes)) if bytes > most => write_json(to, &Head::Refused(FileRefusal::TooLarge)),
        Ok(Found::File(mut file, bytes)) => {
            let sha256 = match read_through(&mut file, bytes, |_| Ok(())) {
                Ok(digest) => hex::encode(digest),
                Err(error) => return write_json(to, &Head::Refused(error.into())),
            };
            write_json(to, &Head::File { bytes, sha256: sha256.clone() })?;
            file.rewind()?;
            let read = read_through(&mut file, bytes, |chunk| write_chunk(to, chunk))?;
            if hex::encode(read) != sha256 {
                return Err(io::Error::other("the file has changed"));
            }
            write_chunk(to, b"")?;
            to.flush()
        }
        Ok(Found::Folder(folder)) => match archive::fits(&folder, most) {
            Err(refusal) => write_json(to, &Head::Refused(refusal)),
            Ok(()) => {
                write_json(to, &Head::Folder)?;
                archive::write(&folder, most, to)?;
                write_chunk(to, b"")?;
                to.flush()
            }
        },
    }
}

/// Reads `bytes` bytes, and returns their digest. Fails if there are fewer.
fn read_through(file: &mut File, bytes: u64, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<[u8; 32]> {
    let (mut digest, mut left, mut buffer) = (Sha256::new(), bytes, vec![0; CHUNK_BYTES]);
    while left > 0 {
        let most = left.min(CHUNK_BYTES as u64) as usize;
        let count = match file.read(&mut buffer[..most]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        digest.update(&buffer[..count]);
        each(&buffer[..count])?;
        left -= count as u64;
    }
    Ok(digest.finalize().into())
}
