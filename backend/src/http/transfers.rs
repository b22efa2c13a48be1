//! Admission of transfers of files. Each holds a process, two pipes and a connection for as long as it takes, so a session, a
//! user and an instance have few at once, and one that is slow or has lasted long makes room for others.

use super::error::HttpError;
use crate::metrics::{Metrics, TransferOutcome, TransferWay};
use crate::rate_limit::RateLimiter;
use parking_lot::Mutex;
use shared_protocol::{ErrorCode, SessionId};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Transfers of a session at once.
const PER_SESSION: usize = 4;

/// Transfers of a user at once.
const PER_USER: usize = 8;

/// Transfers of an instance at once.
const PER_INSTANCE: usize = 64;

/// Transfers that a user may begin in a minute, and at once: each starts a process.
const PER_MINUTE: u32 = 120;

/// Age from which a transfer makes room for others if it is slower than [`SLOW_RATE`]: a young one may only begin slowly.
const SLOW_AGE: Duration = Duration::from_secs(30);

/// Rate below which a transfer is slow, in bytes a second.
const SLOW_RATE: u64 = 256 * 1024;

/// Age from which any transfer makes room for others.
const LONG_AGE: Duration = Duration::from_secs(600);

/// Why a transfer may not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TransferLimit {
    #[error("the session has {PER_SESSION} transfers of files already; try again when one is done")]
    Session,
    #[error("you have {PER_USER} transfers of files already; try again when one is done")]
    User,
    #[error("{PER_MINUTE} transfers of files in a minute; try again later")]
    Rate,
    #[error("the service has as many transfers of files as it can have at once; try again")]
    Instance,
}

impl From<TransferLimit> for HttpError {
    fn from(limit: TransferLimit) -> Self {
        Self::new(ErrorCode::RateLimited, limit.to_string())
    }
}

/// A transfer that runs.
struct Running {
    session: SessionId,
    /// The user of its token.
    user: String,
    begun: Instant,
    /// Bytes that have passed so far.
    bytes: u64,
    /// Cancelled once another one has taken its place.
    cut: CancellationToken,
}

impl Running {
    /// Bytes a second so far.
    fn rate(&self, now: Instant) -> u64 {
        self.bytes / now.duration_since(self.begun).as_secs().max(1)
    }

    fn makes_room(&self, now: Instant) -> bool {
        let age = now.duration_since(self.begun);
        age >= LONG_AGE || (age >= SLOW_AGE && self.rate(now) < SLOW_RATE)
    }
}

#[derive(Default)]
struct State {
    /// Number of the latest transfer.
    last: u64,
    /// The transfers by their numbers.
    running: HashMap<u64, Running>,
}

impl State {
    fn count(&self, is_theirs: impl Fn(&Running) -> bool) -> usize {
        self.running.values().filter(|running| is_theirs(running)).count()
    }

    /// The slowest transfer that another one of this user may take the place of: one of the users that have most, if that is more
    /// than this one would have, or else one that is slow or has lasted long.
    fn victim(&self, user: &str, now: Instant) -> Option<u64> {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for running in self.running.values() {
            *counts.entry(&running.user).or_default() += 1;
        }
        let (own, most) = (counts.get(user).copied().unwrap_or_default(), counts.values().max().copied().unwrap_or(0));
        let may_go = |running: &Running| {
            let has_most = most > own + 1 && counts.get(&*running.user) == Some(&most);
            has_most || running.makes_room(now)
        };
        let going = self.running.iter().filter(|(_, running)| may_go(running));
        going.min_by_key(|(id, running)| (running.rate(now), **id)).map(|(id, _)| *id)
    }
}

/// Transfers that run in this instance.
pub(super) struct Transfers {
    state: Arc<Mutex<State>>,
    /// Transfers that each user begins.
    starts: RateLimiter<String>,
    metrics: Arc<Metrics>,
}

impl Transfers {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        let starts = RateLimiter::new(PER_MINUTE, Duration::from_secs(60), PER_MINUTE);
        Self { state: Arc::default(), starts, metrics }
    }

    /// Counts a transfer until its guard is dropped.
    pub(super) fn begin(&self, session: &SessionId, user: &str, way: TransferWay) -> Result<Transfer, TransferLimit> {
        let mut state = self.state.lock();
        if state.count(|running| running.session == *session) >= PER_SESSION {
            return Err(TransferLimit::Session);
        }
        if state.count(|running| running.user == user) >= PER_USER {
            return Err(TransferLimit::User);
        }
        self.starts.check(&user.to_owned()).map_err(|_| TransferLimit::Rate)?;
        if state.running.len() >= PER_INSTANCE {
            let victim = state.victim(user, Instant::now()).ok_or(TransferLimit::Instance)?;
            if let Some(running) = state.running.remove(&victim) {
                running.cut.cancel();
            }
        }
        state.last += 1;
        let (id, cut) = (state.last, CancellationToken::new());
        let running = Running {
            session: session.clone(),
            user: user.to_owned(),
            begun: Instant::now(),
            bytes: 0,
            cut: cut.clone(),
        };
        state.running.insert(id, running);
        let (state, metrics) = (Arc::clone(&self.state), Arc::clone(&self.metrics));
        Ok(Transfer { id, cut, state, way, outcome: TransferOutcome::BrokeOff, metrics })
    }
}

/// A transfer that is counted.
pub(super) struct Transfer {
    /// Its number.
    id: u64,
    /// As of [`Running`].
    cut: CancellationToken,
    state: Arc<Mutex<State>>,
    way: TransferWay,
    /// The outcome that the metric counts at the end.
    outcome: TransferOutcome,
    metrics: Arc<Metrics>,
}

impl Transfer {
    /// Sets the outcome for the metric.
    pub(super) fn ended<T>(&mut self, result: &Result<T, HttpError>) {
        use ErrorCode::{BadField, FileNotFound, FileRefused, TooLarge};
        self.outcome = match result {
            Ok(_) => TransferOutcome::Done,
            Err(HttpError(error)) if matches!(error.code, BadField | FileNotFound | FileRefused | TooLarge) => {
                TransferOutcome::Refused
            }
            Err(_) => TransferOutcome::BrokeOff,
        };
    }

    /// Counts bytes that have passed.
    pub(super) fn passed(&self, bytes: usize) {
        if let Some(running) = self.state.lock().running.get_mut(&self.id) {
            running.bytes += bytes as u64;
        }
    }

    /// Completes once another one has taken its place.
    pub(super) fn cut(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.cut.clone().cancelled_owned()
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.state.lock().running.remove(&self.id);
        self.metrics.sessions.record_transfer(self.way, self.outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use tokio::time::advance;

    fn session(number: usize) -> SessionId {
        SessionId::new(format!("s{number}")).unwrap()
    }

    fn new() -> Transfers {
        Transfers::new(Metrics::new(0))
    }

    fn begin(transfers: &Transfers, session: &SessionId, user: &str) -> Result<Transfer, TransferLimit> {
        transfers.begin(session, user, TransferWay::Http)
    }

    fn is_cut(transfer: &Transfer) -> bool {
        transfer.cut().now_or_never().is_some()
    }

    /// One of each of as many users as the instance has transfers.
    fn one_each(transfers: &Transfers) -> Vec<Transfer> {
        (0..PER_INSTANCE).map(|user| begin(transfers, &session(user), &format!("user{user}")).unwrap()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_a_user_and_a_minute_have_few() {
        let transfers = new();
        let mut all: Vec<_> = (0..PER_SESSION).map(|_| begin(&transfers, &session(1), "ada").unwrap()).collect();
        assert_eq!(begin(&transfers, &session(1), "ada").err(), Some(TransferLimit::Session));
        assert_eq!(begin(&transfers, &session(1), "eve").err(), Some(TransferLimit::Session), "a guest's count, too");
        all.extend((0..PER_USER - PER_SESSION).map(|_| begin(&transfers, &session(2), "ada").unwrap()));
        assert_eq!(begin(&transfers, &session(3), "ada").err(), Some(TransferLimit::User));
        drop(all);
        assert!(transfers.state.lock().running.is_empty());
        let begun = (0..).take_while(|_| begin(&transfers, &session(1), "ada").is_ok()).count();
        assert_eq!(begun, PER_MINUTE as usize - PER_USER);
        assert_eq!(begin(&transfers, &session(1), "ada").err(), Some(TransferLimit::Rate));
        advance(Duration::from_secs(1)).await;
        assert!(begin(&transfers, &session(1), "ada").is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn users_who_have_many_make_room_for_those_who_have_none() {
        let transfers = new();
        let all: Vec<_> = (0..PER_INSTANCE)
            .map(|number| begin(&transfers, &session(number / 4), &format!("user{}", number / 4)).unwrap())
            .collect();
        all.iter().skip(1).for_each(|transfer| transfer.passed(1));
        let _new = begin(&transfers, &session(99), "new").unwrap();
        assert!(is_cut(&all[0]), "the slowest");
        assert_eq!(all.iter().filter(|transfer| is_cut(transfer)).count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_transfers_make_room_for_others_and_quick_ones_only_after_ten_minutes() {
        let transfers = new();
        let all = one_each(&transfers);
        assert_eq!(begin(&transfers, &session(99), "new").err(), Some(TransferLimit::Instance));
        advance(SLOW_AGE).await;
        let quick = SLOW_RATE as usize * SLOW_AGE.as_secs() as usize;
        all.iter().enumerate().for_each(|(number, transfer)| transfer.passed(quick - usize::from(number == 5)));
        let new = begin(&transfers, &session(99), "new").unwrap();
        assert!(is_cut(&all[5]));
        assert_eq!(begin(&transfers, &session(98), "newer").err(), Some(TransferLimit::Instance));
        advance(LONG_AGE).await;
        new.passed(usize::MAX / 2);
        all.iter().for_each(|transfer| transfer.passed(usize::MAX / 4));
        assert!(begin(&transfers, &session(98), "newer").is_ok());
        assert!(!is_cut(&new));
    }

    #[tokio::test]
    async fn each_transfer_is_counted_by_its_way_and_outcome() {
        let metrics = Metrics::new(0);
        let transfers = Transfers::new(Arc::clone(&metrics));
        let failed = |code| Some(Err(HttpError::new(code, "why")));
        for (way, result, outcome) in [
            (TransferWay::Http, Some(Ok(())), "done"),
            (TransferWay::Messages, failed(ErrorCode::FileRefused), "refused"),
            (TransferWay::Messages, failed(ErrorCode::SessionEnded), "broke_off"),
            (TransferWay::Http, None, "broke_off"),
        ] {
            let mut transfer = transfers.begin(&session(1), "ada", way).unwrap();
            result.iter().for_each(|result| transfer.ended(result));
            drop(transfer);
            let way = if way == TransferWay::Http { "http" } else { "messages" };
            let line = format!("termgate_file_transfers_total{{way=\"{way}\",outcome=\"{outcome}\"}} 1\n");
            assert!(metrics.text().contains(&line), "{line}{}", metrics.text());
        }
    }
}
