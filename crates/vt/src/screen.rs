//! The crate's interface: a terminal without a display.

use crate::parser::Parser;
use crate::snapshot::{self, Scope};
use crate::terminal::{Dispatch, Terminal, Theme};

/// Smallest columns and rows. With one column, emulators loop on wide characters.
const MIN_SIZE: (u16, u16) = (2, 1);

/// A terminal, fed with the output of a session.
pub struct Screen {
    parser: Parser,
    pub(crate) terminal: Terminal,
}

impl Screen {
    /// A new terminal of at least 2 columns and 1 row. Keeps `scrollback_lines` lines of history, fewer above 200 columns.
    #[must_use]
    pub fn new(cols: u16, rows: u16, scrollback_lines: usize) -> Self {
        let (cols, rows) = (cols.max(MIN_SIZE.0), rows.max(MIN_SIZE.1));
        Self { parser: Parser::new(), terminal: Terminal::new(cols.into(), rows.into(), scrollback_lines) }
    }

    /// Reads output, cut anywhere. Appends replies to queries to `replies`, unless it already holds 16 KiB.
    pub fn feed(&mut self, bytes: &[u8], replies: &mut Vec<u8>) {
        let mut unlimited = usize::MAX;
        self.feed_some(bytes, replies, &mut unlimited);
    }

    /// Reads output until `budget` is spent, and takes its work off it: a byte costs 1, and what a sequence changes beyond that
    /// costs as many as it has cells or rows. Stops between two sequences; the last may cost more than is left. Returns the
    /// number of bytes that were read.
    pub fn feed_some(&mut self, bytes: &[u8], replies: &mut Vec<u8>, budget: &mut usize) -> usize {
        self.terminal.take_work();
        let read = self.parser.advance(bytes, *budget, &mut Dispatch { terminal: &mut self.terminal, replies });
        *budget = budget.saturating_sub(read + self.terminal.take_work());
        read
    }

    /// Cells in memory, of screens and history: what was written, and not how large they are.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.terminal.cells()
    }

    /// Bytes in memory, about. The work is a step for each row.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.terminal.bytes() + self.parser.bytes()
    }

    /// True outside of characters and sequences.
    pub(crate) fn is_between_sequences(&self) -> bool {
        self.parser.is_at_rest()
    }

    /// Rows of screen and history, at most.
    pub(crate) fn rows_kept(&self) -> usize {
        self.terminal.buffer().rows_kept()
    }

    /// True if each line feed on the last row moves the whole screen, and the first row into the history.
    pub(crate) fn scrolls_into_history(&self) -> bool {
        !self.is_alternate() && self.terminal.buffer().scrolls_whole()
    }

    /// True if the work of printable characters and line ends is about their number, in every place of the screen.
    pub(crate) fn prints_cheaply(&self) -> bool {
        self.terminal.buffer().scrolls_whole() && !self.terminal.modes.insert
    }

    /// Stands at the beginning of a new last row, as after a line end.
    pub(crate) fn begin_last_row(&mut self) {
        self.terminal.begin_last_row();
    }

    /// Sets the page's theme, for queries from here on. Appends the report of the change to `replies`, if a program asked for
    /// reports (mode 2031).
    pub fn set_theme(&mut self, theme: Theme, replies: &mut Vec<u8>) {
        replies.extend_from_slice(self.terminal.set_theme(theme).as_bytes());
    }

    /// Changes the size, from this point in the output.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        self.terminal.resize(cols.max(MIN_SIZE.0).into(), rows.max(MIN_SIZE.1).into());
    }

    /// The work of everything since the last output, as in [`Screen::feed_some`].
    pub(crate) fn take_work(&mut self) -> usize {
        self.terminal.take_work()
    }

    /// Bytes of the incomplete character or sequence at the end of the input, at most 64 KiB. They have had no effect yet:
    /// [`Screen::snapshot`] is the state before them.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.parser.pending_bytes()
    }

    /// The window's title, if it changed since the last call: at most 256 characters, no control characters. Empty after a
    /// program removed it.
    pub fn take_title(&mut self) -> Option<String> {
        self.terminal.take_title()
    }

    /// The payload of the last OSC 7 since the last call, as it is: the address of a program's working directory.
    pub fn take_directory(&mut self) -> Option<String> {
        self.terminal.take_directory()
    }

    /// Bytes that restore this terminal on another one of the same size, in any state.
    #[must_use]
    pub fn snapshot(&self, scope: Scope) -> Vec<u8> {
        snapshot::take(&self.terminal, &self.parser, scope)
    }

    /// Bytes that print the visible rows with their attributes below the content of another terminal of the same width. Without
    /// cursor and modes.
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

    /// Column and row of the cursor, from 0. With a pending wrap it is in the last column.
    #[must_use]
    pub fn cursor(&self) -> (u16, u16) {
        let buffer = self.terminal.buffer();
        (buffer.x.min(buffer.cols() - 1) as u16, buffer.y as u16)
    }

    /// True while the alternate screen is shown.
    #[must_use]
    pub fn is_alternate(&self) -> bool {
        self.terminal.alternate.is_some()
    }

    /// Lines of history.
    #[must_use]
    pub fn scrollback(&self) -> usize {
        self.terminal.main.history()
    }

    /// The visible text, a line for each row, without trailing spaces.
    #[must_use]
    pub fn text(&self) -> String {
        let buffer = self.terminal.buffer();
        let mut text = String::new();
        for y in 0..buffer.rows() {
            let mut covered = false;
            for cell in buffer.row(y as isize) {
                // Half of a cut wide character covers a column too.
                if !(covered && cell.is_spacer()) {
                    match self.terminal.text(cell, &mut [0; 4]) {
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
