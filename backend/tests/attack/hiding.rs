//! An attacker hides what it uses from the service's measurements, or itself from the kernel's OOM killer.

use crate::exhaustion::{Attack, warns_of_limits};
use crate::harness::{Harness, says};

/// A process in which a thread makes files of this many bytes by lines of Python, and whose first thread ends: `exit` is the
/// system call, which ends one thread.
fn after_the_first_thread(make_file: &str, bytes: &str) -> String {
    format!(
        "/usr/bin/python3 -c 'import ctypes, os, threading, time
def hold():
    for number in range(9):
        {make_file}
        os.write(file, bytes({bytes}))
    time.sleep(1000)
threading.Thread(target=hold).start()
ctypes.CDLL(None).syscall(60 if os.uname().machine == \"x86_64\" else 93, 0)'"
    )
}

#[tokio::test]
async fn memory_of_a_process_whose_first_thread_has_ended() {
    let make_file = "file = os.memfd_create(\"x\")";
    Attack::new().await.ends_after(&after_the_first_thread(make_file, "60 << 20")).await;
}

#[tokio::test]
async fn unlinked_files_of_a_process_whose_first_thread_has_ended() {
    let make_file = "file = os.open(\"big\", os.O_CREAT | os.O_WRONLY); os.unlink(\"big\")";
    Attack::new().await.ends_after(&after_the_first_thread(make_file, "20 << 20")).await;
}

#[tokio::test]
async fn threads_share_their_files_and_show_them() {
    let (harness, mut shell, uid) = Harness::with_shell().await;
    // close_range(…, CLOSE_RANGE_UNSHARE), unshare(CLONE_FILES), close_range without the flag, prctl(PR_SET_DUMPABLE, 0).
    let script = "import ctypes, os, threading
c = ctypes.CDLL(None, use_errno=True)
def call(*arguments): return c.syscall(*arguments), ctypes.get_errno()
def attempt():
    print(call(436, 500, 600, 2), (c.unshare(0x400), ctypes.get_errno()))
    ctypes.set_errno(0)
    print(call(436, 500, 600, 0), c.prctl(4, 0, 0, 0, 0), os.stat(\"/proc/self/fd\").st_uid)
thread = threading.Thread(target=attempt)
thread.start()
thread.join()";
    let said = says(&mut shell, &format!("/usr/bin/python3 -c '{script}'")).await;
    assert_eq!(said, format!("(-1, 1) (-1, 1)\n(0, 0) 0 {uid}"));
    // No user may read this program, so the kernel hides the files of its process from its own user.
    let (output, code) = shell.command("cp /usr/bin/sleep hidden; chmod 111 hidden; ./hidden 1000").await;
    assert_eq!(code, 137, "killed: {output}");
    harness.end(shell, uid).await;
    harness.service.stop().await;
}

#[tokio::test]
async fn requests_that_all_users_share_are_refused() {
    let (harness, mut shell, uid) = Harness::with_shell().await;
    let script = "import ctypes, os
c = ctypes.CDLL(None, use_errno=True)
context = ctypes.c_ulong()
print(c.syscall(206 if os.uname().machine == \"x86_64\" else 0, 1, ctypes.byref(context)), ctypes.get_errno())";
    assert_eq!(says(&mut shell, &format!("/usr/bin/python3 -c '{script}'")).await, "-1 38", "ENOSYS of io_setup");
    harness.end(shell, uid).await;
    harness.service.stop().await;
}

#[tokio::test]
async fn the_oom_score_cannot_be_lowered() {
    let (harness, mut shell, uid) = Harness::with_shell().await;
    let lower = "for file in oom_score_adj oom_adj; do echo 0 >/proc/$$/$file; done 2>/dev/null
until [ $(</proc/$$/oom_score_adj) -ge 900 ]; do :; done; echo high";
    assert_eq!(says(&mut shell, lower).await, "high");
    // The rule against it leaves other files alone.
    let write =
        "mkdir a b; echo 1 >a/f && mv a/f b/ && cat b/f; /usr/bin/python3 -c 'import os; os.rename(\"b/f\", \"a/f\")'
echo 2 >/dev/stdout; echo 3 >/dev/tty; cat <(echo 4); echo 5 | tee /dev/fd/1 >/dev/null; echo 6 2>/dev/null >&1
exec 7>gone; rm gone; echo 8 >/proc/self/fd/7 && echo 8; exec 7>&-";
    assert_eq!(says(&mut shell, write).await, "1\n2\n3\n4\n6\n8");
    harness.end(shell, uid).await;
    harness.service.stop().await;
}

#[tokio::test]
async fn empty_files() {
    let attack = Attack::new().await;
    let many = "/usr/bin/python3 -c 'for number in range(8500): open(f\"f{number}\", \"w\").close()'";
    let screen = attack.ends_after(many).await;
    assert!(screen.contains("files, and may use 4096"), "{screen}");
}

#[tokio::test]
async fn files_below_many_directories_in_tmp() {
    let attack = Attack::new().await;
    let top = format!("/tmp/deep-{}", attack.uid);
    attack.ends_after("d=/tmp/deep-$UID; for i in {1..120}; do d=$d/d; done; mkdir -p $d").await;
    assert!(!std::path::Path::new(&top).exists());
}

#[tokio::test]
async fn files_in_a_directory_that_another_session_closed() {
    let mut attack = Attack::new().await;
    let top = format!("/tmp/lent-{}", attack.uid);
    assert_eq!(attack.ada.command(&format!("mkdir {top}; chmod 777 {top}")).await.1, 0);
    let fill = format!("for i in 1 2 3; do head -c 40M /dev/zero >{top}/$i; done");
    assert_eq!(attack.eve.command(&fill).await.1, 0);
    assert_eq!(attack.ada.command(&format!("chmod 700 {top}")).await.1, 0);
    attack.eve.event(warns_of_limits).await;
    attack.harness.service.stop().await;
}
