//! Limits of profiles, as root: each session has its own, and its programs cannot leave them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use crate::harness::{Harness, PROGRAM, says};
use crate::support::{Terminal, user, user_token};
use shared_protocol::{EndReason, ProfileName, StreamEvent};
use std::process::Command;

/// A service with these profiles.
async fn harness(profiles: &[(&str, &str)]) -> Harness {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in profiles {
        std::fs::write(folder.path().join(format!("{name}.toml")), text).unwrap();
    }
    // Read at the start, and never again.
    Harness::configured(&[("USER", "root"), ("PROFILES", folder.path().to_str().unwrap())], |_| {}).await
}

/// A shell of `eve` with this profile.
async fn shell(harness: &Harness, session: &str, profile: &str) -> Terminal {
    let mut claims = user("eve", Some(session));
    claims.class.profile = Some(ProfileName::new(profile).unwrap());
    let mut terminal = Terminal::open(&harness.service.terminal_url(session, &user_token(&claims))).await;
    terminal.away = true;
    terminal.attach("page").await;
    terminal
}

/// Python that opens a socket of this family.
fn socket(family: &str) -> String {
    format!("python3 -c 'import socket; socket.socket(socket.{family})' 2>/dev/null; echo $?")
}

#[tokio::test]
async fn a_profile_without_a_network_has_none_beside_one_that_has() {
    let start = "start = 'python3 -c \"import socket; socket.socket()\" 2>/dev/null; echo way $?'";
    let [closed, open] = ["false", "true"].map(|network| format!("network = {network}\n{start}"));
    let harness = harness(&[("closed", &closed), ("open", &open)]).await;
    let (mut closed, mut open) = (shell(&harness, "one", "closed").await, shell(&harness, "two", "open").await);
    closed.sees("way 1").await;
    open.sees("way 0").await;
    for family in ["AF_INET", "AF_INET6"] {
        assert_eq!(says(&mut closed, &socket(family)).await, "1", "{family}");
        assert_eq!(says(&mut open, &socket(family)).await, "0", "{family}");
    }
    assert_eq!(says(&mut closed, &socket("AF_UNIX")).await, "0");
    // A check in the session has no more.
    let check = serde_json::json!({"script": "exec 3<>/dev/udp/127.0.0.1/9", "as": "student"});
    for (session, outcome) in [("one", "failed"), ("two", "passed")] {
        let (status, result) = harness.service.check(session, &check).await;
        assert_eq!((status, result["outcome"].as_str()), (200, Some(outcome)), "{session}: {result}");
    }
    harness.service.stop().await;
}

#[tokio::test]
async fn a_profile_has_quotas_of_its_own() {
    let harness = harness(&[("small", "[quotas]\nprocesses = 8\ndisk_mb = 4\nmemory_mb = 40")]).await;
    let (mut small, mut usual) = (shell(&harness, "one", "small").await, harness.shell("ada").await);
    assert_eq!(says(&mut small, "ulimit -u").await, "8");
    assert_eq!(says(&mut usual, "ulimit -u").await, "64");
    // Below the usual quota, and twice that of the profile.
    let fill =
        "head -c 3000000 /dev/zero >~/a; head -c 3000000 /dev/zero >~/b; head -c 3000000 /dev/zero >~/c; echo filled";
    assert_eq!(says(&mut usual, fill).await, "filled");
    small.keys(&format!("{fill}\r")).await;
    let ended = small.event(|event| matches!(event, StreamEvent::Exit { .. })).await;
    assert!(matches!(ended, StreamEvent::Exit { reason: EndReason::Limits, .. }), "{ended:?}");
    let mut small = shell(&harness, "two", "small").await;
    small.keys("python3 -c 'x = bytearray(60 << 20); x[::4096] = b\"1\" * len(x[::4096]); input()'\r").await;
    let told = small.event(|event| matches!(event, StreamEvent::Closing { .. } | StreamEvent::Exit { .. })).await;
    assert!(format!("{told:?}").contains("Limits"), "{told:?}");
    assert_eq!(says(&mut usual, "echo on").await, "on");
    harness.service.stop().await;
}

#[test]
fn a_broken_profile_is_named_at_the_start() {
    for (text, sentence) in [
        ("shel = \"/bin/sh\"", "p.toml, line 1, key `shel`: unknown field `shel`"),
        ("\nshell = \"/bin/no-such-shell\"", "p.toml, line 2, key `shell`: there is no program /bin/no-such-shell"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("p.toml"), text).unwrap();
        let started = Command::new(PROGRAM).env_clear().env("PROFILES", folder.path()).output().unwrap();
        let error = String::from_utf8_lossy(&started.stderr);
        assert!(!started.status.success() && error.contains(sentence), "{error}");
    }
}
