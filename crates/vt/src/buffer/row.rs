//! One row, which costs what it holds: cells up to the last that was written, and one cell that stands for all behind them. So a
//! row is emptied at once, however wide it is.

use crate::cell::Cell;

/// Cells by which a row grows, so that keys do not move it one by one.
const GROWTH: usize = 16;

#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    /// The first cells; never more than the screen has columns.
    cells: Vec<Cell>,
    /// Every cell behind them.
    rest: Cell,
    /// True if the row continues the one above.
    pub(crate) wrapped: bool,
}

impl Row {
    pub(crate) fn new(rest: Cell) -> Self {
        Self { cells: Vec::new(), rest, wrapped: false }
    }

    /// A row of these cells; those behind are erased.
    pub(crate) fn from_cells(cells: Vec<Cell>, wrapped: bool) -> Self {
        let mut row = Self { cells, rest: Cell::default(), wrapped };
        row.trim();
        row.cells.shrink_to_fit();
        row
    }

    /// Makes every cell this one. The row continues none.
    pub(crate) fn reset(&mut self, rest: Cell) {
        self.cells.clear();
        (self.rest, self.wrapped) = (rest, false);
    }

    pub(crate) fn get(&self, x: usize) -> Cell {
        self.cells.get(x).copied().unwrap_or(self.rest)
    }

    /// All cells of a row with this many columns.
    pub(crate) fn to_cells(&self, cols: usize) -> Vec<Cell> {
        let mut cells = Vec::with_capacity(cols);
        cells.extend_from_slice(&self.cells);
        cells.resize(cols, self.rest);
        cells
    }

    /// Every different cell at least once.
    pub(crate) fn held(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().chain([&self.rest])
    }

    /// Number of cells in memory.
    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    /// Bytes in memory: a row that was emptied keeps its room.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.cells.capacity() * size_of::<Cell>()
    }

    /// Writes one cell.
    pub(crate) fn put(&mut self, x: usize, cell: Cell) {
        self.reach(x + 1);
        self.cells[x] = cell;
    }

    /// Writes ASCII from column `x` on, in this look.
    pub(crate) fn put_ascii(&mut self, x: usize, text: &[u8], look: Cell) {
        self.reach(x);
        let (over, behind) = text.split_at(text.len().min(self.cells.len() - x));
        let cell = |byte: &u8| look.with(u32::from(*byte), 1);
        for (slot, byte) in self.cells[x..].iter_mut().zip(over) {
            *slot = cell(byte);
        }
        self.reserve(behind.len());
        self.cells.extend(behind.iter().map(cell));
    }

    /// The first `len` cells, to change. [`Row::trim`] comes after.
    pub(crate) fn first(&mut self, len: usize) -> &mut [Cell] {
        self.reach(len);
        &mut self.cells[..len]
    }

    /// Makes every cell from `x` on this one.
    pub(crate) fn fill_from(&mut self, x: usize, rest: Cell) {
        if rest != self.rest {
            self.reach(x);
        }
        self.cells.truncate(x);
        self.rest = rest;
    }

    /// Forgets cells at the end that equal those behind them.
    pub(crate) fn trim(&mut self) {
        let held = self.cells.iter().rposition(|cell| *cell != self.rest).map_or(0, |last| last + 1);
        self.cells.truncate(held);
    }

    fn reach(&mut self, len: usize) {
        if self.cells.len() < len {
            self.reserve(len - self.cells.len());
            self.cells.resize(len, self.rest);
        }
    }

    fn reserve(&mut self, more: usize) {
        let len = self.cells.len() + more;
        if len > self.cells.capacity() {
            self.cells.reserve_exact(len.next_multiple_of(GROWTH) - self.cells.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_holds_what_was_written() {
        let (letter, blank) = (Cell::default().with(u32::from('a'), 1), Cell::blank(1));
        let mut row = Row::new(blank);
        row.put_ascii(2, b"aa", Cell::default());
        assert_eq!((row.len(), row.to_cells(5)), (4, vec![blank, blank, letter, letter, blank]));
        row.put_ascii(3, b"aa", Cell::default());
        assert_eq!(row.to_cells(5), [blank, blank, letter, letter, letter]);
        row.fill_from(3, Cell::default());
        assert_eq!((row.len(), row.to_cells(4)), (3, vec![blank, blank, letter, Cell::default()]));
        row.fill_from(4, Cell::default());
        assert_eq!(row.len(), 3, "nothing to write");
        row.first(9).fill(Cell::default());
        row.trim();
        assert_eq!((row.len(), row.get(7)), (0, Cell::default()));
        row.reset(letter);
        assert_eq!((row.len(), row.get(999)), (0, letter));
    }
}
