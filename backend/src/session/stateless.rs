//! Arrival of a message, and the answers that need no session.

use shared_protocol::client::Ping;
use shared_protocol::server::{EchoReply, ErrorMessage, Pong, UnknownCommand};
use shared_protocol::{ClientMessage, Dispatch, ErrorCode, Inbound, Plain, ServerMessage};

/// Arrival of a message: its time, for the answer to `ping`, and the way in which it was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Arrival {
    /// Arrival at this service, in ms since 1970.
    pub at_ms: u64,
    /// Time from the gateway to here, in ms. `None` without a gateway, or if it sent no timestamp.
    pub gateway_ms: Option<u64>,
    /// Dispatch of the connection's API, if it is known.
    pub dispatch: Option<Dispatch>,
}

impl Arrival {
    /// Arrival at the gateway and here, both in ms since 1970. The two clocks may differ.
    pub fn new(at_gateway_ms: Option<u64>, now_ms: u64) -> Self {
        Self { at_ms: now_ms, gateway_ms: at_gateway_ms.map(|at| now_ms.saturating_sub(at)), dispatch: None }
    }

    fn pong(self, ping: &Ping, now_ms: u64) -> ServerMessage {
        let service_ms = Some(now_ms.saturating_sub(self.at_ms));
        let (Self { gateway_ms, dispatch, .. }, t) = (self, ping.t.clone());
        ServerMessage::Pong(Pong { t, timestamp: now_ms, gateway_ms, service_ms, dispatch, epoch: None })
    }
}

/// Answer to a message that needs no session: `ping`, `echo`, or an unknown type. `None` for any other.
pub fn stateless_reply(inbound: &Inbound, arrival: Arrival, timestamp: u64) -> Option<ServerMessage> {
    match inbound {
        Inbound::Message(ClientMessage::Ping(ping)) => Some(arrival.pong(ping, timestamp)),
        Inbound::Message(ClientMessage::Echo(echo)) => {
            Some(ServerMessage::Echo(EchoReply { received: echo.fields.clone().into(), timestamp, epoch: None }))
        }
        Inbound::Unknown { kind } => Some(unknown_command(kind)),
        Inbound::Plain(Plain::Unordered { kind }) => Some(needs_attach(kind)),
        _ => None,
    }
}

/// Answer to a message that only attached clients send, from a connection that never attached.
pub(super) fn needs_attach(kind: &str) -> ServerMessage {
    let text = format!(
        "`{kind}` is for attached clients: send `attach` first, then `{kind}` with `seq` and `epoch`. \
         A connection that does not attach sends `command`, `resize` or `chat_message`"
    );
    ErrorMessage::new(ErrorCode::NotAttached, text).into()
}

/// Answer to a message type that the service does not know.
pub(super) fn unknown_command(kind: &str) -> ServerMessage {
    ServerMessage::UnknownCommand(UnknownCommand { received: kind.to_owned(), epoch: None })
}
