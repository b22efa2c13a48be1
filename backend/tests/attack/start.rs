//! The service refuses to start without a privilege that sandboxes need; containers may withhold some.

use crate::harness::{PROGRAM, state};
use std::process::{Command, Output, Stdio};

fn start_error(mut command: Command, variables: &[(&str, &str)]) -> String {
    let state = state();
    let output: Output = command
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("PORT", "0"), ("RUST_LOG", "error")])
        .env("STATE_DIRECTORY", state.path())
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    error
}

fn as_nobody() -> Command {
    let mut command = Command::new(PROGRAM);
    std::os::unix::process::CommandExt::uid(&mut command, 65_534);
    command
}

/// The service as root without a capability.
fn without(capability: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set", &format!("-{capability}"), PROGRAM]);
    command
}

#[test]
fn required_isolation_that_is_missing_stops_the_start() {
    let required = ("REQUIRE_ISOLATION", "true");
    let error = start_error(as_nobody(), &[required]);
    assert!(error.contains("run the service as root, with a range in SESSION_UIDS"), "{error}");
    let error = start_error(Command::new(PROGRAM), &[required, ("SESSION_UIDS", "none")]);
    assert!(error.contains("REQUIRE_ISOLATION is true, but sessions are not isolated"), "{error}");
    let error = start_error(as_nobody(), &[("SESSION_UIDS", "20000-30000")]);
    assert!(error.contains("only root can start processes of other users"), "{error}");
}

#[test]
fn the_error_names_the_step_that_lacks_a_capability() {
    for (capability, step) in [
        ("setuid", "setting the uid: "),
        ("setgid", "dropping supplementary groups: "),
        ("setpcap", "emptying the capability bounding set: "),
        ("chown", "sessions cannot be isolated: "),
    ] {
        let error = start_error(without(capability), &[]);
        assert!(error.contains(step) && error.contains("not permitted"), "{capability}: {error}");
    }
}

#[test]
fn subcommands_reject_invalid_arguments() {
    let spec = |uid: u32| {
        let limits = r#""memory":1,"disk":1,"processes":1,"network":"shared""#;
        format!(r#"{{"uid":{uid},"directory":"/",{limits},"command":["/bin/sh"]}}"#)
    };
    let kill = r#"{"kill":{"uid":0,"signal_uid":20000,"lock":"x"}}"#;
    for (arguments, expected) in [
        (&["launch"][..], "only the service itself"),
        (&["launch", &spec(0)], "uid 0 is not a session's"),
        (&["launch", &spec(20_000)], "not a terminal"),
        (&["sweep", kill], "uid 0 is not a session's"),
        (&["check", r#"{"collect":{"uid":0,"home":"/"}}"#], "uid 0 is not a session's"),
        (&["check", r#"{"place":{"uid":999,"home":"/"}}"#], "uid 999 is not a session's"),
    ] {
        let output = Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(expected), "{arguments:?}: {error}");
        assert_eq!(output.stdout, b"");
    }
    let mut other = Command::new(PROGRAM);
    other.arg("--help");
    assert!(start_error(other, &[]).contains("configure with variables"));
}
