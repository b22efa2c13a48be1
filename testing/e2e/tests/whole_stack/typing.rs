//! Keyboard: typing, interrupt, suspend, resize.

use e2e::{Function, Stack, StackOptions, Terminal};
use shared_protocol::client::{Input, Keys};
use shared_protocol::{ClientMessage, Seq, StreamEvent};
use std::time::Duration;

on_all!(
    a_key_is_echoed,
    the_terminal_has_the_windows_size,
    control_z_suspends_and_fg_resumes,
    unicode_and_bytes_arrive_as_typed,
    keys_are_typed_in_order_and_once,
    a_password_prompt_is_detected,
    a_reconnect_resumes,
);

/// Sends keys under this number, which the client does not use afterwards.
async fn send_input(terminal: &mut Terminal, seq: u64, keys: Keys) {
    let input = Input { seq: Seq(seq), epoch: terminal.epoch(), keys, ack: None, loan: None, predicted: false };
    terminal.send_text(ClientMessage::Input(input).to_json()).await;
}

async fn a_key_is_echoed(stack: &Stack) {
    let mut terminal = stack.terminal("ada", "s1").await;
    // Waits for each echo, so that each key makes its own round trip.
    for key in ["e", "c", "h", "o", " ", "h", "i"] {
        terminal.type_text(key).await;
        terminal.expect(key).await;
    }
    terminal.type_text("; echo $((6 * 7))\r").await;
    terminal.expect("hi\r\n42\r\n").await;
}

/// The real function trusts the gateway's certificate by SSL_CERT_FILE.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_echoed_with_posts_over_tls() {
    let options = StackOptions { posts_over_tls: true, ..StackOptions::new(Function::Bootstrap) };
    let stack = Stack::start_with(options).await;
    a_key_is_echoed(&stack).await;
    stack.stop().await;
}

async fn the_terminal_has_the_windows_size(stack: &Stack) {
    let mut terminal = stack.terminal("ada", "s1").await;
    assert_eq!(terminal.command("stty size").await, ("40 120\n".to_owned(), 0));
    terminal.resize(91, 33).await;
    let size = e2e::matching!(StreamEvent::Size { cols: 91, rows: 33 } => ());
    terminal.expect_event("the new size", size).await;
    assert_eq!(terminal.command("stty size; echo $COLUMNS").await, ("33 91\n91\n".to_owned(), 0));
}

async fn control_z_suspends_and_fg_resumes(stack: &Stack) {
    let mut terminal = stack.terminal("ada", "s1").await;
    terminal.run("cat").await;
    terminal.type_text("one\r").await;
    terminal.expect("one\r\none\r\n").await;
    terminal.type_text("\x1a").await;
    terminal.expect("Stopped").await;
    terminal.run("jobs; fg").await;
    terminal.expect("Stopped").await;
    terminal.expect("cat\r\n").await;
    // cat reads again after `fg` prints the job.
    terminal.expect("cat\r\n").await;
    terminal.type_text("two\r").await;
    terminal.expect("two\r\ntwo\r\n").await;
    terminal.type_text("\x04").await;
    assert_eq!(terminal.command("echo done").await.0, "done\n");
}

async fn unicode_and_bytes_arrive_as_typed(stack: &Stack) {
    let mut terminal = stack.terminal("ada", "s1").await;
    terminal.type_text("echo '<grüße 日本語 👋🏽 e\u{301}>' | od -An -tx1 | tr -d ' \\n'; echo\r").await;
    let hex: String = "<grüße 日本語 👋🏽 e\u{301}>\n".bytes().map(|byte| format!("{byte:02x}")).collect();
    terminal.expect(&hex).await;
    // A program in raw mode gets every byte, including invalid UTF-8.
    terminal.type_text("stty raw -echo; echo re''ady; head -c 5 | od -An -tx1; stty sane\r").await;
    terminal.expect("ready").await;
    send_input(&mut terminal, 3, Keys::B64("/wCAG/4=".to_owned())).await;
    terminal.expect("ff 00 80 1b fe").await;
}

async fn keys_are_typed_in_order_and_once(stack: &Stack) {
    let mut terminal = stack.terminal("ada", "s1").await;
    terminal.run("cat > /dev/null").await;
    let keys = ["a", "b", "c", "d", "e", "\r"];
    for index in [2, 0, 0, 5, 4, 1, 2, 3, 3, 0] {
        // The line that starts the program is number 1.
        send_input(&mut terminal, index + 2, Keys::Data(keys[index as usize].to_owned())).await;
    }
    terminal.expect("abcde\r\n").await;
    send_input(&mut terminal, 8, Keys::Data("end\r".to_owned())).await;
    assert_eq!(terminal.expect("end\r\n").await, b"", "nothing was typed twice");
}

async fn a_password_prompt_is_detected(stack: &Stack) {
    let mut terminal = stack.terminal("ada", "s1").await;
    terminal.type_text("read -rs -p 'Pass''word: ' secret\r").await;
    terminal.expect("Password: ").await;
    terminal.expect_event("echo to be off", e2e::matching!(StreamEvent::Tty(tty) if !tty.echo => ())).await;
    terminal.type_text("hidden\r").await;
    assert_eq!(terminal.command("echo ${#secret}").await.0, "6\n");
    assert!(!String::from_utf8_lossy(&terminal.stream.bytes).contains("hidden"));
}

async fn a_reconnect_resumes(stack: &Stack) {
    let mut terminal = stack.terminal("ada", "s1").await;
    assert_eq!(terminal.command("cd /usr; x=kept").await.1, 0);
    let mut terminal = terminal.reconnect(&stack.url(), &stack.token("ada", "s1")).await;
    assert_eq!(terminal.command("echo $x in $PWD").await.0, "kept in /usr\n");
    assert_eq!(terminal.stream.skipped, 0);
}

/// One invocation of the function carries a relay for 25 s; afterwards output arrives only because the client renews it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_is_renewed() {
    let stack = Stack::start(Function::Bootstrap).await;
    let mut terminal = stack.terminal("ada", "s1").await;
    terminal.type_text("sleep 27; echo sti''ll\r").await;
    terminal.expect_within(Duration::from_secs(45), "still\r\n").await;
    stack.stop().await;
}
