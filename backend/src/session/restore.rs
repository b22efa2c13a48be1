//! The banner of a shell that replaces a lost one: the last screen, and a line with the reason.

use crate::store::{ClassRecord, ScreenRecord};
use shared_protocol::EndReason;

#[derive(Debug)]
pub(super) struct PreviousShell {
    /// Cause of its end.
    pub reason: EndReason,
    /// Its last screen, if one was saved.
    pub screen: Option<ScreenRecord>,
    /// The right to type and the raised hand, if known.
    pub class: Option<ClassRecord>,
}

impl PreviousShell {
    /// Terminal output to print before that of the new shell.
    pub(super) fn banner(&self) -> Vec<u8> {
        let cause = match self.reason {
            EndReason::ServerRestart => "the service was replaced",
            _ => "the machine that ran this shell was lost",
        };
        let mut output = self.screen.as_ref().map(|screen| screen.data.clone()).unwrap_or_default();
        if !output.is_empty() {
            output.extend_from_slice(b"\x1b[0m\r\n");
        }
        let line = format!("\x1b[7m {cause}: this is a new shell, and what ran before is gone \x1b[0m\r\n");
        output.extend_from_slice(line.as_bytes());
        output
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
        let banner = PreviousShell { reason: EndReason::OwnerLost, screen, class: None }.banner();
        let mut terminal = vt::Screen::new(100, 10, 0);
        terminal.feed(&banner, &mut Vec::new());
        let text = terminal.text();
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        assert_eq!(lines[..2], ["$ make", "ok"]);
        assert!(lines[2].starts_with("the machine that ran this shell was lost"), "{}", lines[2]);
        let banner = PreviousShell { reason: EndReason::ServerRestart, screen: None, class: None }.banner();
        assert!(String::from_utf8(banner).unwrap().contains("the service was replaced"));
    }
}
