//! The task that owns one session. It waits for requests, the terminal and deadlines, handles one at a time, applies its
//! consequences, and then hands over every frame that a relay accepts. There is no lock, because nothing is shared.

use super::alarm::Alarm;
use super::attachments::Attachments;
use super::backpressure::Backpressure;
use super::caller::Caller;
use super::command_persistence::CommandSender;
use super::control::Control;
use super::expiry::{Expiry, Now};
use super::handle::{Close, Reply, Request};
use super::held_memory::HeldMemory;
use super::notices::Notices;
use super::one_shot::OneShotCommands;
use super::outbound::{FrameBuilder, StreamPhase};
use super::output_log::OutputLog;
use super::recorder::Recorder;
use super::registry::RegistryDeps;
use super::relay_access::{NewGrant, RelayAccess};
use super::restore::PreviousShell;
use super::screen_persistence::ScreenSender;
use super::terminal::{Terminal, TerminalEvent};
use super::termination::{Outcome, Termination, sweep};
use super::watching::{SlotFiller, WatchSlot};
use crate::clock::Clock;
use crate::cluster::Lease;
use crate::metrics::Metrics;
use crate::rate_limit::RateLimiter;
use crate::relay::Renewal;
use crate::store::{ClassRecord, CommandRecord, Store};
use crate::terminal::PtyEvent;
use crate::webhooks::{Event, Webhooks};
use shared_protocol::server::{CommandStarted, PlainResult};
use shared_protocol::{EndReason, Epoch, Role, ServerMessage, SessionId, StreamEvent};
use std::future::{poll_fn, ready};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::Instant;

/// Work of the emulator in one turn, in cells, after which other sessions have theirs.
const YIELD_WORK: usize = 8 * 1024;

#[expect(clippy::large_enum_variant, reason = "made and taken apart within one turn of the task, and kept nowhere")]
enum Wake {
    Request(Option<Request>),
    Terminal(PtyEvent),
    /// A relay accepts more frames, or carries a client no longer; or a wall opens or closes.
    Relay,
    /// The emulator has more of the log to read, or the recording takes more of it.
    Behind,
    Deadline,
}

/// Time for which a chat message counts.
const CHAT_INTERVAL: Duration = Duration::from_secs(1);

/// Chat messages of a user at once.
const CHAT_BURST: u32 = 10;

/// Senders to the tasks that write to the store.
pub(super) struct Savers {
    /// The screen, for a replacement shell.
    pub(super) screens: ScreenSender,
    /// The commands that people ran.
    pub(super) commands: CommandSender,
}

/// The state of one session. Each part keeps its own invariants; the actor passes the effects of one to another.
pub(super) struct Actor {
    pub(super) id: SessionId,
    pub(super) epoch: Epoch,
    /// Asked before anything is applied or sent.
    pub(super) lease: Arc<Lease>,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
    /// The shell and everything between it and the log.
    pub(super) terminal: Terminal,
    /// Output and events, by position.
    pub(super) log: OutputLog,
    /// Events of the terminal that are not applied yet. Empty between two turns; kept for its memory.
    pub(super) events: Vec<TerminalEvent>,
    /// Clients and connections.
    pub(super) attachments: Attachments,
    /// The right to type.
    pub(super) control: Control,
    /// Commands of connections that never attached.
    pub(super) one_shot: OneShotCommands,
    /// Chat messages of each user: each goes to all clients, and pushes other events out of the log.
    pub(super) chat_rate: RateLimiter<String>,
    /// Messages to the class.
    pub(super) notices: Notices,
    /// Makes the frames for clients.
    pub(super) frames: FrameBuilder,
    /// Carries them.
    pub(super) relays: RelayAccess,
    /// Stops reading for clients that are behind.
    backpressure: Backpressure,
    /// Timeouts that end the session.
    pub(super) expiry: Expiry,
    /// Progress of its end.
    pub(super) termination: Termination,
    /// Saves the screen for a replacement shell.
    pub(super) screens: ScreenSender,
    /// Saves the commands that people ran.
    commands: CommandSender,
    /// Tell the operator's platform of it.
    pub(super) webhooks: Webhooks,
    /// Records it.
    pub(super) recorder: Recorder,
    /// Shows walls the session.
    pub(super) sights: SlotFiller,
    /// Counts what the service holds for it.
    held: HeldMemory,
}

impl Actor {
    pub(super) fn new(
        deps: &RegistryDeps,
        lease: Arc<Lease>,
        terminal: Terminal,
        Savers { screens, commands }: Savers,
        previous: Option<PreviousShell>,
        migrating: Arc<AtomicBool>,
        slot: Arc<WatchSlot>,
    ) -> Self {
        let (id, epoch, creator) = (lease.record().id.clone(), lease.record().epoch, lease.record().creator.clone());
        let (limits, metrics, lease_revoked) = (deps.limits, Arc::clone(&deps.metrics), lease.revoked());
        let relays = RelayAccess::new(deps, &lease, Arc::clone(&slot.wake));
        let mut actor = Self {
            held: HeldMemory::new(terminal.processes(), Arc::clone(&metrics)),
            lease,
            store: Arc::clone(&deps.store),
            clock: Arc::clone(&deps.clock),
            terminal,
            log: OutputLog::default(),
            events: Vec::new(),
            control: Control::new(&creator),
            attachments: Attachments::new(id.clone(), creator, lease_revoked, Arc::clone(&metrics)),
            one_shot: OneShotCommands::default(),
            chat_rate: RateLimiter::new(1, CHAT_INTERVAL, CHAT_BURST),
            notices: Notices::default(),
            frames: FrameBuilder::new(id.clone(), epoch, limits.output_rate, Arc::clone(&metrics)),
            relays,
            backpressure: Backpressure::default(),
            expiry: Expiry::new(limits, Instant::now()),
            termination: Termination::new(migrating, Arc::clone(&metrics)),
            screens,
            commands,
            webhooks: deps.webhooks.clone(),
            recorder: Recorder::off(),
            sights: SlotFiller::new(slot),
            id,
            epoch,
            metrics,
        };
        if let Some(previous) = previous {
            actor.log.push_bytes(&previous.banner());
            actor.terminal.catch_up(&mut actor.log);
            actor.log.push_event(StreamEvent::Restarted { reason: previous.reason });
            if let Some(class) = previous.class {
                let ClassRecord { keyboard, loan, hand, .. } = class.clone();
                // The store has it.
                actor.lease.set_class(class);
                actor.control.restore(keyboard, loan, Instant::now());
                actor.attachments.people.restore_hand(hand);
            }
        }
        actor
    }

    pub(super) async fn run(mut self, mut mailbox: mpsc::Receiver<Request>) -> Outcome {
        let mut alarm = Alarm::new(self.deadline());
        loop {
            let (deadline, is_behind) = (self.deadline(), self.terminal.is_behind(&self.log));
            let paused = self.backpressure.paused || is_behind;
            let wake = tokio::select! {
                request = mailbox.recv() => Wake::Request(request),
                event = poll_fn(|context| self.terminal.poll_event(context, paused)) => Wake::Terminal(event),
                () = self.relays.wake.notified() => Wake::Relay,
                () = ready(()), if is_behind => Wake::Behind,
                () = self.recorder.has_room_again() => Wake::Behind,
                () = poll_fn(|context| alarm.poll(context, deadline)) => Wake::Deadline,
            };
            self.note_change(&wake);
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
            // An end that was due before this comes before it.
            self.end_if_due();
            match wake {
                Wake::Request(Some(request)) => self.handle(request),
                // The last handle is gone.
                Wake::Request(None) => self.end(EndReason::Closed),
                Wake::Terminal(PtyEvent::Readable) => self.terminal.read(&mut self.log, &mut self.events),
                Wake::Terminal(PtyEvent::Writable) => self.terminal.write_pending(),
                Wake::Terminal(PtyEvent::Exited) => self.shell_exited(),
                Wake::Terminal(PtyEvent::QuotaChanged) => self.quota_changed(),
                Wake::Relay => self.note_watchers(),
                // Only wake the task: the steps below serve both.
                Wake::Behind => {}
                Wake::Deadline => self.tick(),
            }
            self.apply_events();
            self.apply_input();
            self.warn_of_ends();
            self.send_frames();
            // After the frames: an echo never waits for the emulator.
            let work = self.terminal.catch_up(&mut self.log);
            if self.terminal.take_awaited() {
                self.relays.wake.notify_one();
            }
            self.update_backpressure();
            self.save_screen();
            self.record();
            self.show_walls();
            self.count_memory();
            if self.is_done() {
                break;
            }
            if work > YIELD_WORK {
                // Other sessions of this thread come first: a turn is a session's share.
                yield_now().await;
            }
        }
        let now = Instant::now();
        self.attachments.clients_mut().for_each(|client| client.outbound.link.finish(now));
        sweep(&self.id, &*self.terminal.processes()).await;
        self.termination.outcome()
    }

    pub(super) fn connections_changed(&mut self) {
        self.expiry.connected(self.attachments.has_connections(), Instant::now());
        let attachments = &self.attachments;
        self.one_shot.open.retain(|_, command| attachments.client(&command.client).is_some());
        self.announce_people();
    }

    pub(super) fn connected(&mut self, caller: &Caller) {
        self.connections_changed();
        if caller.role == Role::Controller {
            self.expiry.authorized(caller.valid_until_ms, Instant::now());
        }
    }

    pub(super) fn apply_events(&mut self) {
        if self.events.is_empty() {
            return;
        }
        let now = Instant::now();
        let mut events = std::mem::take(&mut self.events);
        for event in events.drain(..) {
            match event {
                TerminalEvent::Output { from } => {
                    self.attachments.output_appended(from, now);
                    self.expiry.active = now;
                    self.screens.schedule_save(now);
                }
                TerminalEvent::OneShotFinished { key, result, truncated, code } => {
                    let timestamp = self.clock.now_ms();
                    self.answer_one_shot(key, |id| {
                        ServerMessage::CommandResult(PlainResult { id, result, truncated, exit_code: code, timestamp })
                    });
                }
                TerminalEvent::CommandRejected(origin, code) => self.reject_command(origin, code),
                TerminalEvent::CommandEnded(command) => {
                    self.webhooks.tell(self.lease.record(), Event::CommandFinished(&command));
                    self.commands.send(CommandRecord { epoch: self.epoch, command });
                }
            }
        }
        self.events = events;
    }

    /// Wraps an answer. To a client that a relay carries it goes with the relay's frames, so that they stay in order; only `pong`
    /// does not, because it measures its own way. `renewal` is the kind of the message; `None` for one that prolongs nothing.
    pub(super) fn reply(&mut self, caller: &Caller, message: Option<ServerMessage>, renewal: Option<Renewal>) -> Reply {
        let now = Instant::now();
        let touch = self.attachments.touch(&caller.connection, now);
        let is_error = matches!(message, Some(ServerMessage::Error(_)));
        let listed = self.attachments.listing(&caller.connection, touch);
        let has_results = self.attachments.client_of(&caller.connection).is_some_and(|id| self.one_shot.is_open(id));
        let Some(client) = self.attachments.client_of_mut(&caller.connection) else {
            let frame = message.map(|message| self.frames.encode(&message.into()));
            let close = self.termination.is_over().then_some(Close::Ended);
            return Reply { frame, close, ..Reply::default() };
        };
        let news = client.tell_dispatch(message.as_ref(), caller.arrival.dispatch, self.clock.now_ms());
        let message = message.or(news);
        let expects_frames = !client.one_shot || client.chats || client.outbound.reply_count() > 0 || has_results;
        let renewal = renewal.filter(|_| !is_error);
        // The end of the run that this message has waited for may be news.
        client.outbound.refresh(&self.relays.relays, self.epoch, now);
        let (link, is_page) = (&mut client.outbound.link, !client.one_shot);
        let grant = expects_frames.then(|| self.relays.carry(link, is_page, caller, renewal, now)).flatten();
        let is_carried = client.outbound.link.is_live() && !matches!(grant, Some(NewGrant::First(_)));
        let goes_alone = caller.is_direct() || !is_carried || matches!(message, Some(ServerMessage::Pong(_)));
        let frame = match message {
            Some(message) if goes_alone => Some(self.frames.stamp(client, message, &self.log, &self.terminal)),
            Some(message) => {
                client.outbound.queue_reply(message);
                None
            }
            None => None,
        };
        Reply { frame, grant: grant.map(NewGrant::into_grant), close: None, touch, listed }
    }

    fn send_frames(&mut self) {
        let now = Instant::now();
        let phase = match (self.termination.is_running(), self.termination.is_over()) {
            (true, _) => StreamPhase::Running,
            (false, false) => StreamPhase::Ending,
            (false, true) => StreamPhase::Over,
        };
        for client in self.attachments.clients_mut() {
            self.frames.send(client, &mut self.log, &mut self.terminal, &self.relays.relays, phase, now);
        }
    }

    /// Notes that this turn may change everything, unless it is only for those who look once a second.
    fn note_change(&mut self, wake: &Wake) {
        let (looks, now) = ([self.sights.deadline(), self.held.deadline()], Instant::now());
        if !matches!(wake, Wake::Deadline) || looks.into_iter().flatten().all(|at| at > now) {
            self.sights.changed();
            self.held.changed();
        }
    }

    fn count_memory(&mut self) {
        let Self { terminal, log, screens, commands, recorder, attachments, .. } = self;
        self.held.count_if_due(Instant::now(), || {
            let clients = attachments.clients().map(|(_, client)| client.held());
            let saved = screens.held() + commands.held() + recorder.held();
            terminal.held() + log.held() + saved + clients.sum::<usize>()
        });
    }

    fn update_backpressure(&mut self) {
        if self.termination.is_over() {
            self.backpressure.paused = false;
        } else if self.backpressure.update(self.attachments.clients_mut(), self.log.end(), Instant::now()) {
            self.metrics.streams.backpressure_pauses.inc();
        }
    }

    fn deadline(&self) -> Instant {
        let now = self.now();
        let running = self.termination.is_running();
        let token = self.attachments.next_token_expiry_ms().filter(|_| running).and_then(|ms| now.instant_of(ms));
        let end = self.termination.deadline(now.instant).unwrap_or_else(|| self.expiry.deadline(now));
        [
            token,
            self.attachments.deadline(),
            self.terminal.deadline(),
            self.one_shot.deadline(),
            self.screens.save_at,
            self.backpressure.deadline(),
            self.sights.deadline(),
            self.held.deadline(),
            self.control.deadline(),
            self.recorder.deadline(),
        ]
        .into_iter()
        .flatten()
        .fold(end, Instant::min)
    }

    fn tick(&mut self) {
        let now = Instant::now();
        self.attachments.expire(now);
        self.terminal.tick(now, &mut self.log, &mut self.events);
        self.apply_events();
        for (caller, reply, id) in self.one_shot.take_overdue(now) {
            let started = ServerMessage::CommandStarted(CommandStarted { id, timestamp: self.clock.now_ms() });
            let answer = self.reply(&caller, Some(started), Some(Renewal::Message));
            let _ = reply.send(answer);
        }
        self.report_gaps(now);
        if self.termination.is_running() {
            self.attachments.reject_expired(self.clock.steady_ms());
        }
        self.connections_changed();
        self.termination.kill_if_due(now, || self.terminal.processes());
    }

    pub(super) fn now(&self) -> Now {
        Now { instant: Instant::now(), ms: self.clock.now_ms(), steady_ms: self.clock.steady_ms() }
    }
}
