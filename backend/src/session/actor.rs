//! The task that owns one session: it waits for requests, for the terminal and for deadlines, one thing at a time, and then
//! answers whoever can be answered. No lock, because nothing of it is shared.

use super::budget::Budget;
use super::client::{Client, HOLD_PATIENCE};
use super::command::Commands;
use super::emulator::Emulator;
use super::lifecycle::{Lifecycle, Moment};
use super::output_log::OutputLog;
use super::plain::{Origin, PlainCommands};
use super::restore::PreviousShell;
use super::screen_persistence::ScreenSender;
use super::turning_away::TurnedAway;
use super::{Limits, Request};
use crate::clock::Clock;
use crate::cluster::Lease;
use crate::metrics::{EchoTimer, GaugeGuard, Metrics, Phase};
use crate::store::{ScreenRecord, Store};
use crate::terminal::{Interest, Nonce, PromptMarkScanner, Pty, PtyEvent, Size};
use bytes::Bytes;
use shared_protocol::server::Tty;
use shared_protocol::{ClientId, ConnectionId, EndReason, Epoch, ErrorCode, Role, Seq, SessionId, StreamEvent};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Time for processes to end by themselves after a hang-up.
pub(super) const HANG_UP_GRACE: Duration = Duration::from_millis(1500);

/// A connection without a word for this long is gone, even if nobody said so: API Gateway closes it after 10 minutes.
pub(super) const SILENCE: Duration = Duration::from_secs(660);

/// What a session is made of.
pub(super) struct Parts {
    pub lease: Arc<Lease>,
    pub store: Arc<dyn Store>,
    pub limits: Limits,
    pub clock: Arc<dyn Clock>,
    pub pty: Box<dyn Pty>,
    pub nonce: Nonce,
    pub size: Size,
    pub previous: Option<PreviousShell>,
    pub screens: ScreenSender,
    pub migrating: Arc<AtomicBool>,
    pub metrics: Arc<Metrics>,
}

/// How a session's task came to its end.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome {
    /// The session is over.
    Ended {
        reason: EndReason,
        /// In ms since 1970.
        at: u64,
    },
    /// Another instance has it.
    LeaseLost,
}

/// What the task wakes for.
#[expect(clippy::large_enum_variant, reason = "made and taken apart within one turn of the task, and kept nowhere")]
enum Wake {
    Request(Option<Request>),
    Terminal(PtyEvent),
    Deadline,
}

/// A connection that speaks in this session.
pub(super) struct Connected {
    pub client: ClientId,
    pub user: String,
    pub role: Role,
    pub seen: Instant,
    pub touched: Instant,
    /// When it came, in ms since 1970.
    pub attached_at: u64,
    /// When its token is of no use any more, in ms since 1970.
    pub good_until_ms: u64,
    /// The store was told of it.
    pub listed: bool,
    pub _counted: GaugeGuard,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Ending {
    /// The shell was told to hang up; it is killed at this time.
    HangingUp { kill_at: Instant },
    /// The shell is over; the task goes on until this time.
    Over { until: Instant },
}

pub(super) struct Actor {
    pub id: SessionId,
    pub epoch: Epoch,
    lease: Arc<Lease>,
    store: Arc<dyn Store>,
    pub screens: ScreenSender,
    pub migrating: Arc<AtomicBool>,
    pub clock: Arc<dyn Clock>,
    pub pty: Box<dyn Pty>,
    pub size: Size,
    pub tty: Tty,
    pub log: OutputLog,
    pub commands: Commands<Origin>,
    pub clients: BTreeMap<ClientId, Client>,
    pub connections: HashMap<ConnectionId, Connected>,
    pub turned_away: TurnedAway,
    pub plain: PlainCommands,
    /// The client whose window the terminal has: the one who typed last.
    pub controller: Option<ClientId>,
    pub emulator: Emulator,
    pub snapshots: u32,
    pub life: Lifecycle,
    pub budget: Budget,
    /// Input that was applied but not yet taken by the terminal, with the client that typed it.
    pub unwritten: VecDeque<(Option<ClientId>, Seq, Bytes)>,
    pub unwritten_bytes: usize,
    pub marks: PromptMarkScanner,
    pub tty_check: Option<Instant>,
    pub tty_patience: Duration,
    pub held_back: bool,
    pub output_over: bool,
    pub ending: Option<Ending>,
    pub reason: EndReason,
    /// When the shell was over, in ms since 1970: tokens issued later may make the session anew.
    pub ended_at_ms: u64,
    pub metrics: Arc<Metrics>,
    /// In the phase that it is in.
    pub _counted: GaugeGuard,
    pub echo: EchoTimer,
}

impl Actor {
    pub(super) fn new(parts: Parts) -> Self {
        let now = Instant::now();
        let (id, epoch) = (parts.lease.record().id.clone(), parts.lease.record().epoch);
        let mut actor = Self {
            id,
            epoch,
            lease: parts.lease,
            store: parts.store,
            screens: parts.screens,
            migrating: parts.migrating,
            clock: parts.clock,
            tty: parts.pty.tty(),
            pty: parts.pty,
            size: parts.size,
            log: OutputLog::default(),
            commands: Commands::default(),
            clients: BTreeMap::new(),
            connections: HashMap::new(),
            turned_away: TurnedAway::default(),
            plain: PlainCommands::default(),
            controller: None,
            emulator: Emulator::new(parts.size, parts.limits.scrollback),
            snapshots: 0,
            life: Lifecycle::new(parts.limits, now),
            budget: Budget::new(parts.limits.output_rate, now),
            unwritten: VecDeque::new(),
            unwritten_bytes: 0,
            marks: PromptMarkScanner::new(&parts.nonce),
            tty_check: None,
            tty_patience: Duration::ZERO,
            held_back: false,
            output_over: false,
            ending: None,
            reason: EndReason::Exited,
            ended_at_ms: 0,
            _counted: parts.metrics.sessions.enter(Phase::Running),
            metrics: parts.metrics,
            echo: EchoTimer::default(),
        };
        if let Some(previous) = parts.previous {
            actor.show_previous(&previous);
        }
        actor
    }

    /// The first of the stream: what was there before this shell.
    fn show_previous(&mut self, previous: &PreviousShell) {
        self.print(&previous.banner());
        self.catch_up();
        self.log.push_event(StreamEvent::Restarted { reason: previous.reason });
    }

    /// Runs until the session is over.
    pub(super) async fn run(mut self, mut mailbox: mpsc::Receiver<Request>) -> Outcome {
        loop {
            let deadline = self.deadline();
            let interest = Interest {
                read: !self.output_over && !self.held_back,
                write: !self.unwritten.is_empty() && !self.is_over(),
            };
            let wake = tokio::select! {
                request = mailbox.recv() => Wake::Request(request),
                ready = poll_fn(|context| self.pty.poll_event(context, interest)) => Wake::Terminal(ready),
                () = sleep_until(deadline) => Wake::Deadline,
            };
            // Before anything is applied or sent: this process may have slept while another took the session over.
            let mine = match self.lease.is_valid(Instant::now()) {
                Some(mine) => mine,
                None => self.lease.confirm(&*self.store).await,
            };
            if !mine {
                tracing::warn!(session = %self.id, "another instance has taken the session over");
                self.abandon().await;
                return Outcome::LeaseLost;
            }
            // What was due before this is done before it.
            self.end_when_due();
            match wake {
                Wake::Request(Some(request)) => self.request(request),
                // Nobody can reach it any more.
                Wake::Request(None) => self.end(EndReason::Closed),
                Wake::Terminal(PtyEvent::Readable) => self.read_output(),
                Wake::Terminal(PtyEvent::Writable) => self.write_input(),
                Wake::Terminal(PtyEvent::Exited) => self.exited(),
                Wake::Terminal(PtyEvent::QuotaChanged) => self.overused(),
                Wake::Deadline => self.tick(),
            }
            self.apply_input();
            self.announce();
            self.send_frames();
            // After the frames: an echo waits for no emulator.
            self.catch_up();
            self.hold_back();
            self.save_screen();
            if self.is_gone() {
                break;
            }
        }
        self.close_all();
        self.sweep().await;
        Outcome::Ended { reason: self.reason, at: self.ended_at_ms }
    }

    fn save_screen(&mut self) {
        let is_last = self.is_over();
        self.screens.save_if_due(Instant::now(), is_last, || ScreenRecord {
            epoch: self.epoch,
            cols: self.size.cols,
            rows: self.size.rows,
            data: self.emulator.render_visible(),
            at: self.clock.now_ms(),
        });
    }

    fn request(&mut self, request: Request) {
        match request {
            Request::Deliver { caller, inbound, reply } => self.deliver(caller, inbound, reply),
            Request::Output { connection, token, wait, reply } => self.output(&connection, token, wait, reply),
            Request::Disconnect { connection } => {
                self.disconnect(&connection);
                self.turned_away.add(connection, ErrorCode::ConnectionGone);
            }
            Request::End { reason } => self.end(reason),
            // Whoever asked may be gone.
            Request::Revoke { connection, reply } => drop(reply.send(self.revoke(&connection))),
            // It was asked before this was taken up.
            Request::Lost => {}
        }
    }

    fn deadline(&self) -> Instant {
        let now = Instant::now();
        let ending = match self.ending {
            None => self.life.deadline(self.moment()),
            Some(Ending::HangingUp { kill_at }) => kill_at,
            // Looks again now and then: a follower may be gone without a word.
            Some(Ending::Over { until }) => until.min(now + super::follower::GRANT_TTL),
        };
        let held = self.held_back.then_some(now + HOLD_PATIENCE);
        let clients = self.clients.values().filter_map(Client::deadline);
        let expiry = self.ending.is_none().then(|| self.next_expiry()).flatten();
        let silent = self.connections.values().map(|connected| connected.seen + SILENCE);
        clients
            .chain(silent)
            .chain(
                [self.commands.deadline(), self.plain.deadline(), self.tty_check, self.screens.save_at(), expiry, held]
                    .into_iter()
                    .flatten(),
            )
            .fold(ending, Instant::min)
    }

    fn tick(&mut self) {
        let now = Instant::now();
        self.forget_silent(now);
        let steps = self.commands.tick(now);
        self.take_steps(steps);
        self.answer_slow_commands(now);
        self.report_gaps(now);
        if self.tty_check.is_some_and(|at| at <= now) {
            self.check_tty();
        }
        match self.ending {
            None => self.turn_away_expired(),
            Some(Ending::HangingUp { kill_at }) if kill_at <= now => {
                self.ending = Some(Ending::HangingUp { kill_at: now + HANG_UP_GRACE });
                let processes = self.pty.processes();
                tokio::spawn(async move { processes.kill().await });
            }
            Some(_) => {}
        }
    }

    pub(super) fn moment(&self) -> Moment {
        Moment { now: Instant::now(), ms: self.clock.now_ms() }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.ending, Some(Ending::Over { .. }))
    }
}
