//! Environment of a new shell, and the integration script that makes bash print OSC 133 marks. The script is passed in the
//! environment, not on disk, and removes itself at the first prompt.

use std::collections::BTreeMap;

const BASH: &str = include_str!("integration.bash");

/// Random tag of a session's marks and processes, which keeps printed text from being taken for a mark by accident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// From random bytes.
    pub fn new(random: [u8; 8]) -> Self {
        Self(hex::encode(random))
    }

    /// The tag in marks and in the environment.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Environment variable that holds the nonce in every process of a session.
pub(super) const TAG_VARIABLE: &str = "TERMGATE_SESSION";

/// Environment of a login shell; it inherits nothing from the service.
pub fn environment(user: &str, home: &str, shell: &str, nonce: &Nonce) -> BTreeMap<String, String> {
    let mut variables: BTreeMap<String, String> = [
        ("USER", user),
        ("LOGNAME", user),
        ("HOME", home),
        ("SHELL", shell),
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("TERM", "xterm-256color"),
        ("COLORTERM", "truecolor"),
        ("TERM_PROGRAM", "termgate"),
        ("LANG", "C.UTF-8"),
        (TAG_VARIABLE, nonce.as_str()),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    if shell.rsplit('/').next() == Some("bash") {
        variables.insert("PROMPT_COMMAND".into(), r#"eval "${TERMGATE_INTEGRATION-}""#.into());
        variables.insert("TERMGATE_INTEGRATION".into(), BASH.replace("@NONCE@", nonce.as_str()));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bash_gets_the_integration_script() {
        let nonce = Nonce::new([1; 8]);
        let bash = environment("u", "/h", "/bin/bash", &nonce);
        assert!(bash["TERMGATE_INTEGRATION"].contains("tg=0101010101010101"));
        assert!(!bash["TERMGATE_INTEGRATION"].contains("@NONCE@"));
        assert!(!environment("u", "/h", "/bin/sh", &nonce).contains_key("PROMPT_COMMAND"));
    }
}
