//! Connections whose messages are rejected: token expired, revoked, or already disconnected.

use super::frames::encode;
use super::handle::{Close, Reply};
use crate::relay::LastFrame;
use shared_protocol::server::ErrorMessage;
use shared_protocol::{ConnectionId, ErrorCode, ServerMessage};
use std::collections::VecDeque;
use tokio::time::Instant;

/// Closed connections that a session remembers: more than it has clients, and messages are late by seconds only.
const MAX_CLOSED: usize = 128;

/// A closed connection.
#[derive(Debug)]
struct Closed {
    connection: ConnectionId,
    reason: ErrorCode,
    /// The frame that tells the reason, if a relay posts it.
    told: Option<LastFrame>,
}

/// The latest closed connections, each once, with the reason.
#[derive(Debug, Default)]
pub(super) struct ClosedConnections(VecDeque<Closed>);

impl ClosedConnections {
    /// Rejects the connection from now on. The first reason stands. `told` is the frame that says it, if a relay posts one.
    pub(super) fn add(&mut self, connection: ConnectionId, reason: ErrorCode, told: Option<LastFrame>) {
        if self.reason(&connection).is_some() {
            return;
        }
        if self.0.len() == MAX_CLOSED {
            self.0.pop_front();
        }
        self.0.push_back(Closed { connection, reason, told });
    }

    pub(super) fn reason(&self, connection: &ConnectionId) -> Option<ErrorCode> {
        self.get(connection).map(|closed| closed.reason)
    }

    fn get(&self, connection: &ConnectionId) -> Option<&Closed> {
        self.0.iter().find(|closed| closed.connection == *connection)
    }

    /// True while a relay may be posting the reason: an answer must not bring a second frame.
    pub(super) fn is_being_told(&self, connection: &ConnectionId, now: Instant) -> bool {
        let told = self.get(connection).and_then(|closed| closed.told.as_ref());
        told.is_some_and(|told| told.is_on_its_way(now))
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
        closed.add(connection(0), ErrorCode::Revoked, None);
        closed.add(connection(0), ErrorCode::ConnectionGone, None);
        assert_eq!(closed.reason(&connection(0)), Some(ErrorCode::Revoked));
        for n in 1..=MAX_CLOSED {
            closed.add(connection(n), ErrorCode::ConnectionGone, None);
        }
        assert_eq!((closed.reason(&connection(0)), closed.0.len()), (None, MAX_CLOSED));
    }
}
