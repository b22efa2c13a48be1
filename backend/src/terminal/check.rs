//! A check: a script of the platform that runs beside a session's shell. Declared here, because the session passes it on and the
//! sandbox runs it.

use crate::metrics::CheckOutcome;
use serde::{Deserialize, Serialize};
use std::io;
use std::time::Duration;

/// Longest script, in bytes: what a pipe holds.
pub const MAX_SCRIPT_BYTES: usize = 64 * 1024;

/// Longest output that is kept, in bytes; the rest is read and dropped.
pub const MAX_OUTPUT_BYTES: usize = 64 * 1024;

/// Time of a check that names none.
pub const CHECK_TIME: Duration = Duration::from_secs(10);

/// Longest time that a check may ask for.
pub const MAX_CHECK_TIME: Duration = Duration::from_secs(60);

/// Time beyond its own that a check may take to start, to be killed and to be cleaned up.
pub const CHECK_MARGIN: Duration = Duration::from_secs(20);

/// The user that a check runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckUser {
    /// The session's own user, whose files it sees as they are.
    Student,
    /// A user that only checks of this session have. It sees copies of the files that it asks for.
    Checker,
}

/// A script, and how to run it.
#[derive(Clone, PartialEq, Eq, derive_more::Debug)]
pub struct Check {
    /// The script, for bash. At most [`MAX_SCRIPT_BYTES`] bytes, none of them NUL.
    #[debug(skip)]
    pub script: String,
    /// Its user.
    pub run_as: CheckUser,
    /// Files and directories of the session's home of which a checker gets a copy, relative to it.
    pub paths: Vec<String>,
    /// Time until it is killed.
    pub time: Duration,
    /// True if it may run as the student where nothing keeps the student's processes from it.
    pub unguarded: bool,
}

/// Protection of a check against the processes of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckGuard {
    /// It is another user's.
    Uid,
    /// Landlock: they can neither trace nor signal it.
    TraceAndSignals,
    /// Landlock before Linux 6.12: they cannot trace it.
    Trace,
    /// None.
    None,
}

/// Cause of [`CheckOutcome::CouldNotRun`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckFailure {
    /// It was not done in time.
    Timeout,
    /// It, or the copy of its files, was killed; also by the end of its session.
    Killed,
    /// No process could be started: the process table is full.
    NoProcess,
    /// The files to copy are too many or too large.
    TooLarge,
}

/// Result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    /// Whether it passed: by exit code 0.
    pub outcome: CheckOutcome,
    /// Exit code of the script; none if it could not run.
    pub exit_code: Option<i32>,
    /// Cause, if it could not run.
    pub reason: Option<CheckFailure>,
    /// Beginning of what it printed, as text.
    pub output: String,
    /// True if it printed more.
    pub truncated: bool,
    /// Its protection.
    pub guard: CheckGuard,
}

/// Reason why a check did not begin.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// Sessions have no user of their own.
    #[error("sessions of this service are not isolated, so there is no user for a check")]
    NotIsolated,
    /// Nothing would keep the student's processes from it.
    #[error(
        "this kernel cannot keep the student's processes from the check: run it as the checker, or say `unguarded: true`"
    )]
    Unguarded,
    /// Another check of the session runs.
    #[error("a check of this session runs already; try again")]
    Busy,
    /// The session ends.
    #[error("the session has ended")]
    Ended,
    /// A fault of the service or the machine.
    #[error("the check cannot be run: {0}")]
    Failed(#[from] io::Error),
}
