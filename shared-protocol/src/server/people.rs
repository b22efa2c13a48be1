//! The people of a session as they see each other.

use crate::ids::{Loan, Who};
#[cfg(doc)]
use crate::limits;
use serde::{Deserialize, Serialize};

/// A person's part in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The user that the session belongs to.
    Owner,
    /// The bearer of a link.
    Guest,
    /// An instructor of the session's group, or an operator.
    Instructor,
}

/// How a person sees a session without being attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// As one of the sessions on an instructor's wall.
    Wall,
}

/// A person who is attached to a session or sees it on a wall, or left less than a minute ago.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct Person {
    /// Number of the person in this epoch. A reloaded page keeps it.
    pub who: Who,
    /// Name for other people, at most 64 characters: text, never markup.
    pub name: String,
    /// Part in the session.
    #[serde(rename = "as")]
    pub part: Part,
    /// Time from which they are here, in ms since 1970.
    pub since: u64,
    /// The person who came first with the same link, which is removed with this one. Absent where that is this person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Who>,
    /// How they see it; absent for those who are attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
}

/// The hand of the session's owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct RaisedHand {
    /// True while it is raised.
    pub up: bool,
    /// Time of the change, in ms since 1970.
    pub at: u64,
    /// Name of the instructor who has seen it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
}

/// The right to type besides the owner's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct Control {
    /// The state.
    pub state: ControlState,
    /// The person who asks or borrows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Who>,
    /// Number of the loan, while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loan: Option<Loan>,
    /// Time until which the question waits for an answer, in ms since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

/// State of a session's keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum ControlState {
    /// Every controller types.
    #[default]
    Free,
    /// The same, and a person asks to type too.
    Asked,
    /// The same, and a person types on a loan.
    Lent,
    /// The owner alone types.
    Only,
}

/// Whether a session that is to be recorded is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct Recording {
    /// The state.
    pub state: RecordingState,
    /// True if typed input is recorded too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<bool>"))]
    pub input: bool,
    /// Time for which the recording is kept, in days.
    pub days: u32,
}

/// State of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum RecordingState {
    /// It is written.
    On,
    /// It could not begin, or has its largest size: from now on nothing is written.
    Off,
}

/// The people of a session, all that stands between them, and where its shell is, whole: events may be skipped.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct Room {
    /// Those who are attached, at most [`limits::PEOPLE`], and those who watch on a wall, at most [`limits::WALL_PEOPLE`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<Vec<Person>>"))]
    pub people: Vec<Person>,
    /// The raised hand; absent while it is down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand: Option<RaisedHand>,
    /// The right to type; absent while every controller has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Control>,
    /// Whether the session is recorded; absent where it is not to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<Recording>,
    /// Working directory of the shell; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
}
