//! The shell integration: it survives a user's setup, is not seen in it, and its tag stays with the shell.

use crate::support::{Service, Terminal};
use backend::terminal::UnixSpawner;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use shared_protocol::{ErrorCode, ServerMessage};
use std::sync::Arc;

/// A page in a shell with this startup file.
async fn attached(startup: &str) -> (Service, Terminal) {
    let service = Service::start().await;
    std::fs::write(service.home().join(".profile"), startup).unwrap();
    let terminal = service.attached("page").await;
    (service, terminal)
}

/// A page in such a shell with these files below its home.
async fn attached_to(shell: &str, files: &[(&str, &str)]) -> (Service, Terminal) {
    let service = Service::with(&[("TERMINAL_SHELL", shell)], Arc::new(UnixSpawner)).await;
    for (path, text) in files {
        let path = service.home().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let terminal = service.attached("page").await;
    (service, terminal)
}

const ZSH: &str = "/usr/bin/zsh";
const FISH: &str = "/usr/bin/fish";
const FISH_CONFIG: &str = ".config/fish/config.fish";

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
    // The other one is interactive and a login shell too; of its own it has the number of its process. The trap that tells lines
    // can be seen.
    let compare = "trap - DEBUG; state | sed s/$$/pid/ >here; SHLVL=0 bash -lic '. ./state; sed -i s/$$/pid/ there'; diff here there";
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

#[tokio::test]
async fn zsh_runs_commands_after_any_startup_file() {
    for startup in [
        "",
        "precmd() { printf hook }; preexec() { printf before }",
        "precmd_functions=(); preexec_functions=(); zle-line-init() { :; }; zle -N zle-line-init",
        "autoload -Uz promptinit && promptinit && prompt adam1; setopt prompt_subst transient_rprompt",
        "unsetopt prompt_sp; PS1=$'two\nlines %(!.#.$) '; RPS1=right",
        "setopt ksh_arrays sh_word_split no_unset all_export no_clobber; alias builtin=false printf=false local=false; IFS=x",
        "PROMPT_EOL_MARK=; bindkey -v; setopt vi ignore_eof",
        "return 3",
    ] {
        let (service, mut terminal) = attached_to(ZSH, &[(".zshrc", startup)]).await;
        assert_eq!(terminal.command("(exit 7)").await.1, 7, "{startup}");
        assert_eq!(terminal.command("'builtin' 'echo' on").await, ("on\n".into(), 0), "{startup}");
        assert_eq!(
            terminal.command("if true\nthen 'builtin' 'printf' 'a\tb'\nfi").await,
            ("a\tb".into(), 0),
            "{startup}"
        );
        assert_eq!(terminal.command(")").await.1, 1, "{startup}");
        assert_eq!(terminal.command("for i in 1").await.1, 2, "incomplete: {startup}");
        service.stop().await;
    }
}

#[tokio::test]
async fn zsh_reads_all_startup_files_of_the_user_and_keeps_no_other() {
    let note = |name: &str| format!("seen+=({name}:${{ZDOTDIR-none}})\n");
    let files = [".zshenv", ".zprofile", ".zshrc", ".zlogin"].map(|name| (name, note(name)));
    let (service, mut terminal) = attached_to(ZSH, &files.each_ref().map(|(name, text)| (*name, text.as_str()))).await;
    let seen = ".zshenv:none .zprofile:none .zshrc:none .zlogin:none\n";
    assert_eq!(terminal.command("echo $seen").await.0, seen);
    let left = "echo ${ZDOTDIR-none} ${TERMGATE_MARKS-none} $+functions[__termgate_leave]; ls -d ${TMPDIR:-/tmp}/termgate.*(N)";
    assert!(terminal.command(left).await.0.starts_with("none none 0\n"));
    service.stop().await;

    let moved = [(".zshenv", "ZDOTDIR=$HOME/other"), ("other/.zshrc", "seen=moved")];
    let (service, mut terminal) = attached_to(ZSH, &moved).await;
    let (found, _) = terminal.command("echo $seen ${ZDOTDIR#$HOME/}; env | grep -c ZDOTDIR").await;
    assert_eq!(found, "moved other\n0\n");
    service.stop().await;
}

#[tokio::test]
async fn the_integration_is_not_seen_in_traces_of_zsh_nor_its_tag_with_its_children() {
    let (service, mut terminal) = attached_to(ZSH, &[(".zshrc", "setopt all_export")]).await;
    terminal.keys("set -x\r").await;
    terminal.keys("echo en''d\r").await;
    terminal.sees("\nend\r\n").await;
    terminal.command("true").await;
    assert!(!terminal.screen().contains("termgate"), "{}", terminal.screen());
    terminal.command("set +x").await;
    let search = "cat /proc/self/environ /proc/$$/environ /proc/$$/cmdline | grep -c \"$__termgate_tag\"";
    assert_eq!(terminal.command(search).await.0, "0\n");
    service.stop().await;
}

#[tokio::test]
async fn fish_runs_commands_after_any_startup_file() {
    for startup in [
        "",
        "function fish_prompt; echo -n 'mine> '; end; function fish_right_prompt; echo right; end",
        "function fish_title; end; fish_vi_key_bindings; alias printf false; alias rm false",
        "function hook --on-event fish_prompt; echo hook; end",
    ] {
        let (service, mut terminal) = attached_to(FISH, &[(FISH_CONFIG, startup)]).await;
        assert_eq!(terminal.command("false").await.1, 1, "{startup}");
        assert_eq!(terminal.command("echo on").await, ("on\n".into(), 0), "{startup}");
        assert_eq!(terminal.command("if true\nbuiltin printf 'a\\tb'\nend").await, ("a\tb".into(), 0), "{startup}");
        assert_eq!(terminal.command("function fish_prompt; echo -n 'new> '; end").await.1, 0, "{startup}");
        let left = "set -q TERMGATE_MARKS; or echo none; count /tmp/termgate.*/integration.fish";
        assert!(terminal.command(left).await.0.starts_with("none\n"), "{startup}");
        service.stop().await;
    }
}

#[tokio::test]
async fn an_incomplete_command_in_fish_is_cancelled() {
    let (service, mut terminal) = attached_to(FISH, &[]).await;
    assert_eq!(terminal.command("for i in 1").await.1, 2);
    assert_eq!(terminal.command("echo next").await, ("next\n".into(), 0));
    service.stop().await;
}

#[tokio::test]
async fn each_shell_offers_files_by_their_real_paths() {
    for shell in ["/bin/bash", ZSH, FISH] {
        let (service, mut terminal) = attached_to(shell, &[("a b/c.txt", "text"), (FISH_CONFIG, "")]).await;
        let real = service.home().canonicalize().unwrap();
        assert_eq!(terminal.command("cd 'a b'; ln -s c.txt link").await.1, 0, "{shell}");
        let (output, code) = terminal.command("tg-download link ..").await;
        assert_eq!(code, 0, "{shell}");
        let offers = output.split("\x1b]1337;TermgateDownload=").skip(1).filter_map(|rest| rest.split('\x07').next());
        let offers: Vec<String> =
            offers.map(|offer| String::from_utf8(STANDARD.decode(offer).unwrap()).unwrap()).collect();
        let expected = [real.join("a b/c.txt"), real.clone()].map(|path| path.to_str().unwrap().to_owned());
        assert_eq!(offers, expected, "{shell}");
        for (line, code) in [("tg-download missing/file", 1), ("tg-download missing", 1), ("tg-download", 2)] {
            let (said, exit_code) = terminal.command(line).await;
            assert!(exit_code == code && !said.is_empty(), "{shell}: {line}: {said}");
        }
        service.stop().await;
    }
}
