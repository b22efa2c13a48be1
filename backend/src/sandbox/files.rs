//! `termgate files`: a subcommand of the service's binary that carries one file to or from a session. It becomes the session's
//! user, with the same restrictions as its shell and no network, before it reads its task from standard input.

use super::launch::{LaunchSpec, become_session, privileges};
use super::subcommand::{command, parse_argument};
use super::{Network, SandboxSettings};
use crate::files::{Places, carry};
use crate::terminal::sys::close_all_but_standard;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The user of a helper, and where the paths of a session begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct HelperSpec {
    places: Places,
    /// The user that it becomes. `None` for a service without isolation, whose own user it stays.
    #[serde(default)]
    user: Option<LaunchSpec>,
}

/// Carries a file. `arguments` are those after `files`.
#[expect(clippy::print_stderr, reason = "a developer reads it; the service does not")]
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    match parse_argument(arguments).and_then(|spec| run(&spec)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("files: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(HelperSpec { places, user }: &HelperSpec) -> io::Result<()> {
    let shell = match user {
        Some(user) => {
            let shell = become_session(user, || {
                privileges::show_open_files()?;
                places.open()
            })?;
            privileges::check(user.uid)?;
            shell
        }
        None => {
            close_all_but_standard()?;
            places.open()?
        }
    };
    carry(places, &shell, io::stdin().lock(), io::stdout().lock())
}

/// The command of a helper for this user.
pub(super) fn helper(
    program: &Path,
    settings: &SandboxSettings,
    uid: u32,
    shell: u32,
    home: PathBuf,
) -> io::Result<Command> {
    let mut user = LaunchSpec::new(settings, uid, home.clone(), &[]);
    user.piped = true;
    user.network = Network::None;
    command(program, "files", &HelperSpec { places: Places { shell, home }, user: Some(user) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_uids_are_rejected() {
        let settings = SandboxSettings {
            uids: 20_000..=20_010,
            state: "/state".into(),
            network: Network::Shared,
            memory: 1,
            disk: 2,
            processes: 3,
        };
        let command = helper(Path::new("termgate"), &settings, 20_001, 7, "/home".into()).unwrap();
        let argument = command.get_args().nth(1).unwrap().to_str().unwrap().to_owned();
        let parse = |argument: String| parse_argument::<HelperSpec>(std::iter::once(argument.into()));
        assert_eq!(parse(argument.clone()).unwrap().user.unwrap().network, Network::None);
        assert!(parse(argument.replace("20001", "0")).is_err() && parse(argument.replace("20001", "999")).is_err());
        assert_eq!(parse(r#"{"places": {"shell": 7, "home": "/h"}}"#.to_owned()).unwrap().user, None);
    }
}
