//! The hot parts of Termgate by themselves: what is done for each key, each read of the terminal and each frame, with input as real
//! programs and pages make it. Everything here is pure: no I/O, no clock, no thread, no random number, so that one part can be
//! timed (`benches/time.rs`) and the same part be counted in instructions, which are the same on every run (`tests/instructions.rs`).
//!
//! Apart from `bench/`, which measures the whole stack: this needs three libraries and no server.
#![expect(clippy::expect_used, reason = "a measurement that cannot be prepared ends")]

pub mod budget;
pub mod callgrind;
mod floors;
mod frames;
mod inputs;
mod log;
mod messages;
mod order;
mod parts;
mod terminal;

pub use parts::{PARTS, Part};

use std::hint::black_box;

/// Something that is done again and again, with everything prepared.
pub struct Work {
    /// Bytes of input that it takes each time.
    pub bytes: usize,
    /// Does it once.
    pub run: Box<dyn FnMut()>,
}

impl Work {
    /// Work on so many bytes of input. What it returns is dropped, which counts.
    fn new<T>(bytes: usize, mut run: impl FnMut() -> T + 'static) -> Self {
        Self { bytes, run: Box::new(move || drop(black_box(run()))) }
    }
}

/// Does it so many times. It has a name in the program and is never inlined, so that callgrind can tell it from what prepares it.
#[inline(never)]
pub fn measured(times: u64, work: &mut dyn FnMut()) {
    for _ in 0..times {
        work();
    }
}
