//! Messages of carriers. Where API Gateway hands over a connection's messages one after the other, a run that carries would keep
//! the page's keys waiting; so a page has a second connection, whose only messages ask for such runs.

use super::actor::Actor;
use super::caller::Caller;
use super::handle::{Close, Reply, SessionError};
use shared_protocol::client::Carry;
use shared_protocol::server::{Carried, ErrorMessage};
use shared_protocol::{ClientMessage, ErrorCode, Inbound, ServerMessage};
use tokio::time::Instant;

/// Time until a carrier speaks again, in ms: short enough that a message waits when a run of its connection ends.
const CARRY_MS: u64 = 10_000;

/// The same while the client waits for a relay, or for the end of one whose run was killed.
const RETRY_MS: u64 = 1000;

/// Refuses what only the other kind of connection may send.
pub fn check_carrier(caller: &Caller, inbound: &Inbound) -> Result<(), SessionError> {
    let text = match (caller.carrier, inbound) {
        (true, Inbound::Message(ClientMessage::Carry(_) | ClientMessage::Ping(_)))
        | (false, Inbound::Plain(_) | Inbound::Unknown { .. }) => return Ok(()),
        (true, _) => "a carrier may only `carry` and `ping`",
        (false, Inbound::Message(ClientMessage::Carry(_))) => "only a connection opened with `carrier=1` may `carry`",
        (false, Inbound::Message(ClientMessage::Wall(_) | ClientMessage::WallAck(_))) => {
            "a wall needs a connection without a session"
        }
        (false, Inbound::Message(ClientMessage::Announce(_))) => {
            "a message to the class needs a connection without a session"
        }
        (false, _) => return Ok(()),
    };
    Err(SessionError::new(ErrorCode::Forbidden, text))
}

impl Actor {
    /// Has the run of this message carry frames, if there is need. A carrier ends with its client's last connection.
    pub(super) fn carry(&mut self, caller: &Caller, carry: &Carry) -> Reply {
        let refused = |error: ErrorMessage| Some(ServerMessage::from(error));
        let (now, epoch) = (Instant::now(), self.epoch);
        let ended = self.termination.is_over().then(SessionError::ended);
        let client = match ended.map_or_else(|| self.attachments.carried_client(caller, &carry.client), Err) {
            Ok(client) => client,
            Err(error) => {
                let frame = refused(ErrorMessage::new(error.code, error.message));
                let frame = frame.map(|message| self.frames.encode(&message.into()));
                return Reply { frame, close: Some(Close::Ended), ..Reply::default() };
            }
        };
        let touch = client.touch_carrier(&caller.connection, now);
        let (grant, message) = if carry.epoch == epoch {
            let grant = self.relays.carry_by(client, caller, epoch, now);
            let carry_ms = if client.outbound.link.is_served(now) { CARRY_MS } else { RETRY_MS };
            (grant, ServerMessage::Carried(Carried { epoch, carry_ms }))
        } else {
            (None, super::dispatch::stale(None))
        };
        Reply { frame: Some(self.frames.encode(&message.into())), grant, touch, ..Reply::default() }
    }
}
