//! Resizes a screen. Moves the same lines from and to the history, and the cursor to the same place, as xterm.js
//! (`Buffer.resize`), because the browser resizes the same lines at the same place in the stream.

use super::row::Row;
use super::{Buffer, max_history};
use crate::cell::Cell;
use std::mem;

/// A row on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) cells: Vec<Cell>,
    /// Goes on where the one above ended.
    pub(super) wrapped: bool,
}

impl Line {
    pub(super) fn blank(cols: usize, wrapped: bool) -> Self {
        Self { cells: vec![Cell::default(); cols], wrapped }
    }

    /// Columns up to the last that something was printed in.
    pub(super) fn trimmed(&self) -> usize {
        let end = self.cells.iter().rposition(Cell::has_content).map_or(0, |at| at + self.cells[at].width());
        // Half of a wide character may stand at the edge.
        end.min(self.cells.len())
    }
}

/// All lines of a screen, history first, while they are rearranged.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) lines: Vec<Line>,
    /// Lines of history.
    pub(super) base: usize,
    pub(super) y: usize,
    /// The saved cursor's line.
    pub(super) saved: usize,
    pub(super) rows: usize,
    /// Lines that there is room for, history and screen.
    pub(super) room: usize,
}

impl Buffer {
    /// Takes a new size. `reflow`: lines that wrapped are wrapped anew, which only the main screen does.
    pub(crate) fn resize(&mut self, cols: usize, rows: usize, reflow: bool) {
        let old_cols = self.cols();
        let room = rows + max_history(self.history_limit, cols);
        self.work += self.lines.len() * old_cols;
        let (base, y, saved, old_rows) = (self.history(), self.y, self.saved.line, self.rows());
        let mut all = Lines { lines: self.take_lines(), base, y, saved, rows: old_rows, room };
        if cols > old_cols {
            all.lines.iter_mut().for_each(|line| line.cells.resize(cols, Cell::default()));
        }
        all.set_rows(rows, cols);
        self.x = self.x.min(cols - 1);
        self.saved.x = self.saved.x.min(cols - 1);
        if reflow && cols > old_cols {
            all.widen(old_cols, cols);
        } else if reflow && cols < old_cols {
            all.narrow(old_cols, cols);
        }
        all.lines.iter_mut().for_each(|line| line.cells.truncate(cols));
        self.put_lines(all, cols);
    }

    fn take_lines(&mut self) -> Vec<Line> {
        let lines = mem::take(&mut self.lines).into_iter();
        lines.map(|row| Line { cells: row.to_cells(self.cols), wrapped: row.wrapped }).collect()
    }

    fn put_lines(&mut self, mut all: Lines, cols: usize) {
        let rows = all.rows;
        while all.lines.len() < rows {
            all.lines.push(Line::blank(cols, false));
        }
        let history = all.base.min(all.lines.len() - rows);
        all.lines.truncate(history + rows);
        // More history than there is room for is the oldest.
        all.lines.drain(..history.saturating_sub(all.room - rows));
        self.work += all.lines.len() * cols;
        self.lines = all.lines.into_iter().map(|line| Row::from_cells(line.cells, line.wrapped)).collect();
        (self.cols, self.rows) = (cols, rows);
        self.y = all.y.min(rows - 1);
        self.saved.line = all.saved;
        (self.top, self.bottom) = (0, rows - 1);
        self.tabs.resize(cols);
    }
}

impl Lines {
    /// Changes the number of rows. More rows come from the history if the cursor is at the bottom; fewer rows first drop rows
    /// below the cursor.
    fn set_rows(&mut self, rows: usize, cols: usize) {
        let mut pulled = 0;
        for _ in self.rows..rows {
            if self.lines.len() < rows + self.base {
                if self.base > 0 && self.lines.len() <= self.base + self.y + pulled + 1 {
                    self.base -= 1;
                    pulled += 1;
                } else {
                    self.lines.push(Line::blank(cols, false));
                }
            }
        }
        for _ in rows..self.rows {
            if self.lines.len() > rows + self.base {
                if self.lines.len() > self.base + self.y + 1 {
                    self.lines.pop();
                } else {
                    self.base += 1;
                }
            }
        }
        let surplus = self.lines.len().saturating_sub(self.room);
        self.lines.drain(..surplus);
        self.base = self.base.saturating_sub(surplus);
        if surplus > 0 {
            self.saved = self.saved.saturating_sub(surplus);
        }
        self.y = self.y.min(rows - 1) + pulled;
        self.rows = rows;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(lines: &[&str], rows: usize, y: usize) -> Buffer {
        let cols = lines.iter().map(|line| line.len()).max().unwrap().max(2);
        let mut buffer = Buffer::new(cols, rows, 100, Cell::default());
        for (at, line) in lines.iter().enumerate() {
            if at >= rows {
                buffer.scroll(Cell::default(), false);
            }
            let row = at.min(rows - 1);
            for (x, byte) in line.trim_end().bytes().enumerate() {
                buffer.put_ascii(x, row, &[byte], Cell::default());
            }
            buffer.set_wrapped(row as isize, line.starts_with('>'));
        }
        buffer.y = y;
        buffer
    }

    fn text(buffer: &Buffer) -> Vec<String> {
        let rows = -(buffer.history() as isize)..buffer.rows() as isize;
        let line = |y| buffer.row(y).iter().map(|cell| (cell.content & 0x7f) as u8 as char).collect::<String>();
        rows.map(|y| line(y).trim_end_matches('\0').to_owned()).collect()
    }

    #[test]
    fn rows_go_to_the_history_and_come_back() {
        for (name, lines, rows, y, new_rows, after, place) in [
            ("fewer, the cursor above the bottom", &["a", "b", "c", ""][..], 4, 1, 2, &["a", "b"][..], (0, 1)),
            ("fewer, the cursor at the bottom", &["a", "b", "c", "d"], 4, 3, 2, &["a", "b", "c", "d"], (2, 1)),
            ("more, with a history", &["a", "b", "c", "d"], 2, 1, 3, &["a", "b", "c", "d"], (1, 2)),
            ("more, without a history", &["a", "b"], 2, 1, 4, &["a", "b", "", ""], (0, 1)),
        ] {
            let mut buffer = buffer(lines, rows, y);
            buffer.resize(2, new_rows, true);
            assert_eq!(text(&buffer), after, "{name}");
            assert_eq!((buffer.history(), buffer.y), place, "{name}: lines of history, and the cursor's row");
        }
    }

    #[test]
    fn wrapped_lines_are_wrapped_anew() {
        let mut main = buffer(&["abcdef", ">ghi  ", "j", "k"], 4, 3);
        main.resize(4, 4, true);
        assert_eq!(text(&main), ["abcd", "ef>g", "hi", "j", "k"]);
        assert_eq!((main.history(), main.y), (1, 3));
        main.resize(9, 4, true);
        assert_eq!(text(&main), ["abcdef>gh", "i", "j", "k"]);
        assert!(main.is_wrapped(1) && !main.is_wrapped(2));
        let mut alternate = buffer(&["abcdef", ">ghi", "j", "k"], 4, 3);
        alternate.resize(4, 4, false);
        assert_eq!(text(&alternate), ["abcd", ">ghi", "j", "k"]);
    }

    #[test]
    fn the_cursors_line_is_left_to_the_program() {
        let mut main = buffer(&["x", "abcdef"], 2, 1);
        main.x = 6;
        main.resize(4, 2, true);
        assert_eq!((text(&main), main.x, main.y), (vec!["x".into(), "abcd".into()], 3, 1));
    }
}
