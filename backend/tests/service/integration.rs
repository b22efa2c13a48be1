//! The shell integration: it survives a user's setup, is not seen in it, and its tag stays with the shell.

use crate::support::{Service, Terminal};
use shared_protocol::{ErrorCode, ServerMessage};

/// A page in a shell with this startup file.
async fn attached(startup: &str) -> (Service, Terminal) {
    let service = Service::start().await;
    std::fs::write(service.home().join(".profile"), startup).unwrap();
    let terminal = service.attached("page").await;
    (service, terminal)
}

/// Runs a command that is refused, and returns the code.
async fn refusal(terminal: &mut Terminal) -> ErrorCode {
    terminal.ordered("command", r#","id":"refused","command":"ls""#).await;
    let refused =
        |reply: &ServerMessage| matches!(reply, ServerMessage::Error(error) if error.id.as_deref() == Some("refused"));
    let ServerMessage::Error(error) = terminal.reply(refused).await else { unreachable!() };
    error.code
}

#[tokio::test]
async fn commands_run_after_any_startup_file() {
    for startup in [
        "PROMPT_COMMAND='history -a'",
        "unset PROMPT_COMMAND",
        "readonly PROMPT_COMMAND",
        "readonly PROMPT_COMMAND='true'",
        "PROMPT_COMMAND='printf hook'",
        "export PROMPT_COMMAND='PS1=\"$? > \"'",
        "PROMPT_COMMAND=(false 'PS1=new')",
        "f() { PS1='set by a hook '; }; PROMPT_COMMAND=f; export PS1",
        "set -auo pipefail; set -f; shopt -s nocasematch extdebug",
        "set -T; trap : DEBUG; trap 'printf err' ERR; trap 'printf return' RETURN",
        "unset PS0 PS1 PS2",
        "alias local=false printf=false; IFS=x; set -o noclobber; set -o vi",
        "PS1='two\nlines $(false) '",
        "return 3",
    ] {
        let (service, mut terminal) = attached(startup).await;
        assert_eq!(terminal.command("(exit 7)").await.1, 7, "{startup}");
        assert_eq!(terminal.command("builtin echo on").await, ("on\n".into(), 0), "{startup}");
        service.stop().await;
    }
}

#[tokio::test]
async fn commands_run_after_prompts_and_hooks_were_replaced_at_the_prompt() {
    let (service, mut terminal) = attached("PROMPT_COMMAND='history -a'").await;
    for line in ["PROMPT_COMMAND='history -n'", "PS1='new> '", "PS1=\"(venv) $PS1\"", "PS0=", ". ~/.profile; PS1='$ '"]
    {
        assert_eq!(terminal.command(line).await.1, 0, "{line}");
        assert_eq!(terminal.command("echo on; (exit 3)").await, ("on\n".into(), 3), "{line}");
    }
    service.stop().await;
}

#[tokio::test]
async fn the_integration_is_not_seen_in_traces_and_debug_traps() {
    let (service, mut terminal) =
        attached("trap 'printf \"<%s>\" \"$BASH_COMMAND\"' DEBUG; PROMPT_COMMAND='PS1=\"> \"'").await;
    terminal.keys("set -x\r").await;
    terminal.sees("<set -x>").await;
    terminal.keys("echo en''d\r").await;
    terminal.sees("\nend\r\n").await;
    terminal.command("true").await;
    let screen = terminal.screen();
    assert!(!screen.contains("termgate") && !screen.contains("<.") && !screen.contains("local"), "{screen}");
    service.stop().await;
}

#[tokio::test]
async fn a_login_shell_is_set_up_as_without_the_integration() {
    let (service, mut terminal) = attached("").await;
    let same = "state() { set -o; shopt; alias; trap; ulimit -a; echo $HISTFILE $MAILCHECK $SHLVL $$; }; declare -f state >state; echo 'state >there' >>state";
    assert_eq!(terminal.command(same).await.1, 0);
    // The other one is interactive and a login shell too; of its own it has the number of its process.
    let compare = "state | sed s/$$/pid/ >here; SHLVL=0 bash -lic '. ./state; sed -i s/$$/pid/ there'; diff here there";
    let (result, code) = terminal.command(compare).await;
    assert_eq!((result.as_str(), code), ("", 0));
    service.stop().await;
}

#[tokio::test]
async fn a_shell_without_marks_says_so_at_once() {
    for shell in ["sh", "bash --norc"] {
        let (service, mut terminal) = attached("").await;
        terminal.keys(&format!("exec env PS1='other''> ' {shell}\r")).await;
        terminal.sees("other> ").await;
        let asked = tokio::time::Instant::now();
        assert_eq!(refusal(&mut terminal).await, ErrorCode::NoPromptMarks, "{shell}");
        assert!(asked.elapsed() < backend::session::command::PROMPT_TIMEOUT, "{shell}: no prompt is waited for");
        service.stop().await;
    }
}

#[tokio::test]
async fn a_prompt_that_takes_no_marks_says_so_at_once() {
    let (service, mut terminal) = attached("readonly PS1='mine> '").await;
    terminal.sees("mine> ").await;
    assert_eq!(refusal(&mut terminal).await, ErrorCode::NoPromptMarks);
    service.stop().await;
}

#[tokio::test]
async fn the_tag_of_marks_is_neither_in_the_stream_nor_with_the_shells_children() {
    let (service, mut terminal) = attached("set -a; export PS1 PS0").await;
    let search = "cat /proc/self/environ /proc/$$/environ /proc/$$/cmdline | grep -c \"$__termgate_tag\"";
    assert_eq!(terminal.command(search).await.0, "0\n");
    terminal.keys("set -x; PS1=\"new $PS1\"\r").await;
    terminal.command("env; export -p; for i in 1\ndo\necho\ndone").await;
    terminal.command("set +x").await;
    let before = terminal.output.clone();
    let (tag, _) = terminal.command("echo \"$__termgate_tag\"").await;
    assert_eq!(tag.trim().len(), 16, "{tag}");
    assert_eq!(memchr::memmem::find(&before, tag.trim().as_bytes()), None);
    service.stop().await;
}
