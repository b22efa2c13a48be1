//! Checks of the platform: what a script finds, how it ends, and what is left of it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use crate::harness::{Harness, processes_of, says, uid_of};
use crate::support::{Terminal, read, until};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// A directory that the student, a check and the test share.
pub(crate) struct Meeting(tempfile::TempDir);

impl Meeting {
    pub(crate) fn new() -> Self {
        let meeting = Self(tempfile::tempdir_in("/tmp").unwrap());
        std::fs::set_permissions(meeting.0.path(), Permissions::from_mode(0o777)).unwrap();
        meeting
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Lines of a script that says its pid and uid, and waits to go on.
    pub(crate) fn waiting(&self) -> String {
        let (here, go) = (self.at("here.new"), self.at("go"));
        let (here, go, there) = (here.display(), go.display(), self.at("here").display().to_string());
        format!("echo $$ $UID >{here}; chmod 644 {here}; mv {here} {there}; until [ -e {go} ]; do sleep 0.02; done\n")
    }

    /// Waits for a script to begin; returns its pid and uid.
    pub(crate) async fn begun(&self) -> (u32, u32) {
        let here = self.at("here");
        until("the check", async || here.exists()).await;
        let said = std::fs::read_to_string(here).unwrap();
        let (pid, uid) = said.trim().split_once(' ').unwrap();
        (pid.parse().unwrap(), uid.parse().unwrap())
    }

    pub(crate) fn go_on(&self) {
        std::fs::write(self.at("go"), "").unwrap();
    }
}

/// True if the kernel keeps signals of a session from a check as its student.
pub(crate) async fn is_scoped(harness: &Harness) -> bool {
    let (_, level) = read(harness.service.get("/api/diagnostics/websocket").await).await;
    level["isolation"].as_str().unwrap().contains("landlock")
}

/// A check as the student, which takes no guard, so that it runs on any kernel; or as the checker.
pub(crate) fn check_as(run_as: &str, script: &str) -> Value {
    match run_as {
        "student" => json!({"script": script, "as": run_as, "unguarded": true}),
        _ => json!({"script": script, "as": run_as}),
    }
}

/// Runs a check of Eve's session to its end.
pub(crate) async fn run(harness: &Harness, check: Value) -> Value {
    let (status, report) = harness.service.check("eve", &check).await;
    assert_eq!(status, 200, "{report}");
    report
}

/// The output of a script, which must pass.
async fn printed(harness: &Harness, run_as: &str, script: &str) -> String {
    let report = run(harness, check_as(run_as, script)).await;
    assert_eq!(report["outcome"], "passed", "{run_as}: {script}: {report}");
    report["output"].as_str().unwrap().to_owned()
}

pub(crate) const USERS: [&str; 2] = ["student", "checker"];

#[tokio::test]
async fn a_script_passes_or_fails_by_its_exit_code() {
    let (harness, _eve, _) = Harness::with_shell().await;
    let scoped = is_scoped(&harness).await;
    for run_as in USERS {
        let report = run(&harness, check_as(run_as, "echo out; echo err >&2\n# the end")).await;
        let guard = report["guard"].clone();
        let expected = json!({
            "outcome": "passed", "exitCode": 0, "reason": null, "output": "out\nerr\n", "truncated": false, "guard": guard,
        });
        assert_eq!(report, expected, "{run_as}");
        match run_as {
            "checker" => assert_eq!(guard, "uid"),
            _ if scoped => assert_eq!(guard, "trace_and_signals"),
            // This kernel has no Landlock of Linux 6.12.
            _ => assert!(guard == "trace" || guard == "none", "{guard}"),
        }
        for (script, code) in [("false", 1), ("exit 7", 7), ("set -e; false; true", 1), ("no-such-program", 127)] {
            let report = run(&harness, check_as(run_as, script)).await;
            assert_eq!(
                (&report["outcome"], &report["exitCode"]),
                (&json!("failed"), &json!(code)),
                "{script}: {report}"
            );
        }
        for (script, reason) in [("kill -KILL $$", "killed"), ("exit 254", "no_process")] {
            let report = run(&harness, check_as(run_as, script)).await;
            let could_not = (&json!("could_not_run"), &json!(reason), &Value::Null);
            assert_eq!((&report["outcome"], &report["reason"], &report["exitCode"]), could_not, "{script}: {report}");
        }
    }
    harness.service.stop().await;
}

#[tokio::test]
async fn a_script_has_a_clean_start() {
    let (harness, mut eve, uid) = Harness::with_shell().await;
    says(&mut eve, "export BASH_ENV=~/env ENV=~/env; echo 'echo student' | tee ~/env ~/.bashrc ~/.profile").await;
    for run_as in USERS {
        // bash itself adds PWD, SHLVL and _.
        let names = printed(&harness, run_as, "env | cut -d= -f1 | sort | tr '\\n' ' '").await;
        assert_eq!(names, "HOME LANG PATH PWD SHLVL TMPDIR USER _ ", "{run_as}");
        let script = "pwd; umask; echo $PATH; ls /proc/self/fd | tr '\\n' ' '; cat; tty; shopt -q login_shell || shopt -q expand_aliases; echo $?";
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let expected = format!("/\n0077\n{path}\n0 1 2 3 not a tty\n1\n");
        let report = run(&harness, check_as(run_as, script)).await;
        assert_eq!(report["output"], expected, "{run_as}");
        let privileges = "grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status | tr -d '\\n\\t'";
        let none = "0000000000000000";
        let capabilities = ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"].map(|name| format!("{name}{none}"));
        let privileges = printed(&harness, run_as, privileges).await;
        assert_eq!(privileges, format!("{}NoNewPrivs:1Seccomp:2", capabilities.concat()), "{run_as}");
        // A program of the script can read no more of it.
        assert_eq!(printed(&harness, run_as, "cat\necho rest; cat /dev/stdin").await, "rest\n", "{run_as}");
    }
    let ids = printed(&harness, "student", "id -u; echo $USER; ls ~").await;
    assert_eq!(ids, format!("{uid}\nstudent\nenv\n"));
    let ids = printed(&harness, "checker", "id -u; echo $USER; ls -A ~").await;
    let (checker, rest) = ids.split_once('\n').unwrap();
    assert_eq!(rest, "checker\n");
    assert!(harness.settings.uids.contains(&checker.parse().unwrap()) && checker != uid.to_string(), "{checker}");
    assert_eq!(printed(&harness, "checker", "id -u").await.trim(), checker, "one for the session");
    let _ada = harness.shell("ada").await;
    let (_, other) = harness.service.check("ada", &check_as("checker", "id -u")).await;
    assert_ne!(other["output"].as_str().unwrap().trim(), checker, "and for no other");
    harness.service.stop().await;
}

#[tokio::test]
async fn output_is_text_and_bounded() {
    let (harness, _eve, _) = Harness::with_shell().await;
    for run_as in USERS {
        let controls = r"printf 'a\e[31mb\r\n\tc\0\a\x9b\xe2\x80\xae'";
        let expected = "a\u{fffd}[31mb\n\tc\u{fffd}\u{fffd}\u{fffd}\u{fffd}";
        assert_eq!(printed(&harness, run_as, controls).await, expected, "{run_as}");
        let report = run(&harness, check_as(run_as, "head -c 3000000 /dev/zero | tr '\\0' a; exit 3")).await;
        assert_eq!((&report["exitCode"], &report["truncated"]), (&json!(3), &json!(true)), "{run_as}");
        assert_eq!(report["output"].as_str().unwrap(), "a".repeat(64 * 1024), "{run_as}");
    }
    harness.service.stop().await;
}

/// Processes of a user that run this program.
fn running(uid: u32, program: &str) -> usize {
    processes_of(uid).iter().filter(|stat| stat.contains(&format!("({program})"))).count()
}

#[tokio::test]
async fn time_is_over_for_all_processes_and_nothing_is_left() {
    let (harness, mut eve, uid) = Harness::with_shell().await;
    says(&mut eve, "sleep 1000 &").await;
    let daemons = "(setsid nohup tail -f /dev/null &) &>/dev/null
(trap '' HUP TERM; sh -c 'kill -STOP $$; tail -f /dev/null' &) &>/dev/null
for i in 1 2 3; do (setsid tail -f /dev/null &); done
echo left >~/left; mkdir -p $TMPDIR/a/b; echo left >/tmp/left-$UID; id -u";
    for run_as in USERS {
        let left = printed(&harness, run_as, daemons).await;
        let of: u32 = left.trim().parse().unwrap();
        assert_eq!(running(of, "tail"), 0, "{run_as}: {:?}", processes_of(of));
        let mut check = check_as(run_as, "while :; do tail -f /dev/null & wait; done");
        check["seconds"] = json!(1);
        let report = run(&harness, check).await;
        let expected = (&json!("could_not_run"), &json!("timeout"), &Value::Null);
        assert_eq!((&report["outcome"], &report["reason"], &report["exitCode"]), expected, "{report}");
        assert_eq!(running(of, "tail"), 0, "{run_as}: {:?}", processes_of(of));
        if run_as == "checker" {
            assert_eq!(processes_of(of), Vec::<String>::new());
            let sandbox = harness.state.path().join("sessions").join(of.to_string());
            for directory in ["home", "tmp", "run"] {
                assert_eq!(std::fs::read_dir(sandbox.join(directory)).unwrap().count(), 0, "{directory}");
            }
            assert!(!PathBuf::from(format!("/tmp/left-{of}")).exists());
        }
    }
    assert_eq!(says(&mut eve, "jobs").await.matches("Running").count(), 1, "the student's own job runs on");
    harness.end(eve, uid).await;
    assert_eq!(std::fs::read_dir(harness.state.path().join("sessions")).unwrap().count(), 0);
    harness.service.stop().await;
}

#[tokio::test]
async fn the_end_of_a_session_ends_its_check() {
    for run_as in USERS {
        let (harness, eve, uid) = Harness::with_shell().await;
        let meeting = Meeting::new();
        let mut check = check_as(run_as, &format!("trap '' HUP TERM; {}", meeting.waiting()));
        check["seconds"] = json!(60);
        let (report, of) = tokio::join!(run(&harness, check), async {
            let (_, of) = meeting.begun().await;
            harness.end(eve, uid).await;
            of
        });
        assert_eq!((&report["outcome"], &report["reason"]), (&json!("could_not_run"), &json!("killed")), "{report}");
        harness.wait_for_cleanup(of).await;
        assert_eq!(std::fs::read_dir(harness.state.path().join("sessions")).unwrap().count(), 0);
        let (status, refused) = harness.service.check("eve", &check_as(run_as, "true")).await;
        assert_eq!((status, &refused["code"]), (410, &json!("SESSION_ENDED")));
        harness.service.stop().await;
    }
}

#[tokio::test]
async fn an_instance_has_four_checks_at_once() {
    let harness = Harness::new().await;
    let names = ["eve", "ada", "bob", "cid", "dan"];
    let mut shells: Vec<Terminal> = Vec::new();
    for name in names {
        shells.push(harness.shell(name).await);
    }
    let meetings: [Meeting; 4] = std::array::from_fn(|_| Meeting::new());
    let waiting = names.iter().zip(&meetings).map(|(name, meeting)| {
        let mut check = check_as("student", &meeting.waiting());
        check["seconds"] = json!(60);
        let harness = &harness;
        async move { harness.service.check(name, &check).await }
    });
    let waiting = futures_util::future::join_all(waiting);
    let others = async {
        for meeting in &meetings {
            meeting.begun().await;
        }
        let (status, fifth) = harness.service.check("dan", &check_as("student", "true")).await;
        meetings.iter().for_each(Meeting::go_on);
        (status, fifth)
    };
    let (done, (status, fifth)) = tokio::join!(waiting, others);
    assert!(done.iter().all(|(status, report)| *status == 200 && report["outcome"] == "passed"), "{done:?}");
    assert_eq!((status, &fifth["code"], &fifth["retryable"]), (429, &json!("RATE_LIMITED"), &json!(true)));
    let (_, after) = harness.service.check("dan", &check_as("student", "true")).await;
    assert_eq!(after["outcome"], "passed", "{after}");
    harness.service.stop().await;
}

#[tokio::test]
async fn a_checker_gets_regular_files_alone() {
    let harness = Harness::with(|settings| settings.disk = 256 << 20).await;
    let mut eve = harness.shell("eve").await;
    let uid = uid_of(&mut eve).await;
    let made = "mkdir -p d/e out; echo text >d/file; echo '#!/bin/sh' >d/e/run; chmod 700 d/e/run; chmod 0 out
ln -s /etc/passwd link; ln -s d folder; ln -s /etc d/etc; ln -s file d/link; mkfifo pipe d/pipe
echo locked >d/locked; chmod 0 d/locked; ln -s ../.. up; /usr/bin/python3 -c 'import socket
socket.socket(socket.AF_UNIX).bind(\"d/socket\")'; touch $'d/a\\nb'; echo twice >twice";
    assert_eq!(eve.command(made).await.1, 0);
    let paths = ["link", "folder/file", "pipe", "up/x", "d", "d/file", "out/x", "missing", "twice", "twice"];
    let script = "cd ~; find . -mindepth 1 ! -type d -print0 | LC_ALL=C sort -z | tr '\\0\\n' ' _'; cat d/file twice
stat -c '%a %u' d d/file d/e/run; id -u; echo changed >d/file";
    let report = run(&harness, json!({"script": script, "as": "checker", "paths": paths})).await;
    let output = report["output"].as_str().unwrap();
    let (files, rest) = output.split_once("./twice ").unwrap();
    assert_eq!(files, "./d/a_b ./d/e/run ./d/file ", "{output}");
    let checker = rest.trim().rsplit('\n').next().unwrap();
    let modes = format!("text\ntwice\n700 {checker}\n600 {checker}\n700 {checker}\n{checker}\n");
    assert_eq!(rest, modes);
    assert_eq!(says(&mut eve, "cat d/file").await, "text", "it was a copy");
    let home = harness.state.path().join("sessions").join(uid.to_string()).join("home");
    let look = format!("cat {0}/d/file || ls {0} || touch {0}/x", home.display());
    assert_eq!(run(&harness, check_as("checker", &look)).await["outcome"], "failed", "only copies");
    for (make, path) in [
        ("head -c 17M /dev/zero >big", "big"),
        ("mkdir parts; for i in 1 2; do head -c 9M /dev/zero >parts/$i; done", "parts"),
        ("mkdir many; touch many/{1..4100}", "many"),
        ("mkdir -p deep/$(printf 'd/%.0s' {1..40})", "deep"),
    ] {
        assert_eq!(eve.command(make).await.1, 0, "{make}");
        let report = run(&harness, json!({"script": "true", "as": "checker", "paths": [path]})).await;
        let expected = (&json!("could_not_run"), &json!("too_large"), &json!(""));
        assert_eq!((&report["outcome"], &report["reason"], &report["output"]), expected, "{path}: {report}");
        assert_eq!(eve.command(&format!("rm -r {path}")).await.1, 0);
    }
    let (_, id) = harness.service.check("eve", &check_as("checker", "ls -A ~ | wc -l")).await;
    assert_eq!(id["output"], "0\n", "nothing of the copies is left");
    harness.end(eve, uid).await;
    harness.service.stop().await;
}

#[tokio::test]
async fn scripts_that_change_their_form_on_the_way_are_what_they_were() {
    let (harness, _eve, _) = Harness::with_shell().await;
    let mut longest = "echo 'é'\n# ".to_owned();
    longest += &"x".repeat(64 * 1024 - longest.len() - 7);
    longest += "\nexit 5";
    assert_eq!(longest.len(), 64 * 1024);
    for run_as in USERS {
        let report = run(&harness, check_as(run_as, &longest)).await;
        assert_eq!((&report["exitCode"], &report["output"]), (&json!(5), &json!("é\n")), "{run_as}: {report}");
        // Of backslashes, quotes, blanks at both ends and a last line without an end, all count.
        let odd = printed(&harness, run_as, "  cat <<'E'\n \\n \"$HOME\" 'x'\nE\nprintf '%s' \"a  b\"").await;
        assert_eq!(odd, " \\n \"$HOME\" 'x'\na  b", "{run_as}");
        let report = run(&harness, check_as(run_as, "echo before\nif")).await;
        assert_eq!(report["outcome"], "failed", "a syntax error: {report}");
    }
    harness.service.stop().await;
}

#[tokio::test]
async fn a_session_has_one_check_at_a_time_also_of_a_caller_that_has_gone_away() {
    let (harness, mut eve, _) = Harness::with_shell().await;
    let meeting = Meeting::new();
    let check = check_as("student", &meeting.waiting());
    tokio::select! {
        _ = harness.service.check("eve", &check) => panic!("it waits"),
        _ = meeting.begun() => {}
    }
    for run_as in USERS {
        let (_, second) = harness.service.check("eve", &check_as(run_as, "true")).await;
        assert_eq!(second["code"], "RATE_LIMITED", "{second}");
        assert!(second["error"].as_str().unwrap().starts_with("a check of this session runs already"), "{second}");
    }
    meeting.go_on();
    until("its end", async || harness.service.check("eve", &check_as("student", "true")).await.0 == 200).await;
    let passed = "termgate_checks_total{outcome=\"passed\"} 2\n";
    until("the count", async || harness.service.metrics().await.text().await.unwrap().contains(passed)).await;
    assert_eq!(says(&mut eve, "echo fine").await, "fine");
    harness.service.stop().await;
}

#[tokio::test]
async fn uids_of_checkers_are_used_once() {
    let (harness, eve, uid) = Harness::with_shell().await;
    let mut uids = BTreeSet::from([uid]);
    let checker = async |session: &str| -> u32 {
        let (_, report) = harness.service.check(session, &check_as("checker", "id -u")).await;
        report["output"].as_str().unwrap().trim().parse().unwrap()
    };
    assert!(uids.insert(checker("eve").await));
    harness.end(eve, uid).await;
    let mut ada = harness.shell("ada").await;
    assert!(uids.insert(uid_of(&mut ada).await) && uids.insert(checker("ada").await), "{uids:?}");
    harness.service.stop().await;
}
