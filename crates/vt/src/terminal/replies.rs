//! Answers to programs' queries to their terminal. Only the service gives them: the browser's emulator is muted, so that
//! neither history nor a second tab answers a query again, into a shell that takes the reply for typing.
//!
//! They are those of xterm.js if it has one, and otherwise those of an xterm that lacks the feature. No answer reads titles or
//! the clipboard back: a program could make the terminal type them.

use super::dispatch::Dispatch;
use super::images::CELL_PIXELS;
use super::palette::{Rgb, Slot};
use super::{Style, Terminal, Theme};
use crate::parser::Params;

/// Most bytes of pending replies. A program that queries without reading gets no more.
const MAX_PENDING_BYTES: usize = 16 * 1024;

impl Terminal {
    /// Says whether the theme is dark or light.
    fn theme_report(&self) -> &'static str {
        if self.palette.theme.is_dark() { "\x1b[?997;1n" } else { "\x1b[?997;2n" }
    }

    /// Sets the page's theme. Returns the report of the change, for a program that wants one.
    pub(crate) fn set_theme(&mut self, theme: Theme) -> &'static str {
        let is_new = self.palette.theme != theme;
        self.palette.theme = theme;
        if is_new && self.modes.theme_reports { self.theme_report() } else { "" }
    }
}

impl Dispatch<'_> {
    fn reply(&mut self, text: &str) {
        if self.replies.len() + text.len() <= MAX_PENDING_BYTES {
            self.replies.extend_from_slice(text.as_bytes());
        }
    }

    /// DA1, DA2, DA3 and XTVERSION: what kind of terminal it is.
    pub(super) fn reply_identity(&mut self, params: &Params, identity: &str) {
        if params.get(0) == 0 {
            self.reply(identity);
        }
    }

    /// DSR; `private`: its DEC form. A cursor that is about to wrap stands in the last column.
    pub(super) fn reply_status(&mut self, params: &Params, private: bool) {
        let buffer = self.terminal.buffer();
        let origin = if self.terminal.modes.origin { buffer.top } else { 0 };
        let (x, y) = (buffer.x.min(buffer.cols() - 1) + 1, buffer.y.saturating_sub(origin) + 1);
        match (params.get(0), private) {
            (5, false) => self.reply("\x1b[0n"),
            (6, false) => self.reply(&format!("\x1b[{y};{x}R")),
            (6, true) => self.reply(&format!("\x1b[?{y};{x}R")),
            (996, true) => self.reply(self.terminal.theme_report()),
            _ => {}
        }
    }

    /// DECRQM; `private`: for the modes of DEC.
    pub(super) fn reply_mode(&mut self, params: &Params, private: bool) {
        let mode = params.get(0);
        if private {
            let state = self.terminal.private_mode_state(mode);
            self.reply(&format!("\x1b[?{mode};{state}$y"));
        } else {
            let state = self.terminal.mode_state(mode);
            self.reply(&format!("\x1b[{mode};{state}$y"));
        }
    }

    /// XTWINOPS: reports sizes and keeps titles, nothing else.
    pub(super) fn window(&mut self, params: &Params) {
        let (cols, rows) = (self.terminal.cols, self.terminal.rows);
        let which = params.get(1);
        match params.get(0) {
            14 if which != 2 => self.reply(&format!("\x1b[4;{};{}t", rows * CELL_PIXELS.1, cols * CELL_PIXELS.0)),
            16 => self.reply(&format!("\x1b[6;{};{}t", CELL_PIXELS.1, CELL_PIXELS.0)),
            18 => self.reply(&format!("\x1b[8;{rows};{cols}t")),
            19 => self.reply(&format!("\x1b[9;{rows};{cols}t")),
            22 if which != 1 => self.terminal.titles.push(),
            23 if which != 1 => self.terminal.titles.pop(),
            _ => {}
        }
    }

    /// OSC 4, 10, 11, 12: terminated as the query was.
    pub(super) fn reply_colour(&mut self, slot: Slot, [red, green, blue]: Rgb, bell: bool) {
        let end = if bell { "\x07" } else { "\x1b\\" };
        let command = slot.command();
        self.reply(&format!("\x1b]{command};rgb:{red:02x}{red:02x}/{green:02x}{green:02x}/{blue:02x}{blue:02x}{end}"));
    }

    /// DECRQSS: reports a setting.
    pub(super) fn reply_setting(&mut self, what: &[u8]) {
        let terminal = &self.terminal;
        let buffer = terminal.buffer();
        let setting = match what {
            b"\"q" => format!("{}\"q", u8::from(terminal.pen.cell().is_protected())),
            b"\"p" => "61;1\"p".to_owned(),
            b"r" => format!("{};{}r", buffer.top + 1, buffer.bottom + 1),
            b"m" => format!("{}m", Style::of_pen(&terminal.pen).codes()),
            b" q" => format!("{} q", [1, 1, 2, 3, 4, 5, 6, 1, 2][usize::from(terminal.modes.cursor_style())]),
            _ => {
                self.reply("\x1bP0$r\x1b\\");
                return;
            }
        };
        self.reply(&format!("\x1bP1$r{setting}\x1b\\"));
    }

    /// XTGETTCAP: reports every capability as unknown, so that the program does not wait.
    pub(super) fn reply_capability(&mut self) {
        self.reply("\x1bP0+r\x1b\\");
    }
}
