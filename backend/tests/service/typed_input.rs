//! Keys that people type in real shells, as far as they are recorded: lines at the prompt and answers that are echoed, and no
//! password.

use crate::support::{Service, Terminal, until, user, user_token};
use backend::terminal::UnixSpawner;
use reqwest::Method;
use shared_protocol::StreamEvent;
use std::path::Path;
use std::sync::Arc;

const SHELLS: [&str; 3] = ["/bin/bash", "/usr/bin/zsh", "/usr/bin/fish"];

/// The marker of keys that are not recorded, as the tests show it.
const HIDDEN: &str = "<hidden>";

async fn recording(shell: &str, folder: &Path) -> Service {
    let url = format!("file://{}", folder.display());
    let variables =
        [("RECORDINGS", "all"), ("RECORDINGS_URL", &*url), ("RECORD_INPUT", "true"), ("TERMINAL_SHELL", shell)];
    let service = Service::with(&variables, Arc::new(UnixSpawner)).await;
    // Without it, zsh asks a new user for settings.
    std::fs::write(service.home().join(".zshrc"), "").unwrap();
    service
}

/// Types a line at the prompt, at whose end there is a word, after more time than keys wait.
async fn type_line(terminal: &mut Terminal, line: &str, word: &str) {
    // The line editor reads.
    terminal.settings(|tty| !tty.canonical).await;
    let (half, end) = word.split_at(2);
    terminal.keys(&format!("{line}; sleep 0.4; echo {half}''{end}\r")).await;
}

/// The same of a line that asks for nothing, to its end.
async fn run(terminal: &mut Terminal, line: &str, word: &str) {
    type_line(terminal, line, word).await;
    terminal.sees(word).await;
}

/// Waits for a program that asks for a password.
async fn asked(terminal: &mut Terminal) {
    terminal.settings(|tty| tty.canonical && !tty.echo).await;
}

/// The keys that were typed, as the recording has them. The shell is over.
async fn typed(service: &Service) -> String {
    let token = user_token(&user("ada", Some("s")));
    let read = async || {
        let answer = service.request(Method::GET, "/api/sessions/s/recording", Some(&token)).await;
        answer.text().await.unwrap()
    };
    until("the end of the recording", async || read().await.contains("\"x\"")).await;
    let text = read().await;
    let events = text.lines().skip(1).map(|line| serde_json::from_str::<(f64, String, String)>(line).unwrap());
    let typed = events.filter_map(|(_, code, data)| match &*code {
        "i" => Some(data),
        "m" if data == "Typing is not recorded here." => Some(HIDDEN.to_owned()),
        _ => None,
    });
    typed.collect()
}

async fn end(terminal: &mut Terminal) {
    terminal.settings(|tty| !tty.canonical).await;
    terminal.keys("exit\r").await;
    terminal.event(|event| matches!(event, StreamEvent::Exit { .. })).await;
}

#[tokio::test]
async fn lines_are_recorded_and_passwords_of_the_shells_own_are_not() {
    for shell in SHELLS {
        let home = tempfile::tempdir().unwrap();
        let service = recording(shell, home.path()).await;
        let mut terminal = service.attached("page").await;
        // fish takes the terminal some time before its first prompt.
        terminal.command("true").await;
        run(&mut terminal, "true", "first").await;
        // The line editor of fish itself asks.
        if shell.ends_with("fish") {
            type_line(&mut terminal, "read -s -P as''ked: password", "second").await;
            terminal.sees("asked:").await;
        } else {
            type_line(&mut terminal, "read -s password", "second").await;
            asked(&mut terminal).await;
        }
        for keys in ["hunter2", "\r"] {
            terminal.keys(keys).await;
        }
        terminal.sees("second").await;
        // All at once, and the question comes late.
        let late = "sleep 0.5; read -s password; sleep 0.4; echo th''ird\rhunter3\r";
        terminal.settings(|tty| !tty.canonical).await;
        terminal.keys(late).await;
        // The others take what was typed too early for the answer.
        if shell == "/bin/bash" {
            asked(&mut terminal).await;
            terminal.keys("\r").await;
        }
        terminal.sees("third").await;
        end(&mut terminal).await;
        let typed = typed(&service).await;
        for word in ["fi''rst\r", "th''ird\r", "exit\r"] {
            assert!(typed.contains(word), "{shell}: {word}: {typed:?}");
        }
        assert!(typed.contains(HIDDEN) && !typed.contains("hunter"), "{shell}: {typed:?}");
        assert!(!typed.contains(&HIDDEN.repeat(2)), "{shell}: {typed:?}");
        service.stop().await;
    }
}

#[tokio::test]
async fn password_prompts_of_programs_are_not_recorded_and_echoed_answers_are() {
    for shell in SHELLS {
        let home = tempfile::tempdir().unwrap();
        let service = recording(shell, home.path()).await;
        let mut terminal = service.attached("page").await;
        let key = service.home().join("key");
        let made = std::process::Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "hunter2", "-f"])
            .arg(&key)
            .status();
        assert!(made.expect("install openssh-client").success());
        for (program, word) in [
            ("ssh-keygen -y -f ~/key", "after ssh"),
            ("python3 -c 'import getpass; getpass.getpass()'", "after python"),
        ] {
            type_line(&mut terminal, program, word).await;
            asked(&mut terminal).await;
            terminal.keys("hunter2\r").await;
            terminal.sees(word).await;
        }
        type_line(&mut terminal, "python3 -c 'print(\"y\" + \"ou?\"); input()'", "thanks").await;
        terminal.sees("you?").await;
        terminal.keys("it is me\r").await;
        terminal.sees("thanks").await;
        end(&mut terminal).await;
        let typed = typed(&service).await;
        for keys in ["it is me\r", "th''anks\r"] {
            assert!(typed.contains(keys), "{shell}: {keys}: {typed:?}");
        }
        assert!(typed.contains(HIDDEN) && !typed.contains("hunter"), "{shell}: {typed:?}");
        service.stop().await;
    }
}

#[tokio::test]
async fn what_an_editor_or_a_shell_in_the_shell_reads_is_not_recorded() {
    let home = tempfile::tempdir().unwrap();
    let service = recording("/bin/bash", home.path()).await;
    let mut terminal = service.attached("page").await;
    type_line(&mut terminal, "vim -u NONE", "first").await;
    terminal.sees("VIM - Vi").await;
    terminal.keys("ihidden in vim\x1b:q!\r").await;
    terminal.sees("first").await;
    type_line(&mut terminal, "PS1='with''in> ' bash --norc", "second").await;
    terminal.sees("within> ").await;
    terminal.keys("echo in''ner\r").await;
    terminal.sees("inner").await;
    terminal.keys("exit\r").await;
    terminal.sees("second").await;
    end(&mut terminal).await;
    let typed = typed(&service).await;
    for keys in ["vim -u NONE; ", "se''cond\r", "exit\r"] {
        assert!(typed.contains(keys), "{keys}: {typed:?}");
    }
    assert!(!typed.contains("hidden in vim") && !typed.contains("in''ner"), "{typed:?}");
    service.stop().await;
}

#[tokio::test]
async fn without_the_variable_no_key_is_recorded() {
    for (variable, is_recorded) in [("true", true), ("false", false)] {
        let home = tempfile::tempdir().unwrap();
        let url = format!("file://{}", home.path().display());
        let variables = [("RECORDINGS", "all"), ("RECORDINGS_URL", &*url), ("RECORD_INPUT", variable)];
        let service = Service::with(&variables, Arc::new(UnixSpawner)).await;
        let mut terminal = service.attached("page").await;
        run(&mut terminal, "true", "first").await;
        end(&mut terminal).await;
        assert_eq!(typed(&service).await.contains("fi''rst\r"), is_recorded);
        service.stop().await;
    }
}
