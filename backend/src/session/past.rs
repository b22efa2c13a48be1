//! What a new shell shows first when it replaces one that was lost: the last screen, and a line that says what happened.

use crate::store::ScreenRecord;
use shared_protocol::EndReason;

/// The end of the shell before, which nobody wanted.
#[derive(Debug)]
pub(super) struct Past {
    pub reason: EndReason,
    /// What it showed last, where that is known.
    pub screen: Option<ScreenRecord>,
}

impl Past {
    /// What is printed before anything of the new shell.
    pub(super) fn print(&self) -> Vec<u8> {
        let happened = match self.reason {
            EndReason::ServerRestart => "the service was replaced",
            _ => "the machine that ran this shell was lost",
        };
        let mut printed = self.screen.as_ref().map(|screen| screen.data.clone()).unwrap_or_default();
        if !printed.is_empty() {
            printed.extend_from_slice(b"\x1b[0m\r\n");
        }
        printed.extend_from_slice(
            format!("\x1b[7m {happened}: this is a new shell, and what ran before is gone \x1b[0m\r\n").as_bytes(),
        );
        printed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_protocol::Epoch;

    #[test]
    fn the_last_screen_stands_above_the_line() {
        let data = b"$ make\r\nok".to_vec();
        let screen = Some(ScreenRecord { epoch: Epoch(5), cols: 80, rows: 24, data, at: 0 });
        let printed = Past { reason: EndReason::OwnerLost, screen }.print();
        let mut terminal = vt::Screen::new(100, 10, 0);
        terminal.feed(&printed, &mut Vec::new());
        let text = terminal.text();
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        assert_eq!(lines[..2], ["$ make", "ok"]);
        assert!(lines[2].starts_with("the machine that ran this shell was lost"), "{}", lines[2]);
        let printed = Past { reason: EndReason::ServerRestart, screen: None }.print();
        assert!(String::from_utf8(printed).unwrap().contains("the service was replaced"));
    }
}
