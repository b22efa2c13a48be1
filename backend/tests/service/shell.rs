//! Real shells on real terminals, through `/terminal`.

use crate::support::{Service, Terminal, until};
use shared_protocol::{ErrorCode, ServerMessage, StreamEvent};

/// A service with one session and a page attached to it.
async fn attached() -> (Service, Terminal) {
    let service = Service::start().await;
    let terminal = service.attached("page").await;
    (service, terminal)
}

#[tokio::test]
async fn a_login_shell_with_a_terminal_of_the_right_kind_and_size() {
    let (service, mut terminal) = attached().await;
    let (result, code) = terminal.command("shopt -q login_shell && echo $TERM $USER; tty >/dev/null; pwd").await;
    assert_eq!((result, code), (format!("xterm-256color student\n{}\n", service.home().display()), 0));
    terminal.ordered("resize", r#","cols":132,"rows":50"#).await;
    terminal.event(|event| matches!(event, StreamEvent::Size { cols: 132, rows: 50 })).await;
    assert_eq!(terminal.command("stty size").await.0, "50 132\n");
    service.stop().await;
}

#[tokio::test]
async fn the_environment_of_the_service_is_not_inherited() {
    let (service, mut terminal) = attached().await;
    let (result, _) = terminal.command("env | cut -d= -f1 | sort | tr '\\n' ' '").await;
    assert_eq!(result, "COLORTERM HOME LANG LOGNAME PATH PWD SHELL SHLVL TERM TERMGATE_SESSION TERM_PROGRAM USER _ ");
    service.stop().await;
}

#[tokio::test]
async fn keys_signals_and_jobs() {
    let (service, mut terminal) = attached().await;
    terminal.keys("echo $((40 + 2))\r").await;
    terminal.sees("\r42\r\n").await;
    // Wait for the program: Ctrl-C and Ctrl-Z at the prompt would not reach it.
    terminal.keys("sh -c 'echo fi''rst; exec sleep 1000'\r").await;
    terminal.sees("first").await;
    terminal.keys("\x03").await;
    terminal.keys("echo code $?\r").await;
    terminal.sees("code 130").await;
    terminal.keys("sh -c 'echo sec''ond; exec sleep 1000'\r").await;
    terminal.sees("second").await;
    terminal.keys("\x1a").await;
    terminal.sees("Stopped").await;
    terminal.keys("kill %1; wait; echo ju''st\r").await;
    terminal.sees("just").await;
    service.stop().await;
}

#[tokio::test]
async fn every_byte_arrives_as_it_was_printed() {
    let service = Service::start().await;
    std::fs::write(service.home().join("bytes"), (0..=255).cycle().take(100_000).collect::<Vec<u8>>()).unwrap();
    let mut terminal = service.attached("page").await;
    // Raw output: the kernel then translates no newlines.
    terminal.keys("stty -opost; printf 'st''art'; cat bytes; printf 'e''nd'; stty opost\r").await;
    terminal.sees("start").await;
    terminal.sees("end").await;
    let start = memchr::memmem::find(&terminal.output, b"start").unwrap() + 5;
    let expected: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    assert!(terminal.output[start..].starts_with(&expected));
    terminal.keys("printf '%s\\n' 'grüße 日本語 👩‍🚀'\r").await;
    terminal.sees("\rgrüße 日本語 👩‍🚀\r\n").await;
    service.stop().await;
}

#[tokio::test]
async fn commands_run_in_the_sessions_own_shell() {
    let (service, mut terminal) = attached().await;
    for (line, result, code) in [
        ("cd /tmp; export FRUIT=pear; false", "", 1),
        ("pwd; echo $FRUIT", "/tmp\npear\n", 0),
        ("printf '\\e[31mred\\e[0m\\n'", "\u{1b}[31mred\u{1b}[0m\n", 0),
        ("for i in 1 2\ndo\n\techo line $i\ndone\n(exit 7)", "line 1\nline 2\n", 7),
    ] {
        assert_eq!(terminal.command(line).await, (result.to_owned(), code), "{line}");
    }
    let (error, code) = terminal.command("echo )").await;
    assert!(error.starts_with("bash: syntax error near unexpected token"), "{error:?}");
    assert_eq!(code, 2);
    let (_, code) = terminal.command("if true; then").await;
    assert_eq!(code, 2, "an incomplete command is cancelled");
    assert_eq!(terminal.command("sh -c 'kill -TERM $$'").await.1, 143);
    assert_eq!(terminal.command("printf %s no newline").await, ("nonewline".into(), 0));
    assert_eq!(terminal.command("PS1='new> '; echo $PS1").await.1, 0);
    assert_eq!(terminal.command("echo again").await, ("again\n".into(), 0));
    let long = terminal.command("seq 1 100000").await.0;
    assert_eq!(long.len(), shared_protocol::limits::RESULT_BYTES);
    service.stop().await;
}

#[tokio::test]
async fn a_command_is_refused_while_something_else_runs() {
    let (service, mut terminal) = attached().await;
    terminal.keys("cat\r").await;
    terminal.sees("cat\r\n").await;
    terminal.ordered("command", r#","id":"late","command":"ls""#).await;
    let busy = terminal.reply(|reply| matches!(reply, ServerMessage::Error(_))).await;
    let ServerMessage::Error(error) = busy else { unreachable!() };
    assert_eq!((error.code, error.id.as_deref()), (ErrorCode::Busy, Some("late")));
    service.stop().await;
}

#[tokio::test]
async fn the_exit_of_the_shell_ends_the_session_with_its_code() {
    let (service, mut terminal) = attached().await;
    terminal.keys("printf 'last wor''ds'; exit 5\r").await;
    let exit = terminal.event(|event| matches!(event, StreamEvent::Exit { .. })).await;
    assert!(matches!(exit, StreamEvent::Exit { exit_code: 5, signal: None, .. }), "{exit:?}");
    assert!(String::from_utf8_lossy(&terminal.output).contains("last words"));
    assert_eq!(terminal.close_code().await, 1000);
    service.stop().await;
}

#[tokio::test]
async fn a_killed_shell_names_its_signal() {
    let (service, mut terminal) = attached().await;
    terminal.keys("kill -KILL $$\r").await;
    let exit = terminal.event(|event| matches!(event, StreamEvent::Exit { .. })).await;
    let StreamEvent::Exit { exit_code, signal, .. } = exit else { unreachable!() };
    assert_eq!((exit_code, signal.as_deref()), (137, Some("SIGKILL")));
    service.stop().await;
}

#[tokio::test]
async fn no_temporary_file_of_the_integration_outlives_its_session() {
    let (service, mut terminal) = attached().await;
    let (name, _) = terminal.command("echo $TERMGATE_SESSION").await;
    let files = || {
        let entries = std::fs::read_dir("/tmp").unwrap().map(|entry| entry.unwrap().file_name());
        entries.filter(|entry| entry.to_string_lossy().contains(name.trim())).count()
    };
    assert_eq!(files(), 1, "bash keeps one");
    terminal.keys("kill -KILL $$\r").await;
    terminal.event(|event| matches!(event, StreamEvent::Exit { .. })).await;
    until("it is gone", async || files() == 0).await;
    service.stop().await;
}

#[tokio::test]
async fn no_process_outlives_its_session() {
    let (service, mut terminal) = attached().await;
    let hide = "setsid nohup sh -c 'echo $$ >gone; exec sleep 7001' &>/dev/null & until [ -s gone ]; do :; done; trap '' HUP; sleep 7002 & echo $$ $! $(cat gone)";
    let (pids, _) = terminal.command(hide).await;
    let pids: Vec<u32> = pids.lines().last().unwrap().split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    assert_eq!(pids.len(), 3, "{pids:?}");
    let here = |pid: &u32| std::path::Path::new(&format!("/proc/{pid}")).exists();
    assert!(pids.iter().all(here));
    terminal.ordered("close", "").await;
    until("the end of every process", async || {
        // A zombie has ended; this process must reap the shell itself.
        let state = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !here(&pids[0]) && pids.iter().all(|pid| state(pid).is_empty() || state(pid).contains(") Z "))
    })
    .await;
    assert_eq!(terminal.close_code().await, 1000);
    service.stop().await;
}

#[tokio::test]
async fn a_flood_arrives_whole_and_in_order() {
    let (service, mut terminal) = attached().await;
    terminal.keys("seq -f '%08.0f' 1 600000 | cksum; seq -f '%08.0f' 1 600000; echo fin''ished\r").await;
    terminal.sees("finished\r\n").await;
    let text = terminal.screen().replace("\r\n", "\n");
    let at = text.find("00000001\n").unwrap();
    let lines = text[at..].lines().take(600_000);
    assert!(lines.zip(1..).all(|(line, number)| line.parse() == Ok(number)));
    assert!(text.contains("00600000\nfinished"));
    service.stop().await;
}

#[tokio::test]
async fn an_interrupt_reaches_a_program_that_does_not_read() {
    let (service, mut terminal) = attached().await;
    terminal.keys("sh -c 'echo rea''dy; exec sleep 1000'\r").await;
    terminal.sees("ready").await;
    for _ in 0..5 {
        terminal.keys(&"echo pasted; ".repeat(320)).await;
    }
    let after = terminal.seq;
    terminal.ordered("interrupt", &format!(r#","afterSeq":{after}"#)).await;
    assert_eq!(terminal.command("echo code $?").await, ("code 130\n".into(), 0));
    assert!(!terminal.screen().contains("\npasted"), "a pasted command ran");
    service.stop().await;
}

#[tokio::test]
async fn an_interrupt_ends_a_flood_within_a_screenful() {
    let (service, mut terminal) = attached().await;
    terminal.keys("yes\r").await;
    terminal.sees("y\r\ny\r\ny\r\n").await;
    terminal.ordered("interrupt", r#","afterSeq":1"#).await;
    assert_eq!(terminal.command("echo stopped").await, ("stopped\n".into(), 0));
    service.stop().await;
}

#[tokio::test]
async fn a_paste_waits_for_a_program_that_reads_later() {
    let (service, mut terminal) = attached().await;
    terminal
        .keys("stty raw -echo; printf 're''ady'; until test -e go; do :; done; head -c 60000 | cksum; stty sane\r")
        .await;
    terminal.sees("ready").await;
    // More than the kernel keeps for a program.
    for _ in 0..15 {
        terminal.keys(&"0123456789".repeat(400)).await;
    }
    std::fs::write(service.home().join("go"), "").unwrap();
    let (sum, _) = terminal.command("printf '0123456789%.0s' $(seq 6000) | cksum").await;
    assert!(terminal.screen().contains(&format!("ready{}", sum.trim())), "{sum} is not in {:?}", terminal.screen());
    service.stop().await;
}
