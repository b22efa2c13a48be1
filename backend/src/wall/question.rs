//! Questions between instances about a class: for the sessions of its group that the asker does not know yet, and to say a
//! message there. Each instance answers for the sessions that run in it, and passes on nothing that a third one said.

use crate::session::{Classes, Sight, WatchGuard, Watcher, plain_line};
use crate::store::{Instance, Member};
use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use shared_protocol::client::Announce;
use shared_protocol::limits::WALL_PEOPLE;
use shared_protocol::{GroupId, SessionId};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// Longest wait for news. Short, so that an instance that hangs is noticed soon.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(5);

/// Largest answer, in bytes: sights that do not fit come with the next one.
pub const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// Largest screen in an answer, in bytes of its weight; a larger one is blank.
const MAX_PICTURE_BYTES: usize = MAX_ANSWER_BYTES / 4;

/// Sessions in view of a question, at most: it has room for the ids of all sessions besides.
pub(super) const MAX_IN_VIEW: usize = 400;

/// Longest name of an instructor, in characters.
const MAX_NAME_CHARACTERS: usize = 64;

/// Time between two looks at the slots.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Time after an answer for which the sessions go on filling their slots: the next question comes within.
const KEEP_WATCHING: Duration = Duration::from_secs(3);

/// Body of a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupQuestion {
    /// The group.
    pub grp: GroupId,
    /// The time of the sight that is known of each session.
    pub versions: HashMap<SessionId, u64>,
    /// The instructors who have a wall of the group there.
    #[serde(default)]
    pub watchers: Vec<Arc<Watcher>>,
    /// The sessions whose screens these walls show; absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_view: Option<BTreeSet<SessionId>>,
}

impl GroupQuestion {
    /// True if the screen of this session is wanted.
    pub(super) fn shows(&self, id: &SessionId) -> bool {
        self.in_view.as_ref().is_none_or(|view| view.contains(id))
    }
}

/// The answer to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupAnswer {
    /// Sights other than the known ones.
    pub sights: Vec<(SessionId, Arc<Sight>)>,
}

/// A message to the class, for the sessions of another instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// The group.
    pub grp: GroupId,
    /// Name of the sender.
    pub from: String,
    /// The sender as one who was removed from a session is known there.
    pub by: Member,
    /// The message.
    pub message: Announce,
}

/// The answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// Number of the instance's sessions that show it, or did before.
    pub reached: u32,
}

/// A file for the sessions of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOut {
    /// Its name, its sender and its group.
    pub head: HandOutHead,
    /// All of it.
    pub content: Bytes,
}

/// Name, sender and group of a file: the first line of a request for another instance, before the content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOutHead {
    /// The group.
    pub grp: GroupId,
    /// The sender as one who was removed from a session is known there.
    pub by: Member,
    /// Name of the sender.
    pub from: String,
    /// Name of the file.
    pub name: String,
}

impl HandOut {
    /// The body of a request.
    pub fn to_body(&self) -> Option<Vec<u8>> {
        let mut body = serde_json::to_vec(&self.head).ok()?;
        body.push(b'\n');
        body.extend_from_slice(&self.content);
        Some(body)
    }

    /// Reads a body.
    pub fn of_body(body: &Bytes) -> Option<Self> {
        let end = memchr::memchr(b'\n', body)?;
        let head = serde_json::from_slice(body.get(..end)?).ok()?;
        Some(Self { head, content: body.slice(end + 1..) })
    }
}

/// The way to other instances. The caller bounds the time of an answer, which is `None` if it cannot be read.
#[async_trait]
pub trait OtherInstances: Send + Sync {
    /// Asks an instance for its sessions of a group.
    async fn ask(&self, instance: &Instance, question: &GroupQuestion) -> Option<GroupAnswer>;

    /// Has an instance say a message to its sessions of a group.
    async fn announce(&self, instance: &Instance, announcement: &Announcement) -> Option<Heard>;

    /// Has an instance bring a file to its sessions of a group.
    async fn hand_out(&self, instance: &Instance, file: &HandOut) -> Option<Heard>;
}

/// Answers a question: at once if there is news, else after a wait.
pub(super) async fn answer(classes: &Classes, question: &GroupQuestion) -> GroupAnswer {
    let deadline = Instant::now() + MAX_WAIT;
    let named = |watcher: &Arc<Watcher>| {
        let name = plain_line(&watcher.name, MAX_NAME_CHARACTERS);
        Arc::new(Watcher { user: watcher.user.clone(), name })
    };
    let watchers: Vec<_> = question.watchers.iter().take(WALL_PEOPLE).map(named).collect();
    let (mut guards, mut answer): (Vec<WatchGuard>, GroupAnswer);
    loop {
        (guards, answer) = look(classes, question, &watchers);
        if !answer.sights.is_empty() || Instant::now() >= deadline {
            break;
        }
        sleep_until(deadline.min(Instant::now() + LOOK_INTERVAL)).await;
    }
    classes.deps.runtime.spawn(async move {
        sleep(KEEP_WATCHING).await;
        drop(guards);
    });
    answer
}

fn look(classes: &Classes, question: &GroupQuestion, watchers: &[Arc<Watcher>]) -> (Vec<WatchGuard>, GroupAnswer) {
    let (mut guards, mut changed) = (Vec::new(), Vec::new());
    for running in classes.running_here(&question.grp) {
        guards.push(running.slot.watch(watchers));
        let known = question.versions.get(&running.id);
        let latest = running.slot.latest().filter(|sight| known != Some(&sight.at));
        changed.extend(latest.map(|sight| (known.copied(), running.id, sight)));
    }
    // Those that have waited longest come first.
    changed.sort_by_key(|(known, ..)| *known);
    let mut room = MAX_ANSWER_BYTES;
    let fitting = changed.into_iter().map_while(|(_, id, sight)| {
        let sight = bounded(sight, question.shows(&id));
        room = room.checked_sub(length(&id, &sight))?;
        Some((id, sight))
    });
    let sights = fitting.collect();
    (guards, GroupAnswer { sights })
}

/// The sight, without its text if that is not wanted, or too long for an answer.
fn bounded(sight: Arc<Sight>, is_wanted: bool) -> Arc<Sight> {
    if is_wanted && sight.picture.weight() <= MAX_PICTURE_BYTES {
        return sight;
    }
    Arc::new(Sight { picture: Arc::new(sight.picture.blank()), ..Sight::clone(&sight) })
}

/// Length of an item of an answer as JSON, with a comma after it.
fn length(id: &SessionId, sight: &Sight) -> usize {
    serde_json::to_string(&(id, sight)).map_or(usize::MAX, |json| json.len() + 1)
}
