//! How connections become clients of a session, and how they leave.

use super::Caller;
use super::actor::{Actor, Connected};
use super::client::Client;
use super::deflate::Effort;
use crate::metrics::SnapshotCause;
use crate::store::ConnectionRecord;
use crate::terminal::Size;
use shared_protocol::client::Attach;
use shared_protocol::server::{Attached, ErrorMessage};
use shared_protocol::{ClientId, ConnectionId, ErrorCode, Pos, Role, ServerMessage, StreamEvent};
use tokio::time::Instant;

/// Clients that one session remembers. The ones that left longest ago are forgotten first.
const CLIENTS: usize = 64;

/// A client renews its follower this long after the last time, in milliseconds: well before the gateway's invocation ends.
const FOLLOW_MS: u64 = 20_000;

impl Actor {
    /// Makes the connection a connection of this client, new or known.
    pub(super) fn attach(&mut self, caller: &Caller, attach: &Attach) -> ServerMessage {
        let now = Instant::now();
        if self.clients.get(&attach.client).is_some_and(|client| client.user != caller.user) {
            return ErrorMessage::new(ErrorCode::Forbidden, "this client id belongs to another user").into();
        }
        if !self.clients.contains_key(&attach.client) && !self.make_room() {
            return ErrorMessage::new(ErrorCode::LimitReached, "the session has too many clients").into();
        }
        self.connect(caller, &attach.client, now);
        let new = !self.clients.contains_key(&attach.client);
        let (end, epoch) = (self.log.end(), self.epoch);
        let client = self.clients.entry(attach.client.clone()).or_insert_with(|| Client::new(caller, false, now));
        client.role = caller.role;
        client.counted = Some(self.metrics.sessions.attached(caller.role));
        client.seen = now;
        client.direct = caller.direct;
        let effort = if client.direct { Effort::Quick } else { Effort::Thorough };
        client.deflates = attach.accept.iter().any(|encoding| encoding == "z").then_some(effort);
        client.size = Some(Size { cols: attach.cols, rows: attach.rows });
        let resume = attach.resume.filter(|resume| resume.epoch == epoch && resume.pos <= end).map(|resume| resume.pos);
        // A page that says nothing of what it has, has nothing; a late word is behind what it acknowledged since.
        let from = resume.map_or_else(Pos::default, |pos| pos.max(client.sending.acked));
        client.sending.restart(from, now);
        client.snapshot.clear();
        // The cheapest way back: what is missing as it was printed, or the screen as it is now.
        let tail_serves = self.tail_serves(from);
        if let Some(client) = self.clients.get_mut(&attach.client) {
            client.skip = (!tail_serves).then_some(SnapshotCause::Attach);
            client.reset = true;
        }
        if new {
            let Caller { request, connection, role, .. } = caller;
            tracing::info!(%request, session = %self.id, %connection, ?role, "client attached");
        }
        if self.controller.is_none() && caller.role == Role::Controller {
            self.take_control(&attach.client);
        }
        self.attached(&attach.client)
    }

    fn attached(&self, id: &ClientId) -> ServerMessage {
        let client = &self.clients[id];
        let (ends_at, can_extend) = self.life.longest(self.moment());
        ServerMessage::Attached(Attached {
            session_id: self.id.clone(),
            client: id.clone(),
            epoch: self.epoch,
            pos: client.sending.sent,
            input_seq: client.order.applied(),
            cols: self.size.cols,
            rows: self.size.rows,
            role: client.role,
            tty: self.tty,
            follow_ms: FOLLOW_MS,
            limits: shared_protocol::server::Limits::default(),
            ends_at: Some(ends_at),
            can_extend,
        })
    }

    /// The client of a connection that never attached: made on its first message that needs one.
    pub(super) fn plain_client(&mut self, caller: &Caller) -> Option<ClientId> {
        let now = Instant::now();
        if let Some(connected) = self.connections.get(&caller.connection) {
            return Some(connected.client.clone());
        }
        // Longer than any id that a page makes for itself.
        let id = ClientId::new(hex::encode(caller.connection.as_str()).chars().take(120).collect::<String>()).ok()?;
        if !self.clients.contains_key(&id) && !self.make_room() {
            return None;
        }
        let client = self.clients.entry(id.clone()).or_insert_with(|| Client::new(caller, true, now));
        client.counted = Some(self.metrics.sessions.attached(caller.role));
        self.connect(caller, &id, now);
        Some(id)
    }

    fn connect(&mut self, caller: &Caller, client: &ClientId, now: Instant) {
        let before = self.connections.remove(&caller.connection);
        let good_until_ms = caller.good_until_ms();
        let connected = Connected {
            client: client.clone(),
            user: caller.user.clone(),
            role: caller.role,
            seen: now,
            touched: now,
            attached_at: before.as_ref().map_or_else(|| self.clock.now_ms(), |before| before.attached_at),
            good_until_ms,
            listed: false,
            _counted: self.metrics.sessions.connected(caller.direct),
        };
        self.connections.insert(caller.connection.clone(), connected);
        match before {
            None => self.life.attached(),
            // It speaks for another page now.
            Some(before) if before.client != *client => self.left(&before.client),
            Some(_) => {}
        }
        if caller.role == Role::Controller {
            self.life.authorized(good_until_ms, now);
        }
    }

    /// The connection spoke, or its frames are asked for.
    pub(super) fn heard(&mut self, connection: &ConnectionId) {
        let now = Instant::now();
        let Some(connected) = self.connections.get_mut(connection) else { return };
        connected.seen = now;
        if let Some(client) = self.clients.get_mut(&connected.client) {
            client.seen = now;
        }
    }

    /// Whether it is time that the gateway's row of a connection that spoke, and the store's, live on.
    pub(super) fn touch(&mut self, connection: &ConnectionId) -> bool {
        /// Less than half of the row's shortest sensible life.
        const TOUCH_EVERY: std::time::Duration = std::time::Duration::from_secs(240);
        let now = Instant::now();
        let Some(connected) = self.connections.get_mut(connection) else { return false };
        let touch = connected.touched + TOUCH_EVERY <= now;
        if touch {
            connected.touched = now;
        }
        touch
    }

    /// What the store is to know of a connection, when it is time to write it.
    pub(super) fn listing(&mut self, connection: &ConnectionId, touch: bool) -> Option<ConnectionRecord> {
        let connected = self.connections.get_mut(connection)?;
        if connected.listed && !touch {
            return None;
        }
        connected.listed = true;
        Some(ConnectionRecord {
            id: connection.clone(),
            session: self.id.clone(),
            user: connected.user.clone(),
            role: connected.role,
            attached_at: connected.attached_at,
        })
    }

    /// The connection is gone.
    pub(super) fn disconnect(&mut self, connection: &ConnectionId) {
        let Some(Connected { client, .. }) = self.connections.remove(connection) else { return };
        self.left(&client);
        if self.connections.is_empty() {
            self.life.detached(Instant::now());
        }
    }

    /// A client lost a connection. Without any, it neither controls nor is followed.
    fn left(&mut self, id: &ClientId) {
        if self.connections.values().any(|connected| connected.client == *id) {
            return;
        }
        if let Some(client) = self.clients.get_mut(id) {
            client.waiter = None;
            client.counted = None;
            client.follower.revoke();
            if client.plain {
                self.clients.remove(id);
                self.plain.forget(id);
            }
        }
        if self.controller.as_ref() == Some(id) {
            self.controller = None;
        }
    }

    /// Forgets connections that have been silent for too long.
    pub(super) fn forget_silent(&mut self, now: Instant) {
        let silent: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, connected)| connected.seen + super::actor::SILENCE <= now)
            .map(|(id, _)| id.clone())
            .collect();
        for connection in silent {
            self.disconnect(&connection);
        }
    }

    /// Makes room for one more client by forgetting one that left; false when all are here.
    fn make_room(&mut self) -> bool {
        if self.clients.len() < CLIENTS {
            return true;
        }
        let here = |id: &ClientId| self.connections.values().any(|connected| connected.client == *id);
        let oldest = self.clients.iter().filter(|(id, _)| !here(id)).min_by_key(|(_, client)| client.seen);
        let Some(id) = oldest.map(|(id, _)| id.clone()) else { return false };
        self.clients.remove(&id);
        true
    }

    /// The terminal takes this client's window.
    pub(super) fn take_control(&mut self, id: &ClientId) {
        let before = self.controller.replace(id.clone());
        // The first takes it from nobody.
        if before.is_some_and(|before| before != *id)
            && let Some(client) = self.clients.get(id)
        {
            let user = client.user.clone();
            self.log.push_event(StreamEvent::Controller { client: id.clone(), user });
        }
        if let Some(size) = self.clients.get(id).and_then(|client| client.size) {
            self.resize(size);
        }
    }
}
