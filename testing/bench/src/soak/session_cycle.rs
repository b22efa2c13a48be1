//! One session from start to end: every action of a user once, and one of three endings.

use e2e::{Stack, Terminal};
use std::time::Duration;
use tokio::time::sleep;

/// Longest wait for one step; the concurrent users keep the machine busy.
const STEP_TIMEOUT: Duration = Duration::from_secs(60);

/// Pause after a user who disconnects without closing the session: `SESSION_DETACH_TIMEOUT_SECONDS` and 1 s.
const DETACH_PAUSE: Duration = Duration::from_secs(9);

/// Prints more than a screen, within the output budget.
const FLOOD: &str = "seq -f 'line %.0f of a log of the usual length, or a little more than that' 1 3000; echo ov'e'r\r";

/// A program on the alternate screen that waits for a key, like an editor.
const EDITOR: &str =
    r"printf '\033[?1049h\033[2J\033[H~\r\n~\r\nedi''tor'; read -rsn1; printf '\033[?1049l\033[32mba''ck\033[0m\n'";

/// Processes that outlive their shell unless the service kills them.
const DAEMONS: &str = "setsid sleep 1000 >/dev/null 2>&1 & (sleep 1000 >/dev/null 2>&1 &)";

/// URL and token of a session. One in four connects to an instance directly, which may not own the session.
fn address(stack: &Stack, number: usize, session: &str, instances: usize) -> (String, String) {
    let token = stack.token(&format!("user-{number}"), session);
    if !number.is_multiple_of(4) {
        return (stack.url(), token);
    }
    let address = stack.backend.address(number / 4 % instances);
    (format!("ws://{address}/terminal?sessionId={session}&token={token}"), String::new())
}

pub(super) fn session_id(number: usize) -> String {
    format!("soak-{number}")
}

pub(super) async fn run(stack: &Stack, number: usize, instances: usize) {
    let session = session_id(number);
    let (url, token) = address(stack, number, &session, instances);
    let mut terminal = Terminal::connect(&url, &token).await.expect("the handshake is accepted");
    terminal.attach().await;
    expect(&mut terminal, "\u{1b}[?2004h").await;
    terminal.type_text("echo ty'p'ed\r").await;
    expect(&mut terminal, "typed\r\n").await;
    terminal.resize(100, 30).await;
    terminal.type_text(FLOOD).await;
    expect(&mut terminal, "over\r\n").await;
    terminal.type_text(&format!("{EDITOR}\r")).await;
    expect(&mut terminal, "editor").await;
    let mut terminal = terminal.reconnect(&url, &token).await;
    terminal.type_text("q").await;
    expect(&mut terminal, "back").await;
    share(stack, &mut terminal, number).await;
    terminal.type_text(&format!("{DAEMONS}\recho star'te'd\r")).await;
    expect(&mut terminal, "started\r\n").await;
    match number % 3 {
        0 => terminal.type_text("exit\r").await,
        1 => terminal.close_session().await,
        // The connection breaks, and the session ends by its detach timeout.
        _ => {
            drop(terminal);
            return sleep(DETACH_PAUSE).await;
        }
    }
    terminal.expect_end_within(STEP_TIMEOUT).await;
}

async fn share(stack: &Stack, terminal: &mut Terminal, number: usize) {
    let token = stack.viewer_token(&format!("viewer-{number}"), &session_id(number));
    let mut viewer = Terminal::connect(&stack.url(), &token).await.expect("the handshake is accepted");
    viewer.attach().await;
    terminal.chat("hello").await;
    terminal.type_text("echo wa'tch'ed\r").await;
    expect(&mut viewer, "watched\r\n").await;
    expect(terminal, "watched\r\n").await;
    viewer.leave().await;
}

async fn expect(terminal: &mut Terminal, text: &str) {
    terminal.expect_within(STEP_TIMEOUT, text).await;
}
