//! Whether a client's output pours: so much, for so long, that the other members of its relay would wait for it. Pure.

use std::time::Duration;
use tokio::time::Instant;

/// Rate of bulk output from which it pours, in bytes of frames a second. The echo of a fast typist is 5 KiB, a busy `top` 20.
pub(super) const FLOOD_BYTES_PER_SECOND: u64 = 64 * 1024;

/// Shortest time at that rate: a listing or a restored screen is over before.
const MIN_FLOOD: Duration = Duration::from_secs(1);

/// A pause after which a rate is measured anew: longer than a post may take.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Frames below this size are no bulk output, in bytes.
const MIN_BULK_BYTES: u64 = 1024;

/// Time without pouring after which a client is as quiet as any other.
pub(super) const QUIET: Duration = Duration::from_secs(5);

/// Bulk output since a first frame.
#[derive(Debug, Clone, Copy)]
struct Window {
    /// Time of its first frame.
    since: Instant,
    /// Time of its last frame.
    last: Instant,
    /// Their bytes.
    bytes: u64,
}

/// Measures the output of one client.
#[derive(Debug, Default)]
pub struct FloodMeter {
    /// The output being measured; `None` before the first bulk output.
    window: Option<Window>,
    /// Last time at which it poured; `None` once that was [`QUIET`] ago.
    poured_at: Option<Instant>,
}

impl FloodMeter {
    /// Counts a frame, or output that a screen stands for.
    pub fn record(&mut self, bytes: u64, now: Instant) {
        if bytes < MIN_BULK_BYTES {
            return;
        }
        let mut window = match self.window {
            Some(window) if now < window.last + MAX_PAUSE => window,
            _ => Window { since: now, last: now, bytes: 0 },
        };
        (window.last, window.bytes) = (now, window.bytes.saturating_add(bytes));
        let took = now.saturating_duration_since(window.since);
        if took >= MIN_FLOOD {
            let enough = u128::from(FLOOD_BYTES_PER_SECOND) * took.as_millis() / 1000;
            if u128::from(window.bytes) >= enough {
                self.poured_at = Some(now);
            }
            window = Window { since: now, last: now, bytes: 0 };
        }
        self.window = Some(window);
    }

    /// True while the client pours, and until it was quiet for five seconds.
    pub fn pours(&self, now: Instant) -> bool {
        self.quiet_at().is_some_and(|at| now < at)
    }

    /// Time at which the client is quiet again, unless it pours until then.
    pub fn quiet_at(&self) -> Option<Instant> {
        self.poured_at.map(|at| at + QUIET)
    }

    /// True once, when the client is quiet after it poured.
    pub fn take_quiet(&mut self, now: Instant) -> bool {
        self.poured_at.take_if(|at| *at + QUIET <= now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);

    /// Records frames of so many bytes, each so many ms after the one before. Returns the meter and the time of the last.
    fn measured(frames: impl IntoIterator<Item = (u64, u32)>) -> (FloodMeter, Instant) {
        let (mut meter, mut now) = (FloodMeter::default(), Instant::now());
        for (bytes, after) in frames {
            now += MS * after;
            meter.record(bytes, now);
        }
        (meter, now)
    }

    fn pours(frames: impl IntoIterator<Item = (u64, u32)>) -> bool {
        let (meter, now) = measured(frames);
        meter.pours(now)
    }

    #[test]
    fn a_second_at_the_rate_pours_and_less_does_not() {
        assert!(pours([(16 * 1024, 250); 5]));
        assert!(!pours([(16 * 1024, 250); 4]), "not for long enough");
        assert!(!pours([(12 * 1024, 250); 500]), "not enough");
        assert!(!pours([(1023, 1); 10_000]), "keys, however many");
    }

    #[test]
    fn a_listing_now_and_then_does_not_pour() {
        let listing = || [(32 * 1024, 15); 20];
        assert!(!pours(listing().into_iter().chain([(4 * 1024, 1200)]).chain(listing())));
    }

    #[test]
    fn a_flood_after_hours_of_less_is_noticed_as_soon() {
        let quiet = std::iter::repeat_n((8 * 1024, 200), 18_000);
        assert!(pours(quiet.chain([(32 * 1024, 50); 45])));
    }

    #[test]
    fn it_is_quiet_once_after_five_seconds() {
        assert_eq!(QUIET, Duration::from_secs(5));
        let (mut meter, now) = measured([(32 * 1024, 100); 11]);
        assert_eq!(meter.quiet_at(), Some(now + QUIET));
        assert!(meter.pours(now + QUIET - MS) && !meter.take_quiet(now + QUIET - MS));
        assert!(!meter.pours(now + QUIET));
        assert!(meter.take_quiet(now + QUIET) && !meter.take_quiet(now + QUIET));
        assert_eq!(meter.quiet_at(), None);
    }

    proptest! {
        #[test]
        fn only_a_second_at_the_rate_within_the_last_five_pours(
            frames in prop::collection::vec((0..40_000_u64, 0..1500_u32), 1..60),
            after in 0..8000_u32,
        ) {
            let (meter, last) = measured(frames.clone());
            let (now, mut at) = (last + MS * after, last);
            let times: Vec<(Instant, u64)> = frames.iter().rev().map(|(bytes, before)| {
                let time = at;
                at -= MS * *before;
                (time, *bytes)
            }).collect();
            // From any frame to any later one, without a pause, at the rate.
            let poured = times.iter().enumerate().any(|(end, (to, _))| {
                let mut bytes = 0;
                *to + QUIET > now && times[end..].iter().filter(|(_, bytes)| *bytes >= MIN_BULK_BYTES).any(|(from, more)| {
                    bytes += more;
                    let took = (*to - *from).as_millis() as u64;
                    took >= 1000 && bytes >= FLOOD_BYTES_PER_SECOND * took / 1000
                })
            });
            prop_assert!(poured || !meter.pours(now));
        }

        #[test]
        fn twice_the_rate_always_pours(frames in prop::collection::vec(100..300_u32, 30..60)) {
            let frames = frames.into_iter().map(|ms| (2 * FLOOD_BYTES_PER_SECOND * u64::from(ms) / 1000, ms));
            prop_assert!(pours(frames));
        }
    }
}
