//! A change of the dispatch as clients come to know it: one after the other, because each opens or closes a carrier then.

use shared_protocol::{ConnectionId, Dispatch};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;
use tokio::time::Instant;

/// Time that the announcement takes for each client.
const TIME_PER_CLIENT: Duration = Duration::from_millis(60);

/// Longest announcement.
const MAX_TIME: Duration = Duration::from_secs(60);

/// An announcement under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Announcement {
    /// Dispatch that clients know until their turn.
    before: Option<Dispatch>,
    began: Instant,
    /// Time until the last client is told.
    time: Duration,
}

impl Announcement {
    /// Begins to tell this many clients of another dispatch than `before`.
    pub(super) fn new(before: Option<Dispatch>, clients: usize, now: Instant) -> Self {
        let clients = u32::try_from(clients).unwrap_or(u32::MAX);
        Self { before, began: now, time: TIME_PER_CLIENT.saturating_mul(clients).min(MAX_TIME) }
    }

    /// The dispatch that the client of this connection knows, if that is still the one before.
    pub(super) fn before(&self, connection: &ConnectionId, now: Instant) -> Option<Option<Dispatch>> {
        let mut hasher = DefaultHasher::new();
        connection.hash(&mut hasher);
        let chance = f64::from(u16::try_from(hasher.finish() >> 48).unwrap_or_default()) / f64::from(u16::MAX);
        (now < self.began + self.time.mul_f64(chance)).then_some(self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Connections of 1,000 that know by then.
    fn told(announcement: &Announcement, after: Duration) -> usize {
        let names = (0..1000).map(|number| ConnectionId::new(format!("c{number}")).unwrap());
        names.filter(|name| announcement.before(name, announcement.began + after).is_none()).count()
    }

    #[test]
    fn clients_are_told_evenly_within_a_minute() {
        let announcement = Announcement::new(Some(Dispatch::Serial), 5000, Instant::now());
        let counts = [0, 15, 30, 60].map(|seconds| told(&announcement, Duration::from_secs(seconds)));
        assert!(counts[0] < 5 && (200..300).contains(&counts[1]) && (450..550).contains(&counts[2]), "{counts:?}");
        assert_eq!(counts[3], 1000);
        let later = |n: usize| announcement.before(&ConnectionId::new(format!("c{n}")).unwrap(), announcement.began);
        let known = (0..1000).filter_map(later).collect::<Vec<_>>();
        assert!(
            known.len() > 990 && known.iter().all(|known| *known == Some(Dispatch::Serial)),
            "as before, until then"
        );
    }

    #[test]
    fn few_clients_are_told_sooner() {
        let announcement = Announcement::new(None, 10, Instant::now());
        assert!(told(&announcement, Duration::from_millis(300)) > 400);
        assert_eq!(told(&announcement, Duration::from_millis(600)), 1000);
    }
}
