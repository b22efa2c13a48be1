//! A student tries to read, stop, starve and fake a check, whose student's processes run at the same time.

use crate::checks::{Meeting, USERS, check_as, is_scoped, run};
use crate::harness::{Harness, says};
use serde_json::{Value, json};

/// Command lines that read a process, or take part in it.
fn reads(pid: u32) -> Vec<String> {
    let script = |call: &str| {
        let open = "import ctypes, sys; c = ctypes.CDLL(None, use_errno=True)";
        format!("/usr/bin/python3 -c '{open}; sys.exit(0 if {call} >= 0 else 1)'")
    };
    let mut lines: Vec<String> = ["environ", "mem", "maps", "syscall", "stack", "auxv", "io"]
        .map(|file| format!("head -c 1 /proc/{pid}/{file}"))
        .into();
    lines.extend(["cwd/", "root/", "map_files"].map(|folder| format!("ls /proc/{pid}/{folder}")));
    lines.extend(["0", "1", "2"].map(|fd| format!("readlink /proc/{pid}/fd/{fd} || echo faked >/proc/{pid}/fd/{fd}")));
    // PTRACE_ATTACH and PTRACE_SEIZE, pidfd_getfd, process_vm_readv.
    lines.extend([
        script(&format!("c.ptrace(16, {pid}, 0, 0)")),
        script(&format!("c.ptrace(0x4206, {pid}, 0, 0)")),
        script(&format!("c.syscall(438, c.syscall(434, {pid}, 0), 1, 0)")),
    ]);
    lines
}

/// Command lines that stop or starve a process.
fn disturbs(pid: u32) -> Vec<String> {
    let mut lines = Vec::new();
    for signal in ["STOP", "TERM", "HUP", "KILL", "0"] {
        lines.push(format!("kill -{signal} {pid}"));
    }
    for limit in ["nofile=3", "cpu=1", "nproc=1", "fsize=0"] {
        lines.push(format!("prlimit --pid {pid} --{limit}"));
    }
    lines.push(format!("echo 1000 >/proc/{pid}/oom_score_adj"));
    lines
}

#[tokio::test]
async fn a_student_neither_reads_nor_stops_a_check() {
    let (harness, mut eve, _) = Harness::with_shell().await;
    let scoped = is_scoped(&harness).await;
    for run_as in USERS {
        let meeting = Meeting::new();
        let script = format!("secret=sesame7\n{}[ $secret = sesame7 ]", meeting.waiting());
        // Without a word on guards: where there is none, this is refused.
        let mut check = json!({"script": script, "as": run_as});
        if run_as == "student" && !scoped {
            let (status, answer) = harness.service.check("eve", &json!({"script": "true", "as": run_as})).await;
            // No Landlock of Linux 6.12 here: the check is refused, or says that it is guarded against tracing alone.
            let refused = status == 400 && answer["code"] == "BAD_FIELD";
            assert!(refused || answer["guard"] == "trace", "{answer}");
            continue;
        }
        check["seconds"] = json!(60);
        let attack = async {
            let (pid, _) = meeting.begun().await;
            let mut lines = reads(pid);
            // Bash, and the supervisor above it.
            let parent = says(&mut eve, &format!("cut -d' ' -f4 /proc/{pid}/stat")).await.parse().unwrap();
            for pid in [pid, parent] {
                lines.extend(disturbs(pid));
            }
            lines.extend(reads(parent));
            lines.push("grep -l sesame[7] /proc/[0-9]*/cmdline /proc/[0-9]*/environ | grep .".into());
            let mut done = Vec::new();
            for line in lines {
                let (output, code) = eve.command(&format!("{{ {line}; }} 2>/dev/null")).await;
                if code == 0 || !output.is_empty() {
                    done.push((line, output));
                }
            }
            // Signals every process that it may.
            eve.command("trap '' TERM; kill -TERM -1").await;
            meeting.go_on();
            done
        };
        let (report, done) = tokio::join!(run(&harness, check), attack);
        assert!(done.is_empty(), "{run_as}: {done:?}");
        assert_eq!(report["outcome"], "passed", "{run_as}: {report}");
        assert_eq!(report["output"], "", "{run_as}");
    }
    harness.assert_healthy().await;
    harness.service.stop().await;
}

#[tokio::test]
async fn files_of_a_checker_are_closed_to_the_student() {
    let (harness, mut eve, _) = Harness::with_shell().await;
    let meeting = Meeting::new();
    says(&mut eve, "echo mine >file").await;
    let script = format!("chmod 777 ~ ~/file; echo expected >~/answer; {}cat ~/file", meeting.waiting());
    let check = json!({"script": script, "as": "checker", "paths": ["file"], "seconds": 60});
    let attack = async {
        let (_, uid) = meeting.begun().await;
        let home = harness.state.path().join("sessions").join(uid.to_string()).join("home");
        let (home, mut done) = (home.display(), Vec::new());
        for line in
            [format!("ls {home}"), format!("cat {home}/answer"), format!("echo x >{home}/file"), format!("cd {home}")]
        {
            let (output, code) = eve.command(&format!("{{ {line}; }} 2>/dev/null")).await;
            if code == 0 || !output.is_empty() {
                done.push(line);
            }
        }
        meeting.go_on();
        done
    };
    let (report, done) = tokio::join!(run(&harness, check), attack);
    assert_eq!(done, Vec::<String>::new());
    assert_eq!((&report["outcome"], &report["output"]), (&json!("passed"), &json!("mine\n")), "{report}");
    harness.service.stop().await;
}

#[tokio::test]
async fn a_full_process_table_prevents_no_check_of_the_student() {
    let (harness, mut eve, _) = Harness::with_shell().await;
    let most = harness.settings.processes;
    let fill = format!(
        "/usr/bin/python3 -c 'import os, time
while True:
    try:
        if os.fork() == 0: time.sleep(1000)
    except BlockingIOError: break
open(\"full\", \"w\").close()
time.sleep(1000)' &
until [ -e full ]; do :; done; echo {most}"
    );
    assert_eq!(says(&mut eve, &fill).await.lines().last().unwrap(), most.to_string());
    for run_as in USERS {
        let report = run(&harness, check_as(run_as, "echo $(ls / | head -1 | wc -l) && /bin/true")).await;
        assert_eq!((&report["outcome"], &report["output"]), (&json!("passed"), &json!("1\n")), "{run_as}: {report}");
    }
    harness.assert_healthy().await;
    harness.service.stop().await;
}

#[tokio::test]
async fn a_check_that_fills_the_process_table_could_not_run() {
    let (harness, mut eve, _) = Harness::with_shell().await;
    // The script's processes are the student's: they must not change the result.
    let fill = "import os, time
while True:
    try:
        if os.fork() == 0: time.sleep(1000)
    except BlockingIOError: break
open(os.environ[\"TMPDIR\"] + \"/full\", \"w\").close()
time.sleep(1000)";
    says(&mut eve, &format!("cat >fill.py <<'E'\n{fill}\nE")).await;
    for run_as in USERS {
        // bash tries to fork for 15 s.
        let script = "python3 ~/fill.py & until [ -e $TMPDIR/full ]; do :; done; ls / >/dev/null || true; exit 0";
        let mut check = check_as(run_as, script);
        check["seconds"] = json!(30);
        if run_as == "checker" {
            check["paths"] = json!(["fill.py"]);
        }
        let report = run(&harness, check).await;
        let expected = (&json!("could_not_run"), &json!("no_process"), &Value::Null);
        assert_eq!((&report["outcome"], &report["reason"], &report["exitCode"]), expected, "{run_as}: {report}");
        let report = run(&harness, check_as(run_as, "exit 0")).await;
        assert_eq!(report["outcome"], "passed", "nothing is left of it: {report}");
    }
    assert_eq!(says(&mut eve, "echo fine").await, "fine");
    harness.service.stop().await;
}

#[tokio::test]
async fn files_that_change_while_they_are_copied_lead_nowhere() {
    let (harness, mut eve, uid) = Harness::with_shell().await;
    // Its folder is a link to another one every other moment.
    let swap = "mkdir -p real; echo harmless >real/passwd
(while [ ! -e stop ]; do ln -sfn /etc x; rm -rf x; mkdir x; cp real/passwd x/; rm -rf x; done; touch stopped) 2>/dev/null &";
    assert_eq!(eve.command(swap).await.1, 0);
    for _ in 0..30 {
        let check = json!({"script": "cat ~/x/passwd 2>/dev/null; true", "as": "checker", "paths": ["x/passwd"]});
        let report = run(&harness, check).await;
        let output = report["output"].as_str().unwrap();
        assert!(output.is_empty() || output == "harmless\n", "{report}");
    }
    assert_eq!(eve.command("touch stop; until [ -e stopped ]; do :; done").await.1, 0);
    harness.end(eve, uid).await;
    harness.service.stop().await;
}
