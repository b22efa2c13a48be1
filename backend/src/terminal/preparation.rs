//! What happens on a terminal before its shell: a script, a message, and a change of directory, as a profile has them.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Runs the parts, and then the command line that follows.
pub(super) const SCRIPT: &str = include_str!("preparation.sh");

/// Variables that carry the parts to the script, which removes them.
const START: &str = "TERMGATE_START";
const MESSAGE: &str = "TERMGATE_MESSAGE";
const DIRECTORY: &str = "TERMGATE_DIRECTORY";

/// Parts of a preparation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preparation {
    /// Script of `/bin/sh` that runs at home, as the session's user.
    pub start: Option<String>,
    /// Text that is shown behind the script's output.
    pub message: Option<String>,
    /// Directory for the shell: absolute, or below home. The script may have made it.
    pub directory: Option<PathBuf>,
}

impl Preparation {
    /// Its variables, in the environment of the first shell.
    pub(super) fn variables(&self) -> BTreeMap<String, String> {
        let directory = self.directory.as_ref().map(|directory| directory.to_string_lossy().into_owned());
        let parts = [(START, self.start.clone()), (MESSAGE, self.message.clone()), (DIRECTORY, directory)];
        parts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}
