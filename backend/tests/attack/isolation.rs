//! Identity, privileges, environment and network of a sandboxed session.

use crate::harness::{Harness, says};
use crate::support::Terminal;
use backend::sandbox::Network;

#[tokio::test]
async fn a_shell_has_its_own_uid_and_no_privileges() {
    let (harness, mut shell, uid) = Harness::with_shell().await;
    assert!(harness.settings.uids.contains(&uid));
    let home = harness.state.path().join("sessions").join(uid.to_string()).join("home");
    assert_eq!(says(&mut shell, "pwd; id -g; id -G; umask").await, format!("{}\n{uid}\n{uid}\n0077", home.display()));
    let status = says(&mut shell, "grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status | tr -d '\\n\\t'").await;
    let none = "0000000000000000";
    let capabilities = ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"].map(|name| format!("{name}{none}"));
    assert_eq!(status, format!("{}NoNewPrivs:1Seccomp:2", capabilities.concat()));
    let modes = says(&mut shell, "stat -c '%u %a' $(tty) $HOME $TMPDIR $XDG_RUNTIME_DIR").await;
    assert_eq!(modes, format!("{uid} 600\n{uid} 700\n{uid} 700\n{uid} 700"));
    // Descriptor 3 is of the listing itself.
    assert_eq!(says(&mut shell, "sh -c 'ls /proc/self/fd' | tr '\\n' ' '").await, "0 1 2 3");
    assert_eq!(says(&mut shell, "readlink /proc/$$/fd/[0-2] | uniq; tty").await.lines().count(), 2);
    let environment = says(&mut shell, "env | cut -d= -f1 | grep -v LS_COLORS | sort | tr '\\n' ' '").await;
    assert_eq!(
        environment,
        "COLORTERM HOME LANG LOGNAME PATH PWD SCREENDIR SHELL SHLVL TERM TERMGATE_SESSION TERM_PROGRAM TMPDIR TMUX_TMPDIR USER \
         XDG_RUNTIME_DIR _"
    );
    assert_eq!(says(&mut shell, "echo $USER $LOGNAME").await, "student student");
    assert_eq!(says(&mut shell, "yes | head -1; echo ${PIPESTATUS[0]}").await, "y\n141", "SIGPIPE ends programs");
    assert_eq!(says(&mut shell, "[ -e ~/.bashrc ] || [ ! -e /etc/skel/.bashrc ]; echo $?").await, "0");
    assert!(!shell.screen().contains("no name"), "the prompt names the user: {}", shell.screen());
    harness.end(shell, uid).await;
    harness.service.stop().await;
}

#[tokio::test]
async fn programs_find_the_name_home_and_shell_of_their_user() {
    let (harness, mut shell, uid) = Harness::with_shell().await;
    // Each finds its own, although all have one name.
    let second = harness.shell("bob").await;
    let home = harness.state.path().join("sessions").join(uid.to_string()).join("home");
    let home = home.display();
    let (name, shell_path) = ("student", "/bin/bash");
    for (line, expected) in [
        ("whoami; id -un; id -gn", format!("{name}\n{name}\n{name}")),
        ("env -i whoami; env -i bash -c 'echo ~'", format!("{name}\n{home}")),
        ("bash --norc -c 'prompt=\"\\u\"; echo ${prompt@P}'", name.to_owned()),
        ("stat -c '%U %G' ~", format!("{name} {name}")),
        ("getent passwd $UID | cut -d: -f1,3,4,6,7", format!("{name}:{uid}:{uid}:{home}:{shell_path}")),
        ("getent group $UID", format!("{name}:*:{uid}:")),
        ("/usr/bin/python3 -c 'import pwd, os; print(pwd.getpwuid(os.getuid()).pw_dir)'", home.to_string()),
        ("(unset HOME; /usr/bin/python3 -c 'import os; print(os.path.expanduser(\"~\"))')", home.to_string()),
    ] {
        assert_eq!(says(&mut shell, line).await, expected, "{line}");
    }
    drop(second);
    harness.end(shell, uid).await;
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    assert!(!passwd.contains(&format!(":{uid}:")), "{passwd}");
    assert!(passwd.starts_with("root:"));
    harness.service.stop().await;
}

#[tokio::test]
async fn without_a_network_only_unix_sockets_work() {
    let harness = Harness::with(|settings| settings.network = Network::None).await;
    let mut shell = harness.shell("eve").await;
    let port = harness.service.address.port();
    let refused = says(&mut shell, &format!("(echo >/dev/tcp/127.0.0.1/{port}) 2>&1; echo $?")).await;
    assert!(refused.contains("not permitted") && refused.ends_with("\n1"), "{refused}");
    for family in ["AF_INET", "AF_INET6", "AF_NETLINK", "AF_VSOCK", "AF_ALG"] {
        let script = format!("import socket; socket.socket(socket.{family}, socket.SOCK_DGRAM)");
        let (output, code) = python(&mut shell, &script).await;
        assert!(code != 0 && output.contains("Error"), "{family}: {output}");
    }
    let (output, code) = python(&mut shell, "import socket; a, b = socket.socketpair(); a.send(bytes(1))").await;
    assert_eq!(code, 0, "{output}");
    harness.service.stop().await;
}

async fn python(shell: &mut Terminal, script: &str) -> (String, i32) {
    shell.command(&format!("/usr/bin/python3 -c '{script}' 2>&1")).await
}
