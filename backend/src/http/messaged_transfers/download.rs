//! A file to the page, in parts that the page asks for by their place. The latest part is kept, because its answer may be lost.

use super::message::FileMessage;
use super::step::Step;
use crate::http::error::HttpError;
use crate::http::file_limits::{MAX_ARCHIVE_BYTES, helped};
use crate::http::file_steps::open_to_send;
use crate::http::transfers::Transfer;
use crate::session::{SessionError, SessionFiles};
use crate::terminal::FileHelper;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use sha2::{Digest, Sha256};
use shared_protocol::ServerMessage;
use shared_protocol::client::{Download, DownloadPart};
use shared_protocol::limits::FILE_PART_BYTES;
use shared_protocol::server::{FilePart, TransferState};

pub(super) struct Downloading {
    /// Id of the transfer.
    id: String,
    /// The process that reads the file.
    helper: FileHelper,
    /// Size and SHA-256 of a file; `None` for an archive.
    announced: Option<(u64, String)>,
    /// Bytes that the helper may still send.
    left: u64,
    /// True once the helper has sent its last.
    is_read: bool,
    /// Bytes of the helper that were not sent yet.
    unsent: BytesMut,
    /// Number of bytes that were sent.
    next: u64,
    /// SHA-256 of these.
    digest: Sha256,
    /// The latest part.
    latest: Option<FilePart>,
}

impl Downloading {
    /// Opens the path.
    pub(super) async fn begin(files: &SessionFiles, Download { id, path }: Download) -> Result<Self, HttpError> {
        let (helper, announced) = open_to_send(files, path).await?;
        let left = announced.as_ref().map_or(MAX_ARCHIVE_BYTES, |(bytes, _)| *bytes);
        let (unsent, digest) = (BytesMut::new(), Sha256::new());
        Ok(Self { id, helper, announced, left, is_read: false, unsent, next: 0, digest, latest: None })
    }

    /// Answers with the part that is asked for, if it is the next one or the latest.
    pub(super) async fn step(&mut self, message: FileMessage, transfer: &Transfer) -> Result<Step, HttpError> {
        let at = match message {
            FileMessage::DownloadPart(DownloadPart { at, .. }) => Some(at),
            _ => None,
        };
        if at == Some(self.next) {
            return self.next_part(transfer).await;
        }
        if let Some(latest) = self.latest.clone().filter(|latest| at == Some(latest.at)) {
            return Ok(Step::more(ServerMessage::FilePart(latest)));
        }
        let bytes = self.announced.as_ref().map(|(bytes, _)| *bytes);
        let (id, next, archive) = (self.id.clone(), self.next, bytes.is_none());
        Ok(Step::more(ServerMessage::Transfer(TransferState { id, next, bytes, archive })))
    }

    async fn next_part(&mut self, transfer: &Transfer) -> Result<Step, HttpError> {
        self.fill().await?;
        let bytes = self.unsent.split_to(self.unsent.len().min(FILE_PART_BYTES));
        self.digest.update(&bytes);
        transfer.passed(bytes.len());
        let sha256 = (self.is_read && self.unsent.is_empty()).then(|| hex::encode(self.digest.clone().finalize()));
        if let (Some(sent), Some((_, announced))) = (&sha256, &self.announced)
            && (self.left > 0 || sent != announced)
        {
            return Err(SessionError::broke_off().into());
        }
        let part = FilePart { id: self.id.clone(), at: self.next, b64: STANDARD.encode(&bytes), sha256 };
        self.next += bytes.len() as u64;
        let is_last = part.sha256.is_some();
        self.latest = Some(part.clone());
        Ok(Step { answer: ServerMessage::FilePart(part), is_last })
    }

    /// Reads more than a part, which shows whether it is the last.
    async fn fill(&mut self) -> Result<(), HttpError> {
        while !self.is_read && self.unsent.len() <= FILE_PART_BYTES {
            let chunk = helped(self.helper.next()).await?;
            self.left = self.left.checked_sub(chunk.len() as u64).ok_or_else(SessionError::broke_off)?;
            self.is_read = chunk.is_empty();
            self.unsent.extend_from_slice(&chunk);
        }
        Ok(())
    }

    pub(super) fn helper(&self) -> &FileHelper {
        &self.helper
    }
}
