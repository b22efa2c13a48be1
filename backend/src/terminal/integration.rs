//! Command and environment of a new shell, and the integration script that makes bash print OSC 133 marks. The script is passed
//! in the environment, not on disk, and only to the bash that hands it to the session's shell.

use std::collections::BTreeMap;

const BASH: &str = include_str!("integration.bash");

/// Variable that carries the script to the first bash.
const SCRIPT_VARIABLE: &str = "TERMGATE_INTEGRATION";

/// Replaces itself with a login shell that reads the script from a descriptor, in place of the startup files: in POSIX mode,
/// bash reads no others. So the script stands in no environment that a program of the session can read.
const FIRST_BASH: &str = r#"script=$TERMGATE_INTEGRATION
unset TERMGATE_INTEGRATION
ENV=/dev/fd/63 exec "$0" --posix -l 63<<<"$script""#;

/// Parts of the initial environment of a shell with the script, before and after the first bash has replaced itself. A program
/// that replaces the shell has neither: the script removes the variable.
const SIGNS: [&[u8]; 2] = [b"ENV=/dev/fd/63", b"TERMGATE_INTEGRATION="];

/// Two random tags of a session: of its processes, and of its shell's marks, which keeps printed text from being taken for a
/// mark. Programs in the session know only the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nonce {
    /// Tag of processes.
    processes: String,
    /// Tag of marks.
    marks: String,
}

impl Nonce {
    /// From random bytes.
    pub fn new(random: [u8; 16]) -> Self {
        let (processes, marks) = random.split_at(8);
        Self { processes: hex::encode(processes), marks: hex::encode(marks) }
    }

    /// The tag in the environment of every process.
    pub fn of_processes(&self) -> &str {
        &self.processes
    }

    /// The tag in marks.
    pub fn of_marks(&self) -> &str {
        &self.marks
    }
}

/// Environment variable that holds the tag in every process of a session.
pub(super) const TAG_VARIABLE: &str = "TERMGATE_SESSION";

fn is_bash(shell: &str) -> bool {
    shell.rsplit('/').next() == Some("bash")
}

/// Command line of a login shell. Its environment must be [`environment`]'s.
pub fn login_command(shell: &str) -> Vec<&str> {
    if is_bash(shell) { vec![shell, "-c", FIRST_BASH, shell] } else { vec![shell, "-l"] }
}

/// True if a process with this initial environment is a shell that prints marks.
pub(super) fn prints_marks(environment: &[u8]) -> bool {
    environment.split(|byte| *byte == 0).any(|variable| SIGNS.iter().any(|sign| variable.starts_with(sign)))
}

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
        (TAG_VARIABLE, nonce.of_processes()),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    if is_bash(shell) {
        variables.insert(SCRIPT_VARIABLE.into(), BASH.replace("@NONCE@", nonce.of_marks()));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bash_gets_the_integration_script() {
        let nonce = Nonce::new([1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2]);
        let bash = environment("u", "/h", "/bin/bash", &nonce);
        assert!(bash[SCRIPT_VARIABLE].contains("__termgate_tag=0202020202020202 "));
        assert!(!bash[SCRIPT_VARIABLE].contains("@NONCE@"));
        assert_eq!(bash[TAG_VARIABLE], "0101010101010101");
        assert!(!environment("u", "/h", "/bin/sh", &nonce).contains_key(SCRIPT_VARIABLE));
        assert_eq!(login_command("/bin/zsh"), ["/bin/zsh", "-l"]);
    }

    #[test]
    fn a_shell_with_the_script_is_known_by_its_initial_environment() {
        assert!(FIRST_BASH.contains("ENV=/dev/fd/63"));
        for (environment, prints) in
            [("A=1\0ENV=/dev/fd/63\0", true), ("TERMGATE_INTEGRATION=x", true), ("A=ENV=/dev/fd/63", false)]
        {
            assert_eq!(prints_marks(environment.as_bytes()), prints, "{environment:?}");
        }
    }
}
