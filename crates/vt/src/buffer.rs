//! One screen, main or alternate: its rows with their history, its cursor, scroll region, tab stops and saved cursor. [`cells`]
//! changes the inside of a row.
//!
//! The rows lie in alacritty's grid: a ring that scrolls by turning, with history above line 0.

pub(crate) mod cells;
mod reflow;
mod resize;
mod tabs;

use crate::cell::Cell;
use alacritty_terminal::grid::{Dimensions, Grid};
use alacritty_terminal::index::{Column, Line};
use std::mem;

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
    grid: Grid<Cell>,
    /// Lines of history to keep, at any width.
    history_limit: usize,
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
        let mut grid = Grid::new(rows, cols, max_history(history_limit, cols));
        if fill != Cell::default() {
            grid.cursor.template = fill;
            grid.reset_region(..);
        }
        let tabs = Tabs::new(cols);
        Self { grid, history_limit, x: 0, y: 0, top: 0, bottom: rows - 1, tabs, saved: Saved::default() }
    }

    pub(crate) fn cols(&self) -> usize {
        self.grid.columns()
    }

    pub(crate) fn rows(&self) -> usize {
        self.grid.screen_lines()
    }

    pub(crate) fn history(&self) -> usize {
        self.grid.history_size()
    }

    /// Rows of screen and history, at most.
    pub(crate) fn rows_kept(&self) -> usize {
        self.rows() + max_history(self.history_limit, self.cols())
    }

    /// True if the scroll region is the whole screen.
    pub(crate) fn scrolls_whole(&self) -> bool {
        self.top == 0 && self.bottom + 1 == self.rows()
    }

    /// The cells of a row; negative rows are history.
    pub(crate) fn row(&self, y: isize) -> &[Cell] {
        &self.grid[Line(y as i32)][..]
    }

    /// Cells of a row, to change. The caller keeps [`Cell::is_wrapped`].
    pub(crate) fn cells_mut(&mut self, y: usize, from: usize, to: usize) -> &mut [Cell] {
        &mut self.grid[Line(y as i32)][Column(from)..Column(to)]
    }

    /// True if the row continues the one above.
    pub(crate) fn is_wrapped(&self, y: isize) -> bool {
        self.row(y)[0].is_wrapped()
    }

    pub(crate) fn set_wrapped(&mut self, y: isize, wrapped: bool) {
        if self.is_wrapped(y) != wrapped {
            self.grid[Line(y as i32)][Column(0)].set_wrapped(wrapped);
        }
    }

    /// Every cell, history included.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &Cell> {
        (-(self.history() as isize)..self.rows() as isize).flat_map(|y| self.row(y))
    }

    /// Moves the region up by a line. A line that leaves the top of the screen becomes history.
    pub(crate) fn scroll(&mut self, blank: Cell, wrapped: bool) {
        self.grid.cursor.template = blank;
        if self.top == 0 {
            self.grid.scroll_up(&(Line(0)..Line(self.bottom as i32 + 1)), 1);
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
        let row = mem::take(&mut self.grid[Line(a as i32)]);
        let row = mem::replace(&mut self.grid[Line(b as i32)], row);
        self.grid[Line(a as i32)] = row;
    }

    pub(crate) fn clear_rows(&mut self, rows: std::ops::Range<usize>, blank: Cell) {
        for y in rows {
            self.grid[Line(y as i32)].reset(&blank);
        }
    }

    pub(crate) fn clear_history(&mut self) {
        self.grid.clear_history();
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
                buffer.cells_mut(y, x, x + 1)[0] = Cell::default().with(u32::from(c), 1);
            }
        }
        buffer
    }

    fn text(buffer: &Buffer) -> String {
        let rows = -(buffer.history() as isize)..buffer.rows() as isize;
        let lines = rows.map(|y| {
            let filled = buffer.row(y).iter().filter(|cell| cell.has_content());
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
