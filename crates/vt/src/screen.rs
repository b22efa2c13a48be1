//! What the service holds for each session: a terminal that nobody looks at, fed with what the session prints.

use crate::parser::Parser;
use crate::snapshot::{self, Scope};
use crate::terminal::{Dispatch, Terminal};

/// Columns and rows at least. One column makes emulators loop on wide characters.
const MIN_SIZE: (u16, u16) = (2, 1);

/// The terminal of a session.
pub struct Screen {
    parser: Parser,
    terminal: Terminal,
}

impl Screen {
    /// A new terminal, which keeps `scrollback_lines` of what scrolls off (fewer, if it is wider than 200 columns). At least 2 columns
    /// and 1 row.
    #[must_use]
    pub fn new(cols: u16, rows: u16, scrollback_lines: usize) -> Self {
        let (cols, rows) = (cols.max(MIN_SIZE.0), rows.max(MIN_SIZE.1));
        Self { parser: Parser::new(), terminal: Terminal::new(cols.into(), rows.into(), scrollback_lines) }
    }

    /// Takes output, cut anywhere. What a terminal has to answer to it is appended to `replies`, which takes nothing more while
    /// 16 KiB wait in it.
    pub fn feed(&mut self, bytes: &[u8], replies: &mut Vec<u8>) {
        self.parser.advance(bytes, &mut Dispatch { terminal: &mut self.terminal, replies });
    }

    /// Takes a new size, from here in the output.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        self.terminal.resize(cols.max(MIN_SIZE.0).into(), rows.max(MIN_SIZE.1).into());
    }

    /// Bytes at the end of what was fed that belong to a character or a sequence that is not complete, at most 64 KiB. They have
    /// had no effect yet: a [`Screen::snapshot`] stands before them.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.parser.pending_bytes()
    }

    /// The window's title, if it changed since this was last asked: at most 256 characters, none of them a control character. Empty
    /// when a program took its title away.
    pub fn take_title(&mut self) -> Option<String> {
        self.terminal.take_title()
    }

    /// The bytes that restore this terminal on another one of the same size, in any state.
    #[must_use]
    pub fn snapshot(&self, scope: Scope) -> Vec<u8> {
        snapshot::take(&self.terminal, &self.parser, scope)
    }

    /// The bytes that print what is shown now, with its colours, below what another terminal shows: a render_visible of the screen, without
    /// its cursor and modes. Needs a terminal as wide.
    #[must_use]
    pub fn render_visible(&self) -> Vec<u8> {
        snapshot::render_visible(&self.terminal)
    }

    /// Columns and rows.
    #[must_use]
    pub fn size(&self) -> (u16, u16) {
        let buffer = self.terminal.buffer();
        (buffer.cols() as u16, buffer.rows() as u16)
    }

    /// Column and row of the cursor, from 0. One that is about to wrap stands in the last column.
    #[must_use]
    pub fn cursor(&self) -> (u16, u16) {
        let buffer = self.terminal.buffer();
        (buffer.x.min(buffer.cols() - 1) as u16, buffer.y as u16)
    }

    /// Whether a program shows the alternate screen.
    #[must_use]
    pub fn is_alternate(&self) -> bool {
        self.terminal.alternate().is_some()
    }

    /// Lines that have scrolled off and are kept.
    #[must_use]
    pub fn scrollback(&self) -> usize {
        self.terminal.main().history()
    }

    /// The text on the screen, a line for each row, without spaces at their ends.
    #[must_use]
    pub fn text(&self) -> String {
        let buffer = self.terminal.buffer();
        let mut text = String::new();
        for y in 0..buffer.rows() {
            let mut covered = false;
            for cell in buffer.row(y as isize) {
                // What is left of a wide character that was cut in two covers a column too.
                if !(covered && cell.is_spacer()) {
                    match self.terminal.text(*cell, &mut [0; 4]) {
                        "" => text.push(' '),
                        content => text.push_str(content),
                    }
                }
                covered = cell.width() == 2;
            }
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
        }
        text
    }
}
