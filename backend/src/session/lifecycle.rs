//! When a session must end by itself, and what it says before. Pure: the time is an argument.

#[cfg(test)]
mod tests;

use shared_protocol::{EndReason, StreamEvent};
use std::time::Duration;
use tokio::time::Instant;

/// How long before its longest life, or the end of its authority, a session says so.
const WARNINGS: &[Duration] = &[Duration::from_secs(300), Duration::from_secs(60)];

/// The same before it counts as idle.
const IDLE_WARNINGS: &[Duration] = &[Duration::from_secs(60)];

/// Time to use less, once it was said that it is too much.
const OVERUSE_GRACE: Duration = Duration::from_secs(10);

/// How long sessions live, and how much they may send.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Without anyone attached.
    pub detach_timeout: Duration,
    /// With neither input nor output.
    pub idle_timeout: Duration,
    /// At most, unless somebody asks for more.
    pub initial_lifetime: Duration,
    /// What who asks for more time gets, from then on.
    pub extension: Duration,
    /// At most, whatever anybody asks.
    pub max_lifetime: Duration,
    /// Output through the gateway, in bytes a second after a burst; 0 for no limit.
    pub output_rate: u64,
    /// Lines above the screen that a page gets when it comes back.
    pub scrollback: usize,
}

/// A point in time by both clocks: deadlines go by the one that never jumps, tokens and pages by the one on the wall.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub now: Instant,
    /// In ms since 1970.
    pub ms: u64,
}

impl Moment {
    /// In ms since 1970.
    fn on_the_wall(self, at: Instant) -> u64 {
        self.ms + at.saturating_duration_since(self.now).as_millis() as u64
    }

    /// When the clock on the wall shows so many ms since 1970. None when that is too far away to be waited for.
    pub(super) fn when(self, ms: u64) -> Option<Instant> {
        /// Nothing here is older.
        const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);
        let past = Duration::from_millis(self.ms.saturating_sub(ms));
        if !past.is_zero() {
            return Some(self.now.checked_sub(past).unwrap_or(self.now));
        }
        let left = Duration::from_millis(ms.saturating_sub(self.ms));
        (left < YEAR).then(|| self.now + left)
    }
}

/// Until when somebody who may type has said, by a token, that they may.
#[derive(Debug, Clone, Copy)]
struct Authority {
    until_ms: u64,
    since: Instant,
}

/// An end that comes unless something happens.
#[derive(Debug, Clone, Copy)]
struct End {
    reason: EndReason,
    at: Instant,
    /// When the time began that is over at the end.
    since: Instant,
    warnings: &'static [Duration],
}

impl End {
    /// How long before it warnings are due. Of a short time, none before half of it is over, unless it began with the reason.
    fn leads(self) -> impl Iterator<Item = Duration> {
        let whole = self.at.saturating_duration_since(self.since);
        let most = if self.reason == EndReason::Limits { whole } else { whole / 2 };
        self.warnings.iter().map(move |lead| most.min(*lead))
    }
}

/// What was said of an end.
#[derive(Debug, Clone, Copy)]
struct Warned {
    reason: EndReason,
    since: Instant,
    lead: Duration,
}

/// One session's times.
#[derive(Debug)]
pub(super) struct Lifecycle {
    limits: Limits,
    started: Instant,
    /// The end of its longest life, and when that was said to be the end.
    life: Instant,
    life_since: Instant,
    active: Instant,
    detached: Option<Instant>,
    authority: Option<Authority>,
    overused: Option<Instant>,
    warned: Vec<Warned>,
}

impl Lifecycle {
    pub(super) fn new(limits: Limits, now: Instant) -> Self {
        Self {
            limits,
            started: now,
            life: now + limits.initial_lifetime,
            life_since: now,
            active: now,
            detached: Some(now),
            authority: None,
            overused: None,
            warned: Vec::new(),
        }
    }

    /// Input or output.
    pub(super) fn activity(&mut self, now: Instant) {
        self.active = now;
    }

    /// Somebody asks for more time. Whether its longest life has a later end now; it never gets an earlier one.
    pub(super) fn extend(&mut self, now: Instant) -> bool {
        let end = (now + self.limits.extension).min(self.latest());
        let later = self.life < end;
        if later {
            (self.life, self.life_since) = (end, now);
        }
        later
    }

    /// When its longest life is over, in ms since 1970, and whether anybody can get more.
    pub(super) fn longest(&self, moment: Moment) -> (u64, bool) {
        (moment.on_the_wall(self.life), self.life < self.latest())
    }

    fn latest(&self) -> Instant {
        self.started + self.limits.max_lifetime
    }

    pub(super) fn attached(&mut self) {
        self.detached = None;
    }

    pub(super) fn detached(&mut self, now: Instant) {
        self.detached.get_or_insert(now);
    }

    /// Somebody who may type has come with a token that is good until then, in ms since 1970. The latest counts.
    pub(super) fn authorized(&mut self, until_ms: u64, now: Instant) {
        if self.authority.is_none_or(|authority| authority.until_ms < until_ms) {
            self.authority = Some(Authority { until_ms, since: now });
        }
    }

    /// It uses more than it may, or not any more.
    pub(super) fn overused(&mut self, overused: bool, now: Instant) {
        self.overused = overused.then(|| self.overused.unwrap_or(now));
    }

    fn ends(&self, moment: Moment) -> impl Iterator<Item = End> {
        let end = |reason, since, limit, warnings| End { reason, at: since + limit, since, warnings };
        let authority = self.authority.and_then(|Authority { until_ms, since }| {
            let at = moment.when(until_ms)?;
            Some(End { reason: EndReason::TokenExpired, at, since, warnings: WARNINGS })
        });
        let grace = self.limits.detach_timeout;
        [
            End { reason: EndReason::MaxLife, at: self.life, since: self.life_since, warnings: WARNINGS },
            end(EndReason::Idle, self.active, self.limits.idle_timeout, IDLE_WARNINGS),
        ]
        .into_iter()
        .chain(authority)
        .chain(self.overused.map(|since| end(EndReason::Limits, since, OVERUSE_GRACE, &[OVERUSE_GRACE])))
        // Nobody would hear a warning.
        .chain(self.detached.map(|since| end(EndReason::Detached, since, grace, &[])))
    }

    fn warned(&self, reason: EndReason) -> Option<Duration> {
        self.warned.iter().find(|warned| warned.reason == reason).map(|warned| warned.lead)
    }

    /// Next time that something is due.
    pub(super) fn deadline(&self, moment: Moment) -> Instant {
        let ends = self.ends(moment).flat_map(|end| {
            let before = self.warned(end.reason);
            let open = end.leads().filter(move |lead| before.is_none_or(|before| *lead < before));
            std::iter::once(end.at).chain(open.map(move |lead| end.at - lead))
        });
        ends.min().unwrap_or(self.started)
    }

    /// Why it is over, when it is.
    pub(super) fn due(&self, moment: Moment) -> Option<EndReason> {
        self.ends(moment).filter(|end| end.at <= moment.now).min_by_key(|end| end.at).map(|end| end.reason)
    }

    /// What is to be said now: that an end is near, or not any more.
    pub(super) fn announce(&mut self, moment: Moment) -> Vec<StreamEvent> {
        let ends: Vec<End> = self.ends(moment).collect();
        let mut news = Vec::new();
        // One that does not come at all any more.
        self.warned.retain(|warned| {
            let comes = ends.iter().any(|end| end.reason == warned.reason);
            if !comes {
                news.push(StreamEvent::Stays { reason: warned.reason });
            }
            comes
        });
        for end in ends {
            let reason = end.reason;
            let count = self.warned.len();
            self.warned.retain(|warned| warned.reason != reason || warned.since == end.since);
            if self.warned.len() < count {
                news.push(StreamEvent::Stays { reason });
            }
            let due = end.leads().filter(|lead| end.at - *lead <= moment.now).min();
            if let Some(lead) = due.filter(|lead| self.warned(reason).is_none_or(|before| *lead < before)) {
                self.warned.retain(|warned| warned.reason != reason);
                self.warned.push(Warned { reason, since: end.since, lead });
                news.push(StreamEvent::Closing { code: reason.code(), reason, at: moment.on_the_wall(end.at) });
            }
        }
        news
    }
}
