//! The timeouts that end a session, and the warnings before. Pure: the time is an argument.

#[cfg(test)]
mod tests;

use shared_protocol::limits::MAX_NUMBER;
use shared_protocol::{EndReason, StreamEvent};
use std::time::Duration;
use tokio::time::Instant;

/// Time before the end of the lifetime, or of the last token, at which a session warns.
const WARNINGS: &[Duration] = &[Duration::from_secs(300), Duration::from_secs(60)];

/// The same before the idle timeout.
const IDLE_WARNINGS: &[Duration] = &[Duration::from_secs(60)];

/// Time above a quota until the session ends.
const QUOTA_TIMEOUT: Duration = Duration::from_secs(10);

/// Timeouts and output limits of sessions.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Time without a connection.
    pub detach_timeout: Duration,
    /// Time with neither input nor output.
    pub idle_timeout: Duration,
    /// Lifetime, unless `extend` prolongs it.
    pub initial_lifetime: Duration,
    /// Remaining lifetime after `extend`, counted from the request.
    pub extension: Duration,
    /// Limit of the lifetime, `extend` included.
    pub max_lifetime: Duration,
    /// Output through the gateway after a burst, in bytes per second; 0 for no limit.
    pub output_rate: u64,
    /// Lines above the screen that a snapshot contains.
    pub scrollback: usize,
}

/// The current time by both clocks: the monotonic one for deadlines and tokens, the wall clock for pages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub instant: Instant,
    /// Wall time, in ms since 1970.
    pub ms: u64,
    /// The clock's steady scale, in ms.
    pub steady_ms: u64,
}

impl Now {
    /// Wall time of an instant, in ms since 1970.
    pub(super) fn wall_ms(self, at: Instant) -> u64 {
        self.ms + at.saturating_duration_since(self.instant).as_millis() as u64
    }

    /// Wall time of a time on the steady scale in ms, in seconds since 1970, rounded up.
    pub(super) fn wall_seconds(self, steady_ms: u64) -> u64 {
        let left = steady_ms.saturating_sub(self.steady_ms);
        self.ms.saturating_add(left).div_ceil(1000).min(MAX_NUMBER)
    }

    /// The instant of a time on the steady scale, in ms. `None` if it is more than a year away, as no timer goes that far.
    pub(super) fn instant_of(self, ms: u64) -> Option<Instant> {
        const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);
        let past = Duration::from_millis(self.steady_ms.saturating_sub(ms));
        if !past.is_zero() {
            return Some(self.instant.checked_sub(past).unwrap_or(self.instant));
        }
        let left = Duration::from_millis(ms.saturating_sub(self.steady_ms));
        (left < YEAR).then(|| self.instant + left)
    }
}

/// The latest token of a controller. The session ends with it.
#[derive(Debug, Clone, Copy)]
struct Authority {
    /// End of its validity, in ms of the steady scale.
    until_ms: u64,
    /// Time at which it came.
    since: Instant,
}

/// A pending end of the session.
#[derive(Debug, Clone, Copy)]
struct End {
    reason: EndReason,
    at: Instant,
    /// Start of the timeout.
    since: Instant,
    warnings: &'static [Duration],
}

impl End {
    /// Times before the end at which warnings are due. A short timeout warns after half of it at the earliest; a quota at once.
    fn leads(self) -> impl Iterator<Item = Duration> {
        let whole = self.at.saturating_duration_since(self.since);
        let max = if self.reason == EndReason::Limits { whole } else { whole / 2 };
        self.warnings.iter().map(move |lead| max.min(*lead))
    }
}

/// A warning that was given.
#[derive(Debug, Clone, Copy)]
struct Warned {
    reason: EndReason,
    /// Start of the timeout that it was about.
    since: Instant,
    /// Time before the end at which it was due.
    lead: Duration,
}

/// Timeouts of one session. At most one warning stands for each reason.
#[derive(Debug)]
pub(super) struct Expiry {
    limits: Limits,
    started: Instant,
    /// End of the lifetime; `extend` only moves it later.
    lifetime_end: Instant,
    /// Start of the session, or the last `extend` that moved the end.
    lifetime_since: Instant,
    /// Last input or output.
    pub(super) active: Instant,
    /// Time at which the last connection left; `None` while there is one.
    detached: Option<Instant>,
    /// `None` until a controller came.
    authority: Option<Authority>,
    /// Time since which a quota is exceeded.
    over_quota: Option<Instant>,
    /// Warnings that stand.
    warned: Vec<Warned>,
}

impl Expiry {
    pub(super) fn new(limits: Limits, now: Instant) -> Self {
        Self {
            limits,
            started: now,
            lifetime_end: now + limits.initial_lifetime,
            lifetime_since: now,
            active: now,
            detached: Some(now),
            authority: None,
            over_quota: None,
            warned: Vec::new(),
        }
    }

    /// Prolongs the lifetime. Returns true if its end is later now.
    pub(super) fn extend(&mut self, now: Instant) -> bool {
        let end = (now + self.limits.extension).min(self.max_lifetime_end());
        let later = self.lifetime_end < end;
        if later {
            (self.lifetime_end, self.lifetime_since) = (end, now);
        }
        later
    }

    /// End of the lifetime, in ms since 1970, and whether `extend` can still move it.
    pub(super) fn lifetime_end(&self, now: Now) -> (u64, bool) {
        (now.wall_ms(self.lifetime_end), self.lifetime_end < self.max_lifetime_end())
    }

    fn max_lifetime_end(&self) -> Instant {
        self.started + self.limits.max_lifetime
    }

    /// Records whether a connection is left. The detach timeout starts once.
    pub(super) fn connected(&mut self, connected: bool, now: Instant) {
        self.detached = (!connected).then(|| self.detached.unwrap_or(now));
    }

    /// Records a controller's token that is valid until `until_ms`, in ms of the steady scale. The latest end counts.
    pub(super) fn authorized(&mut self, until_ms: u64, now: Instant) {
        if self.authority.is_none_or(|authority| authority.until_ms < until_ms) {
            self.authority = Some(Authority { until_ms, since: now });
        }
    }

    pub(super) fn over_quota(&mut self, exceeded: bool, now: Instant) {
        self.over_quota = exceeded.then(|| self.over_quota.unwrap_or(now));
    }

    fn ends(&self, now: Now) -> impl Iterator<Item = End> {
        let end = |reason, since, limit, warnings| End { reason, at: since + limit, since, warnings };
        let authority = self.authority.and_then(|Authority { until_ms, since }| {
            let at = now.instant_of(until_ms)?;
            Some(End { reason: EndReason::TokenExpired, at, since, warnings: WARNINGS })
        });
        let detach_timeout = self.limits.detach_timeout;
        [
            End { reason: EndReason::MaxLife, at: self.lifetime_end, since: self.lifetime_since, warnings: WARNINGS },
            end(EndReason::Idle, self.active, self.limits.idle_timeout, IDLE_WARNINGS),
        ]
        .into_iter()
        .chain(authority)
        .chain(self.over_quota.map(|since| end(EndReason::Limits, since, QUOTA_TIMEOUT, &[QUOTA_TIMEOUT])))
        // Without a connection there is no one to warn.
        .chain(self.detached.map(|since| end(EndReason::Detached, since, detach_timeout, &[])))
    }

    fn warned(&self, reason: EndReason) -> Option<Duration> {
        self.warned.iter().find(|warned| warned.reason == reason).map(|warned| warned.lead)
    }

    pub(super) fn deadline(&self, now: Now) -> Instant {
        let ends = self.ends(now).flat_map(|end| {
            let before = self.warned(end.reason);
            let open = end.leads().filter(move |lead| before.is_none_or(|before| *lead < before));
            std::iter::once(end.at).chain(open.map(move |lead| end.at - lead))
        });
        ends.min().unwrap_or(self.started)
    }

    /// Reason of the end that is due, the earliest first.
    pub(super) fn due(&self, now: Now) -> Option<EndReason> {
        self.ends(now).filter(|end| end.at <= now.instant).min_by_key(|end| end.at).map(|end| end.reason)
    }

    /// Warnings that are due, and retractions of those whose reason is gone.
    pub(super) fn due_events(&mut self, now: Now) -> Vec<StreamEvent> {
        let ends: Vec<End> = self.ends(now).collect();
        let mut events = Vec::new();
        self.warned.retain(|warned| {
            let stands = ends.iter().any(|end| end.reason == warned.reason);
            if !stands {
                events.push(StreamEvent::Stays { reason: warned.reason });
            }
            stands
        });
        for end in ends {
            let reason = end.reason;
            let count = self.warned.len();
            self.warned.retain(|warned| warned.reason != reason || warned.since == end.since);
            if self.warned.len() < count {
                events.push(StreamEvent::Stays { reason });
            }
            let due = end.leads().filter(|lead| end.at - *lead <= now.instant).min();
            if let Some(lead) = due.filter(|lead| self.warned(reason).is_none_or(|before| *lead < before)) {
                self.warned.retain(|warned| warned.reason != reason);
                self.warned.push(Warned { reason, since: end.since, lead });
                events.push(StreamEvent::Closing { code: reason.code(), reason, at: now.wall_ms(end.at) });
            }
        }
        events
    }
}
