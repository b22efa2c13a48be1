//! The working directory of real shells: what they tell at their prompts, and where a new one starts.

use crate::support::{Service, Terminal, read, user, user_token};
use backend::terminal::UnixSpawner;
use shared_protocol::{ServerMessage, StreamEvent};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

const SHELLS: [&str; 3] = ["/bin/bash", "/usr/bin/zsh", "/usr/bin/fish"];

/// A page in such a shell.
async fn attached(shell: &str) -> (Service, Terminal) {
    let service = Service::with(&[("TERMINAL_SHELL", shell)], Arc::new(UnixSpawner)).await;
    let terminal = service.attached("page").await;
    (service, terminal)
}

/// The directory of a shell that was asked to start there.
async fn start_in(service: &Service, session: &str, directory: &str) -> String {
    let mut terminal = service.terminal(session).await;
    terminal.attach_in("page", directory).await;
    let place = terminal.command("pwd -P").await.0;
    place.trim_end().to_owned()
}

#[tokio::test]
async fn each_shell_tells_its_directory_at_its_prompts() {
    for shell in SHELLS {
        let (service, mut terminal) = attached(shell).await;
        let home = service.home().to_str().unwrap().to_owned();
        terminal.is_in(Some(&home)).await;
        let odd = format!("{home}/données 100%;a?b#c&d'e\"f");
        std::fs::create_dir(&odd).unwrap();
        terminal.keys("cd donn*\r").await;
        terminal.is_in(Some(&odd)).await;
        terminal.keys("cd /\r").await;
        terminal.is_in(Some("/")).await;
        // It is no output of a command.
        assert_eq!(terminal.command("cd /usr && echo on").await, ("on\n".into(), 0), "{shell}");
        terminal.is_in(Some("/usr")).await;
        // One that no one could read or type.
        std::fs::create_dir(format!("{home}/a\x1b[2Jb")).unwrap();
        terminal.keys("cd ~/a*\r").await;
        terminal.is_in(None).await;
        std::fs::create_dir_all(format!("{home}/{}", ["d".repeat(200).as_str(); 6].join("/"))).unwrap();
        terminal.keys("cd ~/d*/d*/d*\r").await;
        terminal.is_in(Some(&format!("{home}/{}", ["d".repeat(200).as_str(); 3].join("/")))).await;
        terminal.keys("cd d*/d*/d*\r").await;
        terminal.is_in(None).await;
        assert_eq!(terminal.command("cd /tmp && echo on").await, ("on\n".into(), 0), "{shell}");
        terminal.is_in(Some("/tmp")).await;
        service.stop().await;
    }
}

#[tokio::test]
async fn prompts_tell_it_again_after_a_program_did() {
    for shell in SHELLS {
        let (service, mut terminal) = attached(shell).await;
        terminal.keys("cd /tmp\r").await;
        terminal.is_in(Some("/tmp")).await;
        // As a remote shell does, and then as a shell in a shell does.
        terminal.command(r"printf '\e]7;file://elsewhere/etc\a'").await;
        terminal.keys("printf '\\e]7;file:///usr\\a'; sleep 0.3\r").await;
        terminal.is_in(Some("/usr")).await;
        terminal.is_in(Some("/tmp")).await;
        let remote =
            |event: &StreamEvent| matches!(event, StreamEvent::Directory { directory: Some(path) } if path == "/etc");
        assert!(!terminal.events.iter().any(remote), "{shell}: {:?}", terminal.events);
        service.stop().await;
    }
}

#[tokio::test]
async fn a_shell_tells_its_directory_after_any_setup_of_the_user() {
    for startup in [
        "IFS=mp/; set -u; set -f; HOSTNAME=elsewhere; alias printf=false",
        "PROMPT_COMMAND='cd /tmp; history -a'",
        "set -eo pipefail; shopt -s extglob nocasematch nullglob; export LC_ALL=C",
        "trap : DEBUG; PS1='$ '",
    ] {
        let service = Service::start().await;
        std::fs::write(service.home().join(".profile"), format!("{startup}\ncd /tmp")).unwrap();
        let mut terminal = service.attached("page").await;
        terminal.is_in(Some("/tmp")).await;
        service.stop().await;
    }
}

#[tokio::test]
async fn a_new_shell_starts_where_it_is_asked_to() {
    for shell in SHELLS {
        let service = Service::with(&[("TERMINAL_SHELL", shell)], Arc::new(UnixSpawner)).await;
        let there = service.home().join("a b");
        std::fs::create_dir(&there).unwrap();
        let there = there.to_str().unwrap();
        assert_eq!(start_in(&service, "one", there).await, there, "{shell}");
        assert_eq!(start_in(&service, "two", "/").await, "/", "{shell}");
        // The session has a shell, which stays where it is.
        assert_eq!(start_in(&service, "one", "/tmp").await, there, "{shell}");
        service.stop().await;
    }
}

#[tokio::test]
async fn a_new_shell_of_another_kind_starts_where_it_is_asked_to() {
    let service = Service::with(&[("TERMINAL_SHELL", "/bin/dash")], Arc::new(UnixSpawner)).await;
    let there = service.home().join("a b");
    std::fs::create_dir(&there).unwrap();
    for (session, directory) in [("one", there.to_str().unwrap()), ("two", "/")] {
        let mut terminal = service.terminal(session).await;
        terminal.attach_in("page", directory).await;
        // It has no marks, so its answer is among what it prints.
        terminal.keys("echo \"<$(pwd -P)>\"\r").await;
        terminal.sees(&format!("<{directory}>")).await;
    }
    service.stop().await;
}

#[tokio::test]
async fn a_directory_that_cannot_be_entered_is_home_and_no_error() {
    let service = Service::start().await;
    let home = service.home().to_path_buf();
    std::fs::write(home.join("file"), "").unwrap();
    std::os::unix::fs::symlink(home.join("file"), home.join("link")).unwrap();
    std::os::unix::fs::symlink(home.join("loop"), home.join("loop")).unwrap();
    std::fs::create_dir(home.join("closed")).unwrap();
    std::fs::set_permissions(home.join("closed"), PermissionsExt::from_mode(0o0)).unwrap();
    for name in ["missing", "file", "link", "loop", "file/.."] {
        let asked = home.join(name);
        let session = name.replace(['/', '.'], "-");
        assert_eq!(start_in(&service, &session, asked.to_str().unwrap()).await, home.to_str().unwrap(), "{name}");
    }
    service.stop().await;
}

#[tokio::test]
async fn a_directory_that_is_no_path_is_refused_and_starts_nothing() {
    let service = Service::start().await;
    for directory in ["work", "", "~", "/a\\u0000", "/a\\u001b[2J", "/\\u202e", &format!("/{}", "d".repeat(1024))] {
        let mut terminal = service.terminal("s").await;
        terminal
            .send(&format!(r#"{{"type":"attach","client":"p","cols":80,"rows":24,"directory":"{directory}"}}"#))
            .await;
        let ServerMessage::Error(error) = terminal.reply(|reply| matches!(reply, ServerMessage::Error(_))).await else {
            unreachable!("an error was awaited")
        };
        assert!(error.message.starts_with("`directory` must be an absolute path"), "{directory}: {error:?}");
    }
    let token = user_token(&user("ada", Some("s")));
    let found = service.request(reqwest::Method::GET, "/api/sessions/s", Some(&token)).await;
    assert_eq!(read(found).await.0, 404);
    service.stop().await;
}
