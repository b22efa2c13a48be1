//! The hot parts of Termgate by themselves: the work for each key, each read of the terminal and each frame, on input of real
//! programs and pages. All of it is pure (no I/O, clock, thread or random number), so that a part can be timed
//! (`benches/time.rs`) and counted in instructions, which repeat exactly (`tests/instructions.rs`). `testing/bench` measures the
//! whole stack.
#![expect(clippy::expect_used, reason = "a measurement that cannot be prepared ends")]

mod baselines;
pub mod callgrind;
mod frames;
mod inputs;
mod log;
mod messages;
mod order;
mod parts;
mod terminal;

pub use parts::{Bound, PARTS, Part};

use std::hint::black_box;

/// Work that can be repeated, with its input prepared.
pub struct Work {
    /// Bytes of input of each repetition; 0 if not meaningful.
    pub bytes: usize,
    /// Does the work once.
    pub run: Box<dyn FnMut()>,
}

impl Work {
    /// Wraps work on `bytes` bytes of input. Dropping the result counts as part of it.
    fn new<T>(bytes: usize, mut run: impl FnMut() -> T + 'static) -> Self {
        Self { bytes, run: Box::new(move || drop(black_box(run()))) }
    }
}

/// Repeats work. Never inlined, so that callgrind finds it by name and counts it apart from the preparation.
#[inline(never)]
pub fn measured(times: u64, work: &mut dyn FnMut()) {
    for _ in 0..times {
        work();
    }
}
