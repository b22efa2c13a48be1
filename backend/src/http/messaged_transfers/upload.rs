//! A file from the page, in parts that are each answered with the place of the next.

use super::message::FileMessage;
use super::step::Step;
use crate::files::FileTask;
use crate::http::error::HttpError;
use crate::http::file_limits::{MAX_FILE_BYTES, check_names, helped, too_large};
use crate::http::file_steps::{StoredFile, finish, open_new};
use crate::http::transfers::Transfer;
use crate::session::SessionFiles;
use crate::terminal::FileHelper;
use shared_protocol::client::{Upload, UploadPart};
use shared_protocol::server::{Stored, TransferState};
use shared_protocol::{ErrorCode, Payload, ServerMessage};

pub(super) struct Uploading {
    /// Id of the transfer.
    id: String,
    /// The process that writes the file.
    helper: FileHelper,
    /// Bytes that were written.
    next: u64,
    /// Size of the whole file.
    bytes: u64,
    /// Its SHA-256, in hex digits.
    sha256: String,
}

impl Uploading {
    /// Opens the new file. `part` is its name while it is incomplete.
    pub(super) async fn begin(files: &SessionFiles, upload: Upload, part: String) -> Result<Self, HttpError> {
        let Upload { id, name, directory, folder, bytes, sha256 } = upload;
        check_names(&name, folder.as_deref())?;
        let most = files.room(MAX_FILE_BYTES);
        if bytes > most {
            return Err(too_large(most));
        }
        let helper = open_new(files, &FileTask::Receive { directory, folder, name, part, most: bytes }).await?;
        Ok(Self { id, helper, next: 0, bytes, sha256 })
    }

    /// Takes the part that is next. Any other is a repeat, or one after a part that was lost.
    pub(super) async fn step(&mut self, message: FileMessage, transfer: &Transfer) -> Result<Step, HttpError> {
        let bytes = match message {
            FileMessage::UploadPart(UploadPart { at, b64, .. }) if at == self.next => Payload::B64(b64).decode(),
            _ => None,
        };
        let bytes = bytes.unwrap_or_default();
        if bytes.len() as u64 > self.bytes - self.next {
            return Err(HttpError::new(ErrorCode::BadField, "the file has more bytes than `upload` says"));
        }
        if !bytes.is_empty() {
            helped(self.helper.put(&bytes)).await?;
            transfer.passed(bytes.len());
            self.next += bytes.len() as u64;
        }
        if self.next < self.bytes {
            let (id, next, bytes) = (self.id.clone(), self.next, Some(self.bytes));
            return Ok(Step::more(ServerMessage::Transfer(TransferState { id, next, bytes, archive: false })));
        }
        let StoredFile { name, directory, bytes, sha256 } = finish(&mut self.helper, Some(&self.sha256)).await?;
        let stored = Stored { id: self.id.clone(), name, directory, bytes, sha256 };
        Ok(Step::last(ServerMessage::Stored(stored)))
    }

    pub(super) fn helper(&self) -> &FileHelper {
        &self.helper
    }
}
