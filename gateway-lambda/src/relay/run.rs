//! The loop of a relay: asks, posts, and waits for whichever ends first. All calls are futures of this one, so that none
//! outlives the invocation.

use super::posts::Posts;
use super::questions::Questions;
use super::tasks::{Posted, Task};
use crate::backend::{BackendError, RelayAnswer};
use crate::identity_cache::IdentityCache;
use crate::invocation::Invocation;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use shared_protocol::gateway::MAX_WAIT_MS;
use shared_protocol::relay::{RelayAction, RelayQuestion};
use shared_protocol::server::ErrorMessage;
use shared_protocol::{ConnectionId, ErrorCode, ServerFrame, ServerMessage};
use std::fmt;
use std::time::Duration;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// Longest time of one attempt to post. A post usually takes 15 ms on AWS.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(500);
/// Longest time of a look-up after a 410.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);
/// Time that an answer may take beyond the requested wait.
const ANSWER_MARGIN: Duration = Duration::from_secs(2);
/// With less time than this left, a question is not worth its request.
const MIN_WAIT: Duration = Duration::from_millis(50);
/// Repeats of a failed question before the service counts as unreachable.
const MAX_REPEATS: u32 = 2;
/// Delay before the first repeat of a question; doubles.
const MIN_REPEAT_DELAY: Duration = Duration::from_millis(100);
/// Longest delay of a member's `error` frame: pages come back over this time, not at once.
const MAX_ERROR_DELAY: Duration = Duration::from_secs(2);
/// Time at the end of an invocation for the last posts and the last report.
const END_MARGIN: Duration = Duration::from_millis(600);

/// The way in which a relay ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// The service said stop.
    Stopped,
    /// The time was up.
    OutOfTime,
    /// The service cannot be reached.
    Failed(BackendError),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped"),
            Self::OutOfTime => f.write_str("out of time"),
            Self::Failed(error) => write!(f, "failed: {error}"),
        }
    }
}

/// Result of a call.
enum Event {
    Posted(u64, Posted),
    LookedUp(u64, Option<bool>),
    Done,
}

/// A question, its answer, and the time of the answer.
type Answered = (RelayQuestion, Result<RelayAnswer, BackendError>, Instant);

/// A relay of this invocation.
pub(crate) struct Relay<'a> {
    invocation: &'a Invocation<'a>,
    identities: &'a IdentityCache,
    posts: Posts<'a>,
    questions: Questions,
    /// Posts, look-ups and actions in flight.
    calls: FuturesUnordered<BoxFuture<'a, Event>>,
    /// Questions without an answer.
    asked: FuturesUnordered<BoxFuture<'a, Answered>>,
    /// Set when no more questions are asked but the last.
    end: Option<End>,
}

impl<'a> Relay<'a> {
    pub(crate) fn new(invocation: &'a Invocation<'a>, identities: &'a IdentityCache, grant: String) -> Self {
        Self {
            invocation,
            identities,
            posts: Posts::new(invocation.deps.random.as_ref()),
            questions: Questions::new(grant),
            calls: FuturesUnordered::new(),
            asked: FuturesUnordered::new(),
            end: None,
        }
    }

    /// Carries frames until the service says stop or the time is up. All posts have ended and are reported when it returns.
    pub(crate) async fn carry(&mut self) -> End {
        let deadline = self.invocation.deadline;
        let on_time = deadline.limit(self.run()).await.is_some();
        if !on_time {
            tracing::error!("[WebSocket] A relay's frames were not reported in time");
        }
        self.end.clone().unwrap_or(End::OutOfTime)
    }

    /// Number of delivered frames.
    pub(crate) fn frames(&self) -> u32 {
        self.posts.delivered()
    }

    /// Number of members that had frames.
    pub(crate) fn members(&self) -> usize {
        self.posts.members()
    }

    /// Number of questions.
    pub(crate) fn questions(&self) -> u64 {
        self.questions.count()
    }

    async fn run(&mut self) {
        loop {
            let now = Instant::now();
            for task in self.posts.begin(now) {
                self.calls.push(call(self.invocation, self.identities, task));
            }
            let is_due = self.is_due(now);
            if self.has_ended() {
                break;
            }
            self.next_event(now, is_due).await;
        }
        // A service that cannot be reached gets none, nor one that has said stop to a relay without frames. Without any, a run
        // whose time is up says so: its connection's next message may have waited for that.
        let is_due = match self.end {
            Some(End::Failed(_)) => false,
            Some(End::OutOfTime) => self.questions.count() > 0,
            Some(End::Stopped) | None => self.posts.members() > 0,
        };
        if is_due {
            let reports = self.posts.ask();
            let question = self.questions.ask(Duration::ZERO, self.posts.is_throttled(), reports);
            let last = RelayQuestion { last: true, ..question };
            if let (_, Err(error), _) = answer(self.invocation, last).await {
                tracing::warn!(%error, "[WebSocket] The last report of a relay did not arrive");
            }
        }
    }

    /// True if it is time for a question. Ends the relay when its time is up.
    fn is_due(&mut self, now: Instant) -> bool {
        if self.invocation.deadline.follow_time_left() < MIN_WAIT {
            self.end.get_or_insert(End::OutOfTime);
        }
        if self.end.is_some() || !self.questions.may_ask() {
            return false;
        }
        self.questions.is_due()
            || self.posts.has_urgent_news()
            || self.questions.wakes_at().is_some_and(|at| self.posts.has_news() || (self.posts.is_idle() && at <= now))
    }

    fn ask(&mut self) {
        let reports = self.posts.ask();
        let wait = self.invocation.deadline.follow_time_left().min(Duration::from_millis(MAX_WAIT_MS));
        let question = self.questions.ask(wait, self.posts.is_throttled(), reports);
        self.asked.push(Box::pin(answer(self.invocation, question)));
    }

    /// True if no call and no question is open and none will be. Questions to a service that failed are not waited for.
    fn has_ended(&self) -> bool {
        let has_answers = self.questions.none_open() || matches!(self.end, Some(End::Failed(_)));
        self.end.is_some() && has_answers && self.calls.is_empty() && self.posts.is_idle()
    }

    async fn next_event(&mut self, now: Instant, is_due: bool) {
        let idle_pause = self.questions.wakes_at().filter(|at| *at > now && self.end.is_none());
        let wakes_at = [self.posts.wakes_at(now), idle_pause].into_iter().flatten().min();
        tokio::select! {
            biased;
            Some(event) = self.calls.next(), if !self.calls.is_empty() => self.called(event),
            Some(answered) = self.asked.next(), if !self.asked.is_empty() => self.answered(answered),
            // A frame leaves before work on the next question begins, which takes long on a small function.
            () = yield_now(), if is_due => self.ask(),
            () = sleep_until(wakes_at.unwrap_or(now + self.invocation.deadline.time_left())) => {}
        }
    }

    fn called(&mut self, event: Event) {
        match event {
            Event::Posted(member, result) => {
                self.posts.posted(member, result, Instant::now());
                self.questions.attempt_ended();
            }
            Event::LookedUp(member, exists) => {
                self.posts.looked_up(member, exists);
                self.questions.attempt_ended();
            }
            Event::Done => {}
        }
    }

    fn answered(&mut self, (question, answer, at): Answered) {
        match answer {
            Ok(answer) => {
                self.posts.learned(&question.reports);
                self.posts.receive(answer.frames, at);
                self.questions.answered(question.number, answer.next, at);
                if answer.next.is_none() {
                    self.end.get_or_insert(End::Stopped);
                }
            }
            // It waited until the end of the time, and longer.
            Err(BackendError::Timeout) if self.end.is_some() => self.questions.answered(question.number, None, at),
            Err(error) => self.fail(error),
        }
    }

    /// Lets every member know that the service cannot be reached.
    fn fail(&mut self, error: BackendError) {
        if !matches!(self.end, Some(End::Failed(_))) {
            let left = self.invocation.deadline.time_left().saturating_sub(END_MARGIN);
            let frame = ErrorMessage::new(ErrorCode::BackendUnreachable, BackendError::UNREACHABLE);
            let frame = ServerFrame::from(ServerMessage::Error(frame)).to_json().into();
            self.posts.append_to_all(&frame, Instant::now(), MAX_ERROR_DELAY.min(left));
            self.end = Some(End::Failed(error));
        }
    }
}

/// The answer to a question. A failed one is repeated, which gives the same answer.
async fn answer(invocation: &Invocation<'_>, question: RelayQuestion) -> Answered {
    let Invocation { deps, caller, deadline } = invocation;
    let mut repeats = 0;
    loop {
        let limit = Duration::from_millis(question.wait_ms) + ANSWER_MARGIN;
        let result = deps.backend.relay(&caller.endpoint, &question, limit.min(deadline.time_left())).await;
        let delay = MIN_REPEAT_DELAY * 2_u32.pow(repeats);
        let left = if question.last { deadline.time_left() } else { deadline.follow_time_left() };
        let may_repeat = repeats < MAX_REPEATS && delay + MIN_WAIT < left;
        match result {
            Err(error) if may_repeat && is_failure(&error) => {
                tracing::debug!(%error, number = question.number, "a question failed; repeating it");
            }
            result => return (question, result, Instant::now()),
        }
        repeats += 1;
        sleep(delay).await;
    }
}

/// True for failures that may pass, unlike a refusal of what the relay may not do.
fn is_failure(error: &BackendError) -> bool {
    match error {
        BackendError::Refused(refused) => refused.code.status() >= 500,
        BackendError::Unreachable(_) | BackendError::Timeout => true,
    }
}

/// Makes a call that the rules ask for.
fn call<'a>(invocation: &'a Invocation<'a>, identities: &'a IdentityCache, task: Task) -> BoxFuture<'a, Event> {
    match task {
        Task::Post { member, connection, bytes } => {
            Box::pin(async move { Event::Posted(member, post(invocation, &connection, bytes).await) })
        }
        Task::Look { member, connection } => Box::pin(async move {
            let exists = timeout(LOOK_TIMEOUT, invocation.exists(&connection)).await.ok().flatten();
            Event::LookedUp(member, exists)
        }),
        Task::Act { connection, action } => Box::pin(async move {
            if action == RelayAction::Close {
                invocation.close(&connection).await;
            }
            Event::Done
        }),
        Task::Forget { connection } => Box::pin(async move {
            identities.remove(&connection);
            invocation.remove_row(&connection).await;
            Event::Done
        }),
    }
}

/// Makes one attempt to post a frame.
async fn post(invocation: &Invocation<'_>, connection: &ConnectionId, frame: Bytes) -> Posted {
    let post = invocation.deps.browser.post(&invocation.caller.endpoint, connection, frame);
    match timeout(ATTEMPT_TIMEOUT, post).await {
        Ok(Ok(())) => Posted::Taken,
        Ok(Err(error)) => Posted::Failed(error),
        Err(_) => Posted::TimedOut,
    }
}
