//! Draws the rows of a screen, history first, from the cursor on, onto an empty screen.

use super::Snapshot;
use crate::buffer::Buffer;
use crate::cell::{Cell, bg};
use crate::terminal::Style;
use crate::width::width;

/// A blank of two columns.
const WIDE_SPACE: &str = "\u{3000}";

impl Snapshot<'_> {
    /// Draws the rows, and before them `scrollback` lines of history.
    pub(super) fn rows(&mut self, buffer: &Buffer, scrollback: usize) {
        let first = -(scrollback as isize);
        let rows = buffer.rows() as isize;
        // History must scroll to its last row; without history the last non-empty row ends the drawing.
        let last = if scrollback > 0 { rows - 1 } else { (0..rows).rev().find(|y| !is_empty(buffer, *y)).unwrap_or(0) };
        let mut x = 0;
        for y in first..=last {
            if y > first {
                x = self.next_row(buffer, y, x, scrollback > 0);
            }
            x = self.row(&buffer.row(y), x);
        }
    }

    /// Moves to the start of the next row. Returns the cursor's column, which is still on the row before if the first character
    /// wraps by itself.
    fn next_row(&mut self, buffer: &Buffer, y: isize, x: usize, scrolls: bool) -> usize {
        let cols = buffer.cols();
        if !buffer.is_wrapped(y) || buffer.rows() == 1 {
            if scrolls {
                self.out.set_erase_background(0);
            }
            self.out.write("\r\n");
            return 0;
        }
        let (end, cell) = (buffer.cell(cols - 1, y - 1), buffer.cell(0, y));
        // A line that scrolls in has the background of the pen, which must not be left in cells that are empty.
        if self.is_base(cell) && !(scrolls && cell.bg & crate::cell::colour::MASK != 0) {
            if x == cols && (end.has_content() || end.is_spacer()) {
                return cols;
            }
            let is_styled = !end.has_content() && (end.fg, end.bg, end.extra) == (cell.fg, cell.bg, cell.extra);
            if cell.width() == 2 && is_styled && x < cols {
                self.out.write(&format!("\x1b[{cols}G"));
                return cols;
            }
        }
        self.wrap_by_force(&buffer.row(y - 1));
        0
    }

    /// Forces a wrap with two letters, and erases them.
    fn wrap_by_force(&mut self, before: &[Cell]) {
        let cols = before.len();
        self.out.set_style(Style::default(), None);
        self.out.write(&format!("\x1b[{cols}Gxx\x1b[A"));
        if is_styled_empty(before[cols - 1]) {
            self.styled_empty(before, cols - 1);
        } else {
            self.restore(before, cols - 1);
        }
        self.out.set_erase_background(0);
        self.out.write("\x1b[B\r\x1b[X");
    }

    /// Redraws a cell that was drawn over.
    fn restore(&mut self, row: &[Cell], x: usize) {
        let cell = row[x];
        if cell.has_content() {
            self.out.write(&format!("\x1b[{}G", x + 1));
            self.out.print(cell);
        } else if cell.is_spacer() && x > 0 && row[x - 1].width() == 2 {
            self.out.write(&format!("\x1b[{x}G"));
            self.out.print(row[x - 1]);
        } else {
            self.out.set_erase_background(cell.bg & crate::cell::colour::MASK);
            self.out.write(&format!("\x1b[{}G\x1b[X", x + 1));
        }
    }

    /// Draws a row. The cursor is at `x` of it, or, if `x` is beyond its end, at the end of the row before.
    fn row(&mut self, row: &[Cell], x: usize) -> usize {
        let mut x = if x >= row.len() { 0 } else { x };
        let mut at = 0;
        while at < row.len() {
            let cell = row[at];
            if cell.has_content() {
                if at + cell.width() <= row.len() {
                    x = self.character(cell, at, x);
                }
                at += 1;
            } else if cell.is_spacer() || is_blank(cell, 0) {
                at += 1;
            } else if !is_styled_empty(cell) {
                let run = row[at..].iter().take_while(|other| is_blank(**other, cell.bg)).count();
                self.go_right(at, x);
                self.out.set_erase_background(cell.bg);
                self.out.write(&format!("\x1b[{}X", Count(run)));
                x = at;
                at += run;
            } else {
                x = self.styled_empty(row, at);
                at += 1;
            }
        }
        x
    }

    fn character(&mut self, cell: Cell, at: usize, x: usize) -> usize {
        if self.is_base(cell) {
            self.go_right(at, x);
        } else {
            // One that would be combined stands alone only after a sequence.
            self.out.write(&format!("\x1b[{}G", at + 1));
        }
        self.out.print(cell);
        at + cell.width().max(1)
    }

    /// True if its first character takes a column, and so always starts a cell.
    fn is_base(&self, cell: Cell) -> bool {
        self.terminal.text(cell, &mut [0; 4]).chars().next().is_some_and(|c| width(u32::from(c)) > 0)
    }

    fn go_right(&mut self, to: usize, x: usize) {
        match to.checked_sub(x) {
            Some(0) => {}
            Some(by) => self.out.write(&format!("\x1b[{}C", Count(by))),
            None => self.out.write(&format!("\x1b[{}G", to + 1)),
        }
    }

    /// Draws an empty cell with attributes, as overwriting half of a wide character leaves it.
    fn styled_empty(&mut self, row: &[Cell], at: usize) -> usize {
        self.out.set_style_of(row[at]);
        if at + 1 < row.len() {
            self.out.write(&format!("\x1b[{}G{WIDE_SPACE}\x1b[{}G ", at + 1, at + 2));
            self.out.set_erase_background(0);
            self.out.write(&format!("\x1b[{}G\x1b[X", at + 2));
            return at + 1;
        }
        self.out.write(&format!("\x1b[{at}G{WIDE_SPACE}\x1b[{at}G "));
        self.restore(row, at - 1);
        // Wherever that left the cursor: no character of this row comes after.
        self.out.write(&format!("\x1b[{}G", at + 1));
        at
    }
}

/// Omits a 1, the default of a parameter.
struct Count(usize);

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == 1 { Ok(()) } else { self.0.fmt(f) }
    }
}

/// True for an erased cell with this background.
pub(super) fn is_blank(cell: Cell, background: u32) -> bool {
    let plain = background & (bg::ITALIC | bg::DIM | bg::EXTENDED | bg::PROTECTED | bg::OVERLINE) == 0;
    plain && cell.content == Cell::default().content && (cell.fg, cell.bg, cell.extra) == (0, background, 0)
}

/// True for an empty cell with more attributes than erasing leaves.
fn is_styled_empty(cell: Cell) -> bool {
    !cell.has_content() && !cell.is_spacer() && !is_blank(cell, cell.bg)
}

fn is_empty(buffer: &Buffer, y: isize) -> bool {
    !buffer.is_wrapped(y) && buffer.cells_of(y).all(|cell| is_blank(*cell, 0))
}
