//! Every key that Termgate writes to Redis, with its type, its fields and its life, in one table: what an operator finds there,
//! and what a second writer would have to respect.

use super::{CONNECTION_LIFE, GONE_LIFE, INSTANCE_LIFE, TOMBSTONE_LIFE};
use std::fmt::Write as _;
use std::time::Duration;

/// How a value is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A hash of these fields, each as text; an empty one is a value that is not there.
    Hash(&'static [&'static str]),
    /// A sorted set of ids, each with the server's time of the last write in µs since 1970.
    Index,
    /// A string whose text means nothing.
    Flag,
}

impl Shape {
    /// As the server's `TYPE` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hash(_) => "hash",
            Self::Index => "zset",
            Self::Flag => "string",
        }
    }
}

/// One kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The key, with `{}` for whose it is.
    pub pattern: &'static str,
    /// What is there.
    pub shape: Shape,
    /// How long it is kept after it was last written; where that depends on the value, the longest.
    pub life: Duration,
    /// Who writes it, and when.
    pub written: &'static str,
}

/// One session.
pub const SESSION: Kind = Kind {
    pattern: "session:{}",
    shape: Shape::Hash(&["user", "state", "reason", "ended_at", "owner", "epoch", "created_at"]),
    // CREATED_LIFE and RUNNING_LIFE are shorter.
    life: TOMBSTONE_LIFE,
    written: "whoever creates, starts or ends it, over the version that they read; its owner again every 5 s",
};

/// What a session showed last; `data` is what is printed, byte by byte.
pub const SCREEN: Kind = Kind {
    pattern: "session:{}:screen",
    shape: Shape::Hash(&["epoch", "cols", "rows", "data", "at"]),
    life: TOMBSTONE_LIFE,
    written: "the session's owner, at most once a second while output flows",
};

/// The connections that speak in a session.
pub const CONNECTIONS_OF_SESSION: Kind = Kind {
    pattern: "session:{}:connections",
    shape: Shape::Index,
    life: CONNECTION_LIFE,
    written: "the session's owner, with each connection",
};

/// One connection.
pub const CONNECTION: Kind = Kind {
    pattern: "connection:{}",
    shape: Shape::Hash(&["session", "user", "role", "attached_at"]),
    life: CONNECTION_LIFE,
    written: "the session's owner when it attaches and while it speaks; deleted when it is gone",
};

/// That a connection is gone.
pub const CONNECTION_GONE: Kind = Kind {
    pattern: "connection:{}:gone",
    shape: Shape::Flag,
    life: GONE_LIFE,
    written: "whoever is told that it closed",
};

/// One instance of the service.
pub const INSTANCE: Kind = Kind {
    pattern: "instance:{}",
    shape: Shape::Hash(&["address", "started_at", "draining"]),
    life: INSTANCE_LIFE,
    written: "that instance every 5 s; deleted when it leaves",
};

/// The instances.
pub const INSTANCES: Kind =
    Kind { pattern: "instances", shape: Shape::Index, life: INSTANCE_LIFE, written: "each instance every 5 s" };

/// The sessions of a user.
pub const SESSIONS_OF_USER: Kind =
    Kind { pattern: "user:{}:sessions", shape: Shape::Index, life: TOMBSTONE_LIFE, written: "with each session" };

/// All of them.
pub const TABLE: [Kind; 8] =
    [SESSION, SCREEN, CONNECTIONS_OF_SESSION, CONNECTION, CONNECTION_GONE, INSTANCE, INSTANCES, SESSIONS_OF_USER];

impl Kind {
    /// The key of `id`. Ids may hold any character: what could end the id's part of the key is escaped, so that no id leads to
    /// another's key.
    pub fn key(&self, id: &str) -> String {
        self.pattern.replace("{}", &escaped(id))
    }

    /// Whether a key is one of these.
    pub fn includes(&self, key: &str) -> bool {
        let Some((before, after)) = self.pattern.split_once("{}") else { return key == self.pattern };
        let id = key.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        id.is_some_and(|id| !id.contains(':'))
    }

    /// The names of a hash's fields.
    pub(super) fn fields(&self) -> &'static [&'static str] {
        match self.shape {
            Shape::Hash(fields) => fields,
            Shape::Index | Shape::Flag => &[],
        }
    }
}

/// As in URLs: whatever is neither a letter, a digit nor harmless, as `%` and two hexadecimal digits.
fn escaped(id: &str) -> String {
    let mut out = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~@+/=".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_leads_to_the_key_of_another_kind() {
        for id in ["x", "x:screen", "x:connections", "a:gone", "{}", "é\n\0 %3A", ""] {
            for kind in TABLE {
                let key = kind.key(id);
                assert!(key.is_ascii() && !key.contains(char::is_whitespace), "{key:?}");
                let including: Vec<_> = TABLE.iter().filter(|other| other.includes(&key)).collect();
                assert_eq!(including, [&kind], "{key}");
            }
        }
        assert_ne!(SESSION.key("a:b"), SESSION.key("a%3Ab"));
    }
}
