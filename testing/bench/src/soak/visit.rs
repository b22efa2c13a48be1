//! One user's visit: everything that people do in a terminal, once, and one of the ways in which it ends.

use e2e::{Stack, Terminal};
use std::time::Duration;
use tokio::time::sleep;

/// Longest that anything in a visit may take: the machine is as busy as the visitors make it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What prints more than a screen, and less than a budget.
const FLOOD: &str = "seq -f 'line %.0f of a log of the usual length, or a little more than that' 1 3000; echo ov'e'r\r";

/// A program on the alternate screen that waits for a key, as an editor does.
const EDITOR: &str =
    r"printf '\033[?1049h\033[2J\033[H~\r\n~\r\nedi''tor'; read -rsn1; printf '\033[?1049l\033[32mba''ck\033[0m\n'";

/// Processes that outlive their shell unless somebody ends them.
const DAEMONS: &str = "setsid sleep 1000 >/dev/null 2>&1 & (sleep 1000 >/dev/null 2>&1 &)";

/// Where a visitor connects, and with which token.
struct Door {
    url: String,
    token: String,
}

impl Door {
    /// Most come through the gateway, some to an instance itself, which may not be the one that has the session.
    fn of(stack: &Stack, number: usize, session: &str) -> Self {
        let token = stack.token(&format!("user-{number}"), session);
        if !number.is_multiple_of(4) {
            return Self { url: stack.url(), token };
        }
        let address = stack.backend.address(number / 4 % super::INSTANCES);
        Self { url: format!("ws://{address}/terminal?sessionId={session}&token={token}"), token: String::new() }
    }
}

/// The session of a visit.
pub(crate) fn session(number: usize) -> String {
    format!("visit-{number}")
}

/// One visit. Every session and every user is a new one.
pub(crate) async fn visit(stack: &Stack, number: usize) {
    let session = session(number);
    let Door { url, token } = Door::of(stack, number, &session);
    let mut terminal = Terminal::connect(&url, &token).await.expect("the handshake is accepted");
    terminal.attach().await;
    sees(&mut terminal, "\u{1b}]133;B").await;
    terminal.type_text("echo ty'p'ed\r").await;
    sees(&mut terminal, "typed\r\n").await;
    terminal.resize(100, 30).await;
    terminal.type_text(FLOOD).await;
    sees(&mut terminal, "over\r\n").await;
    terminal.type_text(&format!("{EDITOR}\r")).await;
    sees(&mut terminal, "editor").await;
    // The page loses its connection while the editor is open.
    let mut terminal = terminal.reconnect(&url, &token).await;
    terminal.type_text("q").await;
    sees(&mut terminal, "back").await;
    watched(stack, &mut terminal, number).await;
    terminal.type_text(&format!("{DAEMONS}\recho star'te'd\r")).await;
    sees(&mut terminal, "started\r\n").await;
    match number % 3 {
        0 => {
            terminal.type_text("exit\r").await;
            terminal.expect_end_within(PATIENCE).await;
        }
        1 => {
            terminal.close_session().await;
            terminal.expect_end_within(PATIENCE).await;
        }
        // Gone without a word.
        _ => {
            drop(terminal);
            sleep(super::GRACE).await;
        }
    }
}

/// Somebody watches for a while, and hears what is said.
async fn watched(stack: &Stack, terminal: &mut Terminal, number: usize) {
    let token = stack.viewer_token(&format!("viewer-{number}"), &session(number));
    let mut viewer = Terminal::connect(&stack.url(), &token).await.expect("the handshake is accepted");
    viewer.attach().await;
    terminal.chat("hello").await;
    terminal.type_text("echo wa'tch'ed\r").await;
    sees(&mut viewer, "watched\r\n").await;
    sees(terminal, "watched\r\n").await;
    viewer.leave().await;
}

async fn sees(terminal: &mut Terminal, text: &str) {
    terminal.expect_within(PATIENCE, text).await;
}
