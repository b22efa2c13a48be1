//! Profiles with real shells: each key, who chooses, and what becomes of the choice.

use crate::support::{Service, Terminal, client, read, until, user, user_token};
use backend::profiles::Profiles;
use backend::store::{MemoryStore, Store};
use backend::terminal::UnixSpawner;
use reqwest::Method;
use serde_json::{Value, json};
use shared_protocol::{ErrorCode, ProfileName, Role, ServerMessage, UserClaims};
use std::path::Path;
use std::sync::Arc;

/// A folder with these profiles.
fn folder(profiles: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in profiles {
        std::fs::write(folder.path().join(format!("{name}.toml")), text).unwrap();
    }
    folder
}

async fn service(folder: &Path) -> Service {
    Service::with(&[("PROFILES", folder.to_str().unwrap())], Arc::new(UnixSpawner)).await
}

/// The same user, with this profile in the token.
fn with_profile(mut claims: UserClaims, profile: &str) -> UserClaims {
    claims.class.profile = Some(ProfileName::new(profile).unwrap());
    claims
}

/// A page of `ada` whose token has this profile.
async fn attached(service: &Service, profile: &str) -> Terminal {
    let token = user_token(&with_profile(user("ada", Some("s")), profile));
    let mut terminal = Terminal::open(&service.terminal_url("s", &token)).await;
    terminal.attach("page").await;
    terminal
}

/// Asks for a session with this body.
async fn create(service: &Service, claims: &UserClaims, body: &str) -> (u16, Value) {
    let url = format!("http://{}/api/sessions", service.address);
    let request = client().post(url).bearer_auth(user_token(claims)).body(body.to_owned());
    read(request.send().await.unwrap()).await
}

async fn says(terminal: &mut Terminal, line: &str) -> String {
    terminal.command(line).await.0.trim_end().to_owned()
}

#[tokio::test]
async fn shell_environment_message_and_directory_are_the_profiles() {
    for (shell, name) in [("/bin/bash", "bash"), ("/usr/bin/zsh", "zsh"), ("/usr/bin/fish", "fish")] {
        let text = format!(
            "shell = \"{shell}\"\ndirectory = \"/usr\"\nmessage = \"Welcome to %s\"\n[environment]\nCOURSE = \"a b\"\nLANG = \"C\""
        );
        let folder = folder(&[("p", &text)]);
        let service = service(folder.path()).await;
        let mut terminal = attached(&service, "p").await;
        terminal.sees("Welcome to %s\r\n").await;
        assert_eq!(says(&mut terminal, "sh -c 'ps -o comm= -p $PPID'").await.trim(), name, "{shell}");
        assert_eq!(says(&mut terminal, "pwd").await, "/usr", "{shell}");
        assert_eq!(says(&mut terminal, "echo $COURSE $LANG $SHELL").await, format!("a b C {shell}"));
        let left = says(&mut terminal, "env").await;
        assert!(!left.contains("TERMGATE_MESSAGE") && !left.contains("TERMGATE_DIRECTORY"), "{shell}: {left}");
        service.stop().await;
    }
}

#[tokio::test]
async fn a_start_script_shows_its_progress_and_may_make_the_directory() {
    let text = r#"
directory = "~/lab/src"
message = "Ready"
start = """
echo one; pwd >where
mkdir -p lab/src
echo "typed: $(head -n 1)"
test -z "$TERMGATE_INTEGRATION$TERMGATE_START" && echo clean
"""
"#;
    let folder = folder(&[("p", text)]);
    let service = service(folder.path()).await;
    let mut terminal = attached(&service, "p").await;
    terminal.sees("Preparing this terminal. Ctrl-C skips the rest.\r\none\r\n").await;
    terminal.keys("answer\r").await;
    terminal.sees("typed: answer\r\nclean\r\nReady\r\n").await;
    let home = service.home().to_str().unwrap().to_owned();
    terminal.is_in(Some(&format!("{home}/lab/src"))).await;
    assert_eq!(says(&mut terminal, "cat ~/where").await, home);
    service.stop().await;
}

#[tokio::test]
async fn a_start_script_that_fails_or_is_interrupted_leaves_the_shell() {
    let folder =
        folder(&[("fails", "start = \"echo begun; exit 7\""), ("hangs", "start = \"echo begun; exec sleep 1000\"")]);
    let service = service(folder.path()).await;
    let mut terminal = attached(&service, "fails").await;
    terminal.sees("The preparation failed with exit code 7; the terminal works all the same.").await;
    assert_eq!(terminal.command("echo on").await, ("on\n".into(), 0));
    service.stop().await;
    let service = self::service(folder.path()).await;
    let mut terminal = attached(&service, "hangs").await;
    terminal.sees("\nbegun").await;
    terminal.ordered("interrupt", r#","afterSeq":0"#).await;
    terminal.sees("The preparation was skipped.").await;
    assert_eq!(terminal.command("trap; echo on").await.1, 0);
    // Ctrl-C is the shell's own again.
    terminal.keys("sleep 1000\r").await;
    terminal.sees("sleep 1000\r\n").await;
    terminal.keys("\u{3}").await;
    assert_eq!(terminal.command("echo on").await, ("on\n".into(), 0));
    service.stop().await;
}

#[tokio::test]
async fn a_start_script_that_takes_too_long_is_killed_with_all_that_it_started() {
    // Enough for the script to get as far as its loop on a busy machine.
    let text = r#"
start_timeout = 5
start = """
trap '' TERM INT HUP
stty raw
sleep 1000 & echo $! >pids
setsid sh -c 'echo $$ >>pids; exec sleep 1000' &
while :; do sleep 1000; done
"""
"#;
    let folder = folder(&[("p", text)]);
    let service = service(folder.path()).await;
    let mut terminal = attached(&service, "p").await;
    terminal.sees("The preparation took longer than 5 s and was ended; the terminal works all the same.\r\n").await;
    assert_eq!(says(&mut terminal, "stty | grep -c 'icanon\\|raw'; wc -l <pids").await, "0\n2");
    let pids = std::fs::read_to_string(service.home().join("pids")).unwrap();
    // A process that ended, and that no parent has waited for, has no command line.
    let lives = |pid: &str| std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty());
    until("they are gone", async || !pids.lines().any(lives)).await;
    service.stop().await;
}

#[tokio::test]
async fn the_directory_that_a_page_asks_for_comes_first() {
    let folder = folder(&[("p", "directory = \"/usr\"\nstart = \"echo begun\"")]);
    let service = service(folder.path()).await;
    let token = user_token(&with_profile(user("ada", Some("s")), "p"));
    let mut terminal = Terminal::open(&service.terminal_url("s", &token)).await;
    terminal.attach_in("page", "/tmp").await;
    assert_eq!(says(&mut terminal, "pwd").await, "/tmp");
    service.stop().await;
}

#[tokio::test]
async fn the_creating_token_or_an_operator_chooses() {
    let folder = folder(&[("one", ""), ("two", "")]);
    let service = service(folder.path()).await;
    let operator = |session: &str| UserClaims { admin: true, ..user("ada", Some(session)) };
    for (claims, body, outcome) in [
        (user("ada", Some("a")), "", Ok(json!(null))),
        (user("ada", Some("b")), "{}", Ok(json!(null))),
        (with_profile(user("ada", Some("c")), "one"), " ", Ok(json!("one"))),
        (operator("d"), r#"{"profile":"two"}"#, Ok(json!("two"))),
        (with_profile(operator("e"), "one"), r#"{"profile":"two"}"#, Ok(json!("two"))),
        (with_profile(operator("f"), "one"), r#"{"profile":null}"#, Ok(json!("one"))),
        (user("ada", Some("g")), r#"{"profile":"two"}"#, Err((403, "FORBIDDEN"))),
        (user("ada", Some("g")), r#"{"profile":"none"}"#, Err((403, "FORBIDDEN"))),
        (UserClaims { role: Role::Viewer, ..user("ada", Some("g")) }, r#"{"profile":"two"}"#, Err((403, "READ_ONLY"))),
        (operator("g"), r#"{"profile":"none"}"#, Err((400, "BAD_FIELD"))),
        (operator("g"), r#"{"profile":"../etc"}"#, Err((400, "BAD_FIELD"))),
        (operator("g"), "[1", Err((400, "BAD_FIELD"))),
        (with_profile(user("ada", Some("g")), "none"), "", Err((403, "FORBIDDEN"))),
    ] {
        let (status, answer) = create(&service, &claims, body).await;
        match outcome {
            Ok(profile) => assert_eq!((status, &answer["profile"]), (201, &profile), "{body}: {answer}"),
            Err((code, name)) => assert_eq!((status, answer["code"].as_str()), (code, Some(name)), "{body}: {answer}"),
        }
    }
    let (status, answer) = create(&service, &operator("g"), r#"{"profile":"none"}"#).await;
    assert_eq!((status, answer["error"].as_str()), (400, Some("this service has no profile `none`")));
    let (status, _) = service.api(Method::GET, "/g", &user("ada", Some("g"))).await;
    assert_eq!(status, 404, "nothing was created");
    // A later token changes nothing.
    let later = with_profile(user("ada", Some("c")), "two");
    assert_eq!(service.api(Method::GET, "/c", &later).await.1["profile"], "one");
    service.stop().await;
}

#[tokio::test]
async fn a_token_with_an_unknown_profile_starts_nothing_and_says_why() {
    let folder = folder(&[]);
    let service = service(folder.path()).await;
    let token = user_token(&with_profile(user("ada", Some("s")), "none"));
    let mut terminal = Terminal::open(&service.terminal_url("s", &token)).await;
    terminal.send(crate::support::ATTACH).await;
    let ServerMessage::Error(error) = terminal.reply(|reply| matches!(reply, ServerMessage::Error(_))).await else {
        unreachable!("an error was awaited")
    };
    assert_eq!((error.code, &*error.message), (ErrorCode::Forbidden, "this service has no profile `none`"));
    service.stop().await;
}

#[tokio::test]
async fn a_replaced_shell_has_the_profile_of_the_first() {
    let folder = folder(&[("p", "message = \"Welcome\"\n[environment]\nCOURSE = \"7\"")]);
    let variables = [("PROFILES", folder.path().to_str().unwrap())];
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let first = Service::one_of(&variables, Arc::new(UnixSpawner), Arc::clone(&store)).await;
    let mut terminal = attached(&first, "p").await;
    assert_eq!(says(&mut terminal, "echo $COURSE").await, "7");
    first.stop().await;
    let second = Service::one_of(&variables, Arc::new(UnixSpawner), Arc::clone(&store)).await;
    // Its token has none.
    let mut terminal = second.attached("other").await;
    terminal.sees("Welcome").await;
    assert_eq!(says(&mut terminal, "echo $COURSE").await, "7");
    second.stop().await;
    // An instance without the file starts no shell, and the session stays for one that has it.
    let third = Service::one_of(&[], Arc::new(UnixSpawner), store).await;
    let mut terminal = third.terminal("s").await;
    terminal.send(crate::support::ATTACH).await;
    let refused = terminal.reply(|reply| matches!(reply, ServerMessage::Error(_))).await;
    assert!(format!("{refused:?}").contains("this service has no profile `p`"), "{refused:?}");
    until("the record", async || third.api(Method::GET, "/s", &user("ada", Some("s"))).await.1["valid"] == false).await;
    third.stop().await;
}

#[test]
fn the_example_of_the_page_is_a_profile() {
    let page = include_str!("../../../docs/profiles.md");
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let folder = folder(&[("python", example)]);
    let profiles = Profiles::read(folder.path(), true).unwrap();
    let profile = profiles.find(Some(&ProfileName::new("python").unwrap())).unwrap();
    assert!(profile.start.as_ref().is_some_and(|script| script.contains("/srv/exercises")));
    assert_eq!(profile.limits.memory, Some(512 << 20));
    // Every key of the example is in the page's table, and every key of the table in the example.
    for key in [
        "shell",
        "environment",
        "directory",
        "start",
        "start_timeout",
        "message",
        "network",
        "memory_mb",
        "disk_mb",
        "processes",
    ] {
        assert!(example.contains(key) && page.contains(&format!("{key}`")), "{key}");
    }
}
