//! The walls of this instance, by their pages: finds or starts the one that a message is for, and decides who may have one.

use super::announce::{Announcer, hear};
use super::class::Class;
use super::hand_out::HandOuts;
use super::question::{Announcement, GroupAnswer, GroupQuestion, HandOut, Heard, OtherInstances, answer};
use super::task::{Request, Task};
use crate::audit::audit;
use crate::session::{Caller, Classes, Reply, SessionError, Watcher};
use parking_lot::Mutex;
use shared_protocol::client::Announce;
use shared_protocol::server::Announced;
use shared_protocol::wall::{Wall, WallAck};
use shared_protocol::{ClientId, ConnectionId, ErrorCode, GroupId};
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Walls of one instance, at most.
const MAX_WALLS: usize = 256;

/// Walls of one user in an instance, at most.
const MAX_WALLS_PER_USER: usize = 8;

/// Messages that wait for a wall's task. A page sends one or two a second.
const MAILBOX: usize = 16;

/// Time that a wall may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);

/// A message for a wall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WallMessage {
    /// `wall`.
    Wall(Wall),
    /// `wall_ack`.
    Ack(WallAck),
}

/// A wall that runs.
struct Running {
    sender: mpsc::Sender<Request>,
    user: String,
    group: GroupId,
    /// The connection that it was asked for on last.
    connection: ConnectionId,
    /// End of the validity of its token, in ms of the clock's steady scale.
    valid_until_ms: u64,
    /// Tells it from a later one of the same page.
    number: u64,
}

#[derive(Default)]
struct Table {
    walls: HashMap<ClientId, Running>,
    /// The groups that have walls.
    classes: HashMap<GroupId, Weak<Class>>,
    last_number: u64,
}

/// The walls of this instance.
pub struct Walls {
    classes: Classes,
    /// None where there are no other instances.
    others: Option<Arc<dyn OtherInstances>>,
    table: Arc<Mutex<Table>>,
    announcer: Announcer,
    hand_outs: HandOuts,
}

impl Walls {
    /// No walls yet.
    pub fn new(classes: Classes, others: Option<Arc<dyn OtherInstances>>) -> Self {
        Self { classes, others, table: Arc::default(), announcer: Announcer::new(), hand_outs: HandOuts::new() }
    }

    /// Answers another instance from the sessions that run here.
    pub async fn answer(&self, question: &GroupQuestion) -> GroupAnswer {
        answer(&self.classes, question).await
    }

    /// Says a message that another instance passes on in the group's sessions that run here.
    pub async fn hear(&self, announcement: &Announcement) -> Heard {
        hear(&self.classes, announcement).await
    }

    /// True if the wall of this page runs here.
    pub fn has(&self, client: &ClientId) -> bool {
        self.table.lock().walls.get(client).is_some_and(|wall| !wall.sender.is_closed())
    }

    /// Has every page go to another instance.
    pub fn drain(&self) {
        for wall in self.table.lock().walls.values() {
            // A wall that is over, or so busy that its page will notice by itself.
            let _ = wall.sender.try_send(Request::Drain);
        }
    }

    /// Delivers a message of an instructor, or of an operator whose token names a group.
    pub async fn deliver(&self, mut caller: Caller, message: WallMessage) -> Result<Reply, SessionError> {
        let group = group_of(&caller)?;
        // The first message of a connection decides: the wall clock may have jumped since.
        caller.valid_until_ms = self.valid_until_ms(&caller.connection).unwrap_or(caller.valid_until_ms);
        if caller.has_expired(self.classes.deps.clock.steady_ms()) {
            return Ok(Reply::rejected(ErrorCode::TokenExpired));
        }
        let (reply, answer) = oneshot::channel();
        let (sender, request) = match message {
            WallMessage::Wall(wall) => {
                let sender = self.find_or_start(&caller, group, &wall.client)?;
                (sender, Request::Wall { caller, wall, reply })
            }
            WallMessage::Ack(WallAck { client, v }) => {
                (self.find(&caller, &group, &client)?, Request::Ack { caller, v, reply })
            }
        };
        // Without a wait: a page that sends more than its wall reads has to try again.
        sender.try_send(request).map_err(|_| busy())?;
        match tokio::time::timeout(ANSWER_TIMEOUT, answer).await {
            Ok(Ok(reply)) => Ok(reply),
            _ => Err(busy()),
        }
    }

    /// Says a message of an instructor, or of an operator whose token names a group, to the class. It needs no wall.
    pub async fn announce(&self, mut caller: Caller, message: Announce) -> Result<Announced, SessionError> {
        let group = group_of(&caller)?;
        caller.valid_until_ms = self.valid_until_ms(&caller.connection).unwrap_or(caller.valid_until_ms);
        if caller.has_expired(self.classes.deps.clock.steady_ms()) {
            return Err(SessionError::new(ErrorCode::TokenExpired, "the token has expired"));
        }
        self.announcer.announce(&self.classes, self.others.as_deref(), &caller, group, message).await
    }

    /// Fails if this user hands out too many files to the group.
    pub async fn take_hand_out_turn(&self, user: &str, group: &GroupId) -> Result<(), SessionError> {
        self.hand_outs.take_turn(&*self.classes.deps.store, &(user.to_owned(), group.clone())).await
    }

    /// Brings a file to the group's sessions, wherever they run. Returns how many have it, and how many do not.
    pub async fn hand_out(&self, file: &HandOut) -> Result<(u32, u32), SessionError> {
        self.hand_outs.hand_out(&self.classes, self.others.as_deref(), file).await
    }

    /// Brings a file of another instance to the group's sessions that run here.
    pub async fn take_hand_out(&self, file: &HandOut) -> Heard {
        self.hand_outs.take(&self.classes, file).await
    }

    /// Ends the wall on this connection.
    pub fn disconnect(&self, connection: &ConnectionId) {
        let table = self.table.lock();
        for wall in table.walls.values().filter(|wall| wall.connection == *connection) {
            // A wall that is over, or so busy that it will find out by itself.
            let _ = wall.sender.try_send(Request::Disconnect(connection.clone()));
        }
    }

    /// Number of walls.
    pub fn count(&self) -> usize {
        self.table.lock().walls.len()
    }

    fn valid_until_ms(&self, connection: &ConnectionId) -> Option<u64> {
        let table = self.table.lock();
        table.walls.values().find(|wall| wall.connection == *connection).map(|wall| wall.valid_until_ms)
    }

    fn find(&self, caller: &Caller, group: &GroupId, client: &ClientId) -> Result<mpsc::Sender<Request>, SessionError> {
        let table = self.table.lock();
        let wall = table.walls.get(client).filter(|wall| wall.connection == caller.connection);
        let wall = wall.filter(|wall| wall.user == caller.user && wall.group == *group);
        wall.map(|wall| wall.sender.clone())
            .ok_or_else(|| SessionError::new(ErrorCode::NotAttached, "this connection must send `wall` first"))
    }

    fn find_or_start(
        &self,
        caller: &Caller,
        group: GroupId,
        client: &ClientId,
    ) -> Result<mpsc::Sender<Request>, SessionError> {
        let mut table = self.table.lock();
        if let Some(wall) = table.walls.get_mut(client).filter(|wall| !wall.sender.is_closed()) {
            if wall.user != caller.user || wall.group != group {
                let text = "this client id belongs to the wall of another user or group";
                return Err(SessionError::new(ErrorCode::Forbidden, text));
            }
            (wall.connection, wall.valid_until_ms) = (caller.connection.clone(), caller.valid_until_ms);
            return Ok(wall.sender.clone());
        }
        // A connection has one wall.
        for wall in table.walls.values().filter(|wall| wall.connection == caller.connection) {
            let _ = wall.sender.try_send(Request::Disconnect(caller.connection.clone()));
        }
        let of_user = table.walls.values().filter(|wall| wall.user == caller.user).count();
        if table.walls.len() >= MAX_WALLS || of_user >= MAX_WALLS_PER_USER {
            return Err(SessionError::new(ErrorCode::LimitReached, "too many walls are open"));
        }
        table.last_number += 1;
        let (number, (sender, mailbox)) = (table.last_number, mpsc::channel(MAILBOX));
        let (user, connection) = (caller.user.clone(), caller.connection.clone());
        audit!(Wall, caller.by("-", "wall"), { %group, }, "a wall opens");
        let (sender_here, valid_until_ms) = (sender.clone(), caller.valid_until_ms);
        let running = Running { sender: sender_here, user, group: group.clone(), connection, valid_until_ms, number };
        table.walls.insert(client.clone(), running);
        let over = Over { table: Arc::clone(&self.table), client: client.clone(), number };
        let class = self.class(&mut table, &group);
        let task = Task::new(self.classes.clone(), group, class, Watcher::of(caller));
        self.classes.deps.runtime.spawn(async move {
            let _over = over;
            task.run(mailbox).await;
        });
        Ok(sender)
    }
}

impl Walls {
    /// The part that all walls of a group share, made with the first.
    fn class(&self, table: &mut Table, group: &GroupId) -> Arc<Class> {
        if let Some(class) = table.classes.get(group).and_then(Weak::upgrade) {
            return class;
        }
        table.classes.retain(|_, class| class.strong_count() > 0);
        let class = Arc::new(Class::of(group.clone(), self.classes.clone(), self.others.clone()));
        table.classes.insert(group.clone(), Arc::downgrade(&class));
        class
    }
}

/// Removes a wall from the table when its task is over.
struct Over {
    table: Arc<Mutex<Table>>,
    client: ClientId,
    number: u64,
}

impl Drop for Over {
    fn drop(&mut self) {
        let mut table = self.table.lock();
        if table.walls.get(&self.client).is_some_and(|wall| wall.number == self.number) {
            table.walls.remove(&self.client);
        }
    }
}

/// The group whose wall this caller may see. The refusal says nothing about groups.
fn group_of(caller: &Caller) -> Result<GroupId, SessionError> {
    caller.class.watched_group(caller.role, caller.admin).cloned().ok_or_else(|| {
        SessionError::new(
            ErrorCode::Forbidden,
            "only an instructor or an operator whose token names a group has a wall",
        )
    })
}

fn busy() -> SessionError {
    SessionError::new(ErrorCode::BackendTimeout, "the wall did not answer in time; try again")
}
