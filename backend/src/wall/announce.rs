//! An instructor's message to the class: how often one may send it, its way to the sessions of every instance, and what became of
//! it.

use super::everywhere::{NAME_CHARACTERS, Sent, count, reach_everywhere};
use super::question::{Announcement, Heard, OtherInstances};
use super::turns::Turns;
use crate::audit::audit;
use crate::session::{Caller, Classes, SessionError, Watcher, plain_line};
use crate::store::{Member, Pace, Turn};
use shared_protocol::client::Announce;
use shared_protocol::server::{Announced, Notice};
use shared_protocol::{ErrorCode, GroupId, SessionId};
use std::collections::HashMap;
use std::time::Duration;

/// Messages of an instructor to a group, over all instances.
const PACE: Pace = Pace { interval: Duration::from_secs(2), most: 30, window: Duration::from_secs(600) };

/// Time that another instance has to say a message: its sessions have half of it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);

/// Passes messages to the sessions of a class.
pub(super) struct Announcer(Turns);

impl Announcer {
    pub(super) fn new() -> Self {
        Self(Turns::new("", PACE))
    }

    /// Says the message in the group's sessions, wherever they run.
    pub(super) async fn announce(
        &self,
        classes: &Classes,
        others: Option<&dyn OtherInstances>,
        caller: &Caller,
        group: GroupId,
        message: Announce,
    ) -> Result<Announced, SessionError> {
        let sender = (caller.user.clone(), group);
        let limited = |text: &str| Err(SessionError::new(ErrorCode::RateLimited, text));
        match self.0.take(&*classes.deps.store, &sender).await {
            Turn::Taken => {}
            Turn::TooSoon => return limited("one message in two seconds; send it again"),
            Turn::TooMany => return limited("thirty messages in ten minutes; send it again later"),
        }
        let (id, (_, grp)) = (message.id.clone(), sender);
        let by = Member::of(&caller.user, caller.role, caller.class.jti.as_deref());
        let announcement = Announcement { grp, from: Watcher::of(caller).name, by, message };
        let here = say_here(classes, &announcement);
        let sent = Sent::Message(&announcement);
        let (reached, missed) = reach_everywhere(classes, others, sent, here, ANSWER_TIMEOUT).await;
        audit!(Announce, caller.by("-", "announce"), { group = %announcement.grp, reached, missed, }, "a message to the class");
        Ok(Announced { id, reached, missed })
    }
}

/// Says a message of another instance in the group's sessions that run here.
pub(super) async fn hear(classes: &Classes, announcement: &Announcement) -> Heard {
    Heard { reached: count(&say_here(classes, announcement).await) }
}

async fn say_here(
    classes: &Classes,
    Announcement { grp, from, by, message }: &Announcement,
) -> HashMap<SessionId, bool> {
    let Announce { id, text, line } = message.clone();
    let (from, at) = (plain_line(from, NAME_CHARACTERS), classes.deps.clock.now_ms());
    classes.announce(grp, by, &Notice { id, from, text, line, at }).await
}
