//! Printing, the path of most bytes. ASCII is written a run at a time.

use super::Terminal;
use crate::cell::{Cell, content};
use crate::cell_extra::{Extra, MAX_TEXT_BYTES};
use crate::width::width;

/// Repetitions of a character that any screen allows.
const MIN_REPEAT_LIMIT: usize = 1024;

/// Work of one repetition, in cells: a character that combines takes that long.
const REPEAT_WORK: usize = 4;

impl Terminal {
    /// Printable ASCII.
    pub(super) fn print_ascii_run(&mut self, mut text: &[u8]) {
        if self.modes.insert || self.charsets.is_translating() {
            text.iter().for_each(|byte| self.print_one(u32::from(*byte)));
            return;
        }
        self.begin_run();
        let (cols, look) = (self.cols, self.empty_cell());
        self.preceding = 1;
        while !text.is_empty() {
            if self.buffer().x >= cols {
                if self.modes.no_wraparound {
                    // Every character lands in the last column; the last one stays.
                    text = &text[text.len() - 1..];
                    self.buffer_mut().x = cols - 1;
                } else {
                    self.wrap();
                }
            }
            let buffer = self.buffer_mut();
            let count = text.len().min(cols - buffer.x);
            buffer.put_ascii(buffer.x, buffer.y, &text[..count], look);
            buffer.x += count;
            text = &text[count..];
        }
        self.finish_run();
    }

    /// Any printable character.
    pub(super) fn print_one(&mut self, c: u32) {
        self.begin_run();
        let c = if c < 127 { self.charsets.translate(c) } else { c };
        self.place(c);
        self.finish_run();
    }

    /// Erases the left half of a wide character whose right half is overwritten.
    fn begin_run(&mut self) {
        if self.in_run {
            return;
        }
        self.in_run = true;
        let empty_cell = self.empty_cell();
        let buffer = self.buffer_mut();
        if buffer.x > 0 && buffer.width_at(buffer.x - 1, buffer.y) == 2 {
            buffer.put(buffer.x - 1, buffer.y, empty_cell);
        }
    }

    /// The same on the right.
    fn finish_run(&mut self) {
        let empty_cell = self.empty_cell();
        let cols = self.cols;
        let buffer = self.buffer_mut();
        if buffer.x < cols && buffer.cell(buffer.x, buffer.y as isize).is_spacer() {
            buffer.put(buffer.x, buffer.y, empty_cell);
        }
    }

    fn place(&mut self, c: u32) {
        let own = width(c);
        let joins = own == 0 && self.preceding > 0;
        let columns = if joins { self.preceding } else { own };
        // A character that joins another needs no further columns.
        let needed = if joins { 0 } else { columns };
        self.preceding = columns;
        if self.buffer().x + needed > self.cols {
            if self.modes.no_wraparound {
                self.buffer_mut().x = self.cols - 1;
                if columns == 2 {
                    return;
                }
            } else {
                self.wrap();
            }
        }
        if joins && self.buffer().x > 0 {
            if let Some(c) = char::from_u32(c) {
                self.join(c.encode_utf8(&mut [0; 4]));
            }
            return;
        }
        let look = self.empty_cell();
        if self.modes.insert && columns > 0 {
            self.make_room(columns);
        }
        let buffer = self.buffer_mut();
        buffer.put(buffer.x, buffer.y, look.with(c, columns));
        if columns == 2 {
            buffer.put(buffer.x + 1, buffer.y, look.with(0, 0));
        }
        // A zero-width character that joins nothing moves the cursor all the same.
        buffer.x += columns.max(1);
    }

    /// Adds combining characters to the cell before the cursor, which gets the width of the character printed last: without
    /// wrapping, that may be a wide character that had no room.
    fn join(&mut self, added: &str) {
        let buffer = self.buffer();
        if added.is_empty() {
            return;
        }
        let back = if buffer.width_at(buffer.x - 1, buffer.y) > 0 { 1 } else { 2 };
        let (Some(x), y) = (buffer.x.checked_sub(back), buffer.y) else { return };
        let Some(cell) = buffer.cell_at(x, y) else { return };
        if !cell.has_content() {
            let (width, mut rest) = (self.preceding, added.chars());
            let Some(c) = rest.next() else { return };
            self.buffer_mut().put(x, y, cell.with(u32::from(c), width));
            return self.join(rest.as_str());
        }
        let old = self.extras.get(cell.extra).cloned().unwrap_or_default();
        let mut text = self.text(cell, &mut [0; 4]).to_owned();
        text.push_str(added);
        if text.len() > MAX_TEXT_BYTES {
            return;
        }
        let extra = self.number(&Extra { text: Some(text.into()), ..old });
        if extra > 0 {
            let width = self.preceding;
            self.buffer_mut().put(x, y, Cell { extra, ..cell.with(content::COMBINED, width) });
        }
    }

    fn make_room(&mut self, columns: usize) {
        let empty_cell = self.empty_cell();
        let buffer = self.buffer_mut();
        if buffer.x < buffer.cols() {
            buffer.insert_cells(buffer.x, buffer.y, columns, empty_cell);
        }
    }

    /// Wraps to the next line, which continues this one.
    fn wrap(&mut self) {
        let (blank, empty_cell, cols, rows) = (self.blank(), self.empty_cell(), self.cols, self.rows);
        let buffer = self.buffer_mut();
        for x in buffer.x..cols {
            buffer.put(x, buffer.y, empty_cell);
        }
        buffer.x = 0;
        if buffer.y == buffer.bottom {
            buffer.scroll(blank, true);
        } else {
            buffer.y = (buffer.y + 1).min(rows - 1);
            buffer.set_wrapped(buffer.y as isize, true);
        }
    }

    /// REP: prints the last character again. More than the screen holds is pointless, and a way to burn the processor.
    pub(super) fn repeat(&mut self, count: usize) {
        let buffer = self.buffer();
        let Some(x) = buffer.x.checked_sub(self.preceding).filter(|_| self.preceding > 0) else { return };
        let Some(cell) = buffer.cell_at(x, buffer.y) else { return };
        if !cell.has_content() {
            return;
        }
        let text = self.text(cell, &mut [0; 4]).to_owned();
        let mut rest = text.chars();
        let Some(first) = rest.next().map(u32::from) else { return };
        let count = count.min((self.cols * self.rows).max(MIN_REPEAT_LIMIT));
        self.work += count * REPEAT_WORK;
        for _ in 0..count {
            self.print_one(first);
            self.join(rest.as_str());
        }
    }

    /// The text of a cell. `one` has room for a character.
    pub(crate) fn text<'a>(&'a self, cell: Cell, one: &'a mut [u8; 4]) -> &'a str {
        if cell.content & content::COMBINED != 0 {
            return self.extras.text(cell.extra);
        }
        let c = char::from_u32(cell.content & content::CODEPOINT).filter(|c| *c != '\0');
        c.map_or("", |c| c.encode_utf8(one))
    }
}
