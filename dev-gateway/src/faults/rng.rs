//! Seeded chance. A decision depends on the seed, on what it is about and on its number there, and on nothing else: not on
//! which task comes first, nor on what happens on another connection. So a seed means the same decisions in every run.

use super::plan::DurationRange;
use std::time::Duration;

/// What a decision is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum About {
    /// A client's message.
    Inbound = 1,
    /// A post.
    Outbound,
    /// The beginning of a connection.
    Handshake,
    /// The end of a connection.
    Disconnect,
    /// A run of the function.
    Invocation,
    /// A connection that someone had cut.
    Cut,
}

/// A seed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SeededRng(pub(crate) u64);

impl SeededRng {
    /// Chance for one decision: the `number`th of its kind on this line.
    pub(crate) fn draw(self, about: About, line: u64, number: u64) -> Draw {
        let mut draw = Draw(self.0);
        for part in [about as u64, line, number] {
            draw.0 = draw.next() ^ part;
        }
        draw
    }
}

/// Chance for one decision. Every decision draws the same, whatever the plan says: so a change of one fault's probability
/// leaves the others as they were.
#[derive(Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to but not 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        // The 53 bits that a float has.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn hits(&mut self, probability: f64) -> bool {
        self.fraction() < probability
    }

    pub(crate) fn one_to(&mut self, max: u64) -> u64 {
        1 + self.next() % max
    }

    pub(crate) fn within(&mut self, span: DurationRange) -> Duration {
        span.min + (span.max - span.min).mul_f64(self.fraction())
    }

    /// Rather near the beginning: half of them in the first eighth.
    pub(crate) fn early_within(&mut self, span: DurationRange) -> Duration {
        span.min + (span.max - span.min).mul_f64(self.fraction().powi(3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_as_likely_as_it_says() {
        for probability in [0.0, 0.02, 0.2, 1.0] {
            let hits = (0..10_000).filter(|n| SeededRng(7).draw(About::Inbound, 1, *n).hits(probability)).count();
            let expected = probability * 10_000.0;
            assert!((hits as f64 - expected).abs() <= expected.sqrt() * 4.0, "{probability}: {hits}");
        }
    }

    #[test]
    fn each_decision_has_its_own_chance() {
        let first = |rng: SeededRng, about, line, number| rng.draw(about, line, number).next();
        let one = first(SeededRng(1), About::Inbound, 1, 1);
        assert_eq!(one, first(SeededRng(1), About::Inbound, 1, 1));
        let others = [
            first(SeededRng(2), About::Inbound, 1, 1),
            first(SeededRng(1), About::Outbound, 1, 1),
            first(SeededRng(1), About::Inbound, 2, 1),
            first(SeededRng(1), About::Inbound, 1, 2),
        ];
        assert!(!others.contains(&one));
    }

    #[test]
    fn times_lie_within_their_bounds() {
        let span = DurationRange::millis(10, 20);
        for number in 0..100 {
            let mut draw = SeededRng(3).draw(About::Outbound, 1, number);
            for time in [draw.within(span), draw.early_within(span)] {
                assert!((span.min..=span.max).contains(&time), "{time:?}");
            }
            assert!((1..=4).contains(&draw.one_to(4)));
        }
    }
}
