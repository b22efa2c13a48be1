//! Growth of cost: processor time of the service per unit of work, at several sizes of each axis. A constant cost means linear
//! growth. Processor time depends little on other programs of the machine.

mod age;
mod curve;
mod output;
mod sessions;

use crate::report::Report;
use clap::ValueEnum;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Axis {
    /// Number of sessions: typing, idle, ending.
    Sessions,
    /// Number of watchers of one session's output.
    Output,
    /// Age of a session, in keys and in output.
    Age,
}

pub(crate) async fn measure(axes: &[Axis], report: &mut Report) {
    for axis in if axes.is_empty() { Axis::value_variants() } else { axes } {
        match axis {
            Axis::Sessions => sessions::measure(report).await,
            Axis::Output => output::measure(report).await,
            Axis::Age => age::measure(report).await,
        }
    }
}
