//! Random numbers from a seed, so that a run can be repeated.

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// A seeded random generator.
#[derive(Debug, Clone)]
pub(crate) struct SeededRng(SplitMix64);

impl SeededRng {
    /// One of many with the same seed.
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        let mixed = Self(SplitMix64::seed_from_u64(seed)).below(u64::MAX) ^ number;
        Self(SplitMix64::seed_from_u64(mixed))
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }

    pub(crate) fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }
}
