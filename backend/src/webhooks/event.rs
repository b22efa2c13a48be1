//! The events, and their bodies as the receiver gets them: `docs/events.md` describes each.

use crate::store::{EventRecord, Priority, SessionRecord, WaitingEvent};
use crate::terminal::{CheckReport, CheckUser};
use serde_json::{Value, json};
use shared_protocol::EndReason;
use shared_protocol::server::ShellCommand;

/// Longest line or directory of a command in a body, in bytes; the rest is cut off. 500 of them wait for each session.
const TEXT_BYTES: usize = 1024;

/// An event of a session.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A shell runs.
    SessionStarted {
        /// How the shell before was lost, if there was one.
        after: Option<EndReason>,
    },
    /// The shell is over.
    SessionEnded {
        /// Cause of the end.
        reason: EndReason,
    },
    /// A command at the prompt has ended.
    CommandFinished(&'a ShellCommand),
    /// A check of the platform is done, whether it passed or not.
    CheckDone {
        /// The user that it ran as.
        run_as: CheckUser,
        /// Its result, whose output is not told.
        report: &'a CheckReport,
    },
    /// The owner raises a hand.
    HandRaised,
    /// The session is over and its whole recording is stored.
    RecordingReady,
}

impl Event<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::SessionStarted { .. } => "session.started",
            Self::SessionEnded { .. } => "session.ended",
            Self::CommandFinished(_) => "command.finished",
            Self::CheckDone { .. } => "check.done",
            Self::HandRaised => "hand.raised",
            Self::RecordingReady => "recording.ready",
        }
    }

    fn priority(&self) -> Priority {
        match self {
            Self::CommandFinished(_) => Priority::Command,
            Self::SessionEnded { .. } | Self::CheckDone { .. } => Priority::Kept,
            Self::SessionStarted { .. } | Self::HandRaised | Self::RecordingReady => Priority::Other,
        }
    }

    fn data(&self, command_lines: bool) -> Value {
        match self {
            Self::SessionStarted { after } => json!({ "after": after }),
            Self::SessionEnded { reason } => json!({ "reason": reason }),
            Self::CommandFinished(command) => command_data(command, command_lines),
            Self::CheckDone { run_as, report } => {
                let CheckReport { outcome, exit_code, reason, guard, .. } = report;
                json!({ "as": run_as, "outcome": outcome, "exitCode": exit_code, "reason": reason, "guard": guard })
            }
            Self::HandRaised | Self::RecordingReady => json!({}),
        }
    }

    /// As it waits. `at` is in ms since 1970.
    pub(super) fn record(&self, id: String, of: &SessionRecord, at: u64, command_lines: bool) -> EventRecord {
        let body = json!({
            "type": self.kind(),
            "at": at,
            "session": of.id,
            "createdAt": of.created_at,
            "epoch": of.epoch,
            "user": of.creator.user,
            "group": of.creator.group,
            "data": self.data(command_lines),
        });
        let event = WaitingEvent { id, at, body: body.to_string() };
        EventRecord { priority: self.priority(), missing: 0, event }
    }
}

fn command_data(command: &ShellCommand, with_lines: bool) -> Value {
    let ShellCommand { number, line, hidden, directory, began, ended, exit_code, .. } = command;
    let text = |text: &Option<String>| text.as_deref().filter(|_| with_lines).map(|text| cut(text).to_owned());
    json!({
        "number": number,
        "line": text(line),
        "hidden": hidden,
        "directory": text(directory),
        "began": began,
        "ended": ended,
        "exitCode": exit_code,
    })
}

/// The begin of a text, without half a character.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES)]
}

/// The body that is sent for a record: that of a gap is about those that went.
pub(super) fn body(session: &str, record: &EventRecord) -> String {
    match record.priority {
        Priority::Gap => {
            let (at, data) = (record.event.at, json!({ "count": record.missing }));
            json!({ "type": "gap", "at": at, "session": session, "data": data }).to_string()
        }
        Priority::Command | Priority::Other | Priority::Kept => record.event.body.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::CheckOutcome;
    use crate::store::contract;
    use crate::terminal::{CheckFailure, CheckGuard};

    #[test]
    fn a_body_has_lines_only_if_the_operator_wants_them_and_never_all_of_a_long_one() {
        let of = contract::running("s", "i", 7);
        let line = format!("{}é", "x".repeat(TEXT_BYTES - 1));
        let command = contract::command(7, 3, &line).command;
        let body = |lines| Event::CommandFinished(&command).record("evt_1".into(), &of, 9, lines).event.body;
        assert!(!body(false).contains("xx") && !body(false).contains("/home"));
        let with: Value = serde_json::from_str(&body(true)).unwrap();
        assert_eq!(with["data"]["line"], line[..TEXT_BYTES - 1]);
        assert_eq!((&with["type"], &with["data"]["exitCode"]), (&json!("command.finished"), &json!(-1)));
        assert_eq!((&with["session"], &with["user"], &with["group"]), (&json!("s"), &json!("ada"), &json!("class-7")));
    }

    #[test]
    fn a_check_is_told_without_its_output_and_never_goes() {
        let of = contract::running("s", "i", 7);
        let report = CheckReport {
            outcome: CheckOutcome::CouldNotRun,
            exit_code: None,
            reason: Some(CheckFailure::Timeout),
            output: "what the student wrote".into(),
            truncated: false,
            guard: CheckGuard::Uid,
        };
        let event = Event::CheckDone { run_as: CheckUser::Checker, report: &report };
        let record = event.record("evt_1".into(), &of, 9, true);
        let body: Value = serde_json::from_str(&record.event.body).unwrap();
        let data = json!({
            "as": "checker", "outcome": "could_not_run", "exitCode": null, "reason": "timeout", "guard": "uid",
        });
        assert_eq!((&body["type"], &body["data"]), (&json!("check.done"), &data));
        assert_eq!(record.priority, Priority::Kept);
    }

    #[test]
    fn a_gap_says_how_many_events_are_missing() {
        let record = EventRecord { missing: 7, ..contract::event(1, Priority::Gap) };
        let body: Value = serde_json::from_str(&body("s", &record)).unwrap();
        assert_eq!(
            (&body["type"], &body["session"], &body["data"]),
            (&json!("gap"), &json!("s"), &json!({"count": 7}))
        );
    }
}
