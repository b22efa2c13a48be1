//! Moving the cursor, saving it, and its tab stops.

use super::Terminal;
use crate::buffer::{Saved, Tabs};
use crate::parser::Params;

impl Terminal {
    /// Clamps the cursor to its area; `last` is its last column.
    pub(super) fn restrict(&mut self, last: usize) {
        let (origin, rows) = (self.modes.origin, self.rows);
        let buffer = self.buffer_mut();
        buffer.x = buffer.x.min(last);
        let (top, bottom) = if origin { (buffer.top, buffer.bottom) } else { (0, rows - 1) };
        buffer.y = buffer.y.clamp(top, bottom);
    }

    /// Clamps the cursor and cancels a pending wrap.
    pub(super) fn restrict_inside(&mut self) {
        self.restrict(self.cols - 1);
    }

    /// Moves to a position; rows count from the scroll region's first in origin mode.
    pub(super) fn go(&mut self, x: usize, y: usize) {
        let origin = self.modes.origin;
        let buffer = self.buffer_mut();
        buffer.x = x;
        buffer.y = if origin { buffer.top.saturating_add(y) } else { y };
        self.restrict_inside();
    }

    /// Moves by columns and rows. In origin mode the row counts from the region's first again, as in xterm.js.
    pub(super) fn go_by(&mut self, columns: isize, rows: isize) {
        self.restrict_inside();
        let buffer = self.buffer();
        let (x, y) = (buffer.x.saturating_add_signed(columns), buffer.y as isize + rows);
        let top = if self.modes.origin { buffer.top as isize } else { 0 };
        let y = y.saturating_add(top).max(0) as usize;
        let buffer = self.buffer_mut();
        (buffer.x, buffer.y) = (x, y);
        self.restrict_inside();
    }

    /// CUU.
    pub(super) fn up(&mut self, count: usize) {
        let buffer = self.buffer();
        let count = if buffer.y >= buffer.top { count.min(buffer.y - buffer.top) } else { count };
        self.go_by(0, -(count as isize));
    }

    /// CUD.
    pub(super) fn down(&mut self, count: usize) {
        let buffer = self.buffer();
        let count = if buffer.y <= buffer.bottom { count.min(buffer.bottom - buffer.y) } else { count };
        self.go_by(0, count as isize);
    }

    pub(super) fn carriage_return(&mut self) {
        self.buffer_mut().x = 0;
    }

    pub(super) fn line_feed(&mut self) {
        let (blank, cols, rows, newline) = (self.blank(), self.cols, self.rows, self.modes.newline);
        let buffer = self.buffer_mut();
        if newline {
            buffer.x = 0;
        }
        if buffer.y == buffer.bottom {
            buffer.scroll(blank, false);
        } else if buffer.y + 1 < rows {
            buffer.y += 1;
            buffer.set_wrapped(buffer.y as isize, false);
        }
        if buffer.x >= cols {
            buffer.x -= 1;
        }
    }

    /// Leaves the cursor where a line end on the last row does: at the beginning of an empty one.
    pub(crate) fn begin_last_row(&mut self) {
        let blank = self.blank();
        let buffer = self.buffer_mut();
        (buffer.x, buffer.y) = (0, buffer.bottom);
        buffer.scroll(blank, false);
        self.end_character();
    }

    /// IND: down, and scrolls at the end of the region.
    pub(super) fn index(&mut self) {
        self.restrict_inside();
        let (blank, rows) = (self.blank(), self.rows);
        let buffer = self.buffer_mut();
        if buffer.y == buffer.bottom {
            buffer.scroll(blank, false);
        } else {
            buffer.y = (buffer.y + 1).min(rows - 1);
        }
        self.restrict_inside();
    }

    /// RI: up, and scrolls at the beginning of the region.
    pub(super) fn reverse_index(&mut self) {
        self.restrict_inside();
        let blank = self.blank();
        let buffer = self.buffer_mut();
        if buffer.y == buffer.top {
            buffer.shift_down(buffer.top, buffer.bottom, 1, blank);
        } else {
            buffer.y = buffer.y.saturating_sub(1);
            self.restrict_inside();
        }
    }

    pub(super) fn backspace(&mut self) {
        if !self.modes.reverse_wraparound {
            self.restrict_inside();
            let buffer = self.buffer_mut();
            buffer.x = buffer.x.saturating_sub(1);
            return;
        }
        self.restrict(self.cols);
        let cols = self.cols;
        let buffer = self.buffer_mut();
        if buffer.x > 0 {
            buffer.x -= 1;
        } else if buffer.y > buffer.top && buffer.y <= buffer.bottom && buffer.is_wrapped(buffer.y as isize) {
            buffer.set_wrapped(buffer.y as isize, false);
            buffer.y -= 1;
            buffer.x = cols - 1;
            let last = buffer.cell(buffer.x, buffer.y as isize);
            if last.width() > 0 && !last.has_content() {
                buffer.x -= 1;
            }
        }
        self.restrict_inside();
    }

    /// HT and CHT.
    pub(super) fn tab(&mut self, count: usize) {
        self.move_to_stop(count, Tabs::after);
    }

    /// CBT.
    pub(super) fn tab_back(&mut self, count: usize) {
        self.move_to_stop(count, Tabs::before);
    }

    fn move_to_stop(&mut self, count: usize, stop: impl Fn(&Tabs, usize, usize) -> usize) {
        let cols = self.cols;
        let buffer = self.buffer_mut();
        let mut work = 1;
        for _ in 0..count {
            let x = if buffer.x < cols { stop(&buffer.tabs, buffer.x, cols) } else { buffer.x };
            if x == buffer.x {
                break;
            }
            work += x.abs_diff(buffer.x);
            buffer.x = x;
        }
        self.work += work;
    }

    /// HTS.
    pub(super) fn set_tab(&mut self) {
        let buffer = self.buffer_mut();
        buffer.tabs.set(buffer.x, true);
    }

    /// TBC.
    pub(super) fn clear_tabs(&mut self, params: &Params) {
        let buffer = self.buffer_mut();
        match params.get(0) {
            0 => buffer.tabs.set(buffer.x, false),
            3 => buffer.tabs.clear(),
            _ => {}
        }
    }

    /// DECSTBM.
    pub(super) fn set_region(&mut self, params: &Params) {
        let top = params.count(0);
        let bottom = match usize::try_from(params.get(1)) {
            Ok(bottom @ 1..) if bottom <= self.rows => bottom,
            _ => self.rows,
        };
        if bottom > top {
            let buffer = self.buffer_mut();
            (buffer.top, buffer.bottom) = (top - 1, bottom - 1);
            self.go(0, 0);
        }
    }

    /// DECSC.
    pub(super) fn save_cursor(&mut self) {
        let (fg, bg, charset) = (self.pen.fg, self.pen.bg, self.charsets.current);
        let buffer = self.buffer_mut();
        buffer.saved = Saved { x: buffer.x, line: buffer.history() + buffer.y, fg, bg, charset };
    }

    /// DECRC. The saved state has no underline style, underline colour or link.
    pub(super) fn restore_cursor(&mut self) {
        let buffer = self.buffer_mut();
        let saved = buffer.saved;
        (buffer.x, buffer.y) = (saved.x, buffer.saved_row());
        (self.pen.fg, self.pen.bg, self.charsets.current) = (saved.fg, saved.bg, saved.charset);
        self.update_pen();
        self.restrict_inside();
    }
}
