//! Every value that a label may have, as closed enums: no user, session or other text of a caller can become one.

use auth_tokens::TokenError;
use serde::Serialize;
use shared_protocol::{ClientMessage, Inbound, Plain, ServerMessage};
use std::borrow::Cow;
use strum::VariantArray;

/// An enum whose variants are the values of a label.
pub trait LabelValue: VariantArray + Copy + PartialEq + Serialize + Send + Sync + std::fmt::Debug {
    /// The value of the label: the same text as in frames and errors.
    fn label_value(self) -> Cow<'static, str> {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(word)) => Cow::Owned(word),
            _ => Cow::Borrowed("other"),
        }
    }
}

impl<T: VariantArray + Copy + PartialEq + Serialize + Send + Sync + std::fmt::Debug> LabelValue for T {}

macro_rules! label_values {
    ($($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $value:ident),* $(,)? })*) => {
        $(
            $(#[$about])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, VariantArray)]
            #[serde(rename_all = "snake_case")]
            pub enum $name { $(#[doc = concat!("`", stringify!($value), "`.")] $(#[$doc])* $value,)* }
        )*
    };
}

label_values! {
    /// Phase of a session with a shell.
    Phase {
        Starting,
        Running,
        /// Its shell is being ended, or has ended and its clients are being notified.
        Ending,
    }

    /// How a connection reaches the service: by HTTP requests of the gateway, by a WebSocket to the service itself, or by
    /// requests of the page.
    Transport { Gateway, #[serde(rename = "direct")] WebSocket, Http }

    /// Kind of a frame to a client. A reply is a direct answer or an acknowledgement.
    FrameKind { Output, Event, Snapshot, Reply }

    /// Type of a message from a client.
    MessageType {
        Attach, Input, Resize, Theme, Command, TypeLine, Interrupt, Extend, Close, ChatMessage, Hand, HandSeen,
        Ask, Allow, TakeBack, GiveBack, OnlyMe, Remove, Ack, Follow, Carry, Wall, WallAck, Announce,
        Upload, UploadPart, Download, DownloadPart, CancelTransfer, Ping, Echo,
        /// An unknown type, or one that lacks its number.
        Unknown,
        /// Not a message.
        Malformed,
    }

    /// How a file passes: by an HTTP request to the service, or in messages of a terminal's connection.
    TransferWay { Http, Messages }

    /// Result of a transfer of a file.
    TransferOutcome {
        Done,
        /// It has a bad name or path, is too large, or is closed to the session's user.
        Refused,
        /// It was cancelled, stalled, or made room for another one, or the session ended.
        BrokeOff,
    }

    /// Result of a check.
    CheckOutcome {
        Passed,
        Failed,
        /// It did not end by itself, or not at all began.
        CouldNotRun,
    }

    /// Why a range of the stream is sent again.
    RetransmissionCause {
        /// The client reported a gap.
        Asked,
        /// The client acknowledged nothing in time.
        Overdue,
    }

    /// Why a client gets a snapshot of the screen instead of the stream.
    SnapshotCause {
        /// It attached, and the snapshot is shorter than the stream.
        Attach,
        /// It is far behind, and may not apply backpressure.
        Behind,
        /// Its user pressed Ctrl-C, which makes the output in between obsolete.
        Interrupt,
        /// The session has spent its output budget of the gateway.
        Budget,
        /// The output log no longer has the part that it needs.
        Lost,
    }

    /// Outcome of a request forwarded to another instance.
    ForwardOutcome {
        /// The instance responded.
        Answered,
        /// The instance accepted a WebSocket.
        Connected,
        /// The instance could not be reached, or its response was not valid.
        Failed,
    }

    /// Why a request failed authentication: it has no token, or an error of the token.
    AuthFailure { Missing, Invalid, TooLong, UnknownKey, BadClaims, Expired, NotYet, NotForUs, OtherRequest }

    /// Why a recording was deleted.
    Deletion {
        /// It was older than recordings are kept.
        Age,
        /// All were too much.
        Size,
        /// A person asked for it.
        Asked,
    }

    /// A call of the store.
    Operation {
        Put, Session, SessionsOf, SessionsIn, PutScreen, DeleteScreen, Screen, PutConnection, ConnectionsOf, ConnectionGone, IsGone,
        PutRevoked, Revoked, PutClass, Class, PutCommands, Commands,
        PushEvents, FirstEvent, TakeEvent, SessionsWithEvents, ClaimSender, PutDispatch, Dispatch, ClaimWall,
        TakeTurn, Beat, Leave, Instance, Instances,
    }
}

impl From<&ServerMessage> for FrameKind {
    fn from(message: &ServerMessage) -> Self {
        match message {
            ServerMessage::Output(_) => Self::Output,
            ServerMessage::Event(_) => Self::Event,
            ServerMessage::Snapshot(_) => Self::Snapshot,
            _ => Self::Reply,
        }
    }
}

impl From<&Inbound> for MessageType {
    fn from(inbound: &Inbound) -> Self {
        match inbound {
            Inbound::Message(ClientMessage::Attach(_)) => Self::Attach,
            Inbound::Message(ClientMessage::Input(_)) => Self::Input,
            Inbound::Message(ClientMessage::Resize(_)) | Inbound::Plain(Plain::Resize { .. }) => Self::Resize,
            Inbound::Message(ClientMessage::Theme(_)) => Self::Theme,
            Inbound::Message(ClientMessage::Command(_)) | Inbound::Plain(Plain::Command { .. }) => Self::Command,
            Inbound::Message(ClientMessage::TypeLine(_)) => Self::TypeLine,
            Inbound::Message(ClientMessage::Announce(_)) => Self::Announce,
            Inbound::Message(ClientMessage::Interrupt(_)) => Self::Interrupt,
            Inbound::Message(ClientMessage::Extend(_)) => Self::Extend,
            Inbound::Message(ClientMessage::Close(_)) => Self::Close,
            Inbound::Message(ClientMessage::ChatMessage(_)) | Inbound::Plain(Plain::Chat { .. }) => Self::ChatMessage,
            Inbound::Message(ClientMessage::Hand(_)) => Self::Hand,
            Inbound::Message(ClientMessage::HandSeen(_)) => Self::HandSeen,
            Inbound::Message(ClientMessage::Ask(_)) => Self::Ask,
            Inbound::Message(ClientMessage::Allow(_)) => Self::Allow,
            Inbound::Message(ClientMessage::TakeBack(_)) => Self::TakeBack,
            Inbound::Message(ClientMessage::GiveBack(_)) => Self::GiveBack,
            Inbound::Message(ClientMessage::OnlyMe(_)) => Self::OnlyMe,
            Inbound::Message(ClientMessage::Remove(_)) => Self::Remove,
            Inbound::Message(ClientMessage::Ack(_)) => Self::Ack,
            Inbound::Message(ClientMessage::Follow(_)) => Self::Follow,
            Inbound::Message(ClientMessage::Carry(_)) => Self::Carry,
            Inbound::Message(ClientMessage::Wall(_)) => Self::Wall,
            Inbound::Message(ClientMessage::WallAck(_)) => Self::WallAck,
            Inbound::Message(ClientMessage::Upload(_)) => Self::Upload,
            Inbound::Message(ClientMessage::UploadPart(_)) => Self::UploadPart,
            Inbound::Message(ClientMessage::Download(_)) => Self::Download,
            Inbound::Message(ClientMessage::DownloadPart(_)) => Self::DownloadPart,
            Inbound::Message(ClientMessage::CancelTransfer(_)) => Self::CancelTransfer,
            Inbound::Message(ClientMessage::Ping(_)) => Self::Ping,
            Inbound::Message(ClientMessage::Echo(_)) => Self::Echo,
            Inbound::Plain(Plain::Unordered { .. }) | Inbound::Unknown { .. } => Self::Unknown,
        }
    }
}

impl From<TokenError> for AuthFailure {
    fn from(bad: TokenError) -> Self {
        match bad {
            TokenError::Invalid => Self::Invalid,
            TokenError::TooLong => Self::TooLong,
            TokenError::UnknownKey => Self::UnknownKey,
            TokenError::InvalidClaims => Self::BadClaims,
            TokenError::Expired => Self::Expired,
            TokenError::NotYetValid => Self::NotYet,
            TokenError::WrongIssuerOrAudience => Self::NotForUs,
            TokenError::WrongRequest => Self::OtherRequest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_protocol::{EndReason, ErrorCode};

    #[test]
    fn values_are_the_words_of_the_protocol() {
        assert_eq!(ErrorCode::SessionEnded.label_value(), "SESSION_ENDED");
        assert_eq!(EndReason::MaxLife.label_value(), "max_life");
        assert_eq!(MessageType::ChatMessage.label_value(), "chat_message");
        assert_eq!(Transport::WebSocket.label_value(), "direct");
        assert_eq!(AuthFailure::NotForUs.label_value(), "not_for_us");
    }
}
