//! The task of one wall: takes the page's messages, and sends an update at most once a second, while the page keeps up and the
//! budget lasts.

use super::class::Class;
use super::roster::Roster;
use super::update::{Page, Update};
use crate::relay::{OutletState, Permit, Renewal};
use crate::session::{Caller, Classes, Link, NewGrant, RelayAccess, Reply, TOUCH_INTERVAL, Watcher};
use bytes::Bytes;
use shared_protocol::server::Renew;
use shared_protocol::wall::{WALL_WINDOW, Wall, WallFrame};
use shared_protocol::{ConnectionId, Epoch, ErrorCode, GroupId, ServerFrame, ServerMessage};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

/// Shortest time between two updates.
pub(super) const UPDATE_INTERVAL: Duration = Duration::from_secs(1);

/// Time after which updates that are not acknowledged count as lost, when the page speaks again.
const ACK_TIMEOUT: Duration = Duration::from_secs(10);

/// A request to a wall's task.
pub(super) enum Request {
    /// The page says what it looks at.
    Wall { caller: Caller, wall: Wall, reply: oneshot::Sender<Reply> },
    /// The page has shown every update up to this one.
    Ack { caller: Caller, v: u64, reply: oneshot::Sender<Reply> },
    /// A connection is gone.
    Disconnect(ConnectionId),
    /// The instance shuts down.
    Drain,
}

/// A wall may send until it is over.
struct Open(AtomicBool);

impl Permit for Open {
    fn holds(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

pub(super) struct Task {
    classes: Classes,
    roster: Roster,
    access: RelayAccess,
    link: Link,
    open: Arc<Open>,
    /// Sender of the last `wall`.
    caller: Option<Caller>,
    page: Page,
    /// Number of the last update, and of the last that was acknowledged.
    v: u64,
    acked: u64,
    /// Frames that wait for the relay.
    frames: VecDeque<Bytes>,
    /// True once the page was told to go elsewhere: it gets no more updates from here.
    is_leaving: bool,
    /// Last look for news.
    looked_at: Option<Instant>,
    /// Last update.
    updated_at: Option<Instant>,
    touched_at: Instant,
}

impl Task {
    pub(super) fn new(classes: Classes, group: GroupId, class: Arc<Class>, watcher: Watcher) -> Self {
        let (now, open) = (Instant::now(), Arc::new(Open(AtomicBool::new(true))));
        Self {
            roster: Roster::new(group, classes.clone(), class, watcher),
            access: RelayAccess::of_wall(&classes.deps, Arc::<Open>::clone(&open)),
            classes,
            link: Link::default(),
            open,
            caller: None,
            page: Page::new(now),
            v: 0,
            acked: 0,
            frames: VecDeque::new(),
            is_leaving: false,
            looked_at: None,
            updated_at: None,
            touched_at: now,
        }
    }

    /// Runs until the page is gone, is silent for too long, or its token has expired.
    pub(super) async fn run(mut self, mut mailbox: mpsc::Receiver<Request>) {
        let wake = Arc::clone(&self.access.wake);
        let Some(first) = mailbox.recv().await else { return };
        self.handle(first);
        self.roster.is_ready().await;
        loop {
            let now = Instant::now();
            let Some(caller) = &self.caller else { break };
            if caller.has_expired(self.classes.deps.clock.steady_ms()) {
                let connection = caller.connection.clone();
                self.link.reject(&connection, Reply::rejected(ErrorCode::TokenExpired).frame, now);
                return;
            }
            if !self.link.is_wanted(now) {
                break;
            }
            self.refresh_link(now);
            self.send(Instant::now());
            let deadline = self.deadline(now);
            tokio::select! {
                request = mailbox.recv() => match request {
                    Some(request) => self.handle(request),
                    None => break,
                },
                () = wake.notified() => {}
                () = sleep_until(deadline) => {}
            }
        }
        self.open.0.store(false, Ordering::Relaxed);
        self.link.leave();
    }

    /// The next look for news, or after a while where no relay takes any: it wakes the task once it does.
    fn deadline(&self, now: Instant) -> Instant {
        let look = self.looked_at.map(|at| at + UPDATE_INTERVAL).filter(|at| now < *at);
        let look = look.unwrap_or(now + UPDATE_INTERVAL);
        self.link.deadline().map_or(look, |at| at.min(look))
    }

    fn handle(&mut self, request: Request) {
        match request {
            Request::Wall { caller, wall, reply } => {
                let answer = self.look_at(&caller, wall);
                // A request that is gone needs no answer: the page says it again.
                let _ = reply.send(answer);
            }
            Request::Ack { caller, v, reply } => {
                self.acked = self.acked.max(v.min(self.v));
                let answer = self.reply(&caller, Renewal::Message);
                let _ = reply.send(answer);
            }
            Request::Disconnect(connection) => {
                if self.caller.as_ref().is_some_and(|caller| caller.connection == connection) {
                    self.caller = None;
                }
            }
            Request::Drain => {
                self.is_leaving = true;
                self.push_renew();
            }
        }
    }

    fn look_at(&mut self, caller: &Caller, Wall { accept, visible, resync, .. }: Wall) -> Reply {
        let is_new = self.caller.as_ref().is_none_or(|before| before.connection != caller.connection);
        let is_lost = self.v > self.acked && self.updated_at.is_some_and(|at| at + ACK_TIMEOUT <= Instant::now());
        if is_new || resync || is_lost {
            self.start_over();
        }
        if is_new {
            self.touched_at = Instant::now();
        }
        self.page.deflates = accept.iter().any(|encoding| encoding == "z");
        self.page.visible = visible.map(|visible| visible.into_iter().collect());
        self.caller = Some(caller.clone());
        self.reply(caller, Renewal::Follow)
    }

    /// Has the next update hold everything.
    fn start_over(&mut self) {
        self.page.start_over();
        self.acked = self.v;
        self.frames.clear();
    }

    fn reply(&mut self, caller: &Caller, renewal: Renewal) -> Reply {
        let now = Instant::now();
        let touch = self.touched_at + TOUCH_INTERVAL <= now;
        if touch {
            self.touched_at = now;
        }
        let grant = self.access.carry(&mut self.link, true, caller, Some(renewal), now);
        Reply { grant: grant.map(NewGrant::into_grant), touch, ..Reply::default() }
    }

    fn refresh_link(&mut self, now: Instant) {
        let OutletState { lost, renew, .. } = self.link.refresh(&self.access.relays, now);
        if lost {
            self.start_over();
        }
        if renew {
            self.push_renew();
        }
    }

    /// Has the page say again what it looks at.
    fn push_renew(&mut self) {
        // A wall has no epochs.
        let frame = self.encode(ServerMessage::Renew(Renew { epoch: Epoch(0) }));
        self.frames.push_front(frame);
    }

    /// Hands over frames as long as the relay accepts them.
    fn send(&mut self, now: Instant) {
        while self.link.due(now).is_some() && (!self.frames.is_empty() || self.compose(now)) {
            if let Some(frame) = self.frames.pop_front() {
                self.link.push(frame, false, now);
            }
        }
    }

    /// Makes the next update, if it is time and there is news.
    fn compose(&mut self, now: Instant) -> bool {
        if self.is_leaving || self.looked_at.is_some_and(|at| now < at + UPDATE_INTERVAL) {
            return false;
        }
        self.looked_at = Some(now);
        if self.v - self.acked >= WALL_WINDOW {
            return false;
        }
        let entries = self.roster.entries(self.page.visible.as_ref());
        let Some(Update { full, payloads }) = self.page.update(&entries, now) else { return false };
        (self.v, self.updated_at) = (self.v + 1, Some(now));
        let (v, parts) = (self.v, payloads.len() as u16);
        for (news, part) in payloads.into_iter().zip(1..) {
            let frame = self.encode(ServerMessage::Wall(WallFrame { v, full, part, parts, news }));
            self.frames.push_back(frame);
        }
        true
    }

    fn encode(&self, message: ServerMessage) -> Bytes {
        let frame = ServerFrame::from(message);
        let json = frame.to_json();
        self.classes.deps.metrics.streams.record_frame(&frame.message, json.len());
        json.into()
    }
}
