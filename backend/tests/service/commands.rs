//! The commands of real shells, and who reads them over HTTP.

use crate::support::{Service, Terminal, until, user};
use backend::store::{CommandPlace, MAX_COMMANDS, MemoryStore, Store, contract};
use backend::terminal::UnixSpawner;
use backend::terminal::scripted::ScriptedSpawner;
use reqwest::Method;
use serde_json::{Value, json};
use shared_protocol::{Role, SessionId, StreamEvent, UserClaims};
use std::sync::Arc;

/// A page in such a shell, with this startup file.
async fn attached(shell: &str, file: &str, startup: &str) -> (Service, Terminal) {
    let service = Service::with(&[("TERMINAL_SHELL", shell)], Arc::new(UnixSpawner)).await;
    let path = service.home().join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, startup).unwrap();
    let terminal = service.attached("page").await;
    (service, terminal)
}

/// All commands so far.
async fn all_commands(service: &Service) -> Vec<Value> {
    let (status, body) = service.api(Method::GET, "/s/commands", &user("ada", Some("s"))).await;
    assert_eq!((status, &body["sessionId"], &body["next"]), (200, &json!("s"), &Value::Null), "{body}");
    body["commands"].as_array().unwrap().clone()
}

/// Those that have ended.
async fn commands(service: &Service) -> Vec<Value> {
    all_commands(service).await.into_iter().filter(|command| !command["ended"].is_null()).collect()
}

/// Types lines, each once the one before has ended; returns line or `None`, and exit code of each.
async fn typed(service: &Service, terminal: &mut Terminal, lines: &[&str]) -> Vec<(Option<String>, Option<i64>)> {
    let before = commands(service).await.len();
    for (number, line) in lines.iter().enumerate() {
        terminal.keys(&format!("{line}\r")).await;
        until("the end of a command", async || commands(service).await.len() > before + number).await;
    }
    let all = commands(service).await;
    let told = |command: &Value| {
        let line = command["line"].as_str().map(str::to_owned);
        assert_eq!(line.is_none(), command["hidden"] == true, "{command}");
        (line, command["exitCode"].as_i64())
    };
    all[before..].iter().map(told).collect()
}

fn expect(lines: &[(&str, i64)]) -> Vec<(Option<String>, Option<i64>)> {
    let told = |(line, code): &(&str, i64)| (Some((*line).to_owned()).filter(|line| !line.is_empty()), Some(*code));
    lines.iter().map(told).collect()
}

const ZSH: (&str, &str) = ("/usr/bin/zsh", ".zshrc");
const FISH: (&str, &str) = ("/usr/bin/fish", ".config/fish/config.fish");
const BASH: (&str, &str) = ("/bin/bash", ".profile");

#[tokio::test]
async fn each_shell_tells_lines_directories_and_codes() {
    for (shell, file) in [BASH, ZSH, FISH] {
        let (service, mut terminal) = attached(shell, file, "").await;
        let lines = ["cd /tmp", "false", "echo 'a;b' 100% \"é♛\"", " echo sesame", "false", "false", "  true"];
        let told = typed(&service, &mut terminal, &lines).await;
        let codes = [0, 1, 0, 0, 1, 1, 0];
        let known = lines.map(|line| if line.starts_with(' ') { "" } else { line });
        assert_eq!(told, expect(&known.into_iter().zip(codes).collect::<Vec<_>>()), "{shell}");
        let all = commands(&service).await;
        let directories: Vec<_> = all[..2].iter().map(|command| command["directory"].as_str().unwrap()).collect();
        assert_eq!(directories, [service.home().to_str().unwrap(), "/tmp"], "{shell}");
        assert_eq!(all[0]["by"].as_array().map(Vec::len), Some(1), "{shell}");
        assert!(all.iter().zip(1..).all(|(command, number)| command["number"] == number), "{shell}");
        assert!(!json!(all).to_string().contains("sesame"), "{shell}: {all:?}");
        service.stop().await;
    }
}

#[tokio::test]
async fn the_history_of_bash_tells_whether_it_takes_a_line() {
    for (startup, known) in [
        ("", "echo one;echo one;;echo two"),
        ("HISTCONTROL=ignoreboth", "echo one;echo one;;echo two"),
        ("HISTCONTROL=ignorespace", "echo one;echo one;;echo two"),
        ("HISTCONTROL=erasedups", "echo one;echo one;;echo two"),
        ("HISTCONTROL=ignoreboth; HISTSIZE=1", "echo one;echo one;;echo two"),
        ("HISTCONTROL=ignoredups; HISTIGNORE='*two'", "echo one;;;"),
        ("HISTTIMEFORMAT='%F %T '; PROMPT_COMMAND='history -a; history -n'", "echo one;echo one;;echo two"),
        ("set +o history", ";;;"),
        ("HISTSIZE=0", ";;;"),
        ("IFS=1; alias builtin=false history=false; set -o vi", "echo one;echo one;;echo two"),
        ("set -T; trap 'printf trapped' DEBUG RETURN; shopt -s extdebug", "echo one;echo one;;echo two"),
    ] {
        let (service, mut terminal) = attached(BASH.0, BASH.1, startup).await;
        // The history file has lines of an earlier shell.
        let lines = ["echo one", "echo one", " echo secret", "echo two"];
        let told = typed(&service, &mut terminal, &lines).await;
        let expected: Vec<_> = known.split(';').map(|line| (line, 0)).collect();
        assert_eq!(told, expect(&expected), "{startup}");
        assert!(!terminal.screen().contains("termgate"), "{startup}: {}", terminal.screen());
        service.stop().await;
    }
}

#[tokio::test]
async fn bash_tells_each_line_of_a_paste() {
    let (service, mut terminal) = attached(BASH.0, BASH.1, "").await;
    terminal.keys("\x1b[200~echo one\necho two | cat; true\n(exit 3)\x1b[201~\r").await;
    until("the commands", async || commands(&service).await.len() == 3).await;
    let all = commands(&service).await;
    let lines: Vec<_> = all.iter().map(|command| command["line"].as_str().unwrap()).collect();
    assert_eq!(lines, ["echo one", "echo two | cat; true", "(exit 3)"]);
    assert_eq!(all[2]["exitCode"], 3);
    service.stop().await;
}

/// As `sudo -s`, `su` and `ssh` do it: with the session's terminal, or with one of its own in between.
#[tokio::test]
async fn a_shell_in_the_shell_is_one_command_and_its_lines_are_none() {
    for (shell, file) in [BASH, ZSH, FISH] {
        let (service, mut terminal) = attached(shell, file, "").await;
        for (number, nested) in (1..).step_by(2).zip(["bash --norc", "su", "script -qc 'bash --norc' /dev/null"]) {
            let inner = format!("within {number}> ");
            terminal.keys(&format!("{nested}\r")).await;
            until("the inner shell", async || all_commands(&service).await.len() == number).await;
            // Typed once the inner shell reads: an earlier key might be lost with the change of settings.
            terminal.keys(&format!("PS1='within '{number}'> '\r")).await;
            terminal.sees(&inner).await;
            terminal.keys("echo inner; (exit 5)\r").await;
            terminal.sees("inner\r\n").await;
            let running = all_commands(&service).await.pop().unwrap();
            assert_eq!((&running["line"], &running["ended"]), (&json!(nested), &Value::Null), "{shell}");
            terminal.keys("exit\r").await;
            until("its end", async || commands(&service).await.len() == number).await;
            let told = typed(&service, &mut terminal, &["true"]).await;
            assert_eq!(told, expect(&[("true", 0)]), "{shell}: {nested}");
            let all = all_commands(&service).await;
            assert!(all.iter().zip(1..).all(|(command, number)| command["number"] == number), "{shell}: {all:?}");
            assert_eq!((all.len(), all[number - 1]["line"].as_str()), (number + 1, Some(nested)), "{shell}");
        }
        service.stop().await;
    }
}

/// bash takes no step that a trap sees, and tells a line only at its next prompt, as that of the line behind it.
#[tokio::test]
async fn a_line_in_parentheses_in_the_middle_of_a_paste_is_not_told_and_stays_with_no_other() {
    let (service, mut terminal) = attached(BASH.0, BASH.1, "").await;
    terminal.keys("\x1b[200~echo one\n(exit 3)\necho two\x1b[201~\r").await;
    until("the commands", async || commands(&service).await.len() == 2).await;
    let told = typed(&service, &mut terminal, &["false"]).await;
    assert_eq!(told, expect(&[("false", 1)]));
    let all = all_commands(&service).await;
    let told: Vec<_> = all.iter().map(|command| (command["line"].as_str().unwrap(), &command["exitCode"])).collect();
    // Within a paste, no prompt tells how a line has ended.
    assert_eq!(told, [("echo one", &Value::Null), ("echo two", &json!(0)), ("false", &json!(1))]);
    service.stop().await;
}

#[tokio::test]
async fn bash_tells_lines_and_leaves_traps_and_variables_as_they_are() {
    let (service, mut terminal) = attached(BASH.0, BASH.1, "").await;
    let lines = [
        "echo a b; [[ $_ == b ]]",
        "for i in {1..60}; do : $i; [[ $_ == $i ]] || break; done; [[ $i == 60 ]]",
        "for i in {1..60}; do :; done; trap -p DEBUG >traps; [[ ! -s traps ]]",
        "trap ': mine' DEBUG",
        "false",
        "trap -p DEBUG >traps; [[ $(<traps) == *': mine'* ]]",
        "trap - DEBUG",
        "true",
    ];
    let told = typed(&service, &mut terminal, &lines).await;
    let code = |line: &str| i64::from(line == "false");
    assert_eq!(told, expect(&lines.map(|line| (line, code(line)))));
    service.stop().await;
}

#[tokio::test]
async fn zsh_hides_a_line_whatever_its_history_takes() {
    for startup in [
        "HISTSIZE=0",
        "setopt hist_ignore_space hist_reduce_blanks",
        "setopt hist_reduce_blanks",
        "setopt hist_no_store hist_ignore_all_dups ksh_arrays sh_word_split no_unset all_export; IFS=1",
    ] {
        let (service, mut terminal) = attached(ZSH.0, ZSH.1, startup).await;
        let told = typed(&service, &mut terminal, &["echo one", "echo one", " echo secret", "echo two"]).await;
        assert_eq!(told, expect(&[("echo one", 0), ("echo one", 0), ("", 0), ("echo two", 0)]), "{startup}");
        service.stop().await;
    }
}

#[tokio::test]
async fn a_line_of_an_earlier_shell_is_no_command_of_this_one() {
    let startup = "HISTCONTROL=ignoreboth; echo 'echo earlier' >~/.bash_history";
    let (service, mut terminal) = attached(BASH.0, BASH.1, startup).await;
    let told = typed(&service, &mut terminal, &[" echo secret", "echo one"]).await;
    assert_eq!(told, expect(&[("", 0), ("echo one", 0)]));
    service.stop().await;
}

#[tokio::test]
async fn several_lines_and_controls_come_as_text() {
    for (shell, file) in [BASH, ZSH, FISH] {
        let (service, mut terminal) = attached(shell, file, "").await;
        let line = "printf '%s' 'a\nb'";
        assert_eq!(terminal.command(line).await.1, 0, "{shell}");
        until("the command", async || !commands(&service).await.is_empty()).await;
        assert_eq!(commands(&service).await[0]["line"], line, "{shell}");
        let long = format!(": {}", "x".repeat(10_000));
        terminal.keys(&format!("\x1b[200~{long}\x1b[201~\r")).await;
        until("the long one", async || commands(&service).await.len() == 2).await;
        assert_eq!(commands(&service).await[1]["line"], long[..8192], "{shell}");
        service.stop().await;
    }
}

#[tokio::test]
async fn the_list_ends_with_the_command_that_runs() {
    let service = Service::start().await;
    let mut terminal = service.attached("page").await;
    terminal.keys("true\r").await;
    until("its end", async || commands(&service).await.len() == 1).await;
    terminal.keys("read -r answer\r").await;
    until("the command", async || all_commands(&service).await.len() == 2).await;
    let running = all_commands(&service).await.remove(1);
    assert_eq!((&running["number"], &running["line"]), (&json!(2), &json!("read -r answer")));
    assert!(running["began"].is_u64() && running["by"].is_array() && running.get("exitCode").is_none(), "{running}");
    assert_eq!(running.get("ended"), Some(&Value::Null));
    terminal.keys("yes\r").await;
    until("its end", async || commands(&service).await.len() == 2).await;
    assert_eq!(all_commands(&service).await, commands(&service).await, "it is there once");
    service.stop().await;
}

#[tokio::test]
async fn a_page_that_wants_it_hears_of_commands_as_they_run() {
    let service = Service::start().await;
    let mut terminal = service.attached("page").await;
    terminal.send(r#"{"type":"attach","client":"page","cols":80,"rows":24,"commands":true}"#).await;
    terminal.keys("(exit 7)\r").await;
    terminal.event(|event| matches!(event, StreamEvent::Command(command) if command.ended.is_some())).await;
    let told = terminal.events.iter().filter_map(|event| match event {
        StreamEvent::Command(command) => Some((command.number, command.line.as_deref(), command.exit_code)),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [(1, Some("(exit 7)"), None), (1, None, Some(7))]);
    service.stop().await;
}

fn of(user_id: &str, role: Role, admin: bool) -> UserClaims {
    UserClaims { role, admin, ..user(user_id, Some("s")) }
}

#[tokio::test]
async fn commands_come_in_pages_and_guests_get_none() {
    let store = Arc::new(MemoryStore::default());
    let spawner = Arc::new(ScriptedSpawner::default());
    let service = Service::one_of(&[], spawner, Arc::clone(&store) as Arc<dyn Store>).await;
    let owner = of("ada", Role::Controller, false);
    assert_eq!(service.api(Method::POST, "", &owner).await.0, 201);
    let id = SessionId::new("s").unwrap();
    let created_at = store.session(&id).await.unwrap().unwrap().created_at;
    let all: Vec<_> = (1..=MAX_COMMANDS as u32 + 5).map(|number| contract::command(7, number, "ls")).collect();
    store.put_commands(&id, created_at, &all).await.unwrap();
    let (mut after, mut numbers) = (String::new(), Vec::new());
    loop {
        let (status, page) = service.api(Method::GET, &format!("/s/commands{after}"), &owner).await;
        let commands = page["commands"].as_array().unwrap();
        assert!(status == 200 && commands.len() == 100, "{}", commands.len());
        numbers.extend(commands.iter().map(|command| command["number"].as_u64().unwrap()));
        let Some(next) = page["next"].as_str() else { break };
        assert_eq!(u64::from(next.parse::<CommandPlace>().unwrap().number), numbers[numbers.len() - 1]);
        after = format!("?after={next}");
    }
    assert_eq!(numbers, (6..=MAX_COMMANDS as u64 + 5).collect::<Vec<_>>(), "the latest");
    for after in ["7", "x-1", "7-", "-", "7-4294967296"] {
        let (status, body) = service.api(Method::GET, &format!("/s/commands?after={after}"), &owner).await;
        assert_eq!((status, &body["code"]), (400, &json!("BAD_FIELD")), "{after}");
    }
    for (reader, expected) in [
        (of("bob", Role::Controller, false), 403),
        (of("vic", Role::Viewer, false), 403),
        (of("ada", Role::Viewer, false), 403),
        (user("eve", None), 404),
        (of("root", Role::Viewer, true), 200),
    ] {
        let (status, body) = service.api(Method::GET, "/s/commands", &reader).await;
        assert_eq!((status, body.get("commands").is_some()), (expected, expected == 200), "{}", reader.sub);
    }
    service.stop().await;
}

#[tokio::test]
async fn a_later_user_of_the_id_does_not_see_earlier_commands() {
    let store = Arc::new(MemoryStore::default());
    let id = SessionId::new("s").unwrap();
    store.put_commands(&id, 1_700_000_000_000, &[contract::command(1_700_000_000_001, 1, "mine")]).await.unwrap();
    let spawner = Arc::new(ScriptedSpawner::default());
    let service = Service::one_of(&[], spawner, Arc::clone(&store) as Arc<dyn Store>).await;
    let eve = user("eve", Some("s"));
    assert_eq!(service.api(Method::POST, "", &eve).await.0, 201);
    let (status, body) = service.api(Method::GET, "/s/commands", &eve).await;
    assert_eq!((status, &body["commands"]), (200, &json!([])));
    service.stop().await;
}
