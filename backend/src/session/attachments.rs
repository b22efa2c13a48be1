//! The clients of a session and their connections: who is attached, who controls, and whose messages are rejected.

mod connection;
#[cfg(test)]
mod tests;

use super::caller::Caller;
use super::client::Client;
use super::expiry::Now;
use super::handle::{Reply, SessionError};
use super::people::People;
use super::revocation::ClosedConnections;
use super::standing::Standing;
use crate::audit::{By, audit};
use crate::metrics::Metrics;
use crate::store::{ConnectionRecord, Creator, MAX_REVOKED, Revocations};
use crate::terminal::Size;
use connection::Connection;
use shared_protocol::client::Attach;
use shared_protocol::server::Part;
use shared_protocol::{ClientId, ConnectionId, ErrorCode, Pos, Role, SessionId};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tokio::time::Instant;

/// Clients that one session remembers. A new one replaces the client that left longest ago.
const MAX_CLIENTS: usize = 64;

/// Clients among them that only instructors may be, so that guests cannot lock them out.
const INSTRUCTORS_CLIENTS: usize = 2;

/// Clients and connections of one session.
///
/// Invariants: the client of a connection exists. A client without a connection is not counted and not followed, does not
/// control, and is no one-shot client. A closed connection never connects again.
pub(super) struct Attachments {
    session: SessionId,
    clients: BTreeMap<ClientId, Client>,
    connections: HashMap<ConnectionId, Connection>,
    /// The client whose window the terminal has: the one that typed last.
    pub(super) controller: Option<ClientId>,
    pub(super) closed: ClosedConnections,
    /// Those who were removed for good.
    pub(super) revoked: Revocations,
    /// The people behind the clients.
    pub(super) people: People,
    metrics: Arc<Metrics>,
}

impl Attachments {
    pub(super) fn new(session: SessionId, creator: Creator, revoked: Revocations, metrics: Arc<Metrics>) -> Self {
        let (clients, connections, closed) = Default::default();
        let people = People::new(creator);
        Self { session, clients, connections, controller: None, closed, revoked, people, metrics }
    }

    pub(super) fn client(&self, id: &ClientId) -> Option<&Client> {
        self.clients.get(id)
    }

    pub(super) fn client_mut(&mut self, id: &ClientId) -> Option<&mut Client> {
        self.clients.get_mut(id)
    }

    pub(super) fn clients(&self) -> impl Iterator<Item = (&ClientId, &Client)> {
        self.clients.iter()
    }

    pub(super) fn clients_mut(&mut self) -> impl Iterator<Item = &mut Client> {
        self.clients.values_mut()
    }

    /// The client that this connection speaks for.
    pub(super) fn client_of(&self, connection: &ConnectionId) -> Option<&ClientId> {
        self.connections.get(connection).map(|connection| &connection.client)
    }

    pub(super) fn client_of_mut(&mut self, connection: &ConnectionId) -> Option<&mut Client> {
        self.clients.get_mut(&self.connections.get(connection)?.client)
    }

    pub(super) fn has_connections(&self) -> bool {
        !self.connections.is_empty()
    }

    /// True while a page that may type is connected.
    pub(super) fn has_controllers(&self) -> bool {
        self.connections.values().any(|connection| connection.role == Role::Controller)
    }

    /// Makes the connection a connection of this client, new or known. Returns true if the client is new.
    pub(super) fn attach(
        &mut self,
        caller: &Caller,
        attach: &Attach,
        now: Instant,
        now_ms: u64,
    ) -> Result<bool, SessionError> {
        if self.clients.get(&attach.client).is_some_and(|client| !client.belongs_to(caller)) {
            let theirs = "this client id belongs to another user, or to the same with another role";
            return Err(SessionError::new(ErrorCode::Forbidden, theirs));
        }
        let is_new = self.add(&attach.client, caller, false, now)?;
        self.connect(caller, &attach.client, now, now_ms);
        let who = self.people.arrived(&attach.client, caller, now_ms);
        if let Some(client) = self.clients.get_mut(&attach.client) {
            client.who = who;
            client.is_guest = caller.standing(self.people.creator()).part == Part::Guest;
            client.counted = Some(self.metrics.sessions.attached(caller.role));
            client.seen = now;
            client.size = Some(Size::of_window(attach.cols, attach.rows));
            client.theme = attach.theme.clone().or(client.theme.take());
            let deflates = attach.accept.iter().any(|encoding| encoding == "z");
            client.outbound.set_transport(caller.is_direct(), deflates);
            client.outbound.starts_with_snapshot = attach.snapshot;
        }
        Ok(is_new)
    }

    /// The client of a connection that never attached, made on its first message that needs one.
    pub(super) fn one_shot_client(
        &mut self,
        caller: &Caller,
        now: Instant,
        now_ms: u64,
    ) -> Result<ClientId, SessionError> {
        if let Some(id) = self.client_of(&caller.connection) {
            return Ok(id.clone());
        }
        // Longer than any id that a page makes for itself.
        let id = hex::encode(caller.connection.as_str()).chars().take(120).collect::<String>();
        let id = ClientId::new(id).map_err(|_| SessionError::too_many_clients())?;
        self.add(&id, caller, true, now)?;
        if let Some(client) = self.clients.get_mut(&id) {
            client.counted = Some(self.metrics.sessions.attached(caller.role));
        }
        self.connect(caller, &id, now, now_ms);
        Ok(id)
    }

    /// Adds the client unless it is known. Returns true if it is new.
    fn add(&mut self, id: &ClientId, caller: &Caller, one_shot: bool, now: Instant) -> Result<bool, SessionError> {
        let is_new = !self.clients.contains_key(id);
        if is_new {
            if !self.make_room(caller.role) {
                return Err(SessionError::too_many_clients());
            }
            self.clients.insert(id.clone(), Client::new(caller, one_shot, now));
        }
        Ok(is_new)
    }

    /// Makes room for one more client of this role; false while all have a connection.
    fn make_room(&mut self, role: Role) -> bool {
        let is_instructor = |client: &Client| client.role == Role::Instructor;
        let others = self.clients.values().filter(|client| !is_instructor(client)).count();
        let has_seat = role == Role::Instructor || others < MAX_CLIENTS - INSTRUCTORS_CLIENTS;
        if has_seat && self.clients.len() < MAX_CLIENTS {
            return true;
        }
        let left = self
            .clients
            .iter()
            .filter(|(id, client)| (role == Role::Instructor || !is_instructor(client)) && !self.is_connected(id));
        let Some(id) = left.min_by_key(|(_, client)| client.seen).map(|(id, _)| id.clone()) else { return false };
        self.clients.remove(&id);
        true
    }

    fn is_connected(&self, client: &ClientId) -> bool {
        self.connections.values().any(|connection| connection.client == *client)
    }

    fn connect(&mut self, caller: &Caller, client: &ClientId, now: Instant, now_ms: u64) {
        let before = self.connections.remove(&caller.connection);
        let left = before.as_ref().map(|before| before.client.clone());
        let connection = Connection::new(caller, client, before, self.people.creator(), now, now_ms, &self.metrics);
        self.connections.insert(caller.connection.clone(), connection);
        if let Some(client) = left {
            self.left(&client);
        }
    }

    /// Admits a message without a number, once, on a connection that is known here.
    pub(super) fn admit_once(&mut self, caller: &Caller, steady_ms: u64) -> Result<(), SessionError> {
        if caller.is_direct() {
            // Such a message came over the connection itself.
            return Ok(());
        }
        match (self.connections.get_mut(&caller.connection), &caller.signed_id) {
            (Some(connection), Some(id)) => connection.replays.admit(id, steady_ms),
            _ => Err(SessionError::old_gateway()),
        }
    }

    /// End of the validity of a connection's token, in ms of the steady scale.
    pub(super) fn valid_until_ms(&self, connection: &ConnectionId) -> Option<u64> {
        self.connections.get(connection).map(|connection| connection.valid_until_ms)
    }

    /// Removes a connection and rejects its late messages.
    pub(super) fn disconnect(&mut self, connection: ConnectionId) {
        self.remove(&connection);
        self.closed.add(connection, ErrorCode::ConnectionGone, None);
    }

    fn remove(&mut self, connection: &ConnectionId) -> Option<Connection> {
        let known = self.connections.remove(connection)?;
        if let Some(client) = self.clients.get_mut(&known.client) {
            client.outbound.link.closed(connection);
        }
        self.left(&known.client);
        Some(known)
    }

    /// Updates a client that lost a connection.
    fn left(&mut self, id: &ClientId) {
        if self.is_connected(id) {
            return;
        }
        self.people.went_away(id, Instant::now());
        if let Some(client) = self.clients.get_mut(id) {
            client.counted = None;
            client.outbound.link.leave();
            if client.one_shot {
                self.clients.remove(id);
            }
        }
        if self.controller.as_ref() == Some(id) {
            self.controller = None;
        }
    }

    pub(super) fn seen(&mut self, connection: &ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(connection) else { return };
        connection.seen = now;
        if let Some(client) = self.clients.get_mut(&connection.client) {
            client.seen = now;
        }
    }

    /// True if the connection's TTL in DynamoDB and in the store is due for a refresh.
    pub(super) fn touch(&mut self, connection: &ConnectionId, now: Instant) -> bool {
        self.connections.get_mut(connection).is_some_and(|connection| connection.touch(now))
    }

    /// Record of the connection for the store, if it was never handed out or `touch` says that its TTL is due.
    pub(super) fn listing(&mut self, id: &ConnectionId, touch: bool) -> Option<ConnectionRecord> {
        self.connections.get_mut(id)?.listing(id, &self.session, touch)
    }

    /// True if this client controls, or none does.
    pub(super) fn may_resize(&self, id: &ClientId) -> bool {
        self.controller.as_ref().is_none_or(|controller| controller == id)
    }

    pub(super) fn output_appended(&mut self, from: Pos, now: Instant) {
        for client in self.clients.values_mut() {
            client.outbound.cursor.output_appended(from, now);
        }
    }

    /// Checks the authority of a message: the reason to reject it, which closes its connection. While a session ends, an
    /// expired token still receives its last events.
    pub(super) fn authorize(
        &mut self,
        caller: &Caller,
        attaches: bool,
        steady_ms: u64,
        is_ending: bool,
    ) -> Option<ErrorCode> {
        if let Some(code) = self.closed.reason(&caller.connection) {
            return Some(code);
        }
        let code = if !self.revoked.is_empty() && self.revoked.has(&caller.member_in(self.people.creator())) {
            ErrorCode::Revoked
        } else if caller.has_expired(steady_ms) && (attaches || !is_ending) {
            ErrorCode::TokenExpired
        } else {
            return None;
        };
        self.reject(&caller.connection, code);
        Some(code)
    }

    /// The client that a carrier's run may carry: attached, of the carrier's user and role, and connected through the same API.
    pub(super) fn carried_client(&mut self, carrier: &Caller, id: &ClientId) -> Result<&mut Client, SessionError> {
        let is_connected = self.is_connected(id);
        let client = self.clients.get_mut(id).filter(|client| client.belongs_to(carrier));
        match client {
            Some(client) if is_connected && client.outbound.link.is_through(&carrier.endpoint) => Ok(client),
            Some(_) if is_connected => {
                Err(SessionError::new(ErrorCode::Forbidden, "this client is connected through another API"))
            }
            _ => Err(SessionError::new(ErrorCode::Forbidden, "no client of this user, role and id is attached")),
        }
    }

    /// Closes a connection and tells it why: now if a relay carries it, otherwise with its next message.
    fn reject(&mut self, connection: &ConnectionId, code: ErrorCode) {
        let client = self.connections.get(connection).and_then(|known| self.clients.get_mut(&known.client));
        let told = client
            .and_then(|client| client.outbound.link.reject(connection, Reply::rejected(code).frame, Instant::now()));
        self.closed.add(connection.clone(), code, told);
        let user = self.remove(connection).map_or_else(|| "-".to_owned(), |known| known.user().to_owned());
        let (session, connection) = (self.session.as_str(), connection.as_str());
        audit!(Reject, By { user: &user, session, connection, ..By::NONE }, { ?code, }, "connection rejected");
    }

    fn reject_all(&mut self, code: ErrorCode, is_meant: impl Fn(&Connection) -> bool) {
        let meant = self.connections.iter().filter(|(_, connection)| is_meant(connection));
        for id in meant.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.reject(&id, code);
        }
    }

    pub(super) fn reject_expired(&mut self, steady_ms: u64) {
        self.reject_all(ErrorCode::TokenExpired, |connection| connection.valid_until_ms <= steady_ms);
    }

    /// Time at which the next token expires, in ms of the steady scale.
    pub(super) fn next_token_expiry_ms(&self) -> Option<u64> {
        self.connections.values().map(|connection| connection.valid_until_ms).min()
    }

    /// Removes everyone with a token of this client for good. Fails if `by` may not remove one of them, and changes nothing then.
    pub(super) fn remove_client(&mut self, client: &ClientId, by: Standing, now: Now) -> Result<(), SessionError> {
        let connected = self.connections.values();
        let connected = connected.map(|known| (&known.client, known.part, known.member.clone(), known.valid_until_ms));
        let all: Vec<_> = connected.chain(self.people.bearers()).collect();
        let mut members = BTreeMap::new();
        for (_, _, member, valid_until_ms) in all.iter().filter(|(of, ..)| *of == client) {
            let until: &mut u64 = members.entry(member.clone()).or_default();
            *until = (*until).max(now.wall_seconds(*valid_until_ms));
        }
        for (_, part, ..) in all.iter().filter(|(_, _, member, _)| members.contains_key(member)) {
            by.may_remove(*part).map_err(|text| SessionError::new(ErrorCode::Forbidden, text))?;
        }
        if !self.revoked.add(&members, now.ms / 1000) {
            let text = format!("the session keeps out {MAX_REVOKED} people already, and forgets none early");
            return Err(SessionError::new(ErrorCode::LimitReached, text));
        }
        self.reject_all(ErrorCode::Revoked, |connection| members.contains_key(&connection.member));
        self.people.removed(&members);
        Ok(())
    }

    /// Removes connections that have been silent for too long. They may come back.
    pub(super) fn expire(&mut self, now: Instant) {
        let is_silent = |connection: &Connection| connection.silent_at() <= now;
        let silent = self.connections.iter().filter(|(_, connection)| is_silent(connection));
        for id in silent.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.remove(&id);
        }
        self.people.expire(now);
    }

    /// Next time at which something of a client or a connection is due, token expiry aside.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let silence = self.connections.values().map(Connection::silent_at);
        self.clients.values().filter_map(Client::deadline).chain(silence).chain(self.people.deadline()).min()
    }
}
