//! Erasing, inserting and deleting of characters and lines.

use super::Terminal;
use crate::buffer::Buffer;
use crate::cell::{Cell, content};
use crate::parser::Params;

impl Terminal {
    /// ED; `selective`: DECSED.
    pub(super) fn erase_display(&mut self, params: &Params, selective: bool) {
        let (cols, rows, blank) = (self.cols, self.rows, self.blank());
        self.restrict(cols);
        let buffer = self.buffer_mut();
        let (x, y) = (buffer.x, buffer.y);
        match params.get(0) {
            0 => {
                buffer.erase_cells(y, x, cols, blank, selective);
                if x == 0 {
                    buffer.set_wrapped(y as isize, false);
                }
                (y + 1..rows).for_each(|y| buffer.erase_row(y, blank, selective));
            }
            1 => {
                buffer.erase_cells(y, 0, x + 1, blank, selective);
                buffer.set_wrapped(y as isize, false);
                if x + 1 >= cols {
                    // The line below has lost its beginning. xterm.js looks for it from the top of the history.
                    let below = y as isize + 1 - buffer.history() as isize;
                    if below < rows as isize {
                        buffer.set_wrapped(below, false);
                    }
                }
                (0..y).for_each(|y| buffer.erase_row(y, blank, selective));
            }
            2 => (0..rows).for_each(|y| buffer.erase_row(y, blank, selective)),
            3 => buffer.clear_history(),
            _ => {}
        }
    }

    /// EL; `selective`: DECSEL.
    pub(super) fn erase_line(&mut self, params: &Params, selective: bool) {
        let (cols, blank) = (self.cols, self.blank());
        self.restrict(cols);
        let buffer = self.buffer_mut();
        let (x, y) = (buffer.x, buffer.y);
        match params.get(0) {
            0 => buffer.erase_cells(y, x, cols, blank, selective),
            1 => buffer.erase_cells(y, 0, x + 1, blank, selective),
            2 => buffer.erase_cells(y, 0, cols, blank, selective),
            _ => return,
        }
        if params.get(0) == 2 || (params.get(0) == 0 && x == 0) {
            buffer.set_wrapped(y as isize, false);
        }
    }

    /// ECH.
    pub(super) fn erase_chars(&mut self, count: usize) {
        self.at_cursor(|buffer, blank| {
            buffer.erase_cells(buffer.y, buffer.x, buffer.x.saturating_add(count), blank, false);
        });
    }

    /// ICH.
    pub(super) fn insert_chars(&mut self, count: usize) {
        self.at_cursor(|buffer, blank| buffer.insert_cells(buffer.x, buffer.y, count, blank));
    }

    /// DCH.
    pub(super) fn delete_chars(&mut self, count: usize) {
        self.at_cursor(|buffer, blank| buffer.delete_cells(buffer.x, buffer.y, count, blank));
    }

    /// IL.
    pub(super) fn insert_lines(&mut self, count: usize) {
        self.lines(|buffer, blank| buffer.shift_down(buffer.y, buffer.bottom, count, blank));
    }

    /// DL.
    pub(super) fn delete_lines(&mut self, count: usize) {
        self.lines(|buffer, blank| buffer.shift_up(buffer.y, buffer.bottom, count, blank));
    }

    fn at_cursor(&mut self, change: impl Fn(&mut Buffer, Cell)) {
        self.restrict_inside();
        let blank = self.blank();
        change(self.buffer_mut(), blank);
    }

    fn lines(&mut self, change: impl Fn(&mut Buffer, Cell)) {
        self.at_cursor(|buffer, blank| {
            if (buffer.top..=buffer.bottom).contains(&buffer.y) {
                change(buffer, blank);
                buffer.x = 0;
            }
        });
    }

    /// SU, without history.
    pub(super) fn scroll_up(&mut self, count: usize) {
        let blank = self.blank();
        let buffer = self.buffer_mut();
        buffer.shift_up(buffer.top, buffer.bottom, count, blank);
    }

    /// SD. Its new lines have no background.
    pub(super) fn scroll_down(&mut self, count: usize) {
        let buffer = self.buffer_mut();
        buffer.shift_down(buffer.top, buffer.bottom, count, Cell::default());
    }

    /// SL and DECDC: the region's lines lose columns at `x`.
    pub(super) fn delete_columns(&mut self, x: usize, count: usize) {
        self.columns(|buffer, y, blank| buffer.delete_cells(x, y, count, blank));
    }

    /// SR and DECIC: the region's lines get columns at `x`.
    pub(super) fn insert_columns(&mut self, x: usize, count: usize) {
        self.columns(|buffer, y, blank| buffer.insert_cells(x, y, count, blank));
    }

    fn columns(&mut self, change: impl Fn(&mut Buffer, usize, Cell)) {
        let blank = self.blank();
        let buffer = self.buffer_mut();
        if (buffer.top..=buffer.bottom).contains(&buffer.y) {
            for y in buffer.top..=buffer.bottom {
                change(buffer, y, blank);
                buffer.set_wrapped(y as isize, false);
            }
        }
    }

    /// DECALN: the screen full of E.
    pub(super) fn alignment_pattern(&mut self) {
        self.go(0, 0);
        let letter = Cell { content: u32::from('E') | 1 << content::WIDTH_SHIFT, extra: 0, ..self.empty_cell() };
        let buffer = self.buffer_mut();
        (buffer.y..buffer.rows()).for_each(|y| buffer.erase_row(y, letter, false));
        self.go(0, 0);
    }
}
