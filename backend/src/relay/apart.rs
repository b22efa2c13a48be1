//! Floods apart: a client that pours gets a relay for itself, so that the others of its relay do not wait for it, and goes back
//! once it is quiet. Moves of one member, where a successor moves all.

use super::outlet::Outlet;
use super::relays::{Predecessor, Relays};
use super::shared::{Apart, Kind, Phase};
use std::sync::Arc;
use tokio::time::Instant;

/// Place of a client that pours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// With others: it gets the screen now and then if there are too many relays, and the stream otherwise.
    Shared,
    /// Its relay has no other member, and takes none from now on.
    Here,
    /// A new relay.
    New,
}

/// The place of a client that pours on a relay with this many members.
fn place(members: usize, has_room_for_floods: bool) -> Place {
    match members {
        _ if !has_room_for_floods => Place::Shared,
        1 => Place::Here,
        _ => Place::New,
    }
}

impl Relays {
    /// Gives a client that pours a relay of its own, if there may be one: the one that it has, or a new one, whose grant this
    /// returns. It moves with the first question of the new one.
    pub fn set_apart(&self, outlet: &Outlet) -> Option<String> {
        let relay = outlet.relay();
        let mut table = self.table();
        let connection = {
            let mut inner = relay.lock();
            if inner.phase != Phase::Carrying || inner.apart.is_some() {
                return None;
            }
            let members = inner.state.len();
            let member = inner.state.member_mut(outlet.member()).filter(|member| member.moves_since.is_none())?;
            let connection = member.joining.connection.clone();
            match place(members, self.count.has_room_for_floods()) {
                Place::Shared => return None,
                Place::Here => {
                    inner.apart = Some(Apart::new(connection, &self.metrics));
                    return None;
                }
                Place::New => connection,
            }
        };
        if table.apart_for(&connection, &relay.endpoint.name).is_some() {
            // Its grant is open.
            return None;
        }
        let before = Predecessor::Member(Arc::downgrade(relay), outlet.member());
        let (new, grant) = self.grant(&mut table, &relay.endpoint.name, Kind::Successor, Some(before));
        new.lock().apart = Some(Apart::new(connection, &self.metrics));
        Some(grant)
    }

    /// Lets a client that is quiet again share a relay: another one where there is room, or else its own.
    pub fn bring_back(&self, outlet: &Outlet, now: Instant) {
        let relay = outlet.relay();
        let table = self.table();
        if relay.lock().apart.is_none() {
            return;
        }
        if table.has_room_elsewhere(relay, 1, now) {
            relay.move_member(outlet.member(), now);
        } else {
            relay.lock().apart = None;
        }
    }
}
