//! An instructor's message to the class: how often one may send it, its way to the sessions of every instance, and what became of
//! it.

use super::class::{DIRECTORY_TIMEOUT, Directory, look};
use super::question::{Announcement, Heard, OtherInstances};
use crate::audit::audit;
use crate::rate_limit::RateLimiter;
use crate::session::{Caller, Classes, SessionError, Watcher, plain_line};
use crate::store::{InstanceId, Member};
use futures_util::future::join_all;
use shared_protocol::client::Announce;
use shared_protocol::server::{Announced, Notice};
use shared_protocol::{ErrorCode, GroupId, SessionId};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::timeout;

/// Shortest time between two messages of an instructor to a group.
const INTERVAL: Duration = Duration::from_secs(2);

/// Messages of an instructor to a group in [`LONG_INTERVAL`].
const BURST: u32 = 30;

/// Time in which [`BURST`] messages are allowed.
const LONG_INTERVAL: Duration = Duration::from_secs(600);

/// Longest name of a sender, in characters.
const NAME_CHARACTERS: usize = 64;

/// Time that another instance has to say a message: its sessions have half of it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);

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
        if self.pace.check(&sender).is_err() {
            return limited("one message in two seconds; send it again");
        }
        if self.total.check(&sender).is_err() {
            return limited("thirty messages in ten minutes; send it again later");
        }
        let (id, (_, grp)) = (message.id.clone(), sender);
        let by = Member::of(&caller.user, caller.role, caller.class.jti.as_deref());
        let announcement = Announcement { grp, from: Watcher::of(caller).name, by, message };
        let (reached, missed) = say_everywhere(classes, others, &announcement).await;
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

fn count(said: &HashMap<SessionId, bool>) -> u32 {
    said.values().filter(|said| **said).count() as u32
}

/// Says a message in the group's sessions here, and has the instances say it that the directory names for the others. Returns how
/// many show it, and how many others there are.
async fn say_everywhere(
    classes: &Classes,
    others: Option<&dyn OtherInstances>,
    announcement: &Announcement,
) -> (u32, u32) {
    let directory = timeout(DIRECTORY_TIMEOUT, look(&announcement.grp, classes));
    let (here, directory) = tokio::join!(say_here(classes, announcement), directory);
    let (records, alive): Directory = match directory {
        Ok(Ok(directory)) => directory,
        Ok(Err(error)) => {
            tracing::warn!(%error, "a message to the class reaches the sessions of this instance alone");
            Directory::default()
        }
        Err(_) => {
            tracing::warn!("a message to the class reaches the sessions of this instance alone: the store is slow");
            Directory::default()
        }
    };
    let (mut all, mut theirs) = (here.len() as u32, HashMap::<InstanceId, u32>::new());
    for record in records.into_iter().filter(|record| !here.contains_key(&record.id)) {
        all += 1;
        if let Some(owner) = record.owner {
            *theirs.entry(owner).or_default() += 1;
        }
    }
    let asked = theirs.into_iter().filter_map(|(owner, sessions)| Some((others?, alive.get(&owner)?, sessions)));
    let heard = asked.map(|(others, instance, sessions)| async move {
        let heard = timeout(ANSWER_TIMEOUT, others.announce(instance, announcement)).await;
        // An instance speaks for its own sessions alone.
        heard.ok().flatten().map_or(0, |heard| heard.reached.min(sessions))
    });
    let elsewhere: u32 = join_all(heard).await.into_iter().sum();
    let reached = count(&here) + elsewhere;
    (reached, all - reached)
}
