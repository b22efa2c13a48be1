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
    pub(in crate::http) fn of(inbound: Inbound) -> Result<Self, Inbound> {
        match inbound {
            Inbound::Message(ClientMessage::Upload(message)) => Ok(Self::Upload(message)),
            Inbound::Message(ClientMessage::UploadPart(message)) => Ok(Self::UploadPart(message)),
            Inbound::Message(ClientMessage::Download(message)) => Ok(Self::Download(message)),
            Inbound::Message(ClientMessage::DownloadPart(message)) => Ok(Self::DownloadPart(message)),
            Inbound::Message(ClientMessage::CancelTransfer(message)) => Ok(Self::Cancel(message)),
            other => Err(other),
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
