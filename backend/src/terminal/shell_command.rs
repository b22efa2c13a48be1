//! Command line and environment of a shell, with its preparation.

use super::integration::login_command;
use super::preparation::{Preparation, SCRIPT};
use super::pty::ShellSpec;
use std::collections::BTreeMap;

impl ShellSpec {
    /// The command line: that of the login shell, behind its preparation.
    pub(crate) fn command(&self) -> Vec<&str> {
        let login = login_command(&self.shell);
        if self.preparation == Preparation::default() {
            return login;
        }
        ["/bin/sh", "-c", SCRIPT, "sh"].into_iter().chain(login).collect()
    }

    /// The environment, with the parts of its preparation.
    pub(crate) fn whole_environment(&self) -> BTreeMap<String, String> {
        let mut environment = self.environment.clone();
        environment.extend(self.preparation.variables());
        environment
    }
}
