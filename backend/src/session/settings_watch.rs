//! Watches the terminal's settings (echo, canonical), of which no event tells: they are looked at when output or input has ended.

use shared_protocol::server::Tty;
use std::time::Duration;
use tokio::time::Instant;

/// Silence of the terminal after which its settings are checked: a prompt that comes and goes changes them twice.
const FIRST_DELAY: Duration = Duration::from_millis(20);

/// Longest delay between two checks; each is five times the one before.
const MAX_DELAY: Duration = Duration::from_millis(2500);

/// The settings that clients know, and the time to compare them.
pub(super) struct SettingsWatch {
    /// Settings last announced to clients.
    announced: Tty,
    /// Time of the next check; `None` after a long silence.
    check_at: Option<Instant>,
    /// Delay before that check.
    delay: Duration,
}

impl SettingsWatch {
    pub(super) fn new(announced: Tty) -> Self {
        Self { announced, check_at: None, delay: Duration::ZERO }
    }

    pub(super) fn announced(&self) -> Tty {
        self.announced
    }

    /// Input or output passed: a program may change the settings soon.
    pub(super) fn schedule(&mut self, now: Instant) {
        self.delay = FIRST_DELAY;
        self.check_at = Some(now + FIRST_DELAY);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.check_at
    }

    /// True if a check is due. The next one is later, because a program may change the settings silently some time after it
    /// started.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        if self.check_at.is_none_or(|at| at > now) {
            return false;
        }
        self.delay *= 5;
        self.check_at = (self.delay <= MAX_DELAY).then(|| now + self.delay);
        true
    }

    /// The settings of this moment, if they must be announced; then they count as announced.
    pub(super) fn changed(&mut self, now: Tty) -> Option<Tty> {
        (std::mem::replace(&mut self.announced, now) != now).then_some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_become_rarer_until_something_passes_again() {
        let (mut watch, mut now) = (SettingsWatch::new(Tty::default()), Instant::now());
        for _ in 0..2 {
            watch.schedule(now);
            let mut delays = Vec::new();
            while let Some(at) = watch.deadline() {
                assert!(!watch.is_due(at - Duration::from_millis(1)));
                delays.push((at - now).as_millis());
                now = at;
                assert!(watch.is_due(now));
            }
            assert_eq!(delays, [20, 100, 500, 2500]);
        }
        assert!(!watch.is_due(now + MAX_DELAY));
    }

    #[test]
    fn a_change_is_announced_once() {
        let lines = Tty { echo: true, canonical: true };
        let mut watch = SettingsWatch::new(Tty::default());
        assert_eq!((watch.changed(lines), watch.changed(lines), watch.announced()), (Some(lines), None, lines));
    }
}
