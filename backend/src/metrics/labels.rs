//! Every value that a label may have: words of closed enums, so that no user, session or other text can become one.

use serde::Serialize;
use shared_protocol::error::ERROR_CODES;
use shared_protocol::{ClientMessage, EndReason, ErrorCode, Inbound, Plain, Role, ServerMessage};
use std::borrow::Cow;

/// A closed set of words.
pub trait Word: Copy + PartialEq + Serialize + 'static {
    /// All of them.
    const ALL: &'static [Self];

    /// How it stands in a label: as in frames and errors.
    fn word(self) -> Cow<'static, str> {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(word)) => Cow::Owned(word),
            _ => Cow::Borrowed("other"),
        }
    }
}

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $value:ident,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$doc])* $value,)* }

        impl Word for $name {
            const ALL: &'static [Self] = &[$(Self::$value,)*];
        }
    };
}

words! {
    /// Where a session with a shell stands.
    Phase {
        /// Its shell is being started.
        Starting,
        /// Its shell runs.
        Running,
        /// Its shell is told to end, or is over and its clients are told so.
        Ending,
    }
}

words! {
    /// How a connection reaches the service.
    Door {
        /// Through the gateway, by HTTP.
        Gateway,
        /// Itself, by WebSocket.
        Direct,
    }
}

words! {
    /// What a frame to a client is.
    Frame {
        /// Bytes of the stream.
        Output,
        /// An event of the stream.
        Event,
        /// A part of a screen.
        Snapshot,
        /// A direct answer, or an acknowledgement.
        Reply,
    }
}

words! {
    /// Type of a message from a client.
    Heard {
        /// `attach`
        Attach,
        /// `input`
        Input,
        /// `resize`
        Resize,
        /// `command`
        Command,
        /// `interrupt`
        Interrupt,
        /// `extend`
        Extend,
        /// `close`
        Close,
        /// `chat_message`
        ChatMessage,
        /// `ack`
        Ack,
        /// `follow`
        Follow,
        /// `ping`
        Ping,
        /// `echo`
        Echo,
        /// A type that nobody knows, or one that needs a number and has none.
        Unknown,
        /// Not a message at all.
        Malformed,
    }
}

words! {
    /// Why a part of the stream is sent again.
    Repair {
        /// The client said that it lost something.
        Asked,
        /// The client acknowledged nothing in time.
        Overdue,
    }
}

words! {
    /// Why a client gets the screen instead of the stream.
    Skip {
        /// It attached, and the screen is the shorter way.
        Attach,
        /// It is far behind, and does not hold the program back.
        Behind,
        /// Its user pressed Ctrl-C: what the program printed meanwhile is of no interest.
        Interrupt,
        /// The session has spent its budget of output through the gateway.
        Budget,
        /// The ring has dropped what it lacks.
        Lost,
    }
}

words! {
    /// What became of a request that was passed on to another instance.
    Forwarding {
        /// That instance answered.
        Answered,
        /// A WebSocket was opened there.
        Connected,
        /// That instance was not reached, or its answer was not usable.
        Failed,
    }
}

words! {
    /// Why a token was refused.
    Refused {
        /// There was none.
        Missing,
        /// Not a token, or a wrong signature.
        Invalid,
        /// Longer than any that is read.
        TooLong,
        /// It names a key that is not in the key set.
        UnknownKey,
        /// A claim is missing or is not what it must be.
        BadClaims,
        /// Past its expiry.
        Expired,
        /// Before its time.
        NotYet,
        /// Made by or for somebody else.
        NotForUs,
        /// Made for another request.
        OtherRequest,
    }
}

words! {
    /// A call of the store.
    Operation {
        /// Writes a session.
        Put,
        /// Reads a session.
        Session,
        /// Lists a user's sessions.
        SessionsOf,
        /// Writes a screen.
        PutScreen,
        /// Reads a screen.
        Screen,
        /// Writes a connection.
        PutConnection,
        /// Lists a session's connections.
        ConnectionsOf,
        /// Notes that a connection is gone.
        ConnectionGone,
        /// Asks whether a connection is gone.
        IsGone,
        /// Says that this instance is alive.
        Beat,
        /// Says that this instance is gone.
        Leave,
        /// Reads an instance.
        Instance,
        /// Lists the instances.
        Instances,
    }
}

impl Word for ErrorCode {
    const ALL: &'static [Self] = ERROR_CODES;
}

impl Word for Role {
    const ALL: &'static [Self] = &[Self::Controller, Self::Viewer];
}

impl Word for EndReason {
    const ALL: &'static [Self] = &[
        Self::Exited,
        Self::Closed,
        Self::Detached,
        Self::Idle,
        Self::MaxLife,
        Self::TokenExpired,
        Self::ServerRestart,
        Self::OwnerLost,
        Self::StartFailed,
        Self::Revoked,
        Self::Limits,
    ];
}

impl From<&ServerMessage> for Frame {
    fn from(message: &ServerMessage) -> Self {
        match message {
            ServerMessage::Output(_) => Self::Output,
            ServerMessage::Event(_) => Self::Event,
            ServerMessage::Snapshot(_) => Self::Snapshot,
            _ => Self::Reply,
        }
    }
}

impl From<&Inbound> for Heard {
    fn from(inbound: &Inbound) -> Self {
        match inbound {
            Inbound::Message(ClientMessage::Attach(_)) => Self::Attach,
            Inbound::Message(ClientMessage::Input(_)) => Self::Input,
            Inbound::Message(ClientMessage::Resize(_)) | Inbound::Plain(Plain::Resize { .. }) => Self::Resize,
            Inbound::Message(ClientMessage::Command(_)) | Inbound::Plain(Plain::Command { .. }) => Self::Command,
            Inbound::Message(ClientMessage::Interrupt(_)) => Self::Interrupt,
            Inbound::Message(ClientMessage::Extend(_)) => Self::Extend,
            Inbound::Message(ClientMessage::Close(_)) => Self::Close,
            Inbound::Message(ClientMessage::ChatMessage(_)) => Self::ChatMessage,
            Inbound::Message(ClientMessage::Ack(_)) => Self::Ack,
            Inbound::Message(ClientMessage::Follow(_)) => Self::Follow,
            Inbound::Message(ClientMessage::Ping(_)) => Self::Ping,
            Inbound::Message(ClientMessage::Echo(_)) => Self::Echo,
            Inbound::Plain(Plain::Unordered { .. }) | Inbound::Unknown { .. } => Self::Unknown,
        }
    }
}

impl From<auth_tokens::TokenError> for Refused {
    fn from(bad: auth_tokens::TokenError) -> Self {
        match bad {
            auth_tokens::TokenError::Invalid => Self::Invalid,
            auth_tokens::TokenError::TooLong => Self::TooLong,
            auth_tokens::TokenError::UnknownKey => Self::UnknownKey,
            auth_tokens::TokenError::InvalidClaims => Self::BadClaims,
            auth_tokens::TokenError::Expired => Self::Expired,
            auth_tokens::TokenError::NotYetValid => Self::NotYet,
            auth_tokens::TokenError::WrongIssuerOrAudience => Self::NotForUs,
            auth_tokens::TokenError::WrongRequest => Self::OtherRequest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_protocol() {
        assert_eq!(ErrorCode::SessionEnded.word(), "SESSION_ENDED");
        assert_eq!(EndReason::MaxLife.word(), "max_life");
        assert_eq!(Heard::ChatMessage.word(), "chat_message");
        assert_eq!(Refused::NotForUs.word(), "not_for_us");
    }

    #[test]
    fn every_reason_is_listed() {
        // The parser names what it knows.
        let all = serde_json::from_str::<EndReason>("\"?\"").unwrap_err().to_string();
        for reason in EndReason::ALL {
            assert!(all.contains(&format!("`{}`", reason.word())), "{all}");
        }
        assert_eq!(all.matches("`, `").count() + 1, EndReason::ALL.len(), "{all}");
    }
}
