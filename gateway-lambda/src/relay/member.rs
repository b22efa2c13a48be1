//! One member of a relay: its frames that are not settled, and what the service knows of them.

use bytes::Bytes;
use shared_protocol::ConnectionId;
use shared_protocol::relay::{MEMBER_CREDIT, MemberReport, RelayAction};
use std::collections::BTreeMap;
use tokio::time::Instant;

/// A frame that is not settled.
pub(super) struct Pending {
    pub(super) bytes: Bytes,
    pub(super) action: RelayAction,
    /// No attempt begins before this.
    pub(super) ready_at: Instant,
    /// No attempt begins at this time or later: another run may have the member by then.
    pub(super) fence: Instant,
    /// Retries so far.
    pub(super) retries: u32,
}

/// Fate of a frame that was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It certainly did not arrive.
    Lost,
    /// It may have arrived.
    Unknown,
}

pub(super) struct Member {
    pub(super) connection: ConnectionId,
    /// Frames by number. The next one to post has the number after the last settled one.
    pub(super) frames: BTreeMap<u64, Pending>,
    /// True while the first frame is posted, or its connection looked up.
    pub(super) busy: bool,
    /// True if the last attempt was throttled or timed out.
    pub(super) slow: bool,
    /// Number of the last frame that arrived from the service.
    received: u64,
    /// State to report.
    report: MemberReport,
    /// Report of the last question.
    asked: MemberReport,
    /// Report of an answered question: the service has it.
    known: MemberReport,
}

impl Member {
    pub(super) fn new(member: u64, connection: ConnectionId) -> Self {
        let report = MemberReport { member, settled: 0, ..MemberReport::default() };
        Self {
            connection,
            frames: BTreeMap::new(),
            busy: false,
            slow: false,
            received: 0,
            asked: report.clone(),
            known: report.clone(),
            report,
        }
    }

    /// Keeps a frame from the service. A frame that arrived before is ignored, as answers may repeat.
    pub(super) fn receive(&mut self, number: u64, frame: Pending) {
        if number > self.report.settled && !self.frames.contains_key(&number) {
            self.received = self.received.max(number);
            self.frames.insert(number, frame);
        }
    }

    /// Adds a frame of the gateway itself after all others. Frames behind a gap never get their turn, and go.
    pub(super) fn append(&mut self, frame: Pending) {
        if self.next().is_none() {
            self.frames.clear();
            self.report.settled = self.received;
        }
        self.received += 1;
        self.frames.insert(self.received, frame);
    }

    /// The next frame to post, once all before it have arrived and are settled.
    pub(super) fn next(&self) -> Option<&Pending> {
        self.frames.get(&(self.report.settled + 1))
    }

    pub(super) fn next_mut(&mut self) -> Option<&mut Pending> {
        self.frames.get_mut(&(self.report.settled + 1))
    }

    /// Removes the next frame, which was posted, or given up with this fate. Returns its action.
    pub(super) fn settle(&mut self, fate: Option<Fate>) -> Option<RelayAction> {
        let number = self.report.settled + 1;
        let frame = self.frames.remove(&number)?;
        self.report.settled = number;
        match fate {
            Some(Fate::Lost) => self.report.lost = number,
            Some(Fate::Unknown) => self.report.unknown = number,
            None => {}
        }
        Some(frame.action)
    }

    pub(super) fn is_gone(&self) -> bool {
        self.report.gone
    }

    pub(super) fn set_gone(&mut self) {
        self.report.gone = true;
    }

    /// True if the last question does not say what the next one would.
    pub(super) fn has_news(&self) -> bool {
        self.report != self.asked
    }

    /// True if the news cannot wait for the end of a waiting question: something went wrong, or the member's credit was
    /// used up and is not any more.
    pub(super) fn has_urgent_news(&self) -> bool {
        let (report, asked) = (&self.report, &self.asked);
        let failed = (report.lost, report.unknown, report.gone) != (asked.lost, asked.unknown, asked.gone);
        let had_credit = self.received.saturating_sub(asked.settled) < MEMBER_CREDIT;
        failed || (!had_credit && report.settled > asked.settled)
    }

    /// The report for a question that is asked now, if the service may not have it.
    pub(super) fn ask(&mut self) -> Option<MemberReport> {
        self.asked = self.report.clone();
        (self.report != self.known).then(|| self.report.clone())
    }

    /// Notes that the service has this report. Answers may arrive in another order than their questions.
    pub(super) fn learned(&mut self, report: &MemberReport) {
        self.known.settled = self.known.settled.max(report.settled);
        self.known.lost = self.known.lost.max(report.lost);
        self.known.unknown = self.known.unknown.max(report.unknown);
        self.known.gone |= report.gone;
    }
}
