//! The exactness proof: a client types into a real program through the whole stack while the transport injects faults; the
//! program's input and the client's output are compared byte for byte.

mod fault_run;
mod keys;
mod program;

pub use fault_run::{FaultRun, Report, Way};
