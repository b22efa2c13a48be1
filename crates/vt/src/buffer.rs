//! One screen, main or alternate: its rows with their history, its cursor, scroll region, tab stops and saved cursor. [`cells`]
//! changes the inside of a row.
//!
//! The rows lie in a ring that scrolls by turning, with history above row 0. Every operation counts its work, because a few bytes
//! can ask for a lot of it.

pub(crate) mod cells;
mod reflow;
mod resize;
mod row;
mod tabs;

use crate::cell::Cell;
use row::Row;
use std::collections::VecDeque;
use std::{iter, mem};

pub(crate) use tabs::Tabs;

/// Most cells of history: 1,000 lines at 200 columns, fewer lines in a wider terminal.
const MAX_HISTORY_CELLS: usize = 200_000;

/// A cursor that a program saved (DECSC).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Saved {
    pub(crate) x: usize,
    /// Counted from the top of the history, as in xterm.js: scrolling between save and restore moves the position up.
    pub(crate) line: usize,
    pub(crate) fg: u32,
    pub(crate) bg: u32,
    /// The character set in effect, by its letter.
    pub(crate) charset: Option<u8>,
}

pub(crate) struct Buffer {
    /// Rows of the history, then of the screen.
    lines: VecDeque<Row>,
    cols: usize,
    /// Rows of the screen.
    rows: usize,
    /// Lines of history to keep, at any width.
    history_limit: usize,
    /// Rows and cells that were moved or written since the count was last taken, but for printed ones.
    work: usize,
    /// Column, from 0. Equal to the number of columns while a wrap is pending.
    pub(crate) x: usize,
    /// Row, from 0.
    pub(crate) y: usize,
    /// First row of the scroll region.
    pub(crate) top: usize,
    /// Last row of the scroll region.
    pub(crate) bottom: usize,
    pub(crate) tabs: Tabs,
    pub(crate) saved: Saved,
}

/// Lines of history that a screen of this width keeps.
fn max_history(limit: usize, cols: usize) -> usize {
    limit.min(MAX_HISTORY_CELLS / cols)
}

impl Buffer {
    pub(crate) fn new(cols: usize, rows: usize, history_limit: usize, fill: Cell) -> Self {
        let lines = iter::repeat_with(|| Row::new(fill)).take(rows).collect();
        let (tabs, saved) = (Tabs::new(cols), Saved::default());
        Self { lines, cols, rows, history_limit, work: rows, x: 0, y: 0, top: 0, bottom: rows - 1, tabs, saved }
    }

    pub(crate) fn cols(&self) -> usize {
        self.cols
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn history(&self) -> usize {
        self.lines.len() - self.rows
    }

    /// Rows of screen and history, at most.
    pub(crate) fn rows_kept(&self) -> usize {
        self.rows + max_history(self.history_limit, self.cols)
    }

    /// True if the scroll region is the whole screen.
    pub(crate) fn scrolls_whole(&self) -> bool {
        self.top == 0 && self.bottom + 1 == self.rows
    }

    /// Work since the last call, in rows and cells.
    pub(crate) fn take_work(&mut self) -> usize {
        mem::take(&mut self.work)
    }

    /// Work since it was last taken.
    pub(crate) fn work(&self) -> usize {
        self.work
    }

    fn line(&self, y: isize) -> &Row {
        &self.lines[self.history().saturating_add_signed(y)]
    }

    fn line_mut(&mut self, y: isize) -> &mut Row {
        let at = self.history().saturating_add_signed(y);
        &mut self.lines[at]
    }

    /// A cell; negative rows are history.
    pub(crate) fn cell(&self, x: usize, y: isize) -> Cell {
        self.line(y).get(x)
    }

    /// A cell of the screen; none outside of the row.
    pub(crate) fn cell_at(&self, x: usize, y: usize) -> Option<Cell> {
        (x < self.cols).then(|| self.cell(x, y as isize))
    }

    /// All cells of a row; negative rows are history.
    pub(crate) fn row(&self, y: isize) -> Vec<Cell> {
        self.line(y).to_cells(self.cols)
    }

    /// True if the row continues the one above.
    pub(crate) fn is_wrapped(&self, y: isize) -> bool {
        self.line(y).wrapped
    }

    pub(crate) fn set_wrapped(&mut self, y: isize, wrapped: bool) {
        self.line_mut(y).wrapped = wrapped;
    }

    /// Every different cell, history included.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.lines.iter().flat_map(Row::held)
    }

    /// Different cells of a row, each at least once.
    pub(crate) fn cells_of(&self, y: isize) -> impl Iterator<Item = &Cell> {
        self.line(y).held()
    }

    /// Cells in memory.
    pub(crate) fn held(&self) -> usize {
        self.lines.iter().map(Row::len).sum()
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        let unused = self.lines.capacity() - self.lines.len();
        unused * size_of::<Row>() + self.lines.iter().map(Row::bytes).sum::<usize>()
    }

    /// Moves the region up by a line. A line that leaves the top of the screen becomes history.
    pub(crate) fn scroll(&mut self, blank: Cell, wrapped: bool) {
        if self.top == 0 {
            // Rows below the region move.
            self.work += self.rows - self.bottom;
            let mut row =
                if self.lines.len() == self.rows_kept() { self.lines.pop_front() } else { None }.unwrap_or_default();
            row.reset(blank);
            let below = self.rows - 1 - self.bottom;
            self.lines.insert(self.lines.len() - below, row);
        } else {
            self.shift_up(self.top, self.bottom, 1, blank);
        }
        if wrapped {
            self.set_wrapped(self.bottom as isize, true);
        }
    }

    /// Moves rows `top` to `bottom` up by `count`; rows beyond are lost.
    pub(crate) fn shift_up(&mut self, top: usize, bottom: usize, count: usize, blank: Cell) {
        let count = count.min(bottom + 1 - top);
        for y in top..bottom + 1 - count {
            self.swap(y, y + count);
        }
        self.clear_rows(bottom + 1 - count..bottom + 1, blank);
    }

    /// Moves rows `top` to `bottom` down by `count`; rows beyond are lost.
    pub(crate) fn shift_down(&mut self, top: usize, bottom: usize, count: usize, blank: Cell) {
        let count = count.min(bottom + 1 - top);
        for y in (top + count..=bottom).rev() {
            self.swap(y, y - count);
        }
        self.clear_rows(top..top + count, blank);
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.work += 1;
        let history = self.history();
        self.lines.swap(history + a, history + b);
    }

    pub(crate) fn clear_rows(&mut self, rows: std::ops::Range<usize>, blank: Cell) {
        self.work += rows.len();
        for y in rows {
            self.line_mut(y as isize).reset(blank);
        }
    }

    pub(crate) fn clear_history(&mut self) {
        let history = self.history();
        self.work += history;
        self.lines.drain(..history);
    }

    /// Position to which DECRC would restore the saved cursor.
    pub(crate) fn saved_row(&self) -> usize {
        self.saved.line.saturating_sub(self.history())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(text: &str) -> Buffer {
        let lines: Vec<&str> = text.split('|').collect();
        let mut buffer = Buffer::new(4, lines.len(), 10, Cell::default());
        for (y, line) in lines.iter().enumerate() {
            for (x, c) in line.chars().enumerate() {
                buffer.put(x, y, Cell::default().with(u32::from(c), 1));
            }
        }
        buffer
    }

    fn text(buffer: &Buffer) -> String {
        let rows = -(buffer.history() as isize)..buffer.rows() as isize;
        let lines = rows.map(|y| {
            let filled = buffer.row(y).into_iter().filter(Cell::has_content);
            filled
                .map(|cell| char::from_u32(cell.content & crate::cell::content::CODEPOINT).unwrap())
                .collect::<String>()
        });
        lines.collect::<Vec<_>>().join("|")
    }

    #[test]
    fn scrolling_fills_the_history_from_the_top_only() {
        let mut whole = buffer("a|b|c");
        whole.scroll(Cell::default(), true);
        assert_eq!((text(&whole).as_str(), whole.history()), ("a|b|c|", 1));
        assert!(whole.is_wrapped(2) && !whole.is_wrapped(1));
        let mut region = buffer("a|b|c");
        (region.top, region.bottom) = (1, 2);
        region.scroll(Cell::default(), false);
        assert_eq!((text(&region).as_str(), region.history()), ("a|c|", 0));
        let mut upper = buffer("a|b|c");
        upper.bottom = 1;
        upper.scroll(Cell::default(), false);
        assert_eq!((text(&upper).as_str(), upper.history()), ("a|b||c", 1));
        upper.clear_history();
        assert_eq!(text(&upper), "b||c");
    }

    #[test]
    fn rows_shift() {
        for (count, up, down) in [(1, "a|c|d||e", "a||b|c|e"), (2, "a|d|||e", "a|||b|e"), (9, "a||||e", "a||||e")] {
            let mut buffer_up = buffer("a|b|c|d|e");
            buffer_up.shift_up(1, 3, count, Cell::default());
            assert_eq!(text(&buffer_up), up);
            let mut buffer_down = buffer("a|b|c|d|e");
            buffer_down.shift_down(1, 3, count, Cell::default());
            assert_eq!(text(&buffer_down), down);
        }
    }

    #[test]
    fn history_is_bounded_by_lines_and_by_cells() {
        let mut narrow = buffer("a|b");
        (0..30).for_each(|_| narrow.scroll(Cell::default(), false));
        assert_eq!(narrow.history(), 10);
        let mut wide = Buffer::new(1000, 2, 1000, Cell::default());
        (0..1000).for_each(|_| wide.scroll(Cell::default(), false));
        assert_eq!(wide.history(), 200);
    }
}
