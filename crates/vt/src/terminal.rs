//! The terminal's state: two screens, pen, modes, character sets. The files below implement the sequences, exactly as xterm.js
//! does, because a snapshot is taken here and shown there.

mod charset;
mod cursor;
mod dispatch;
mod erase;
mod images;
mod modes;
mod palette;
mod pen;
mod print;
mod replies;
mod set_mode;
mod sgr;
mod strings;
mod style;
mod title;

pub(crate) use charset::Charsets;
pub(crate) use dispatch::Dispatch;
pub(crate) use modes::Modes;
pub(crate) use palette::Palette;
pub use palette::Theme;
pub(crate) use pen::Pen;
pub(crate) use style::Style;
use title::Titles;

use crate::buffer::{Buffer, Saved};
use crate::cell::Cell;
use crate::cell_extra::{Extra, Extras};
use crate::graphemes::End;

/// The state between two sequences.
pub(crate) struct Terminal {
    cols: usize,
    rows: usize,
    history_limit: usize,
    /// The screen that is shown unless a program shows the alternate one.
    pub(crate) main: Buffer,
    /// The alternate screen, while a program shows it.
    pub(crate) alternate: Option<Buffer>,
    /// The alternate screen's saved cursor, while it is not shown.
    alternate_saved: Saved,
    pub(crate) extras: Extras,
    pub(crate) pen: Pen,
    pub(crate) modes: Modes,
    pub(crate) charsets: Charsets,
    pub(crate) palette: Palette,
    titles: Titles,
    /// The address of a directory that a program told last, until it is taken.
    directory: Option<String>,
    /// The width of the character that was just printed, which a combining character would join; 0 after anything else.
    pub(crate) preceding: usize,
    /// The end of its cluster. Counts while `preceding` does and mode 2027 is set.
    cluster: End,
    /// Inside a run of printable characters.
    in_run: bool,
    /// Work beyond that of the two screens, since it was last taken.
    work: usize,
}

impl Terminal {
    pub(crate) fn new(cols: usize, rows: usize, history_limit: usize) -> Self {
        Self {
            cols,
            rows,
            history_limit,
            main: Buffer::new(cols, rows, history_limit, Cell::default()),
            alternate: None,
            alternate_saved: Saved::default(),
            extras: Extras::default(),
            pen: Pen::default(),
            modes: Modes::default(),
            charsets: Charsets::default(),
            palette: Palette::default(),
            titles: Titles::default(),
            directory: None,
            preceding: 0,
            cluster: End::default(),
            in_run: false,
            work: 0,
        }
    }

    pub(crate) fn resize(&mut self, cols: usize, rows: usize) {
        if (cols, rows) == (self.cols, self.rows) {
            return;
        }
        (self.cols, self.rows) = (cols, rows);
        self.in_run = false;
        self.main.resize(cols, rows, true);
        if let Some(alternate) = &mut self.alternate {
            alternate.resize(cols, rows, false);
        }
    }

    /// The visible screen.
    pub(crate) fn buffer(&self) -> &Buffer {
        self.alternate.as_ref().unwrap_or(&self.main)
    }

    /// Work since it was last taken, in cells: what sequences ask for beyond their bytes.
    pub(crate) fn work(&self) -> usize {
        self.work + self.main.work() + self.alternate.as_ref().map_or(0, Buffer::work)
    }

    pub(crate) fn take_work(&mut self) -> usize {
        let screens = self.main.take_work() + self.alternate.as_mut().map_or(0, Buffer::take_work);
        std::mem::take(&mut self.work) + screens
    }

    /// Cells in memory.
    pub(crate) fn cells(&self) -> usize {
        self.main.held() + self.alternate.as_ref().map_or(0, Buffer::held)
    }

    /// Bytes in memory, but for the titles, which are few and short.
    pub(crate) fn bytes(&self) -> usize {
        self.main.bytes() + self.alternate.as_ref().map_or(0, Buffer::bytes) + self.extras.bytes()
    }

    fn buffer_mut(&mut self) -> &mut Buffer {
        self.alternate.as_mut().unwrap_or(&mut self.main)
    }

    /// The cell that erasing leaves.
    fn blank(&self) -> Cell {
        Cell::blank(self.pen.background())
    }

    /// An empty cell with the pen's attributes, left after half of a wide character is overwritten.
    fn empty_cell(&self) -> Cell {
        self.pen.cell()
    }

    /// The number for a cell's extra; 0 if there is no room.
    fn number(&mut self, extra: &Extra) -> u16 {
        if self.extras.wants_sweep() {
            self.sweep();
        }
        let number = self.extras.number(extra);
        if number > 0 || *extra == Extra::default() || !self.extras.wants_sweep() {
            return number;
        }
        self.sweep();
        self.extras.number(extra)
    }

    fn sweep(&mut self) {
        self.work += self.cells() + self.main.rows_kept();
        let cells = self.main.cells().chain(self.alternate.iter().flat_map(Buffer::cells));
        self.extras.sweep(cells.map(|cell| cell.extra).chain([self.pen.extra]));
    }

    /// Ends the character that a combining one could join, and the run that it belongs to.
    fn end_character(&mut self) {
        self.preceding = 0;
        self.in_run = false;
    }

    fn enter_alternate(&mut self) {
        if self.alternate.is_none() {
            let mut buffer = Buffer::new(self.cols, self.rows, 0, self.blank());
            (buffer.x, buffer.y, buffer.saved) = (self.main.x, self.main.y, self.alternate_saved);
            self.alternate = Some(buffer);
        }
    }

    fn leave_alternate(&mut self) {
        if let Some(buffer) = self.alternate.take() {
            self.work += buffer.rows() + buffer.work();
            (self.main.x, self.main.y, self.alternate_saved) = (buffer.x, buffer.y, buffer.saved);
        }
    }

    /// RIS. The title, the colours and whether the cursor is hidden stay, in xterm.js too.
    fn reset(&mut self) {
        self.work = self.work() + self.main.history() + self.rows;
        self.main = Buffer::new(self.cols, self.rows, self.history_limit, Cell::default());
        self.alternate = None;
        self.alternate_saved = Saved::default();
        self.pen = Pen::default();
        self.modes.reset();
        self.modes.reset_mouse();
        self.charsets = Charsets::default();
    }

    /// DECSTR.
    fn soft_reset(&mut self) {
        self.modes.cursor_hidden = false;
        self.pen = Pen::default();
        self.modes.reset();
        self.charsets = Charsets::default();
        let rows = self.rows;
        let buffer = self.buffer_mut();
        (buffer.top, buffer.bottom) = (0, rows - 1);
        buffer.saved = Saved { line: buffer.history(), ..Saved::default() };
    }

    pub(crate) fn alternate_saved(&self) -> &Saved {
        self.alternate.as_ref().map_or(&self.alternate_saved, |buffer| &buffer.saved)
    }

    pub(crate) fn title(&self) -> Option<&str> {
        self.titles.current()
    }

    /// The title, if it changed since the last call.
    pub(crate) fn take_title(&mut self) -> Option<String> {
        self.titles.take()
    }

    /// The last OSC 7 since the last call.
    pub(crate) fn take_directory(&mut self) -> Option<String> {
        self.directory.take()
    }
}
