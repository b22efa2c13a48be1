//! A group as all walls of this instance share it: its sessions in the directory, and what other instances show of theirs. Holds
//! one question open at each instance that has some, however many sessions and walls there are.

use super::question::{GroupAnswer, GroupQuestion, MAX_IN_VIEW, MAX_WAIT, OtherInstances};
use crate::session::{Classes, Sight, Watcher};
use crate::store::{Instance, InstanceId, SessionRecord, StoreError};
use parking_lot::Mutex;
use shared_protocol::limits::WALL_PEOPLE;
use shared_protocol::{GroupId, SessionId};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::task::AbortOnDropHandle;

/// Time between two looks into the directory.
const DIRECTORY_INTERVAL: Duration = Duration::from_secs(5);

/// Time that the directory has to answer; walls go on without it.
pub(super) const DIRECTORY_TIMEOUT: Duration = Duration::from_secs(2);

/// Time in which an instance must have answered; after it, nothing is known of its sessions.
const ANSWER_AGE: Duration = Duration::from_secs(10);

/// Time that an answer may come late: one hop, and a busy machine.
const ANSWER_DELAY: Duration = Duration::from_secs(2);

/// Shortest time between two questions to one instance.
const QUESTION_INTERVAL: Duration = Duration::from_secs(1);

/// Time after a question without an answer.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// Bytes a second of the answers of one instance, sustained.
const RATE: usize = 128 * 1024;

/// Screens of other instances in memory, in bytes of their weight; more are blank.
const HELD_BYTES: usize = 16 * 1024 * 1024;

/// The group, and the task that looks after it. The task ends with the last wall.
pub(super) struct Class {
    shared: Arc<Shared>,
    _task: AbortOnDropHandle<()>,
}

/// The state that the task and the walls share.
struct Shared {
    group: GroupId,
    /// None before the first look.
    records: watch::Sender<Option<Arc<Vec<SessionRecord>>>>,
    elsewhere: Mutex<HashMap<InstanceId, Elsewhere>>,
    walls: Mutex<Vec<Arc<WallHere>>>,
}

/// A wall of the group here.
struct WallHere {
    watcher: Arc<Watcher>,
    /// The sessions whose screens it shows; `None` for all.
    view: Mutex<Option<BTreeSet<SessionId>>>,
}

/// A wall of the group, until it is dropped: other instances are told whose it is, and asked for the screens that it shows.
pub(super) struct Presence {
    shared: Arc<Shared>,
    wall: Arc<WallHere>,
}

impl Presence {
    /// The wall shows the screens of these sessions; `None` for all.
    pub(super) fn look_at(&self, view: Option<BTreeSet<SessionId>>) {
        *self.wall.view.lock() = view;
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.shared.walls.lock().retain(|wall| !Arc::ptr_eq(wall, &self.wall));
    }
}

/// The sessions that one other instance shows.
#[derive(Default)]
struct Elsewhere {
    /// The last answer.
    answered_at: Option<Instant>,
    sights: HashMap<SessionId, Arc<Sight>>,
    /// Those of them whose screen may be an old one, because no wall showed it.
    unseen: HashSet<SessionId>,
}

impl Class {
    /// Begins to look after a group.
    pub(super) fn of(group: GroupId, classes: Classes, others: Option<Arc<dyn OtherInstances>>) -> Self {
        let (records, elsewhere, walls) = (watch::Sender::new(None), Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { group, records, elsewhere, walls });
        let runtime = classes.deps.runtime.clone();
        let task = runtime.spawn(look_after(Arc::clone(&shared), classes, others));
        Self { shared, _task: AbortOnDropHandle::new(task) }
    }

    /// An instructor has a wall, as long as the answer is kept.
    pub(super) fn enter(&self, watcher: &Arc<Watcher>) -> Presence {
        let wall = Arc::new(WallHere { watcher: Arc::clone(watcher), view: Mutex::default() });
        self.shared.walls.lock().push(Arc::clone(&wall));
        Presence { shared: Arc::clone(&self.shared), wall }
    }

    /// Waits for the first look into the directory, within bounds.
    pub(super) async fn is_ready(&self) {
        let mut records = self.shared.records.subscribe();
        let _ = timeout(DIRECTORY_TIMEOUT, records.wait_for(Option::is_some)).await;
    }

    /// The sessions of the group that have not ended, as the directory had them some seconds ago.
    pub(super) fn records(&self) -> Arc<Vec<SessionRecord>> {
        self.shared.records.borrow().clone().unwrap_or_default()
    }

    /// The session as its instance shows it, if that has answered lately.
    pub(super) fn sight(&self, record: &SessionRecord, now: Instant) -> Option<Arc<Sight>> {
        let elsewhere = self.shared.elsewhere.lock();
        let owner = elsewhere.get(record.owner.as_ref()?)?;
        let is_fresh = owner.answered_at.is_some_and(|at| now < at + ANSWER_AGE);
        owner.sights.get(&record.id).filter(|_| is_fresh).cloned()
    }
}

async fn look_after(shared: Arc<Shared>, classes: Classes, others: Option<Arc<dyn OtherInstances>>) {
    let mut askers: HashMap<InstanceId, AbortOnDropHandle<()>> = HashMap::new();
    loop {
        match timeout(DIRECTORY_TIMEOUT, look(&shared.group, &classes)).await {
            Ok(Ok((records, mut alive))) => {
                let owners: HashSet<InstanceId> = records.iter().filter_map(|record| record.owner.clone()).collect();
                alive.retain(|id, _| owners.contains(id));
                shared.learn(records, &owners);
                askers.retain(|id, asker| alive.contains_key(id) && !asker.is_finished());
                for (id, instance) in alive {
                    let Some(others) = others.clone() else { continue };
                    let asking = || classes.deps.runtime.spawn(ask_on(Arc::clone(&shared), instance, others));
                    askers.entry(id).or_insert_with(|| AbortOnDropHandle::new(asking()));
                }
            }
            Ok(Err(error)) => tracing::warn!(%error, "walls do not see sessions without a shell here"),
            Err(_) => tracing::warn!("walls do not see sessions without a shell here in time"),
        }
        shared.records.send_if_modified(|records| {
            let is_first = records.is_none();
            records.get_or_insert_default();
            is_first
        });
        sleep(DIRECTORY_INTERVAL).await;
    }
}

/// The sessions of a group that have not ended, and the other instances that are alive.
pub(super) type Directory = (Vec<SessionRecord>, HashMap<InstanceId, Instance>);

/// Looks into the directory once: for the group's sessions and the other instances.
pub(super) async fn look(group: &GroupId, classes: &Classes) -> Result<Directory, StoreError> {
    Ok((classes.records(group).await?, classes.others().await?))
}

/// Asks one instance again and again.
async fn ask_on(shared: Arc<Shared>, instance: Instance, others: Arc<dyn OtherInstances>) {
    loop {
        let started = Instant::now();
        let question = shared.question(&instance.id);
        let answer = timeout(MAX_WAIT + ANSWER_DELAY, others.ask(&instance, &question)).await;
        let pause = match answer {
            Ok(Some(answer)) => {
                let bytes = shared.apply(&instance.id, &question, answer, Instant::now());
                QUESTION_INTERVAL.max(Duration::from_secs_f64(bytes as f64 / RATE as f64))
            }
            Ok(None) | Err(_) => RETRY_INTERVAL,
        };
        sleep_until(started + pause).await;
    }
}

impl Shared {
    fn learn(&self, records: Vec<SessionRecord>, owners: &HashSet<InstanceId>) {
        {
            let mut elsewhere = self.elsewhere.lock();
            elsewhere.retain(|id, _| owners.contains(id));
            for (instance, of) in &mut *elsewhere {
                let theirs: HashSet<&SessionId> = of_instance(&records, instance).collect();
                of.sights.retain(|id, _| theirs.contains(id));
                of.unseen.retain(|id| theirs.contains(id));
            }
        }
        self.records.send_replace(Some(Arc::new(records)));
    }

    fn question(&self, instance: &InstanceId) -> GroupQuestion {
        let records = self.records.borrow().clone().unwrap_or_default();
        let theirs: HashSet<&SessionId> = of_instance(&records, instance).collect();
        let (mut watchers, mut in_view) = (Vec::<Arc<Watcher>>::new(), Some(BTreeSet::new()));
        for wall in self.walls.lock().iter() {
            if watchers.len() < WALL_PEOPLE && watchers.iter().all(|other| other.user != wall.watcher.user) {
                watchers.push(Arc::clone(&wall.watcher));
            }
            match (&mut in_view, &*wall.view.lock()) {
                (Some(all), Some(view)) => all.extend(view.iter().filter(|id| theirs.contains(id)).cloned()),
                _ => in_view = None,
            }
        }
        let in_view = in_view.map(|all| all.into_iter().take(MAX_IN_VIEW).collect());
        let mut question = GroupQuestion { grp: self.group.clone(), versions: HashMap::new(), watchers, in_view };
        let elsewhere = self.elsewhere.lock();
        if let Some(of) = elsewhere.get(instance) {
            let known = of.sights.iter().filter(|(id, _)| !(question.shows(id) && of.unseen.contains(*id)));
            question.versions = known.map(|(id, sight)| (id.clone(), sight.at)).collect();
        }
        question
    }

    /// Takes an answer: only sessions that the directory has in that instance and in this group, and only what could be their
    /// screens. Returns the bytes of it, roughly.
    fn apply(&self, instance: &InstanceId, question: &GroupQuestion, answer: GroupAnswer, now: Instant) -> usize {
        let records = self.records.borrow().clone().unwrap_or_default();
        let theirs: HashSet<&SessionId> = of_instance(&records, instance).collect();
        let mut elsewhere = self.elsewhere.lock();
        let held = elsewhere.values().flat_map(|of| of.sights.values()).map(|sight| sight.picture.weight());
        let mut room = HELD_BYTES.saturating_sub(held.sum());
        let of = elsewhere.entry(instance.clone()).or_default();
        of.answered_at = Some(now);
        let mut bytes = 0;
        for (id, sight) in answer.sights {
            bytes += sight.picture.weight();
            let Some(mut sight) = theirs.contains(&id).then(|| received(sight)).flatten() else { continue };
            let before = of.sights.get(&id);
            room += before.map_or(0, |before| before.picture.weight());
            if question.shows(&id) {
                of.unseen.remove(&id);
            } else {
                of.unseen.insert(id.clone());
                // It shows again where it was left, until the next answer.
                sight.picture = before.map_or(sight.picture, |before| Arc::clone(&before.picture));
            }
            let weight = sight.picture.weight();
            if weight > room {
                sight.picture = Arc::new(sight.picture.blank());
            }
            room = room.saturating_sub(sight.picture.weight());
            if let Some(before) = before.filter(|before| before.picture == sight.picture) {
                // A wall sees by the pointer that the screen is the same.
                sight.picture = Arc::clone(&before.picture);
            }
            of.sights.insert(id, Arc::new(sight));
        }
        bytes
    }
}

/// The sessions that run in an instance, as the directory says.
fn of_instance<'a>(records: &'a [SessionRecord], instance: &'a InstanceId) -> impl Iterator<Item = &'a SessionId> {
    records.iter().filter(|record| record.owner.as_ref() == Some(instance)).map(|record| &record.id)
}

/// Another instance's view of a session, made safe to show here.
fn received(sight: Arc<Sight>) -> Option<Sight> {
    let sight = Arc::unwrap_or_clone(sight);
    let picture = Arc::unwrap_or_clone(sight.picture).received()?;
    Some(Sight { picture: Arc::new(picture), ..sight })
}
