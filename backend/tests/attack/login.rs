//! A shell's answers about itself, beside those of a login over ssh on Debian 12 as a user `student` without rights. The settings
//! of the terminal (`stty -a`) are compared in `tests/service/line_discipline.rs`, because they need no isolation.

use crate::harness::{Harness, says};
use std::collections::BTreeMap;
use std::process::Command;

const LOCALE: &str = "LANG=C.UTF-8 LANGUAGE= LC_CTYPE=\"C.UTF-8\" LC_NUMERIC=\"C.UTF-8\" LC_TIME=\"C.UTF-8\" LC_COLLATE=\"C.UTF-8\" \
LC_MONETARY=\"C.UTF-8\" LC_MESSAGES=\"C.UTF-8\" LC_PAPER=\"C.UTF-8\" LC_NAME=\"C.UTF-8\" LC_ADDRESS=\"C.UTF-8\" \
LC_TELEPHONE=\"C.UTF-8\" LC_MEASUREMENT=\"C.UTF-8\" LC_IDENTIFICATION=\"C.UTF-8\" LC_ALL=";

/// An answer here, and why it is another one than over ssh.
type Difference = (&'static str, &'static str);

/// A question, the answer over ssh, and the answer here with its reason where it is another one. `N`, `UID` and `HOME` stand for
/// what each session has of its own.
const ANSWERS: [(&str, &str, Option<Difference>); 9] = [
    ("tty", "/dev/pts/N", None),
    ("locale | xargs -d '\\n'", LOCALE, None),
    ("locale charmap", "UTF-8", None),
    ("id", "uid=UID(student) gid=UID(student) groups=UID(student)", None),
    (
        "getent passwd $UID",
        "student:x:UID:UID::HOME:/bin/bash",
        Some((
            "student:*:UID:UID:Termgate session:HOME:/bin/bash",
            "no password; the service knows its entries by the name",
        )),
    ),
    ("getent group $UID", "student:x:UID:", Some(("student:*:UID:", "no password"))),
    ("umask", "0022", Some(("0077", "other sessions may not read new files"))),
    (
        "echo $TERM $LANG $SHELL $SHLVL $USER $LOGNAME $HOME $PWD",
        "xterm-256color C.UTF-8 /bin/bash 1 student student HOME HOME",
        None,
    ),
    (
        "env | cut -d= -f1 | grep -v LS_COLORS | sort | xargs",
        "HOME LANG LOGNAME MOTD_SHOWN PATH PWD SHELL SHLVL SSH_CLIENT SSH_CONNECTION SSH_TTY TERM USER _",
        Some((
            "COLORTERM HOME LANG LOGNAME PATH PWD SCREENDIR SHELL SHLVL TERM TERMGATE_SESSION TERM_PROGRAM TMPDIR TMUX_TMPDIR USER \
             XDG_RUNTIME_DIR _",
            "no ssh; the terminal's kind, and folders of the session's own for what others share in /tmp",
        )),
    ),
];

/// Limits that a session has and a login over ssh has not, by the flag of `ulimit`, with the tests' quotas: 64 processes, 64 MB
/// of disk, 256 MB of memory. The others are the service's own, as they are sshd's.
const LIMITS: [(char, &str); 8] =
    [('c', "0"), ('d', "524288"), ('f', "65536"), ('l', "64"), ('n', "1024"), ('q', "0"), ('r', "0"), ('u', "64")];

#[tokio::test]
async fn a_shell_answers_as_after_a_login_over_ssh() {
    let (harness, mut shell, uid) = Harness::with_shell().await;
    let home = harness.state.path().join("sessions").join(uid.to_string()).join("home").display().to_string();
    for (question, over_ssh, here) in ANSWERS {
        let answer = says(&mut shell, question).await.replace(&home, "HOME").replace(&uid.to_string(), "UID");
        let answer = if question == "tty" {
            answer.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned() + "N"
        } else {
            answer
        };
        assert_eq!(answer, here.map_or(over_ssh, |(here, _)| here), "{question}");
        assert!(here.is_none_or(|(here, reason)| here != over_ssh && !reason.is_empty()), "{question}");
    }
    harness.end(shell, uid).await;
    harness.service.stop().await;
}

#[tokio::test]
async fn a_shell_has_the_limits_of_its_quotas_and_otherwise_those_of_the_service() {
    let (harness, mut shell, uid) = Harness::with_shell().await;
    let own = Command::new("bash").args(["-c", "ulimit -Sa"]).output().unwrap().stdout;
    let mut wanted = limits(&String::from_utf8(own).unwrap());
    wanted.extend(LIMITS.map(|(flag, value)| (flag, value.to_owned())));
    assert_eq!(limits(&says(&mut shell, "ulimit -Sa").await), wanted);
    assert_eq!(
        says(&mut shell, "ulimit -Hn; ulimit -Hu; ulimit -Hd").await,
        "1024\n64\n524288",
        "and cannot raise them"
    );
    harness.end(shell, uid).await;
    harness.service.stop().await;
}

/// Values by flag: `open files                          (-n) 1024`.
fn limits(text: &str) -> BTreeMap<char, String> {
    let row = |line: &str| {
        let (name, value) = line.rsplit_once(") ")?;
        Some((name.chars().last()?, value.to_owned()))
    };
    text.lines().filter_map(row).collect()
}
