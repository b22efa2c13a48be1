//! A session leaves processes, files and shared memory on purpose: cleanup removes all of them.

use crate::harness::{Harness, PROGRAM, processes_of, says, settings, state, uid_of};
use crate::support::until;
use backend::sandbox::SandboxedSpawner;
use backend::terminal::{Nonce, ShellSpawner, ShellSpec, Size};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Starts daemons that resist signals, and returns once all run.
const DAEMONS: &str = r#"
(setsid nohup env -i /bin/sh -c 'trap "" HUP INT TERM; echo >a; while :; do sleep 1; done' &) &>/dev/null
(trap '' HUP; (sh -c 'kill -STOP $$' & echo >b) &) &>/dev/null
/usr/bin/python3 -c '
import os, signal, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
os.closerange(0, 256)
open("c", "w").close()
while True: time.sleep(1)'
until [ -e a ] && [ -e b ] && [ -e c ]; do :; done"#;

#[tokio::test]
async fn no_daemon_survives_its_session() {
    let (harness, mut shell, uid) = Harness::with_shell().await;
    assert_eq!(shell.command(DAEMONS).await.1, 0);
    assert!(processes_of(uid).len() >= 4, "{:?}", processes_of(uid));
    harness.end(shell, uid).await;
    harness.assert_healthy().await;
    harness.service.stop().await;
}

#[tokio::test]
async fn processes_that_signal_the_cleanup_in_a_loop_are_killed() {
    let (harness, mut shell, uid) = Harness::with_shell().await;
    let spin = "for i in 1 2 3 4; do (trap '' HUP; exec setsid /usr/bin/python3 -c 'import os, signal
signal.signal(signal.SIGHUP, signal.SIG_IGN)
open(f\"spin{os.getpid()}\", \"w\").close()
while True:
    try: os.kill(-1, signal.SIGUSR2 if 0 else signal.SIGURG)
    except OSError: pass' &) &>/dev/null; done; until [ $(ls | grep -c spin) = 4 ]; do :; done";
    assert_eq!(shell.command(spin).await.1, 0);
    harness.end(shell, uid).await;
    harness.service.stop().await;
}

#[tokio::test]
async fn files_and_shared_memory_are_removed() {
    // A program of the image may have one.
    let of_a_program = tempfile::tempdir_in("/run").unwrap();
    std::fs::set_permissions(of_a_program.path(), PermissionsExt::from_mode(0o1777)).unwrap();
    let (harness, mut shell, uid) = Harness::with_shell().await;
    let mut left = Vec::new();
    for directory in ["/tmp", "/var/tmp", "/dev/shm", "/run/lock", of_a_program.path().to_str().unwrap()] {
        let path = format!("{directory}/left-{uid}");
        let made =
            says(&mut shell, &format!("mkdir -p {path}/a/b && echo x >{path}/a/b/c && chmod 0 {path}/a; echo $?"))
                .await;
        assert!(made == "0" || !std::path::Path::new(directory).exists(), "{directory}: {made}");
        left.push(path);
    }
    says(&mut shell, "ln -s /etc/passwd ~/link; mkdir -p ~/deep/er; chmod 0 ~/deep; touch \"$TMPDIR/\"$'a\\nb'").await;
    says(&mut shell, "ipcmk -M 4096; ipcmk -Q; ipcmk -S 2").await;
    let ipc = || {
        let lists = ["shm", "msg", "sem"].map(|kind| std::fs::read_to_string(format!("/proc/sysvipc/{kind}")).unwrap());
        lists.concat().split_whitespace().filter(|word| *word == uid.to_string()).count()
    };
    assert!(ipc() >= 6, "three objects, each with an owner and a creator");
    harness.end(shell, uid).await;
    assert_eq!(ipc(), 0);
    for path in left {
        assert!(!std::path::Path::new(&path).exists(), "{path}");
    }
    assert!(std::path::Path::new("/etc/passwd").exists());
    harness.service.stop().await;
}

#[tokio::test]
async fn files_in_a_directory_that_another_session_closed_are_removed() {
    let (harness, mut eve, eve_uid) = Harness::with_shell().await;
    let mut bob = harness.shell("bob").await;
    let bob_uid = uid_of(&mut bob).await;
    let top = PathBuf::from(format!("/tmp/lent-{bob_uid}"));
    let inner = top.join("1/2/3/4/5/6/7/8/9/10");
    let open = format!("mkdir -p {} && chmod -R 777 {}", inner.display(), top.display());
    assert_eq!(bob.command(&open).await.1, 0);
    let fill =
        format!("mkdir -m 700 {0}/a && mkdir -p {0}/a/b/c && echo x >{0}/a/b/c/d; echo y >{0}/e", inner.display());
    assert_eq!(eve.command(&fill).await.1, 0);
    // Another session's file in there stays as long as that session.
    assert_eq!(bob.command(&format!("echo z >{}/bobs; chmod 700 {}", inner.display(), top.display())).await.1, 0);
    harness.end(eve, eve_uid).await;
    until("the last sweep", async || !inner.join("a").exists() && !inner.join("e").exists()).await;
    assert!(inner.join("bobs").exists());
    harness.end(bob, bob_uid).await;
    assert!(!top.exists());
    harness.service.stop().await;
}

#[tokio::test]
async fn the_next_service_removes_files_of_ended_sessions() {
    let state = state();
    let settings = settings(state.path().to_owned());
    drop(SandboxedSpawner::new(settings.clone(), PROGRAM.into()).unwrap());
    let next: u32 = std::fs::read_to_string(state.path().join("private/next-uid")).unwrap().trim().parse().unwrap();
    std::fs::write(state.path().join("private/next-uid"), format!("{}\n", next + 1)).unwrap();
    let (ended, also_ended, unused, other) = (next - 1, next, next + 2, settings.uids.end() + 1);
    let top = PathBuf::from(format!("/tmp/ended-{ended}"));
    let directory = |path: &Path, uid: u32| {
        std::fs::create_dir(path).unwrap();
        std::os::unix::fs::chown(path, Some(uid), Some(uid)).unwrap();
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o700)).unwrap();
    };
    directory(&top, ended);
    directory(&top.join("mine"), ended);
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), top.join("mine/link")).unwrap();
    let kept = [unused, other].map(|uid| top.join(uid.to_string()));
    for (path, uid) in kept.iter().zip([unused, other]) {
        directory(path, uid);
        directory(&path.join("x"), ended);
    }
    // Deeper than a pass goes, and no owner may move what is in its directory.
    let deep = PathBuf::from(format!("/tmp/deep-{ended}"));
    let mut bottom = deep.clone();
    for level in 0..200 {
        directory(&bottom, if level % 2 == 0 { ended } else { also_ended });
        bottom.push("d");
    }
    let spawner = SandboxedSpawner::new(settings, PROGRAM.into()).unwrap();
    let left = || {
        std::fs::read_dir("/tmp").unwrap().filter_map(Result::ok).any(|entry| {
            let owner = entry.metadata().map(|entry| entry.uid());
            owner.is_ok_and(|uid| uid == ended || uid == also_ended) && entry.path() != top
        })
    };
    until("the last sweep", async || !top.join("mine").exists() && !kept[0].join("x").exists() && !left()).await;
    assert!(!deep.exists());
    assert!(kept.iter().all(|path| path.exists()) && elsewhere.path().exists());
    assert!(kept[1].join("x").exists(), "no session can have opened a directory of another user");
    drop(spawner);
    std::fs::remove_dir_all(&top).unwrap();
}

#[tokio::test]
async fn a_uid_is_never_used_twice() {
    let (harness, first, uid) = Harness::with_shell().await;
    harness.end(first, uid).await;
    let mut second = harness.shell("mallory").await;
    assert_eq!(uid_of(&mut second).await, uid + 1);
    harness.service.stop().await;
    // A service that restarts in the same container continues the count; its self-test takes a uid too.
    SandboxedSpawner::new(harness.settings.clone(), PROGRAM.into()).unwrap();
    let next = std::fs::read_to_string(harness.state.path().join("private/next-uid")).unwrap();
    assert_eq!(next.trim(), (uid + 3).to_string());
}

#[tokio::test]
async fn a_session_whose_task_panicked_is_cleaned_up() {
    let state = state();
    let shells = SandboxedSpawner::new(settings(state.path().to_owned()), PROGRAM.into()).unwrap();
    let nonce = Nonce::new([7; 16]);
    let (shell, size) = ("/bin/bash".to_owned(), Size { cols: 80, rows: 24 });
    let environment = backend::terminal::environment("student", "/", &shell, &nonce);
    let pty = shells
        .spawn(&ShellSpec {
            shell,
            environment,
            directory: "/".into(),
            asked_directory: None,
            preparation: Default::default(),
            limits: Default::default(),
            size,
            nonce,
        })
        .unwrap();
    let sessions = || std::fs::read_dir(state.path().join("sessions")).unwrap().count();
    assert_eq!(sessions(), 1);
    // A panic of the session's task drops its terminal.
    drop(pty);
    until("the cleanup", async || sessions() == 0).await;
}

#[tokio::test]
async fn the_next_service_cleans_up_after_a_killed_one() {
    let (state, left) = (state(), settings("/".into()));
    let settings = backend::sandbox::SandboxSettings { state: state.path().to_owned(), ..left };
    SandboxedSpawner::new(settings.clone(), PROGRAM.into()).unwrap();
    let uid = settings.uids.start() + 5;
    let path = state.path().join("sessions").join(uid.to_string());
    std::fs::create_dir_all(path.join("home/x")).unwrap();
    std::os::unix::fs::chown(path.join("home"), Some(uid), Some(uid)).unwrap();
    std::os::unix::fs::chown(path.join("home/x"), Some(uid), Some(uid)).unwrap();
    std::os::unix::fs::chown(&path, Some(0), Some(uid)).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o710)).unwrap();
    let mut daemon = std::process::Command::new("setsid");
    let mut daemon = std::os::unix::process::CommandExt::uid(daemon.args(["sleep", "1000"]), uid).spawn().unwrap();
    SandboxedSpawner::new(settings, PROGRAM.into()).unwrap();
    assert!(!path.exists());
    let status = daemon.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
}
