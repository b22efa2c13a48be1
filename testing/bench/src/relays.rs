//! Relays with few and many members, with posts as slow as on AWS: the cost of an hour, runs of the function and open requests,
//! keystroke latency beside other members, small accounts, floods, and how long a screen stands still when a relay is renewed.

mod beside;
mod many;
mod one_at_a_time;
mod pages;
mod silence;
mod small_account;
mod visible;

use crate::cost;
use crate::latency;
use crate::report::Report;
use std::time::Duration;

/// Members of a relay that share its cost. The service gives a relay 50 at most.
const SHARING: [u32; 3] = [1, 13, 50];

/// Extent and length of the measurements.
pub(crate) struct Options {
    /// Rounds of each latency and of the flood.
    pub(crate) rounds: u16,
    /// Sessions of the largest figures.
    pub(crate) sessions: u32,
    /// Time for which programs are watched.
    pub(crate) watch: Duration,
    /// Restricts the parts to those whose name contains this.
    pub(crate) only: Option<String>,
}

/// A table, or several of one kind.
#[derive(Debug, Clone, Copy)]
enum Part {
    Hour,
    Visible,
    Sessions,
    SmallAccount,
    Beside,
    OneAtATime,
    Flood,
    Silence,
}

/// Parts by the name that `--only` selects.
const PARTS: [(&str, Part); 8] = [
    ("hour", Part::Hour),
    ("visible", Part::Visible),
    ("sessions", Part::Sessions),
    ("small account", Part::SmallAccount),
    ("beside", Part::Beside),
    ("one-at-a-time", Part::OneAtATime),
    ("flood", Part::Flood),
    ("silence", Part::Silence),
];

pub(crate) async fn measure(options: &Options, report: &mut Report) {
    for (_, part) in PARTS.iter().filter(|(name, _)| options.only.as_ref().is_none_or(|only| name.contains(only))) {
        match part {
            Part::Hour => hour(report).await,
            Part::Visible => report.add(visible::table(options.sessions).await),
            Part::Sessions => report.add(many::table(options.sessions).await),
            Part::SmallAccount => small_account::measure(report).await,
            Part::Beside => beside::measure(options.rounds, report).await,
            Part::OneAtATime => report.add(one_at_a_time::table().await),
            Part::Flood => latency::flood(options.rounds, report).await,
            Part::Silence => report.add(silence::table(options.watch).await),
        }
    }
}

/// An hour of each member of a relay.
async fn hour(report: &mut Report) {
    for (figure, recording) in [
        ("an hour of each member: an open page without activity", None),
        ("an hour of each member: typing in bash", Some("typing.cast")),
    ] {
        let workloads = SHARING.map(|members| (format!("{members} in the relay"), recording, members));
        report.add(cost::table(figure, workloads).await);
    }
}
