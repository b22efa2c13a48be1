//! Connections whose messages are rejected: token expired, revoked, or already disconnected.

use super::frames::encode;
use super::handle::{Close, Reply};
use shared_protocol::server::ErrorMessage;
use shared_protocol::{ConnectionId, ErrorCode, ServerMessage};
use std::collections::VecDeque;

/// Closed connections that a session remembers: more than it has clients, and messages are late by seconds only.
const MAX_CLOSED: usize = 128;

/// The latest closed connections, each once, with the reason.
#[derive(Debug, Default)]
pub(super) struct ClosedConnections(VecDeque<(ConnectionId, ErrorCode)>);

impl ClosedConnections {
    /// Rejects the connection from now on. The first reason stands.
    pub(super) fn add(&mut self, connection: ConnectionId, code: ErrorCode) {
        if self.reason(&connection).is_some() {
            return;
        }
        if self.0.len() == MAX_CLOSED {
            self.0.pop_front();
        }
        self.0.push_back((connection, code));
    }

    pub(super) fn reason(&self, connection: &ConnectionId) -> Option<ErrorCode> {
        self.0.iter().find(|(id, _)| id == connection).map(|(_, code)| *code)
    }
}

fn message(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::TokenExpired => "your token has expired; connect with a fresh one",
        ErrorCode::Revoked => "this connection was closed by an operator or by the session's owner",
        _ => "this connection was closed",
    }
}

impl Reply {
    /// Rejects a message and closes its connection.
    pub fn rejected(code: ErrorCode) -> Self {
        let frame = Some(encode(&ServerMessage::from(ErrorMessage::new(code, message(code))).into()));
        Self { frame, close: Some(Close::Rejected), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_remembered_with_the_first_reason() {
        let connection = |n: usize| ConnectionId::new(format!("c{n}")).unwrap();
        let mut closed = ClosedConnections::default();
        closed.add(connection(0), ErrorCode::Revoked);
        closed.add(connection(0), ErrorCode::ConnectionGone);
        assert_eq!(closed.reason(&connection(0)), Some(ErrorCode::Revoked));
        for n in 1..=MAX_CLOSED {
            closed.add(connection(n), ErrorCode::ConnectionGone);
        }
        assert_eq!((closed.reason(&connection(0)), closed.0.len()), (None, MAX_CLOSED));
    }
}
