//! Relays: the granted rest of an invocation, with members on connections of their own.

mod actions;
mod ending;
mod posts;
mod questions;
mod throttling;

use crate::harness::{Harness, fixture};
use crate::support::id;
use gateway_lambda::browser::Delivery;
use gateway_lambda::{Next, RelayAnswer, Reply};
use shared_protocol::ConnectionId;
use shared_protocol::relay::{MemberReport, RelayAction, RelayFrame, RelayQuestion};
use std::time::Duration;
use tokio::time::Instant;

const NO_DELAY: Duration = Duration::ZERO;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Connection of a member.
fn connection(member: u64) -> ConnectionId {
    id(&format!("member-{member}="))
}

/// A frame to the member's connection.
pub(crate) fn relay_frame(member: u64, number: u64, text: &str) -> RelayFrame {
    let frame = text.to_owned().into();
    RelayFrame { member, number, connection: connection(member), action: RelayAction::None, frame }
}

/// The frames `first..=last` of a member, each with the text `MEMBER.NUMBER`.
fn frames(member: u64, first: u64, last: u64) -> impl Iterator<Item = RelayFrame> {
    (first..=last).map(move |number| relay_frame(member, number, &format!("{member}.{number}")))
}

fn now(frames: impl IntoIterator<Item = RelayFrame>) -> RelayAnswer {
    RelayAnswer { frames: frames.into_iter().collect(), next: Some(Next::Now) }
}

fn settled(frames: impl IntoIterator<Item = RelayFrame>) -> RelayAnswer {
    RelayAnswer { next: Some(Next::Settled), ..now(frames) }
}

fn stop(frames: impl IntoIterator<Item = RelayFrame>) -> RelayAnswer {
    RelayAnswer { next: None, ..now(frames) }
}

fn report(member: u64, settled: u64) -> MemberReport {
    MemberReport { member, settled, ..MemberReport::default() }
}

/// A gateway whose next message gets a grant, and no frame.
fn granted() -> Harness {
    let harness = Harness::new();
    grant(&harness);
    harness
}

fn grant(harness: &Harness) {
    harness.backend.on_message(NO_DELAY, Ok(Reply { grant: Some("g".to_owned()), ..Reply::default() }));
}

/// Handles a message; returns its start.
async fn run(harness: &Harness) -> Instant {
    let began = Instant::now();
    harness.message(fixture("message-default")).await;
    began
}

fn questions(harness: &Harness) -> Vec<RelayQuestion> {
    harness.questions().into_iter().map(|(question, _)| question).collect()
}

/// The last report on a member, from whichever question had it.
fn last_report(harness: &Harness, member: u64) -> Option<MemberReport> {
    let mut reports = questions(harness).into_iter().flat_map(|question| question.reports);
    reports.rfind(|report| report.member == member)
}

/// Starts of the attempts to post to a member, since `began`, in milliseconds.
fn attempts(harness: &Harness, member: u64, began: Instant) -> Vec<u128> {
    let attempts = harness.browser.attempts().into_iter().filter(|(to, _)| *to == connection(member));
    attempts.map(|(_, at)| (at - began).as_millis()).collect()
}

/// Start and end of each delivered frame to a member, since `began`, in milliseconds.
fn posts(harness: &Harness, member: u64, began: Instant) -> Vec<(u128, u128)> {
    let posts = harness.browser.deliveries().into_iter().filter_map(|delivery| match delivery {
        Delivery::Frame { to, started_at, ended_at, .. } if to == connection(member) => {
            Some(((started_at - began).as_millis(), (ended_at - began).as_millis()))
        }
        _ => None,
    });
    posts.collect()
}
