//! The messages between the service and the helper of a transfer, over two pipes: a task, an answer, and the bytes in chunks with
//! their length, of which an empty one is the last. A transfer without it was cut off.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};

/// Largest chunk, in bytes: what a pipe holds.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;

/// Largest task or answer, in bytes: a path of 4096 bytes, of which JSON may escape each one.
pub(crate) const MAX_HEAD_BYTES: usize = 32 * 1024;

/// The work of a helper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FileTask {
    /// Writes a new file.
    Receive {
        /// Its directory; that of the shell by default.
        directory: Option<String>,
        /// Directories below that one, which are made where they are missing: `a/b`.
        folder: Option<String>,
        /// Its name, unless that is taken.
        name: String,
        /// Name of the file while it is incomplete.
        part: String,
        /// Most bytes that it may have.
        most: u64,
    },
    /// Reads a file, or a directory as an archive.
    Send {
        /// Its path, from the directory of the shell.
        path: String,
        /// Most bytes that it may have.
        most: u64,
    },
}

/// Answer of a helper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Head {
    /// The bytes of the new file may come.
    Ready,
    /// The new file is complete.
    Stored {
        /// Its name.
        name: String,
        /// Its directory.
        directory: String,
        /// Its size.
        bytes: u64,
        /// SHA-256 of what was written, in hex digits.
        sha256: String,
    },
    /// The bytes of a file follow.
    File {
        /// How many.
        bytes: u64,
        /// Their SHA-256, in hex digits.
        sha256: String,
    },
    /// An archive follows.
    Folder,
    /// Nothing was done.
    Refused(FileRefusal),
}

/// Why nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum FileRefusal {
    /// No such file or directory.
    #[error("there is no such file or directory")]
    NotFound,
    /// The kernel forbids it to the session's user.
    #[error("the session's user may not do that there")]
    Denied,
    /// A symbolic link on the way.
    #[error("a part of the path is a link: name the file by its real path")]
    Link,
    /// Neither a regular file nor a directory.
    #[error("it is neither a file nor a directory")]
    Special,
    /// More bytes or entries than a transfer may have.
    #[error("it is larger than a transfer may be")]
    TooLarge,
    /// The disk or its quota is full.
    #[error("the session has no room for it")]
    NoRoom,
    /// Every number is taken.
    #[error("a hundred files there have this name already")]
    Taken,
    /// The digest differs.
    #[error("what arrived is not what the digest says")]
    Mismatch,
    /// Any other error of the file system.
    #[error("it cannot be read or written there")]
    Failed,
}

pub(super) fn write_chunk(to: &mut impl Write, chunk: &[u8]) -> io::Result<()> {
    to.write_all(&(chunk.len() as u32).to_le_bytes())?;
    to.write_all(chunk)
}

/// Reads a chunk of at most `most` bytes into the buffer.
pub(super) fn read_chunk(from: &mut impl Read, buffer: &mut Vec<u8>, most: usize) -> io::Result<()> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > most {
        return Err(io::ErrorKind::InvalidData.into());
    }
    buffer.resize(length, 0);
    from.read_exact(buffer)
}

pub(super) fn write_json(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    write_chunk(to, &serde_json::to_vec(message)?)?;
    to.flush()
}

pub(super) fn read_json<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut buffer = Vec::new();
    read_chunk(from, &mut buffer, MAX_HEAD_BYTES)?;
    Ok(serde_json::from_slice(&buffer)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_arrive_as_they_were_sent_and_no_longer_than_may_be() {
        let mut sent = Vec::new();
        for chunk in [&b"one"[..], b"", &[7; CHUNK_BYTES]] {
            write_chunk(&mut sent, chunk).unwrap();
        }
        let (mut from, mut buffer) = (&sent[..], Vec::new());
        for chunk in [&b"one"[..], b"", &[7; CHUNK_BYTES]] {
            read_chunk(&mut from, &mut buffer, CHUNK_BYTES).unwrap();
            assert_eq!(buffer, chunk);
        }
        assert!(read_chunk(&mut from, &mut buffer, CHUNK_BYTES).is_err(), "the end");
        assert!(read_chunk(&mut &sent[..], &mut buffer, 2).is_err());
        assert!(read_chunk(&mut &sent[..5], &mut buffer, CHUNK_BYTES).is_err());
    }
}
