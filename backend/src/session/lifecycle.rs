//! When a session must end by itself. Pure: the time is an argument.

use shared_protocol::EndReason;
use std::time::Duration;
use tokio::time::Instant;

/// How long sessions live, and how much they may send.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Without anyone attached.
    pub grace: Duration,
    /// With neither input nor output.
    pub idle: Duration,
    /// At most.
    pub life: Duration,
    /// Output through the gateway, in bytes a second after a burst; 0 for no limit.
    pub output_rate: u64,
    /// Lines above the screen that a page gets when it comes back.
    pub scrollback: usize,
}

/// One session's times.
#[derive(Debug)]
pub(super) struct Lifecycle {
    limits: Limits,
    started: Instant,
    active: Instant,
    detached: Option<Instant>,
}

impl Lifecycle {
    pub(super) fn new(limits: Limits, now: Instant) -> Self {
        Self { limits, started: now, active: now, detached: Some(now) }
    }

    /// Input or output.
    pub(super) fn activity(&mut self, now: Instant) {
        self.active = now;
    }

    pub(super) fn attached(&mut self) {
        self.detached = None;
    }

    pub(super) fn detached(&mut self, now: Instant) {
        self.detached.get_or_insert(now);
    }

    fn ends(&self) -> impl Iterator<Item = (Instant, EndReason)> {
        [(self.started + self.limits.life, EndReason::MaxLife), (self.active + self.limits.idle, EndReason::Idle)]
            .into_iter()
            .chain(self.detached.map(|since| (since + self.limits.grace, EndReason::Detached)))
    }

    pub(super) fn deadline(&self) -> Instant {
        self.ends().map(|(at, _)| at).min().unwrap_or(self.started)
    }

    /// Why it is over, when it is.
    pub(super) fn due(&self, now: Instant) -> Option<EndReason> {
        self.ends().filter(|(at, _)| *at <= now).min_by_key(|(at, _)| *at).map(|(_, reason)| reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn lifecycle(now: Instant) -> Lifecycle {
        Lifecycle::new(
            Limits { grace: SECOND * 10, idle: SECOND * 30, life: SECOND * 100, output_rate: 0, scrollback: 0 },
            now,
        )
    }

    #[test]
    fn each_limit_ends_it_with_its_own_reason() {
        let start = Instant::now();
        let mut life = lifecycle(start);
        assert_eq!(life.due(start + SECOND * 10), Some(EndReason::Detached), "never attached");
        life.attached();
        assert_eq!(life.due(start + SECOND * 29), None);
        assert_eq!(life.due(start + SECOND * 30), Some(EndReason::Idle));
        life.activity(start + SECOND * 90);
        assert_eq!(life.due(start + SECOND * 99), None);
        assert_eq!(life.due(start + SECOND * 100), Some(EndReason::MaxLife));
        life.detached(start + SECOND * 85);
        life.detached(start + SECOND * 95);
        assert_eq!(life.deadline(), start + SECOND * 95, "the grace period starts once");
        assert_eq!(life.due(start + SECOND * 95), Some(EndReason::Detached));
    }
}
