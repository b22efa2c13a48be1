//! Command and environment of a new shell, and the integration scripts that make bash, zsh and fish print OSC 133 marks. A script
//! is passed in the environment, and only to a first shell that hands it to the session's own.

use std::collections::BTreeMap;

/// Makes one kind of shell print marks.
struct Integration {
    /// The script, with a place for the tag of marks.
    script: &'static str,
    /// Shell that hands over the script; `None` if the session's shell does so itself.
    first: Option<&'static str>,
    /// Its commands.
    hand_over: &'static str,
}

/// Variable that carries the script to the first shell.
const SCRIPT_VARIABLE: &str = "TERMGATE_INTEGRATION";

/// The first bash replaces itself with a login shell that reads the script from a descriptor, in place of the startup files: in
/// POSIX mode, bash reads no others. So the script stands in no environment that a program of the session can read.
const BASH: Integration = Integration {
    script: include_str!("integration.bash"),
    first: None,
    hand_over: r#"script=$TERMGATE_INTEGRATION
unset TERMGATE_INTEGRATION
ENV=/dev/fd/63 exec "$0" --posix -l 63<<<"$script""#,
};

/// zsh takes its startup files from a directory only. It belongs to the session, and is gone before the first prompt.
const ZSH: Integration = Integration {
    script: include_str!("integration.zsh"),
    first: Some("/bin/sh"),
    hand_over: r#"script=$TERMGATE_INTEGRATION
unset TERMGATE_INTEGRATION
if ZDOTDIR=$(mktemp -d "${TMPDIR:-/tmp}/termgate.$TERMGATE_SESSION.XXXXXX"); then
  export ZDOTDIR TERMGATE_MARKS=1
  printf '%s\n' "$script" >"$ZDOTDIR/.zshenv"
  for file in .zshenv .zprofile .zshrc .zlogin; do
    printf '%s\n' __termgate_enter \
      "[[ ! -r \"\${ZDOTDIR:-\$HOME}/$file\" ]] || builtin . \"\${ZDOTDIR:-\$HOME}/$file\"" \
      "__termgate_leave $file" >>"$ZDOTDIR/$file"
  done
else
  unset ZDOTDIR
fi
exec "$0" -l"#,
};

/// fish reads a file after the user's startup files; it is gone before the first prompt.
const FISH: Integration = Integration {
    script: include_str!("integration.fish"),
    first: Some("/bin/sh"),
    hand_over: r#"script=$TERMGATE_INTEGRATION
unset TERMGATE_INTEGRATION
if directory=$(mktemp -d "${TMPDIR:-/tmp}/termgate.$TERMGATE_SESSION.XXXXXX"); then
  export TERMGATE_MARKS=1
  printf '%s\n' "$script" >"$directory/integration.fish"
  exec "$0" -l -C "source '$directory/integration.fish'; command rm -r '$directory'"
fi
exec "$0" -l"#,
};

/// Parts of the initial environment of a shell with the script, before and after the first shell has replaced itself. A program
/// that replaces the shell has none: the script removes the variable.
const SIGNS: [&[u8]; 3] = [b"ENV=/dev/fd/63", b"TERMGATE_MARKS=", b"TERMGATE_INTEGRATION="];

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

/// True for a variable that the service or a sandbox sets, or that a shell reads its startup files by.
pub fn is_own_variable(name: &str) -> bool {
    const OWN: [&str; 11] = [
        "USER",
        "LOGNAME",
        "HOME",
        "SHELL",
        "TMPDIR",
        "TMUX_TMPDIR",
        "XDG_RUNTIME_DIR",
        "SCREENDIR",
        "ENV",
        "BASH_ENV",
        "ZDOTDIR",
    ];
    OWN.contains(&name) || name.starts_with("TERMGATE_")
}

fn integration(shell: &str) -> Option<&'static Integration> {
    match shell.rsplit('/').next() {
        Some("bash") => Some(&BASH),
        Some("zsh") => Some(&ZSH),
        Some("fish") => Some(&FISH),
        _ => None,
    }
}

/// Command line of a login shell. Its environment must be [`environment`]'s.
pub fn login_command(shell: &str) -> Vec<&str> {
    match integration(shell) {
        Some(integration) => vec![integration.first.unwrap_or(shell), "-c", integration.hand_over, shell],
        None => vec![shell, "-l"],
    }
}

/// True unless a process is no shell that prints marks, by its initial environment. While it replaces itself, a read gives
/// nothing, or the beginning only: no sign counts if two reads give the same.
pub(super) fn prints_marks(read: impl Fn() -> Option<Vec<u8>>) -> bool {
    let lacks_sign = |environment: &Vec<u8>| {
        let mut variables = environment.split(|byte| *byte == 0);
        !environment.is_empty() && !variables.any(|variable| SIGNS.iter().any(|sign| variable.starts_with(sign)))
    };
    let without = || read().filter(lacks_sign);
    without().is_none_or(|first| without() != Some(first))
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
    if let Some(integration) = integration(shell) {
        variables.insert(SCRIPT_VARIABLE.into(), integration.script.replace("@NONCE@", nonce.of_marks()));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_that_can_print_marks_gets_its_script() {
        let nonce = Nonce::new([1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2]);
        for shell in ["/bin/bash", "zsh", "/usr/bin/fish"] {
            let variables = environment("u", "/h", shell, &nonce);
            let script = &variables[SCRIPT_VARIABLE];
            assert!(script.contains("0202020202020202") && !script.contains("@NONCE@"), "{shell}");
            assert_eq!(variables[TAG_VARIABLE], "0101010101010101");
            assert_eq!(login_command(shell)[3], shell);
        }
        assert!(!environment("u", "/h", "/bin/sh", &nonce).contains_key(SCRIPT_VARIABLE));
        assert_eq!(login_command("/bin/dash"), ["/bin/dash", "-l"]);
    }

    #[test]
    fn a_shell_with_the_script_is_known_by_its_initial_environment() {
        assert!(BASH.hand_over.contains("ENV=/dev/fd/63"));
        assert!([ZSH, FISH].iter().all(|shell| shell.hand_over.contains("TERMGATE_MARKS=1")));
        for (environment, prints) in [
            ("A=1\0ENV=/dev/fd/63\0", true),
            ("TERMGATE_INTEGRATION=x", true),
            ("TERMGATE_MARKS=1\0", true),
            ("A=ENV=/dev/fd/63", false),
            ("", true),
        ] {
            assert_eq!(prints_marks(|| Some(environment.into())), prints, "{environment:?}");
        }
        assert!(prints_marks(|| None));
    }

    #[test]
    fn a_shell_that_replaces_itself_while_its_environment_is_read_still_prints_marks() {
        for reads in [["A=1\0TERM", "A=1\0ENV=/dev/fd/63\0"], ["A=1\0TERM", ""], ["A=1\0TERM", "A=1"]] {
            let reads = std::cell::RefCell::new(reads.into_iter());
            assert!(prints_marks(|| reads.borrow_mut().next().map(Into::into)));
        }
    }
}
