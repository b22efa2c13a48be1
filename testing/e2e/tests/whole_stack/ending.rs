//! Ends of sessions and connections, without leftovers.

use e2e::{Stack, TEST_TIMEOUT, Terminal, alive, matching, until, zombies_of};
use gateway_lambda::{Clock, SystemClock};
use rustix::process::Signal;
use shared_protocol::{EndReason, ErrorCode, StreamEvent, UserClaims};

on_all!(
    the_shells_exit_is_reported,
    a_killed_shell_is_reported,
    close_ends_the_session_and_its_connections,
    no_process_is_left,
    a_closed_connection_leaves_its_session,
    stopping_the_service_ends_its_shells,
);

async fn expect_exit(terminal: &mut Terminal) -> (i32, Option<String>, EndReason) {
    let exit = matching!(StreamEvent::Exit { exit_code, signal, reason } => (*exit_code, signal.clone(), *reason));
    terminal.expect_event("the exit", exit).await
}

async fn the_shells_exit_is_reported(stack: &Stack) {
    let mut terminal = stack.terminal("ada", "s1").await;
    terminal.type_text("echo la''st; exit 7\r").await;
    assert_eq!(expect_exit(&mut terminal).await, (7, None, EndReason::Exited));
    terminal.expect("last\r\n").await;
    assert_eq!(terminal.expect_close().await, 1000);
}

async fn a_killed_shell_is_reported(stack: &Stack) {
    let mut terminal = stack.terminal("ada", "s1").await;
    terminal.type_text("kill -9 $$\r").await;
    assert_eq!(expect_exit(&mut terminal).await, (137, Some("SIGKILL".to_owned()), EndReason::Exited));
    assert_eq!(terminal.expect_close().await, 1000);
}

async fn close_ends_the_session_and_its_connections(stack: &Stack) {
    let mut ada = stack.terminal("ada", "s1").await;
    let mut ben = stack.terminal("ben", "s1").await;
    let mut elsewhere = stack.terminal("ada", "s2").await;
    ada.close_session().await;
    for terminal in [&mut ada, &mut ben] {
        assert_eq!(expect_exit(terminal).await.2, EndReason::Closed);
        assert_eq!(terminal.expect_close().await, 1000);
    }
    assert_eq!(elsewhere.command("echo still here").await.0, "still here\n");
    // Only a token issued after the end starts the session again, with a new shell.
    let before = ada.epoch();
    let old = UserClaims { iat: Some(SystemClock.now_seconds() - 60), ..Stack::claims("ada", Some("s1")) };
    let mut late = Terminal::connect(&stack.url(), &stack.sign(&old)).await.unwrap();
    assert_eq!(late.try_attach().await.unwrap_err().code, ErrorCode::SessionEnded);
    // The ended session notifies its connections before it is removed.
    until("another shell", TEST_TIMEOUT, async || {
        let fresh = UserClaims { iat: Some(SystemClock.now_seconds() + 1), ..old.clone() };
        let mut again = Terminal::connect(&stack.url(), &stack.sign(&fresh)).await.unwrap();
        again.try_attach().await.is_ok() && again.epoch() > before
    })
    .await;
}

/// Starts processes that are hard to kill, and returns their ids, the shell's first.
async fn start_stubborn(terminal: &mut Terminal) -> Vec<u32> {
    let script = "echo $$; (trap '' HUP TERM INT; sleep 1001 & echo $!; sleep 1002 & echo $!); \
                  setsid sleep 1003 & echo $!; nohup sleep 1004 >/dev/null 2>&1 & echo $!; pgrep -f 'sleep 1003'";
    let (printed, _) = terminal.command(script).await;
    let pids: Vec<u32> = printed.lines().filter_map(|line| line.trim().parse().ok()).collect();
    assert!(pids.len() >= 5, "{printed:?}");
    pids
}

async fn no_process_is_left(stack: &Stack) {
    let mut terminal = stack.terminal("ada", "s1").await;
    let pids = start_stubborn(&mut terminal).await;
    assert!(alive(pids[0]) && alive(pids[1]));
    terminal.close_session().await;
    expect_exit(&mut terminal).await;
    until("every process of the session to be gone", TEST_TIMEOUT, async || !pids.iter().any(|pid| alive(*pid))).await;
    until("the service to wait for them", TEST_TIMEOUT, async || zombies_of(stack.backend.id(0)).is_empty()).await;
}

async fn stopping_the_service_ends_its_shells(stack: &Stack) {
    let mut terminal = stack.terminal("ada", "s1").await;
    let pids = start_stubborn(&mut terminal).await;
    stack.backend.signal_all(Signal::TERM);
    until("every process of the session to be gone", TEST_TIMEOUT, async || !pids.iter().any(|pid| alive(*pid))).await;
}

async fn a_closed_connection_leaves_its_session(stack: &Stack) {
    let rows = async || stack.rows_of("ada").await + stack.rows_of("ben").await;
    let mut ada = stack.terminal("ada", "s1").await;
    assert_eq!(ada.command("cd /usr").await.1, 0);
    assert_eq!(rows().await, 1);
    ada.leave().await;
    until("the connection's row to be gone", TEST_TIMEOUT, async || rows().await == 0).await;
    // The shell still runs.
    let mut ben = stack.terminal("ben", "s1").await;
    assert_eq!(ben.command("pwd").await.0, "/usr\n");
    assert_eq!(rows().await, 1);
    // A message on a connection that never attached is answered with an error.
    let mut eve = stack.connect("eve", "s1").await;
    eve.send_text(r#"{"type":"ack","epoch":1,"pos":0}"#).await;
    eve.expect_error(ErrorCode::NotAttached).await;
}
