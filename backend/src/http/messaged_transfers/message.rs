//! The messages of a transfer, apart from all others.

use shared_protocol::client::{CancelTransfer, Download, DownloadPart, Upload, UploadPart};
use shared_protocol::{ClientMessage, Inbound};

/// A message of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) enum FileMessage {
    /// Begins to bring a file.
    Upload(Upload),
    /// Brings a part of it.
    UploadPart(UploadPart),
    /// Begins to take a file.
    Download(Download),
    /// Takes a part of it.
    DownloadPart(DownloadPart),
    /// Ends a transfer early.
    Cancel(CancelTransfer),
}

impl FileMessage {
    /// The message, if it is one about a file.
    pub(in crate::http) fn of(inbound: &Inbound) -> Option<Self> {
        let Inbound::Message(message) = inbound else { return None };
        match message {
            ClientMessage::Upload(message) => Some(Self::Upload(message.clone())),
            ClientMessage::UploadPart(message) => Some(Self::UploadPart(message.clone())),
            ClientMessage::Download(message) => Some(Self::Download(message.clone())),
            ClientMessage::DownloadPart(message) => Some(Self::DownloadPart(message.clone())),
            ClientMessage::CancelTransfer(message) => Some(Self::Cancel(message.clone())),
            _ => None,
        }
    }

    /// Id of the transfer.
    pub(in crate::http) fn id(&self) -> &str {
        match self {
            Self::Upload(message) => &message.id,
            Self::UploadPart(message) => &message.id,
            Self::Download(message) => &message.id,
            Self::DownloadPart(message) => &message.id,
            Self::Cancel(message) => &message.id,
        }
    }
}
