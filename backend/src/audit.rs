//! The audit log: one line for each act that an operator may have to account for. Each names the user, the session, the
//! connection, the request and the kind of message, and none holds what was typed, said or shown.

use strum::{IntoStaticStr, VariantArray};

/// The acts; `docs/operate.md` says when each has a line, and a test compares both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Act {
    /// A connection to the service itself was admitted.
    Connect,
    /// A connection ended.
    Disconnect,
    /// A connection reached its session.
    Attach,
    /// A shell starts.
    Start,
    /// The right to type has changed.
    Control,
    /// A person was removed for good.
    Remove,
    /// A connection was closed, because its token is over or its user was removed.
    Reject,
    /// An instructor's wall opens.
    Wall,
    /// An instructor says something to the class.
    Announce,
    /// An instructor hands a file to the class.
    HandOut,
    /// A script of the platform was run in a session.
    Check,
    /// A person has a recording deleted.
    Delete,
    /// A person has a session end.
    Close,
    /// A shell is over.
    End,
    /// A request to the HTTP API that names or lists sessions.
    Api,
}

/// The user, the place and the message behind an action. `-` where there is none.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// The user of the token.
    pub user: &'a str,
    /// The session.
    pub session: &'a str,
    /// The connection.
    pub connection: &'a str,
    /// Id of the request.
    pub request: &'a str,
    /// Type of the message, or method and route of the request.
    pub kind: &'a str,
}

impl By<'_> {
    /// Nothing is known of who acts: time does.
    pub const NONE: By<'static> = By { user: "-", session: "-", connection: "-", request: "-", kind: "-" };
}

/// Writes the line of an act, with further fields between the braces.
macro_rules! audit {
    ($act:ident, $by:expr, { $($field:tt)* }, $($text:tt)+) => {{
        let by: $crate::audit::By<'_> = $by;
        tracing::info!(
            act = <&str>::from($crate::audit::Act::$act),
            user = by.user,
            session = by.session,
            connection = by.connection,
            request = by.request,
            kind = by.kind,
            $($field)*
            $($text)+
        )
    }};
}

pub(crate) use audit;
