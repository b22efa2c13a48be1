//! The checks of one session, one at a time. A check runs as the session's user, or as a checker: a user of its own, made by the
//! first check that needs it and used by this session's checks only.

use super::SandboxSettings;
use super::check::{CheckTask, Ended, Supervised, TOO_LARGE};
use super::launch::LaunchSpec;
use super::launch::seccomp::{LANDLOCK_RENAMES, LANDLOCK_SCOPES};
use super::root::SandboxRoot;
use super::sandbox::{HOME, Sandbox, TEMPORARY};
use super::subcommand::{command, error_text, start, wait};
use super::usage::{Quotas, UsageMonitor};
use crate::metrics::CheckOutcome;
use crate::terminal::procfs::wait_for_end;
use crate::terminal::sys::landlock_version;
use crate::terminal::{
    CHECK_MARGIN, Check, CheckError, CheckFailure, CheckGuard, CheckReport, CheckUser, MAX_OUTPUT_BYTES,
};
use parking_lot::Mutex;
use shared_protocol::text::is_hidden;
use std::io::{self, Read, Write};
use std::process::{ChildStdin, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::time::Instant;

/// Reads the script before any of its programs runs, which could otherwise read the rest of it.
const SHELL: [&str; 5] =
    ["/bin/bash", "--noprofile", "--norc", "-c", "IFS= read -r -d ''; exec </dev/null; eval \"$REPLY\""];

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Processes of a check as the student beyond the session's own: a student who has all others cannot prevent it.
const EXTRA_PROCESSES: u64 = 64;

/// Way to end the running check.
#[derive(Default)]
struct Leash {
    /// Its supervisor ends when this closes.
    check: Option<ChildStdin>,
    /// True once the session ends.
    ended: bool,
}

/// Runs the checks of a session.
pub(super) struct Checks {
    root: Arc<SandboxRoot>,
    settings: SandboxSettings,
    monitor: Arc<UsageMonitor>,
    /// The session's own sandbox.
    student: Arc<Sandbox>,
    checker: OnceLock<Arc<Sandbox>>,
    /// False if a check may have left something with the checker.
    is_clean: AtomicBool,
    /// Locked while a check runs.
    running: Mutex<()>,
    leash: Mutex<Leash>,
}

impl Checks {
    pub(super) fn new(
        root: Arc<SandboxRoot>,
        settings: SandboxSettings,
        monitor: Arc<UsageMonitor>,
        student: Arc<Sandbox>,
    ) -> Self {
        Self {
            root,
            settings,
            monitor,
            student,
            checker: OnceLock::new(),
            is_clean: true.into(),
            running: Mutex::default(),
            leash: Mutex::default(),
        }
    }

    /// Ends the running check, and lets no other begin.
    pub(super) fn end(&self) {
        let mut leash = self.leash.lock();
        leash.ended = true;
        leash.check = None;
    }

    /// Removes the checker, once the last check is over. Call it after [`Self::end`]. Blocks.
    pub(super) fn clean(&self) {
        let _running = self.running.lock();
        if let Some(checker) = self.checker.get() {
            checker.kill();
            checker.remove();
        }
    }

    /// Runs a check to its end. Blocks.
    pub(super) fn run(&self, check: &Check) -> Result<CheckReport, CheckError> {
        let guard = guard(check, landlock_version())?;
        let _running = self.running.try_lock().ok_or(CheckError::Busy)?;
        let deadline = Instant::now() + check.time;
        let (ended, output) = match check.run_as {
            CheckUser::Student => self.run_as(&self.student, check, deadline)?,
            CheckUser::Checker => {
                let checker = self.clean_checker()?;
                let done = self.run_with_copies(&checker, check, deadline);
                self.is_clean.store(checker.empty(), Ordering::Release);
                done?
            }
        };
        let (outcome, exit_code, reason) = match ended {
            Ok(code) => (if code == 0 { CheckOutcome::Passed } else { CheckOutcome::Failed }, Some(code), None),
            Err(reason) => (CheckOutcome::CouldNotRun, None, Some(reason)),
        };
        let (output, truncated) = readable(&output);
        Ok(CheckReport { outcome, exit_code, reason, output, truncated, guard })
    }

    /// The checker, without anything of an earlier check.
    fn clean_checker(&self) -> Result<Arc<Sandbox>, CheckError> {
        if let Some(checker) = self.checker.get() {
            if !self.is_clean.load(Ordering::Acquire) && !checker.empty() {
                return Err(io::Error::other("an earlier check was not swept up").into());
            }
            return Ok(Arc::clone(checker));
        }
        let checker = Arc::new(Sandbox::bare(&self.root, Quotas::of(&self.settings))?);
        self.monitor.add(&checker);
        Ok(Arc::clone(self.checker.get_or_init(|| checker)))
    }

    fn run_with_copies(&self, checker: &Sandbox, check: &Check, deadline: Instant) -> Result<Done, CheckError> {
        match self.copy(checker, &check.paths, deadline)? {
            Some(failure) => Ok((Err(failure), Vec::new())),
            None => self.run_as(checker, check, deadline),
        }
    }

    /// Copies files of the student's for the checker.
    fn copy(&self, checker: &Sandbox, paths: &[String], deadline: Instant) -> io::Result<Option<CheckFailure>> {
        if paths.is_empty() {
            return Ok(None);
        }
        let task = CheckTask::Collect { uid: self.student.uid, home: self.student.directory(HOME) };
        let mut reader = command(&self.root.program, "check", &task)?;
        reader.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let (mut reader, tracked_reader) = match start(&mut reader) {
            Ok(started) => started,
            Err(error) => return no_process(error).map(Some),
        };
        let task = CheckTask::Place { uid: checker.uid, home: checker.directory(HOME) };
        let writer = {
            let mut writer = command(&self.root.program, "check", &task)?;
            writer.stdin(reader.stdout.take().map_or_else(Stdio::null, Stdio::from)).stdout(Stdio::null());
            start(writer.stderr(Stdio::piped()))
        };
        if let Some(mut stdin) = reader.stdin.take() {
            // It reads all of it first. Fails if it was killed, as its status says.
            let _ = stdin.write_all(serde_json::to_string(paths)?.as_bytes());
        }
        let read = wait(&mut reader, &tracked_reader, deadline)?;
        let (mut writer, tracked_writer) = match writer {
            Ok(started) => started,
            Err(error) => return no_process(error).map(Some),
        };
        let written = wait(&mut writer, &tracked_writer, deadline)?;
        let (Some(read), Some(written)) = (read, written) else { return Ok(Some(CheckFailure::Timeout)) };
        match read.code() {
            None => Ok(Some(CheckFailure::Killed)),
            Some(code) if code == i32::from(TOO_LARGE) => Ok(Some(CheckFailure::TooLarge)),
            Some(0) if written.success() => Ok(None),
            Some(0) => Err(io::Error::other(format!("{written}: {}", error_text(&mut writer)?))),
            Some(_) => Err(io::Error::other(format!("{read}: {}", error_text(&mut reader)?))),
        }
    }

    /// Runs the script as the user of a sandbox.
    fn run_as(&self, sandbox: &Sandbox, check: &Check, deadline: Instant) -> Result<Done, CheckError> {
        let own_uid = check.run_as == CheckUser::Checker;
        let mut launch = LaunchSpec::new(&self.settings, sandbox.uid, "/".into(), &SHELL);
        launch.piped = true;
        launch.processes += if own_uid { 0 } else { EXTRA_PROCESSES };
        let task = CheckTask::Run(Supervised {
            program: self.root.program.clone(),
            launch,
            script_bytes: check.script.len(),
            time_ms: deadline.saturating_duration_since(Instant::now()).as_millis() as u64,
            own_uid,
            signal_uid: self.root.signal_uid,
            lock: self.root.kill_lock.clone(),
        });
        let mut supervisor = command(&self.root.program, "check", &task)?;
        supervisor.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, value) in [
            ("PATH", PATH.into()),
            ("HOME", sandbox.directory(HOME)),
            ("TMPDIR", sandbox.directory(TEMPORARY)),
            ("USER", if own_uid { "checker".into() } else { "student".into() }),
            ("LANG", "C.UTF-8".into()),
        ] {
            supervisor.env(name, value);
        }
        let (mut supervisor, tracked) = {
            let mut leash = self.leash.lock();
            if leash.ended {
                return Err(CheckError::Ended);
            }
            let (mut supervisor, tracked) = match start(&mut supervisor) {
                Ok(started) => started,
                Err(error) => return Ok((Err(no_process(error)?), Vec::new())),
            };
            leash.check = supervisor.stdin.take();
            if let Some(check_in) = &mut leash.check {
                // It reads all of it first. Fails if it was killed, as its status says.
                let _ = check_in.write_all(check.script.as_bytes());
            }
            (supervisor, tracked)
        };
        let deadline = deadline + CHECK_MARGIN / 2;
        let output = match supervisor.stdout.take() {
            Some(stdout) => read_until(stdout, deadline)?,
            None => Vec::new(),
        };
        let status = wait(&mut supervisor, &tracked, deadline)?;
        self.leash.lock().check = None;
        let said = error_text(&mut supervisor)?;
        let ended = match (status, serde_json::from_str(&said)) {
            (Some(_), Ok(Ended::Exited(code))) => Ok(code),
            (Some(_), Ok(Ended::Killed)) => Err(CheckFailure::Killed),
            (Some(_), Ok(Ended::Timeout)) => Err(CheckFailure::Timeout),
            (Some(_), Ok(Ended::NoProcess)) => Err(CheckFailure::NoProcess),
            (status, _) => return Err(io::Error::other(format!("{status:?}: {said}")).into()),
        };
        Ok((ended, output))
    }
}

/// The exit code of a script, or why there is none; and the beginning of its output.
type Done = (Result<i32, CheckFailure>, Vec<u8>);

/// The failure that this error is, if there are too many processes.
fn no_process(error: io::Error) -> io::Result<CheckFailure> {
    if error.kind() == io::ErrorKind::WouldBlock { Ok(CheckFailure::NoProcess) } else { Err(error) }
}

/// The guard of a check, by the kernel's version of Landlock. Fails if it has none and did not ask for that.
fn guard(check: &Check, landlock: i64) -> Result<CheckGuard, CheckError> {
    Ok(match check.run_as {
        CheckUser::Checker => CheckGuard::Uid,
        CheckUser::Student if landlock >= LANDLOCK_SCOPES => CheckGuard::TraceAndSignals,
        CheckUser::Student if landlock >= LANDLOCK_RENAMES => CheckGuard::Trace,
        CheckUser::Student if check.unguarded => CheckGuard::None,
        CheckUser::Student => return Err(CheckError::Unguarded),
    })
}

/// Reads to the end, up to a deadline, and keeps a little more than may be kept. Blocks.
fn read_until(mut from: impl Read + std::os::fd::AsFd, deadline: Instant) -> io::Result<Vec<u8>> {
    let (mut kept, mut buffer) = (Vec::new(), [0; 8192]);
    while wait_for_end(&from, deadline) {
        match from.read(&mut buffer)? {
            0 => break,
            count => {
                let room = (MAX_OUTPUT_BYTES + 1).saturating_sub(kept.len());
                kept.extend(buffer.iter().take(count.min(room)));
            }
        }
    }
    Ok(kept)
}

/// Output as text: its lines, with U+FFFD for controls and for what is invisible or turns text around. Also returns whether there
/// was more.
fn readable(output: &[u8]) -> (String, bool) {
    let text = String::from_utf8_lossy(output).replace("\r\n", "\n");
    let shown = text.chars().map(|c| if is_hidden(c) && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c });
    let mut kept = String::new();
    for c in shown {
        if kept.len() + c.len_utf8() > MAX_OUTPUT_BYTES {
            return (kept, true);
        }
        kept.push(c);
    }
    (kept, output.len() > MAX_OUTPUT_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn output_is_text_of_a_bounded_length() {
        let (text, more) = readable(b"one\r\n\ttwo \x1b[31mred\x07\0\xff \xe2\x80\xae end\rx");
        assert_eq!((&*text, more), ("one\n\ttwo \u{fffd}[31mred\u{fffd}\u{fffd}\u{fffd} \u{fffd} end\u{fffd}x", false));
        assert_eq!(readable(&[b'a'; MAX_OUTPUT_BYTES]), ("a".repeat(MAX_OUTPUT_BYTES), false));
        assert_eq!(readable(&[b'a'; MAX_OUTPUT_BYTES + 1]), ("a".repeat(MAX_OUTPUT_BYTES), true));
        let (text, more) = readable(&[0; MAX_OUTPUT_BYTES]);
        assert!(more && text.len() <= MAX_OUTPUT_BYTES && text.len() > MAX_OUTPUT_BYTES - 3);
    }

    #[test]
    fn a_check_as_the_student_is_refused_where_nothing_guards_it() {
        let check = |run_as, unguarded| Check {
            script: String::new(),
            run_as,
            paths: Vec::new(),
            time: Duration::from_secs(1),
            unguarded,
        };
        for (landlock, expected) in [
            (0, None),
            (LANDLOCK_RENAMES - 1, None),
            (LANDLOCK_RENAMES, Some(CheckGuard::Trace)),
            (LANDLOCK_SCOPES, Some(CheckGuard::TraceAndSignals)),
        ] {
            assert_eq!(guard(&check(CheckUser::Student, false), landlock).ok(), expected, "{landlock}");
            let unguarded = guard(&check(CheckUser::Student, true), landlock).ok();
            assert_eq!(unguarded, expected.or(Some(CheckGuard::None)), "{landlock}");
            assert_eq!(guard(&check(CheckUser::Checker, false), landlock).ok(), Some(CheckGuard::Uid));
        }
    }
}
