//! An instructor's message to the class: how often one may send it, its way to the sessions of every instance, and what became of
//! it.

use super::class::{DIRECTORY_TIMEOUT, Directory, look};
use super::question::{Announcement, Heard, OtherInstances};
use crate::audit::audit;
use crate::rate_limit::RateLimiter;
use crate::session::{Caller, Classes, SessionError, Watcher, plain_line};
use crate::store::{InstanceId, Member, Pace, Store, Turn};
use futures_util::future::join_all;
use shared_protocol::client::Announce;
use shared_protocol::server::{Announced, Notice};
use shared_protocol::{ErrorCode, GroupId, SessionId};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::timeout;

/// Messages of an instructor to a group, over all instances.
const PACE: Pace = Pace { interval: Duration::from_secs(2), most: 30, window: Duration::from_secs(600) };

/// Time that the store has to count a message. After it, this instance counts alone.
const COUNT_TIMEOUT: Duration = Duration::from_secs(1);

/// Longest name of a sender, in characters.
const NAME_CHARACTERS: usize = 64;

/// Time that another instance has to say a message: its sessions have half of it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);

/// An instructor of a group.
type Sender = (String, GroupId);

/// Passes messages to the sessions of a class.
pub(super) struct Announcer {
    /// Messages at this instance: keeps a flood from the store.
    interval: RateLimiter<Sender>,
    /// Messages at this instance in a longer time; counts where the store does not answer.
    total: RateLimiter<Sender>,
}

impl Announcer {
    pub(super) fn new() -> Self {
        let most = PACE.most as u32;
        Self { interval: RateLimiter::new(1, PACE.interval, 1), total: RateLimiter::new(most, PACE.window, most) }
    }

    /// Counts a message of the sender.
    async fn turn(&self, store: &dyn Store, sender: &Sender) -> Turn {
        if self.interval.check(sender).is_err() {
            return Turn::TooSoon;
        }
        let here = self.total.check(sender).map_or(Turn::TooMany, |()| Turn::Taken);
        let (user, group) = sender;
        // A group has no space.
        match timeout(COUNT_TIMEOUT, store.take_turn(&format!("{group} {user}"), PACE)).await {
            Ok(Ok(turn)) => return turn,
            Ok(Err(error)) => tracing::warn!(%error, "messages to the class are counted at this instance alone"),
            Err(_) => tracing::warn!("messages to the class are counted at this instance alone: the store is slow"),
        }
        here
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
        match self.turn(&*classes.deps.store, &sender).await {
            Turn::Taken => {}
            Turn::TooSoon => return limited("one message in two seconds; send it again"),
            Turn::TooMany => return limited("thirty messages in ten minutes; send it again later"),
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
