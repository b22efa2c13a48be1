//! How the service starts, and when it does not: as its own program, with the powers that a container may withhold.

use crate::harness::{PROGRAM, state};
use std::process::{Command, Output, Stdio};

/// Starts it where it is expected to refuse, and waits for that.
fn refusal(mut command: Command, variables: &[(&str, &str)]) -> String {
    let state = state();
    let output: Output = command
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("PORT", "0"), ("RUST_LOG", "error")])
        .env("STATE_DIRECTORY", state.path())
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

/// As somebody else than root.
fn as_nobody() -> Command {
    let mut command = Command::new(PROGRAM);
    std::os::unix::process::CommandExt::uid(&mut command, 65_534);
    command
}

/// As root without one of its powers.
fn without(capability: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set", &format!("-{capability}"), PROGRAM]);
    command
}

#[test]
fn isolation_that_is_required_and_missing() {
    let required = ("REQUIRE_ISOLATION", "true");
    let said = refusal(as_nobody(), &[required]);
    assert!(said.contains("run the service as root, with a range in SESSION_UIDS"), "{said}");
    let said = refusal(Command::new(PROGRAM), &[required, ("SESSION_UIDS", "none")]);
    assert!(said.contains("REQUIRE_ISOLATION is true, but sessions are not kept apart"), "{said}");
    let said = refusal(as_nobody(), &[("SESSION_UIDS", "20000-30000")]);
    assert!(said.contains("only root can start processes of other users"), "{said}");
}

#[test]
fn a_power_that_the_container_withholds_is_named() {
    for (capability, step) in [
        ("setuid", "setting the uid: "),
        ("setgid", "dropping supplementary groups: "),
        ("setpcap", "emptying the capability bounding set: "),
        ("chown", "sessions cannot be kept apart: "),
    ] {
        let said = refusal(without(capability), &[]);
        assert!(said.contains(step) && said.contains("not permitted"), "{capability}: {said}");
    }
}

#[test]
fn who_calls_what_only_the_service_calls() {
    let root = ["launch", "0", "1", "1", "1", "shared", "/", "/bin/sh"];
    let no_terminal = ["launch", "20000", "1", "1", "1", "shared", "/", "/bin/sh"];
    for arguments in [&["launch"][..], &root, &no_terminal, &["sweep", "kill", "0", "1", "x"]] {
        let output = Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
        assert!(!output.status.success(), "{arguments:?}");
        assert_eq!(output.stdout, b"");
    }
    let mut other = Command::new(PROGRAM);
    other.arg("--help");
    assert!(refusal(other, &[]).contains("settings are variables"));
}
