//! Changes inside a row: writing, inserting, deleting and erasing cells. Halves of wide characters are left only where xterm.js
//! leaves them.

use super::Buffer;
use crate::cell::Cell;

impl Buffer {
    /// Writes one cell; outside of the row nothing happens.
    pub(crate) fn put(&mut self, x: usize, y: usize, cell: Cell) {
        if x < self.cols() {
            self.line_mut(y as isize).put(x, cell);
        }
    }

    pub(crate) fn put_ascii(&mut self, x: usize, y: usize, text: &[u8], look: Cell) {
        self.line_mut(y as isize).put_ascii(x, text, look);
    }

    /// The width of a cell; 0 outside of the row.
    pub(crate) fn width_at(&self, x: usize, y: usize) -> usize {
        if x < self.cols() { self.cell(x, y as isize).width() } else { 0 }
    }

    /// Changes a whole row; whether it is wrapped stays.
    fn edit(&mut self, y: usize, change: impl FnOnce(&mut [Cell])) {
        let cols = self.cols();
        self.work += cols;
        let line = self.line_mut(y as isize);
        change(line.first(cols));
        line.trim();
    }

    /// Moves cells from `x` right by `count`; cells pushed out of the row are lost.
    pub(crate) fn insert_cells(&mut self, x: usize, y: usize, count: usize, fill: Cell) {
        self.edit(y, |cells| {
            let (x, last) = (x % cells.len(), cells.len() - 1);
            let count = count.min(cells.len() - x);
            if x > 0 && cells[x - 1].width() == 2 {
                cells[x - 1] = fill.with(0, 1);
            }
            cells[x..].rotate_right(count);
            cells[x..x + count].fill(fill);
            if cells[last].width() == 2 {
                cells[last] = fill.with(0, 1);
            }
        });
    }

    /// Cells right of `x` move left by `count`, over it.
    pub(crate) fn delete_cells(&mut self, x: usize, y: usize, count: usize, fill: Cell) {
        self.edit(y, |cells| {
            let x = x % cells.len();
            let count = count.min(cells.len() - x);
            cells[x..].rotate_left(count);
            let kept = cells.len() - count;
            cells[kept..].fill(fill);
            if x > 0 && cells[x - 1].width() == 2 {
                cells[x - 1] = fill.with(0, 1);
            }
            if cells[x].is_spacer() {
                cells[x] = fill.with(0, 1);
            }
        });
    }

    /// Erases cells `from` up to and without `to`; all that are, or only those that are not protected.
    pub(crate) fn erase_cells(&mut self, y: usize, from: usize, to: usize, fill: Cell, selective: bool) {
        if to >= self.cols() && from < to && !selective {
            if from > 0 && self.width_at(from - 1, y) == 2 {
                self.put(from - 1, y, fill.with(0, 1));
            }
            // As much as is written if the row had another look.
            self.work += from;
            let from = from.min(self.cols);
            return self.line_mut(y as isize).fill_from(from, fill);
        }
        self.edit(y, |cells| {
            let spared = |cell: &Cell| selective && cell.is_protected();
            if from > 0 && cells[from - 1].width() == 2 && !spared(&cells[from - 1]) {
                cells[from - 1] = fill.with(0, 1);
            }
            if to < cells.len() && to > 0 && cells[to - 1].width() == 2 && !spared(&cells[to]) {
                cells[to] = fill.with(0, 1);
            }
            let to = to.min(cells.len());
            for cell in cells.iter_mut().take(to).skip(from) {
                if !spared(cell) {
                    *cell = fill;
                }
            }
        });
    }

    /// Erases a whole row, which is not wrapped any more.
    pub(crate) fn erase_row(&mut self, y: usize, fill: Cell, selective: bool) {
        if selective {
            self.edit(y, |cells| cells.iter_mut().filter(|cell| !cell.is_protected()).for_each(|cell| *cell = fill));
            self.set_wrapped(y as isize, false);
        } else {
            self.clear_rows(y..y + 1, fill);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row of letters; an upper case one is wide and covers the `.` after it.
    fn row(text: &str) -> Buffer {
        let mut buffer = Buffer::new(text.len(), 1, 0, Cell::default());
        for (x, c) in text.chars().enumerate() {
            let (code, width) = match c {
                '.' => (0, 0),
                ' ' => (0, 1),
                _ => (u32::from(c), if c.is_uppercase() { 2 } else { 1 }),
            };
            buffer.put(x, 0, Cell::default().with(code, width));
        }
        buffer.set_wrapped(0, true);
        buffer
    }

    fn text(buffer: &Buffer) -> String {
        assert!(buffer.is_wrapped(0), "stays wrapped");
        let name = |cell: &Cell| match (cell.has_content(), cell.width()) {
            (false, 0) => '.',
            (false, _) => ' ',
            _ => char::from_u32(cell.content & crate::cell::content::CODEPOINT).unwrap(),
        };
        buffer.row(0).iter().map(name).collect()
    }

    #[test]
    fn a_row_is_edited() {
        type Edit = fn(&mut Buffer, usize, usize);
        let insert: Edit = |row, x, count| row.insert_cells(x, 0, count, Cell::default());
        let delete: Edit = |row, x, count| row.delete_cells(x, 0, count, Cell::default());
        let erase: Edit = |row, from, to| row.erase_cells(0, from, to, Cell::default(), false);
        for (name, edit, before, x, count, after) in [
            ("insert", insert, "abcdef", 1, 2, "a  bcd"),
            ("insert more than the row", insert, "abcdef", 1, 99, "a     "),
            ("insert: no half of a wide character at the end", insert, "abcdW.", 0, 1, " abcd "),
            ("insert: as in the browser, the right half stays", insert, "W.cd", 1, 1, "  .c"),
            ("delete", delete, "abcdef", 1, 2, "adef  "),
            ("delete more than the row", delete, "abcdef", 1, 99, "a     "),
            ("delete a right half", delete, "W.cdef", 1, 1, " cdef "),
            ("delete a left half", delete, "aW.def", 0, 2, " def  "),
            ("erase", erase, "abcdef", 1, 3, "a  def"),
            ("erase beyond the row", erase, "abcdef", 4, 99, "abcd  "),
            ("erase nothing", erase, "abcdef", 6, 6, "abcdef"),
            ("erase two halves", erase, "aW.W.f", 2, 4, "a    f"),
        ] {
            let mut buffer = row(before);
            edit(&mut buffer, x, count);
            assert_eq!(text(&buffer), after, "{name}");
        }
    }

    #[test]
    fn selective_erase_keeps_protected_cells() {
        let mut buffer = row("abc");
        let protected = Cell { bg: crate::cell::bg::PROTECTED, ..buffer.row(0)[1] };
        buffer.put(1, 0, protected);
        buffer.erase_cells(0, 0, 3, Cell::default(), true);
        assert_eq!(text(&buffer), " b ");
        buffer.erase_row(0, Cell::default(), true);
        assert!(!buffer.is_wrapped(0) && buffer.row(0)[1].has_content());
        buffer.erase_row(0, Cell::default(), false);
        assert!(!buffer.row(0)[1].has_content());
    }
}
