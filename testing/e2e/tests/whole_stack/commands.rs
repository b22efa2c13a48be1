//! `command`: runs in the session's shell, and returns output and exit code.

use e2e::{Stack, matching};
use shared_protocol::limits::{FRAME_BYTES, RESULT_BYTES};
use shared_protocol::{ErrorCode, Role, ServerMessage, StreamEvent, UserClaims};

on_all!(
    a_command_changes_its_shell,
    output_is_unchanged,
    exit_codes_are_the_shells,
    a_long_result_is_truncated,
    a_busy_shell_is_reported,
    one_shot_clients_are_served,
    a_connection_without_a_session_may_ping,
);

async fn a_command_changes_its_shell(stack: &Stack) {
    let mut terminal = stack.terminal("ada", "s1").await;
    assert_eq!(terminal.command("cd /usr && export WORD=kept").await, (String::new(), 0));
    assert_eq!(terminal.command("pwd; sh -c 'echo $WORD'").await, ("/usr\nkept\n".to_owned(), 0));
    assert_eq!(terminal.command("f() { echo function $1; }").await.1, 0);
    // The user continues in the same shell.
    terminal.type_text("f typed\r").await;
    terminal.expect("function typed\r\n").await;
}

async fn output_is_unchanged(stack: &Stack) {
    let mut terminal = stack.terminal("ada", "s1").await;
    assert_eq!(terminal.command("printf 'a\\nb\\n\\nc'").await, ("a\nb\n\nc".to_owned(), 0));
    assert_eq!(terminal.command("printf '\\033[1;31mred\\033[0m\\n'").await.0, "\u{1b}[1;31mred\u{1b}[0m\n");
    assert_eq!(terminal.command("for i in 1 2\ndo\n\techo line $i\ndone").await.0, "line 1\nline 2\n");
    assert_eq!(terminal.command("cat <<'END'\n$HOME 日本\nEND").await.0, "$HOME 日本\n");
    assert_eq!(terminal.command("echo ' quoted \"text\" '; echo '!!'").await.0, " quoted \"text\" \n!!\n");
    assert_eq!(terminal.command("echo err >&2").await.0, "err\n");
    // Several lines are one command to the client.
    assert_eq!(terminal.command("echo one\necho two\n(exit 5)").await, ("one\ntwo\n".to_owned(), 5));
}

async fn exit_codes_are_the_shells(stack: &Stack) {
    let mut terminal = stack.terminal("ada", "s1").await;
    for (line, code) in [
        ("true", 0),
        ("false", 1),
        ("(exit 42)", 42),
        ("no-such-command-here", 127),
        ("kill -9 $BASHPID | cat; sh -c 'kill -9 $$'", 137),
    ] {
        assert_eq!(terminal.command(line).await.1, code, "{line}");
    }
    let (error, code) = terminal.command("echo )").await;
    assert_eq!(code, 2);
    assert!(error.contains("syntax error"), "{error:?}");
    // An incomplete command is cancelled, and the shell continues.
    assert_eq!(terminal.command("if true; then").await.1, 2);
    assert_eq!(terminal.command("echo on").await, ("on\n".to_owned(), 0));
}

async fn a_long_result_is_truncated(stack: &Stack) {
    let mut terminal = stack.terminal("ada", "s1").await;
    let result = |id: String| {
        move |event: &StreamEvent| match event {
            StreamEvent::CommandResult { id: done, result, truncated, exit_code } if *done == id => {
                Some((result.clone(), *truncated, *exit_code))
            }
            _ => None,
        }
    };
    let id = terminal.start_command("seq 1 100000").await;
    let (text, truncated, code) = terminal.expect_event("the result", result(id)).await;
    assert!(text.starts_with("1\n2\n3\n") && text.len() <= RESULT_BYTES, "{} bytes", text.len());
    assert_eq!((truncated, code), (true, 0));
    // Control characters take six bytes in JSON; the frame limit still applies.
    let id = terminal.start_command("printf '\\033%.0s' $(seq 1 20000); (exit 3)").await;
    let (text, truncated, code) = terminal.expect_event("the result", result(id)).await;
    assert!(text.len() * 6 < FRAME_BYTES && text.bytes().all(|byte| byte == 0x1b), "{} bytes", text.len());
    assert_eq!((truncated, code), (true, 3));
}

async fn a_busy_shell_is_reported(stack: &Stack) {
    let mut terminal = stack.terminal("ada", "s1").await;
    assert_eq!(terminal.command("true").await.1, 0);
    terminal.run("cat").await;
    let id = terminal.start_command("echo never").await;
    let refusal = terminal.expect_error(ErrorCode::Busy).await;
    assert_eq!((refusal.id, refusal.retryable), (Some(id), true));
    terminal.type_text("\x03").await;
    assert_eq!(terminal.command("echo again").await.0, "again\n");
}

async fn one_shot_clients_are_served(stack: &Stack) {
    let mut script = stack.connect("ada", "s1").await;
    script.send_text(r#"{"type":"ping"}"#).await;
    // The pong contains the time of each hop.
    let pong_times = |reply: &ServerMessage| match reply {
        ServerMessage::Pong(pong) => pong.gateway_ms.zip(pong.service_ms),
        _ => None,
    };
    let (gateway_ms, service_ms) = script.expect_reply("a pong", pong_times).await;
    assert!(gateway_ms < 10_000 && service_ms < 10_000, "{gateway_ms} ms, {service_ms} ms");
    for (sent, result, code) in [
        (r#"{"type":"command","command":"echo hi"}"#, "hi\n", 0),
        (r#"{"action":"command","command":"cd /usr; false"}"#, "", 1),
        (r#"{"type":"command","command":"pwd","id":"7"}"#, "/usr\n", 0),
    ] {
        script.send_text(sent).await;
        let answer =
            script.expect_reply("the result", matching!(ServerMessage::CommandResult(result) => result.clone()));
        let answer = answer.await;
        assert_eq!((answer.result.as_str(), answer.exit_code), (result, code), "{sent}");
        assert_eq!(answer.id.is_some(), sent.contains("\"id\""));
    }
    script.send_text(r#"{"type":"resize","cols":77,"rows":22}"#).await;
    script.expect_reply("the size's answer", matching!(ServerMessage::ResizeAck(_) => ())).await;
    script.send_text(r#"{"action":"sendMessage","type":"command","command":"stty size"}"#).await;
    let size =
        script.expect_reply("the size", matching!(ServerMessage::CommandResult(result) => result.result.clone()));
    assert_eq!(size.await, "22 77\n");
    script.send_text(r#"{"type":"make_coffee"}"#).await;
    let unknown = script
        .expect_reply("unknown_command", matching!(ServerMessage::UnknownCommand(unknown) => unknown.received.clone()));
    assert_eq!(unknown.await, "make_coffee");
    script.send_text("what is this").await;
    script.expect_error(ErrorCode::BadMessage).await;
}

async fn a_connection_without_a_session_may_ping(stack: &Stack) {
    let claims = UserClaims { role: Role::Controller, ..Stack::claims("ada", None) };
    let mut terminal = e2e::Terminal::connect(&stack.url(), &stack.sign(&claims)).await.unwrap();
    terminal.send_text(r#"{"type":"ping","t":12.5}"#).await;
    let t = terminal.expect_reply("a pong", matching!(ServerMessage::Pong(pong) => pong.t.clone()));
    assert_eq!(t.await, Some(12.5.into()));
    terminal.send_text(r#"{"type":"echo","word":"back"}"#).await;
    let echo = terminal.expect_reply("an echo", matching!(ServerMessage::Echo(echo) => echo.received["word"].clone()));
    assert_eq!(echo.await, "back");
    terminal.send_text(r#"{"type":"command","command":"echo hi"}"#).await;
    terminal.expect_reply("a refusal", matching!(ServerMessage::Error(_) => ())).await;
}
