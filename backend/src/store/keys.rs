//! Every key that Termgate writes to Redis, in one table: type, fields, TTL and writer. An operator's reference, and the
//! contract for a second writer.

use super::{
    ANNOUNCEMENTS_TTL, CONNECTION_TTL, DISCONNECTED_TTL, DISPATCH_TTL, EVENTS_TTL, INSTANCE_TTL, REVOKED_TTL,
    RUNNING_TTL, SENDER_TTL, TOMBSTONE_TTL, WALL_TTL,
};
use std::fmt::Write as _;
use std::time::Duration;

/// Redis type of a value. Its name is the answer of Redis to `TYPE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
pub enum Shape {
    /// A hash of these fields, each as text; an empty text means none.
    #[strum(serialize = "hash")]
    Hash(&'static [&'static str]),
    /// A sorted set of ids, scored by the server's time of the last write in µs since 1970.
    #[strum(serialize = "zset")]
    Index,
    /// A sorted set, scored by the end of each member in seconds since 1970.
    #[strum(serialize = "zset")]
    Ends,
    /// A stream of JSON objects, each in the field `command`.
    #[strum(serialize = "stream")]
    Stream,
    /// A list of texts: a letter, a number, a colon, and a JSON object.
    #[strum(serialize = "list")]
    List,
    /// A string; only its presence counts.
    #[strum(serialize = "string")]
    Flag,
}

/// One kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySpec {
    /// The key, with `{}` for the id.
    pub pattern: &'static str,
    /// Type of the value.
    pub shape: Shape,
    /// TTL after the last write; the longest, if it depends on the value.
    pub ttl: Duration,
    /// Writer, and time of the write.
    pub writer: &'static str,
}

/// One session.
pub const SESSION: KeySpec = KeySpec {
    pattern: "session:{}",
    shape: Shape::Hash(&[
        "user",
        "state",
        "reason",
        "ended_at",
        "owner",
        "epoch",
        "created_at",
        "grp",
        "name",
        "takeover",
        "rec",
        "profile",
    ]),
    // CREATED_TTL and RUNNING_TTL are shorter.
    ttl: TOMBSTONE_TTL,
    writer: "the instance that creates, starts or ends it, by compare-and-set; its owner again every 5 s",
};

/// The last screen of a session; `data` is terminal output, byte by byte.
pub const SCREEN: KeySpec = KeySpec {
    pattern: "session:{}:screen",
    shape: Shape::Hash(&["epoch", "cols", "rows", "data", "at"]),
    ttl: TOMBSTONE_TTL,
    writer: "the session's owner, at most once a second while output flows; deleted at an end after which it does not start again",
};

/// The connections attached to a session.
pub const CONNECTIONS_OF_SESSION: KeySpec = KeySpec {
    pattern: "session:{}:connections",
    shape: Shape::Index,
    ttl: CONNECTION_TTL,
    writer: "the session's owner, with each connection",
};

/// One connection.
pub const CONNECTION: KeySpec = KeySpec {
    pattern: "connection:{}",
    shape: Shape::Hash(&["session", "user", "role", "attached_at"]),
    ttl: CONNECTION_TTL,
    writer: "the session's owner, at attach and while messages arrive; deleted at disconnect",
};

/// A closed connection.
pub const CONNECTION_GONE: KeySpec = KeySpec {
    pattern: "connection:{}:gone",
    shape: Shape::Flag,
    ttl: DISCONNECTED_TTL,
    writer: "the instance that receives the disconnect",
};

/// Those who were removed from a session, as hashes of their tokens' ids, or of their role and user.
pub const REVOKED: KeySpec = KeySpec {
    pattern: "session:{}:revoked",
    shape: Shape::Ends,
    // Until the last of the tokens has expired.
    ttl: REVOKED_TTL,
    writer: "the session's owner, at each change and again every 5 s; without one, the instance that lets a person in again",
};

/// The right to type in a session of a class, and its raised hand. `mode` is `free`, `lent` or `only`.
pub const CLASS: KeySpec = KeySpec {
    pattern: "session:{}:class",
    shape: Shape::Hash(&["mode", "created_at", "borrower", "loan", "lasts", "hand_at", "hand_seen_by"]),
    ttl: RUNNING_TTL,
    writer: "the session's owner, at each change and again every 5 s; read when another instance starts its next shell",
};

/// The latest commands of a session, by its id and the time of its creation, as `id@ms`: an id can later belong to another user.
/// Ids of the entries are the epoch and the number of the command.
pub const COMMANDS: KeySpec = KeySpec {
    pattern: "session:{}:commands",
    shape: Shape::Stream,
    ttl: TOMBSTONE_TTL,
    writer: "the session's owner, when a command ends",
};

/// The events of a session that wait for the receiver of webhooks.
pub const EVENTS: KeySpec = KeySpec {
    pattern: "events:{}",
    shape: Shape::List,
    ttl: EVENTS_TTL,
    writer: "the session's owner; the instance that sends them removes each once the receiver has it",
};

/// The instance that sends the events of a session.
pub const EVENT_SENDER: KeySpec = KeySpec {
    pattern: "events:{}:sender",
    shape: Shape::Hash(&["owner"]),
    ttl: SENDER_TTL,
    writer: "the instance that sends them, before each attempt and every 10 s between them",
};

/// The sessions that have events.
pub const SESSIONS_WITH_EVENTS: KeySpec =
    KeySpec { pattern: "events", shape: Shape::Index, ttl: EVENTS_TTL, writer: "with each event" };

/// The dispatch of an API, by its domain and stage: `concurrent` or `serial`.
pub const DISPATCH: KeySpec = KeySpec {
    pattern: "api:{}:dispatch",
    shape: Shape::Hash(&["dispatch", "at"]),
    ttl: DISPATCH_TTL,
    writer: "an instance that finds it out, and each one that knows it where it is missing",
};

/// The instance that has the wall of a page, behind the gateway.
pub const WALL: KeySpec = KeySpec {
    pattern: "wall:{}",
    shape: Shape::Hash(&["owner"]),
    ttl: WALL_TTL,
    writer: "the instance that takes the wall, and again with each of the page's messages `wall`",
};

/// Messages of a sender to a class, by the class, a space and the user; their members mean nothing.
pub const ANNOUNCEMENTS: KeySpec = KeySpec {
    pattern: "announcements:{}",
    shape: Shape::Index,
    ttl: ANNOUNCEMENTS_TTL,
    writer: "the instance that gets such a message, before it passes it on",
};

/// One instance of the service.
pub const INSTANCE: KeySpec = KeySpec {
    pattern: "instance:{}",
    shape: Shape::Hash(&["address", "started_at", "draining", "relays"]),
    ttl: INSTANCE_TTL,
    writer: "that instance every 5 s; deleted when it shuts down",
};

/// The instances.
pub const INSTANCES: KeySpec =
    KeySpec { pattern: "instances", shape: Shape::Index, ttl: INSTANCE_TTL, writer: "each instance every 5 s" };

/// The sessions of a user.
pub const SESSIONS_OF_USER: KeySpec =
    KeySpec { pattern: "user:{}:sessions", shape: Shape::Index, ttl: TOMBSTONE_TTL, writer: "with each session" };

/// The sessions of a group.
pub const SESSIONS_OF_GROUP: KeySpec = KeySpec {
    pattern: "group:{}:sessions",
    shape: Shape::Index,
    ttl: TOMBSTONE_TTL,
    writer: "with each session of the group",
};

/// All kinds of key.
pub const TABLE: [KeySpec; 18] = [
    SESSION,
    SCREEN,
    CONNECTIONS_OF_SESSION,
    CONNECTION,
    CONNECTION_GONE,
    REVOKED,
    CLASS,
    COMMANDS,
    EVENTS,
    EVENT_SENDER,
    SESSIONS_WITH_EVENTS,
    DISPATCH,
    WALL,
    ANNOUNCEMENTS,
    INSTANCE,
    INSTANCES,
    SESSIONS_OF_USER,
    SESSIONS_OF_GROUP,
];

impl KeySpec {
    /// The key of `id`. Escapes characters of the id, so that no id leads to the key of another.
    pub fn key(&self, id: &str) -> String {
        self.pattern.replace("{}", &escaped(id))
    }

    /// True if a key is of this kind.
    pub fn includes(&self, key: &str) -> bool {
        let Some((before, after)) = self.pattern.split_once("{}") else { return key == self.pattern };
        let id = key.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        id.is_some_and(|id| !id.contains(':'))
    }

    pub(super) fn fields(&self) -> &'static [&'static str] {
        match self.shape {
            Shape::Hash(fields) => fields,
            Shape::Index | Shape::Ends | Shape::Stream | Shape::List | Shape::Flag => &[],
        }
    }
}

/// Percent-encodes every byte but letters, digits and `-_.~@+/=`.
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
        for id in [
            "x",
            "x:screen",
            "x:class",
            "x@7",
            "x:commands",
            "x:sender",
            "x:connections",
            "a:gone",
            "{}",
            "é\n\0 %3A",
            "",
        ] {
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
