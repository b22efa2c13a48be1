//! Ids and numbers as separate types, so that a connection cannot be mistaken for a session.

use crate::limits::{ID_BYTES, MAX_NUMBER};
use derive_more::{Display, Into};
use serde::{Deserialize, Serialize};

/// A string is not a valid id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} must have 1 to {ID_BYTES} characters of {alphabet}")]
pub struct IdError {
    kind: &'static str,
    alphabet: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $alphabet:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Display, Into)]
        #[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(type = "string"))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// An id, if length and alphabet are valid.
            pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                let allowed: fn(u8) -> bool = $allowed;
                if text.is_empty() || text.len() > ID_BYTES || !text.bytes().all(allowed) {
                    return Err(IdError { kind: $kind, alphabet: $alphabet });
                }
                Ok(Self(text))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(text)
            }
        }
    };
}

id!(
    /// One page load: made by the page, sent in `attach`. Owns the input order, acknowledgements and the send cursor.
    ClientId,
    "a client id",
    "A-Z a-z 0-9 _ -",
    |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')
);

id!(
    /// One connection: API Gateway's connection id (base64, ends in `=`), or one made for a direct WebSocket.
    ConnectionId,
    "a connection id",
    "A-Z a-z 0-9 _ - = + / . :",
    |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'=' | b'+' | b'/' | b'.' | b':')
);

id!(
    /// One session, over all epochs of its shell.
    SessionId,
    "a session id",
    "A-Z a-z 0-9 _ - . :",
    |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':')
);

id!(
    /// One group of users: a class.
    GroupId,
    "a group id",
    "A-Z a-z 0-9 _ - . :",
    |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':')
);

id!(
    /// A named setting of a session: shell, environment, start script, limits.
    ProfileName,
    "a profile name",
    "A-Z a-z 0-9 _ -",
    |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')
);

/// A number is too large for an epoch, position or message number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a number must be at most {MAX_NUMBER}")]
pub struct NumberError;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, Display)]
        #[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(type = "number"))]
        #[serde(try_from = "u64")]
        pub struct $name(pub u64);

        impl TryFrom<u64> for $name {
            type Error = NumberError;
            fn try_from(number: u64) -> Result<Self, NumberError> {
                if number > MAX_NUMBER { Err(NumberError) } else { Ok(Self(number)) }
            }
        }
    };
}

number!(
    /// One run of a session's shell: `max(previous + 1, now in ms)`, so it never repeats, even with an emptied store.
    Epoch
);
number!(
    /// A position in a session's stream of output bytes and events, each of which takes one. Starts at 0 in each epoch.
    Pos
);
number!(
    /// A person of a session, from 1 in each epoch: a page with its reloads. Never used for another person.
    Who
);
number!(
    /// A loan of a session's keyboard, from 1. Never used for another loan of the session.
    Loan
);
number!(
    /// Number of a client's message, from 1.
    Seq
);

impl Pos {
    /// The position `len` later.
    #[must_use]
    pub fn after(self, len: u64) -> Self {
        Self(self.0 + len)
    }
}

impl Seq {
    /// The next number.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_an_alphabet_and_a_length() {
        assert!(ConnectionId::new("KbT4dc2oDoECFzA=").is_ok());
        assert!(SessionId::new("lab-7.user:2").is_ok());
        for bad in ["", "a b", "a/b", "ä", "a\n", &"x".repeat(ID_BYTES + 1)] {
            assert!(SessionId::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            SessionId::new("").unwrap_err().to_string(),
            "a session id must have 1 to 128 characters of A-Z a-z 0-9 _ - . :"
        );
    }

    #[test]
    fn numbers_beyond_javascripts_are_refused() {
        assert_eq!(serde_json::from_str::<Seq>("9007199254740991").unwrap(), Seq(MAX_NUMBER));
        assert!(serde_json::from_str::<Seq>("9007199254740992").is_err());
        assert_eq!(serde_json::to_string(&Pos(7)).unwrap(), "7");
    }

    #[test]
    fn an_invalid_id_is_refused() {
        assert!(serde_json::from_str::<SessionId>("\"../etc\"").is_err());
    }
}
