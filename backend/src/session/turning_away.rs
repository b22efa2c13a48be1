//! Connections that may speak here no more: their token has expired, somebody closed them, or they are gone and this is a late
//! message. Whoever still asks is told why, and is closed.

use super::actor::Actor;
use super::send::encode;
use super::{Caller, Close, OutputResponse, Reply};
use shared_protocol::server::ErrorMessage;
use shared_protocol::{ClientId, ClientMessage, ConnectionId, ErrorCode, Inbound, ServerMessage};
use std::collections::VecDeque;
use tokio::time::Instant;

/// Connections that are remembered, the latest: more than a session has clients, and messages are late by seconds.
const REMEMBERED: usize = 128;

/// Who was turned away, and why.
#[derive(Debug, Default)]
pub(super) struct TurnedAway(VecDeque<(ConnectionId, ErrorCode)>);

impl TurnedAway {
    /// From now on. The first reason stands.
    pub(super) fn add(&mut self, connection: ConnectionId, code: ErrorCode) {
        if self.why(&connection).is_some() {
            return;
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((connection, code));
    }

    pub(super) fn why(&self, connection: &ConnectionId) -> Option<ErrorCode> {
        self.0.iter().find(|(id, _)| id == connection).map(|(_, code)| *code)
    }
}

/// The sentence for a person.
fn refusal(code: ErrorCode) -> ErrorMessage {
    ErrorMessage::new(
        code,
        match code {
            ErrorCode::TokenExpired => "your token has expired; connect with a fresh one",
            ErrorCode::Revoked => "this connection was closed by an operator or by the session's owner",
            _ => "this connection was closed",
        },
    )
}

impl Reply {
    /// No, and the connection is closed.
    pub fn rejected(code: ErrorCode) -> Self {
        let frame = Some(encode(&ServerMessage::from(refusal(code)).into()));
        Self { frame, close: Some(Close::Rejected), ..Self::default() }
    }
}

impl OutputResponse {
    pub(super) fn rejected(code: ErrorCode) -> Self {
        let Reply { frame, close, .. } = Reply::rejected(code);
        Self { frame, close, next: None }
    }
}

impl Actor {
    /// Why this message is not even looked at, if so.
    pub(super) fn turns_away(&mut self, caller: &Caller, inbound: &Inbound) -> Option<ErrorCode> {
        if let Some(code) = self.turned_away.why(&caller.connection) {
            return Some(code);
        }
        let attach = match inbound {
            Inbound::Message(ClientMessage::Attach(attach)) => Some(attach),
            _ => None,
        };
        let revoked = |id: &ClientId| self.clients.get(id).is_some_and(|client| client.revoked);
        let code = if attach.is_some_and(|attach| revoked(&attach.client)) {
            ErrorCode::Revoked
        } else if caller.has_expired(self.clock.now_ms()) && (attach.is_some() || self.ending.is_none()) {
            // While the session ends, whoever was there still hears so.
            ErrorCode::TokenExpired
        } else {
            return None;
        };
        self.turn_away(&caller.connection, code);
        Some(code)
    }

    /// Lets a connection go, and tells it why: at once if somebody waits for its next frame, else when it next asks.
    fn turn_away(&mut self, connection: &ConnectionId, code: ErrorCode) {
        tracing::info!(session = %self.id, %connection, ?code, "connection turned away");
        let client = self.connections.get(connection).map(|connected| connected.client.clone());
        if let Some(client) = client.and_then(|id| self.clients.get_mut(&id))
            && let Some(waiter) = client.waiter.take_if(|waiter| waiter.connection == *connection)
        {
            client.follower.revoke();
            // A request that is gone asks again, and is told then.
            let _ = waiter.reply.send(OutputResponse::rejected(code));
        }
        self.turned_away.add(connection.clone(), code);
        self.disconnect(connection);
    }

    /// Lets every connection go whose token is past its expiry.
    pub(super) fn turn_away_expired(&mut self) {
        let ms = self.clock.now_ms();
        let expired = self.connections.iter().filter(|(_, connected)| connected.good_until_ms <= ms);
        for connection in expired.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.turn_away(&connection, ErrorCode::TokenExpired);
        }
    }

    /// When the next token of a connection expires.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        let next = self.connections.values().map(|connected| connected.good_until_ms).min()?;
        self.moment().when(next)
    }

    /// Closes a client for good, over all its connections. False when there is no such connection.
    pub(super) fn revoke(&mut self, connection: &ConnectionId) -> bool {
        let Some(id) = self.connections.get(connection).map(|connected| connected.client.clone()) else { return false };
        let all = self.connections.iter().filter(|(_, connected)| connected.client == id);
        let all: Vec<_> = all.map(|(connection, _)| connection.clone()).collect();
        for connection in &all {
            self.turn_away(connection, ErrorCode::Revoked);
        }
        if let Some(client) = self.clients.get_mut(&id) {
            client.revoked = true;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_remembered_with_the_first_reason() {
        let connection = |n: usize| ConnectionId::new(format!("c{n}")).unwrap();
        let mut away = TurnedAway::default();
        away.add(connection(0), ErrorCode::Revoked);
        away.add(connection(0), ErrorCode::ConnectionGone);
        assert_eq!(away.why(&connection(0)), Some(ErrorCode::Revoked));
        for n in 1..=REMEMBERED {
            away.add(connection(n), ErrorCode::ConnectionGone);
        }
        assert_eq!((away.why(&connection(0)), away.0.len()), (None, REMEMBERED));
    }
}
