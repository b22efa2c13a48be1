//! Seeded random decisions. Each depends only on the seed, its kind and its number, not on task scheduling or other
//! connections, so a seed makes the same decisions in every run.

use super::plan::DurationRange;
use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub(super) enum Decision {
    Inbound = 1,
    Outbound,
    Handshake,
    Disconnect,
    Invocation,
    Cut,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct SeededRng(pub(super) u64);

impl SeededRng {
    /// The random numbers of one decision: the `number`th of its kind on this connection.
    pub(super) fn draw(self, decision: Decision, connection: u64, number: u64) -> Draw {
        let parts = [decision as u64, connection, number];
        let seed = parts.into_iter().fold(self.0, |seed, part| SplitMix64::seed_from_u64(seed).next_u64() ^ part);
        Draw(SplitMix64::seed_from_u64(seed))
    }
}

/// The random numbers of one decision. Every decision draws the same sequence, regardless of the plan, so that changing one
/// fault's probability does not change the others.
#[derive(Debug)]
pub(super) struct Draw(SplitMix64);

impl Draw {
    /// A fraction from 0 up to, but not including, 1, with the 53 bits of a float.
    fn fraction(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn hits(&mut self, probability: f64) -> bool {
        self.fraction() < probability
    }

    pub(super) fn one_to(&mut self, max: u64) -> u64 {
        1 + self.0.next_u64() % max
    }

    pub(super) fn within(&mut self, range: DurationRange) -> Duration {
        range.min + (range.max - range.min).mul_f64(self.fraction())
    }

    /// A time near the start of the range: half of them in the first eighth.
    pub(super) fn early_within(&mut self, range: DurationRange) -> Duration {
        range.min + (range.max - range.min).mul_f64(self.fraction().powi(3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_at_the_given_probability() {
        for probability in [0.0, 0.02, 0.2, 1.0] {
            let hits = (0..10_000).filter(|n| SeededRng(7).draw(Decision::Inbound, 1, *n).hits(probability)).count();
            let expected = probability * 10_000.0;
            assert!((hits as f64 - expected).abs() <= expected.sqrt() * 4.0, "{probability}: {hits}");
        }
    }

    #[test]
    fn decisions_are_repeatable_and_independent() {
        let first = |rng: SeededRng, decision, connection, number| rng.draw(decision, connection, number).0.next_u64();
        let one = first(SeededRng(1), Decision::Inbound, 1, 1);
        assert_eq!(one, first(SeededRng(1), Decision::Inbound, 1, 1));
        let others = [
            first(SeededRng(2), Decision::Inbound, 1, 1),
            first(SeededRng(1), Decision::Outbound, 1, 1),
            first(SeededRng(1), Decision::Inbound, 2, 1),
            first(SeededRng(1), Decision::Inbound, 1, 2),
        ];
        assert!(!others.contains(&one));
    }

    #[test]
    fn durations_are_within_their_range() {
        let range = DurationRange::millis(10, 20);
        for number in 0..100 {
            let mut draw = SeededRng(3).draw(Decision::Outbound, 1, number);
            for time in [draw.within(range), draw.early_within(range)] {
                assert!((range.min..=range.max).contains(&time), "{time:?}");
            }
            assert!((1..=4).contains(&draw.one_to(4)));
        }
    }
}
