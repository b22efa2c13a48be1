//! `termgate check`: a subcommand of the service's binary for the steps of a check that take other privileges than the service
//! has: it copies a student's files for the checker, and keeps watch over the script.

mod copy;
mod supervise;

pub(super) use copy::TOO_LARGE;
pub(super) use supervise::{Ended, Supervised};

use super::subcommand::parse_argument;
use super::uid_pool::deserialize_uid;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// A step of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CheckTask {
    /// Reads a list of paths, and writes those files of the user's.
    Collect {
        #[serde(deserialize_with = "deserialize_uid")]
        uid: u32,
        home: PathBuf,
    },
    /// Reads files, and writes them to the user's home.
    Place {
        #[serde(deserialize_with = "deserialize_uid")]
        uid: u32,
        home: PathBuf,
    },
    /// Runs the script, and says on standard error how it ended.
    Run(Supervised),
}

/// Runs a task. `arguments` are those after `check`.
#[expect(clippy::print_stderr, reason = "the service reads it")]
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let done: io::Result<ExitCode> = parse_argument(arguments).and_then(|task| match task {
        CheckTask::Collect { uid, home } => copy::collect(uid, &home),
        CheckTask::Place { uid, home } => copy::place(uid, &home),
        CheckTask::Run(run) => supervise::run(&run).map(|ended| {
            eprintln!("{}", serde_json::json!(ended));
            ExitCode::SUCCESS
        }),
    });
    done.unwrap_or_else(|error| {
        eprintln!("check: {error}");
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_uids_are_rejected() {
        let parse = |argument: String| parse_argument::<CheckTask>(std::iter::once(argument.into()));
        for task in [
            CheckTask::Collect { uid: 20_001, home: "/a b".into() },
            CheckTask::Place { uid: 20_001, home: "/a b".into() },
        ] {
            let argument = serde_json::to_string(&task).unwrap();
            assert_eq!(parse(argument.clone()).unwrap(), task);
            assert!(parse(argument.replace("20001", "0")).is_err() && parse(argument.replace("20001", "999")).is_err());
        }
    }
}
