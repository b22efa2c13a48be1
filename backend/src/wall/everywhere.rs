//! The way of a message or a file to the sessions of a group in every instance: to those of this one, and by a question to each
//! other one that has some.

use super::class::{DIRECTORY_TIMEOUT, Directory, look};
use super::question::{Announcement, HandOut, Heard, OtherInstances};
use crate::session::Classes;
use crate::store::{Instance, InstanceId};
use futures_util::future::join_all;
use shared_protocol::{GroupId, SessionId};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::timeout;

/// Longest name of a sender, in characters.
pub(super) const NAME_CHARACTERS: usize = 64;

/// A message or a file on its way.
#[derive(Clone, Copy)]
pub(super) enum Sent<'a> {
    Message(&'a Announcement),
    File(&'a HandOut),
}

impl Sent<'_> {
    fn group(&self) -> &GroupId {
        match self {
            Self::Message(message) => &message.grp,
            Self::File(file) => &file.head.grp,
        }
    }

    async fn tell(&self, others: &dyn OtherInstances, instance: &Instance) -> Option<Heard> {
        match self {
            Self::Message(message) => others.announce(instance, message).await,
            Self::File(file) => others.hand_out(instance, file).await,
        }
    }
}

/// Number of sessions that were reached.
pub(super) fn count(reached: &HashMap<SessionId, bool>) -> u32 {
    reached.values().filter(|reached| **reached).count() as u32
}

/// Reaches the group's sessions `here`, and has the instances reach theirs that the directory names for the others. Returns how
/// many were reached, and how many others there are.
pub(super) async fn reach_everywhere(
    classes: &Classes,
    others: Option<&dyn OtherInstances>,
    sent: Sent<'_>,
    here: impl Future<Output = HashMap<SessionId, bool>>,
    answer_timeout: Duration,
) -> (u32, u32) {
    let directory = timeout(DIRECTORY_TIMEOUT, look(sent.group(), classes));
    let (here, directory) = tokio::join!(here, directory);
    let (records, alive): Directory = match directory {
        Ok(Ok(directory)) => directory,
        Ok(Err(error)) => {
            tracing::warn!(%error, "a class is reached in the sessions of this instance alone");
            Directory::default()
        }
        Err(_) => {
            tracing::warn!("a class is reached in the sessions of this instance alone: the store is slow");
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
        let heard = timeout(answer_timeout, sent.tell(others, instance)).await;
        // An instance speaks for its own sessions alone.
        heard.ok().flatten().map_or(0, |heard| heard.reached.min(sessions))
    });
    let elsewhere: u32 = join_all(heard).await.into_iter().sum();
    let reached = count(&here) + elsewhere;
    (reached, all - reached)
}
