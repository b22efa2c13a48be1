//! An attacker tries to read, write, signal and become what belongs to others.

use crate::harness::{Harness, says, uid_of};
use crate::support::{Terminal, read};
use shared_protocol::StreamEvent;

/// An attacker, and a victim with a secret.
struct Attack {
    harness: Harness,
    eve: Terminal,
    ada: Terminal,
    /// Pid of the victim's shell.
    shell: String,
    /// The victim's uid.
    uid: u32,
    /// Path of the victim's terminal.
    tty: String,
}

impl Attack {
    async fn new() -> Self {
        let harness = Harness::new().await;
        let (eve, mut ada) = (harness.shell("eve").await, harness.shell("ada").await);
        says(&mut ada, "umask 000; export SECRET=hunter2; echo hunter2 >~/secret; chmod 777 ~ ~/secret").await;
        let (shell, tty) = (says(&mut ada, "echo $$").await, says(&mut ada, "tty").await);
        let uid = uid_of(&mut ada).await;
        Self { harness, eve, ada, shell, uid, tty }
    }

    /// Checks that every command line of the attacker fails and prints nothing on standard output.
    async fn all_fail(&mut self, lines: &[String]) {
        for line in lines {
            let (output, code) = self.eve.command(&format!("{{ {line}; }} 2>/dev/null")).await;
            assert_ne!(code, 0, "{line}: {output}");
            assert_eq!(output, "", "{line}");
        }
    }

    async fn end(mut self) {
        assert_eq!(says(&mut self.ada, "echo $SECRET").await, "hunter2", "the victim's shell is untouched");
        self.harness.assert_healthy().await;
        self.harness.service.stop().await;
    }
}

#[tokio::test]
async fn memory_environment_and_descriptors_of_other_processes() {
    let mut attack = Attack::new().await;
    let mut lines = Vec::new();
    for pid in [std::process::id().to_string(), attack.shell.clone(), "1".to_owned()] {
        for file in ["environ", "mem", "maps", "syscall", "stack", "auxv", "io"] {
            lines.push(format!("head -c 1 /proc/{pid}/{file}"));
        }
        for folder in ["fd", "fdinfo", "map_files", "cwd/", "root/"] {
            lines.push(format!("ls /proc/{pid}/{folder}"));
        }
    }
    attack.all_fail(&lines).await;
    // Files that every user may read contain no secret.
    let found =
        says(&mut attack.eve, "grep -sl 'hunter[2]' /proc/[0-9]*/{cmdline,comm,environ,stat,status} | grep -v self")
            .await;
    assert_eq!(found, "");
    attack.end().await;
}

#[tokio::test]
async fn homes_and_state() {
    let mut attack = Attack::new().await;
    let state = attack.harness.state.path().display().to_string();
    let sandbox = format!("{state}/sessions/{}", attack.uid);
    // The victim opened its home to all users, but only the victim can pass through the parent directory.
    let lines = [
        format!("cat {sandbox}/home/secret"),
        format!("ls {sandbox}/home"),
        format!("ls {sandbox}"),
        format!("ls {state}/sessions"),
        format!("ls {state}/private"),
        format!("cat {state}/private/next-uid"),
        format!("echo 1 >{state}/private/next-uid"),
        format!("mv {state}/sessions {state}/gone"),
        format!("touch {state}/x {state}/sessions/x {sandbox}/x {sandbox}/home/x"),
        format!("ln {sandbox}/home/secret ."),
        "cat /etc/shadow".to_owned(),
        "head -c 1 /dev/mem".to_owned(),
        "echo x >/etc/profile.d/x.sh".to_owned(),
    ];
    attack.all_fail(&lines).await;
    attack.end().await;
}

#[tokio::test]
async fn tracing_signalling_and_renicing_others() {
    let mut attack = Attack::new().await;
    let mut lines = Vec::new();
    for pid in [std::process::id().to_string(), attack.shell.clone()] {
        // PTRACE_ATTACH and PTRACE_SEIZE; process_vm_readv; pidfd_getfd.
        let open = "import ctypes, sys; c = ctypes.CDLL(None, use_errno=True)";
        let script = |call: &str| format!("/usr/bin/python3 -c '{open}; sys.exit(0 if {call} >= 0 else 1)'");
        lines.push(script(&format!("c.ptrace(16, {pid}, 0, 0)")));
        lines.push(script(&format!("c.ptrace(0x4206, {pid}, 0, 0)")));
        lines.push(script(&format!("c.syscall(438, c.syscall(434, {pid}, 0), 0, 0)")));
        for signal in ["KILL", "STOP", "HUP", "CONT", "0"] {
            lines.push(format!("kill -{signal} {pid}"));
            lines.push(format!("kill -{signal} -{pid}"));
        }
        lines.push(format!("renice 19 {pid}"));
        lines.push(format!("echo 1000 >/proc/{pid}/oom_score_adj"));
        lines.push(format!("prlimit --pid {pid} --nofile=1"));
    }
    attack.all_fail(&lines).await;
    // Signals every process that it may: only its own.
    attack.eve.keys("trap '' TERM; kill -TERM -1; echo sur''vived\r").await;
    attack.eve.sees("survived").await;
    attack.end().await;
}

#[tokio::test]
async fn terminals_of_other_sessions() {
    let mut attack = Attack::new().await;
    let tty = attack.tty.clone();
    let type_in = "import fcntl, sys, termios
terminal = open(sys.argv[1], \"r\")
fcntl.ioctl(terminal, termios.TIOCSTI, b\"Q\")";
    let lines = [
        format!("echo QQ >{tty}"),
        format!("head -c 1 {tty}"),
        format!("stty -F {tty} -echo"),
        format!("chmod 666 {tty}"),
        format!("/usr/bin/python3 -c '{type_in}' {tty}"),
        // Its own terminal.
        format!("/usr/bin/python3 -c '{type_in}' /dev/tty"),
        "echo QQ | write root".to_owned(),
    ];
    attack.all_fail(&lines).await;
    assert!(!attack.ada.screen().contains('Q'), "{}", attack.ada.screen());
    attack.end().await;
}

#[tokio::test]
async fn setuid_programs_and_administration() {
    let mut attack = Attack::new().await;
    let uid = uid_of(&mut attack.eve).await;
    let list = says(&mut attack.eve, "find /usr/bin /bin /usr/sbin -perm -4000 2>/dev/null").await;
    assert!(list.contains("su"), "no setuid program to try: {list}");
    let lines = [
        "su -c id </dev/null".to_owned(),
        "mount -t tmpfs none /mnt".to_owned(),
        "passwd -d root </dev/null".to_owned(),
        "unshare -Ur true".to_owned(),
        "unshare -n true".to_owned(),
        "chroot / true".to_owned(),
        "nsenter -t 1 -m true".to_owned(),
        "mknod ~/null c 1 3".to_owned(),
        "setpriv --reuid 0 true".to_owned(),
        "chown root ~".to_owned(),
        "dmesg".to_owned(),
        "hostname evil".to_owned(),
        "nice -n -20 true && [ $(nice) -le 0 ]".to_owned(),
    ];
    attack.all_fail(&lines).await;
    // A setuid copy of a program runs as its owner, the session's user.
    let copy = "cp /usr/bin/id ~/id; chmod 4755 ~/id; ~/id -u";
    assert_eq!(says(&mut attack.eve, copy).await, uid.to_string());
    let user_namespace = "/usr/bin/python3 -c 'import ctypes; c = ctypes.CDLL(None, use_errno=True)
print(c.unshare(0x10000000), ctypes.get_errno(), c.syscall(435, 0, 0), ctypes.get_errno())'";
    assert_eq!(says(&mut attack.eve, user_namespace).await, "-1 1 -1 38", "user namespaces and clone3");
    // Without arguments that make sense: a kernel that lets them through has another error, or none.
    let mut calls = vec![
        libc::SYS_add_key,
        libc::SYS_keyctl,
        libc::SYS_request_key,
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_mount,
    ];
    if cfg!(target_arch = "x86_64") {
        // The same by their numbers of x32.
        calls.extend(calls.clone().iter().map(|call| call | 0x4000_0000));
    }
    let by_number = format!(
        "/usr/bin/python3 -c 'import ctypes; c = ctypes.CDLL(None, use_errno=True)
print([(c.syscall(call, 0, 0, 0, 0, 0), ctypes.get_errno()) for call in {calls:?}])'"
    );
    let refused = format!("{:?}", vec![(-1, 1); calls.len()]);
    assert_eq!(says(&mut attack.eve, &by_number).await, refused, "system calls {calls:?}");
    attack.end().await;
}

#[tokio::test]
async fn the_service_over_http() {
    let mut attack = Attack::new().await;
    let port = attack.harness.service.address.port();
    for request in [
        "GET /api/sessions/ada",
        "DELETE /api/sessions/ada",
        "POST /api/sessions",
        "POST /api/sessions/ada/checks",
        "POST /api/ws/message",
        "POST /api/ws/relay",
        "POST /api/ws/disconnect",
        "POST /api/internal/group",
        "POST /api/internal/announce",
        "POST /api/internal/hand-out",
        "PUT /api/sessions/ada/files?name=a",
        "GET /api/sessions/ada/files?path=a",
        "POST /api/groups/class/files?name=a",
    ] {
        let ask = format!(
            "exec 3<>/dev/tcp/127.0.0.1/{port}; printf '{request} HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\nContent-Type: application/json\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\n{{}}' >&3; head -1 <&3; exec 3>&-"
        );
        let answer = says(&mut attack.eve, &ask).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{request}: {answer}");
    }
    attack.end().await;
}

#[tokio::test]
async fn abstract_sockets() {
    let mut attack = Attack::new().await;
    let (_, level) = read(attack.harness.service.get("/api/diagnostics/websocket").await).await;
    let scoped = level["isolation"].as_str().unwrap().contains("landlock");
    let serve = "import socket
server = socket.socket(socket.AF_UNIX); server.bind(\"\\0ada\"); server.listen(); open(\"up\", \"w\").close()
server.accept()";
    attack.ada.keys(&format!("(/usr/bin/python3 -c '{serve}' &) &>/dev/null\r")).await;
    assert_eq!(attack.ada.command("until [ -e up ]; do :; done").await.1, 0);
    let connect = "import socket; socket.socket(socket.AF_UNIX).connect(\"\\0ada\")";
    if scoped {
        attack.all_fail(&[format!("/usr/bin/python3 -c '{connect}'")]).await;
    }
    let own = attack.ada.command(&format!("/usr/bin/python3 -c '{connect}'")).await;
    assert_eq!(own.1, 0, "{}", own.0);
    attack.end().await;
}

#[tokio::test]
async fn terminal_queries_are_answered_to_the_program_that_asked() {
    let mut attack = Attack::new().await;
    let mut second = attack.harness.page("eve", "second").await;
    // Cursor position, device attributes, background colour, clipboard, title, a terminfo string.
    let queries = r"\e[6n\e[c\e[>c\e]11;?\a\e]52;c;?\a\e[21t\eP+q544e\e\\";
    let ask = format!("stty -echo raw min 0 time 10; printf '{queries}'; cat >answers; stty sane; echo do''ne");
    attack.eve.keys(&format!("{ask}\r")).await;
    attack.eve.sees("done").await;
    let answers = says(&mut attack.eve, "od -c answers | cut -c9- | tr -d ' \\n'").await;
    assert!(answers.contains("033["), "no answer: {answers}");
    assert!(!answers.contains("52;c"), "the clipboard was disclosed: {answers}");
    assert!(!answers.contains("033]l"), "the title was typed back: {answers}");
    second.sees("done").await;
    for (name, seen) in [("ada", &attack.ada), ("the second page", &second)] {
        let typed = seen.events.iter().any(|event| matches!(event, StreamEvent::CommandResult { exit_code: 127, .. }));
        assert!(!typed && !seen.screen().contains("not found"), "{name}: {}", seen.screen());
    }
    attack.end().await;
}
