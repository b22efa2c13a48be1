//! An instructor's message to the class: how often one may send it, and what became of it.

use crate::rate_limit::RateLimiter;
use crate::session::{Caller, Classes, SessionError, plain_line};
use crate::store::display_name;
use shared_protocol::client::Announce;
use shared_protocol::server::{Announced, Notice};
use shared_protocol::{ErrorCode, GroupId};
use std::time::Duration;

/// Shortest time between two messages of an instructor to a group.
const INTERVAL: Duration = Duration::from_secs(2);

/// Messages of an instructor to a group in [`LONG_INTERVAL`].
const BURST: u32 = 30;

/// Time in which [`BURST`] messages are allowed.
const LONG_INTERVAL: Duration = Duration::from_secs(600);

/// Longest name of a sender, in characters.
const NAME_CHARACTERS: usize = 64;

/// An instructor of a group.
type Sender = (String, GroupId);

/// Passes messages to the sessions of a class.
pub(super) struct Announcer {
    pace: RateLimiter<Sender>,
    total: RateLimiter<Sender>,
}

impl Announcer {
    pub(super) fn new() -> Self {
        let total = RateLimiter::new(BURST, LONG_INTERVAL, BURST);
        Self { pace: RateLimiter::new(1, INTERVAL, 1), total }
    }

    /// Says the message in the group's sessions of this instance.
    pub(super) async fn announce(
        &self,
        classes: &Classes,
        caller: &Caller,
        group: GroupId,
        message: Announce,
    ) -> Result<Announced, SessionError> {
        let sender = (caller.user.clone(), group);
        let limited = |text: &str| Err(SessionError::new(ErrorCode::RateLimited, text));
        if self.pace.check(&sender).is_err() {
            return limited("one message in two seconds; send it again");
        }
        if self.total.check(&sender).is_err() {
            return limited("thirty messages in ten minutes; send it again later");
        }
        let Announce { id, text, line } = message;
        let name = display_name(caller.class.name.as_deref(), "Instructor", &caller.user);
        let (from, at) = (plain_line(&name, NAME_CHARACTERS), classes.deps.clock.now_ms());
        let notice = Notice { id: id.clone(), from, text, line, at };
        let (reached, missed) = classes.announce(&sender.1, &notice).await;
        tracing::info!(request = caller.request, group = %sender.1, reached, missed, "a message to the class");
        Ok(Announced { id, reached, missed })
    }
}
