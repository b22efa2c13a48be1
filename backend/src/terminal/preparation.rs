//! The preparation of a terminal before its shell: a script, a message, and a change of directory, as a profile has them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Runs the parts, and then the command line that follows.
pub(super) const SCRIPT: &str = include_str!("preparation.sh");

/// Variables that carry the parts to the script, which removes them.
const START: &str = "TERMGATE_START";
const START_SECONDS: &str = "TERMGATE_START_SECONDS";
const MESSAGE: &str = "TERMGATE_MESSAGE";
const DIRECTORY: &str = "TERMGATE_DIRECTORY";

/// Time that a start script has, unless its profile says another.
const START_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// Parts of a preparation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preparation {
    /// Script of `/bin/sh` that runs at home, as the session's user.
    pub start: Option<String>,
    /// Time for it, in whole seconds; then it is killed with all that it started. 10 min by default.
    pub start_timeout: Option<Duration>,
    /// Text that is shown behind the script's output.
    pub message: Option<String>,
    /// Directory for the shell: absolute, or below home. The script may have made it.
    pub directory: Option<PathBuf>,
}

impl Preparation {
    /// Its variables, in the environment of the first shell.
    pub(super) fn variables(&self) -> BTreeMap<String, String> {
        let directory = self.directory.as_ref().map(|directory| directory.to_string_lossy().into_owned());
        let seconds = self.start_timeout.unwrap_or(START_TIMEOUT).as_secs().to_string();
        let seconds = self.start.is_some().then_some(seconds);
        let parts = [
            (START, self.start.clone()),
            (START_SECONDS, seconds),
            (MESSAGE, self.message.clone()),
            (DIRECTORY, directory),
        ];
        parts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}
