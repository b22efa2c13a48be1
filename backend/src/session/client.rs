//! One client of a session: a page load, or a connection that never attached.

mod cursor;
mod echo_hold;
mod inbound;
mod link;
mod outbound;
mod replies;

pub(crate) use link::Link;
pub(super) use outbound::Outbound;

use super::caller::Caller;
use crate::metrics::GaugeGuard;
use crate::terminal::Size;
use echo_hold::EchoHold;
use inbound::Inbound;
use shared_protocol::server::Pong;
use shared_protocol::{ConnectionId, Dispatch, Role, ServerMessage, Theme, Who};
use std::time::Duration;
use tokio::time::Instant;

/// Time between two refreshes of a connection's records: less than half of their shortest sensible TTL.
pub(crate) const TOUCH_INTERVAL: Duration = Duration::from_secs(240);

/// One client: its identity, its input and its output.
pub(super) struct Client {
    /// Its person; 0 if it never attached. Its id is a secret of its page.
    pub who: Who,
    /// Only this user may attach to it.
    pub user: String,
    /// Name that other people see, if its token has one.
    pub name: Option<String>,
    /// Only with this role.
    pub role: Role,
    /// True for a guest of the session, who hears of commands without their lines.
    pub is_guest: bool,
    /// True for a connection that never attached: it gets direct replies only, and leaves with its connection.
    pub one_shot: bool,
    /// True once it has chatted without having attached: it gets the answers as they come.
    pub chats: bool,
    /// Its window; the terminal has this size while the client controls.
    pub size: Option<Size>,
    /// Colours of its page; the terminal reports them while the client controls.
    pub theme: Option<Box<Theme>>,
    /// Last time that one of its connections sent something.
    pub seen: Instant,
    /// Its carrier, and the last refresh of that connection's row.
    carrier: Option<(ConnectionId, Instant)>,
    /// The dispatch of its API that it was told last.
    told: Option<Dispatch>,
    /// Counts it while it has a connection.
    pub counted: Option<GaugeGuard>,
    /// Its messages.
    pub inbound: Inbound,
    /// Its frames.
    pub outbound: Outbound,
    /// Echoes that its page shows already.
    pub echo_hold: EchoHold,
}

impl Client {
    pub(super) fn new(caller: &Caller, one_shot: bool, now: Instant) -> Self {
        Self {
            who: Who(0),
            user: caller.user.clone(),
            name: caller.class.name.clone(),
            role: caller.role,
            is_guest: true,
            one_shot,
            chats: false,
            size: None,
            theme: None,
            seen: now,
            carrier: None,
            told: None,
            counted: None,
            inbound: Inbound::default(),
            outbound: Outbound::new(caller.is_direct(), now),
            echo_hold: EchoHold::default(),
        }
    }

    /// Memory of what waits for it, or for its missing messages, in bytes.
    pub(super) fn held(&self) -> usize {
        size_of::<Self>() + self.inbound.held() + self.outbound.held()
    }

    /// True if the TTL of its carrier's row is due for a refresh. A new carrier's row is fresh.
    pub(super) fn touch_carrier(&mut self, connection: &ConnectionId, now: Instant) -> bool {
        let touched = self.carrier.as_ref().filter(|(id, _)| id == connection).map_or(now, |(_, touched)| *touched);
        let is_due = touched + TOUCH_INTERVAL <= now;
        self.carrier = Some((connection.clone(), if is_due { now } else { touched }));
        is_due
    }

    /// The message that tells a page of a dispatch that it has not heard of; `answer` is what it gets anyway.
    pub(super) fn tell_dispatch(
        &mut self,
        answer: Option<&ServerMessage>,
        dispatch: Option<Dispatch>,
        timestamp: u64,
    ) -> Option<ServerMessage> {
        let tells = matches!(answer, None | Some(ServerMessage::Attached(_) | ServerMessage::Pong(_)));
        if self.one_shot || self.told == dispatch || !tells {
            return None;
        }
        self.told = dispatch;
        let is_news = answer.is_none() && dispatch.is_some();
        is_news.then(|| ServerMessage::Pong(Pong { timestamp, dispatch, ..Pong::default() }))
    }

    /// True if a page with this caller's token may attach to it.
    pub(super) fn belongs_to(&self, caller: &Caller) -> bool {
        self.user == caller.user && self.role == caller.role && !self.one_shot
    }

    /// True if backpressure from this client may pause the terminal.
    pub(super) fn can_apply_backpressure(&self) -> bool {
        self.role == Role::Controller && !self.one_shot
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        // An acknowledgement waits with the echo.
        let output = self.outbound.deadline(self.echo_hold.until().or(self.inbound.ack_deadline()));
        [output, self.inbound.gap_deadline()].into_iter().flatten().min()
    }
}
