//! Printing, the path of most bytes. ASCII is written a run at a time.

use super::Terminal;
use crate::cell::{Cell, content};
use crate::cell_extra::{Extra, MAX_TEXT_BYTES};
use crate::graphemes::End;
use crate::width::width;

/// Repetitions of a character that any screen allows.
const MIN_REPEAT_LIMIT: usize = 1024;

/// Work of one repetition, in cells: a character that combines takes that long.
const REPEAT_WORK: usize = 4;

impl Terminal {
    /// Printable ASCII.
    pub(super) fn print_ascii_run(&mut self, text: &[u8]) {
        if self.modes.insert || self.modes.graphemes || self.charsets.is_translating() {
            self.print_special_ascii(text);
        } else {
            self.print_plain_ascii(text);
        }
    }

    /// Printable ASCII in a mode that looks at each character.
    fn print_special_ascii(&mut self, text: &[u8]) {
        let is_plain = !self.modes.insert && !self.charsets.is_translating();
        let Some((first, rest)) = text.split_first() else { return };
        if is_plain && self.modes.graphemes {
            // The first may join what is before it; no other joins one of them.
            self.print_one(u32::from(*first));
            if let Some(last) = rest.last() {
                self.print_plain_ascii(rest);
                self.cluster = End::default().step(u32::from(*last)).end;
            }
        } else {
            text.iter().for_each(|byte| self.print_one(u32::from(*byte)));
        }
    }

    fn print_plain_ascii(&mut self, mut text: &[u8]) {
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
        let before = self.preceding;
        let (joins, columns) = if self.modes.graphemes {
            self.step(c, own)
        } else {
            let joins = own == 0 && before > 0;
            (joins, if joins { before } else { own })
        };
        // A character that joins another needs no columns of its own, but it may widen the other.
        let needed = if joins { columns - before } else { columns };
        self.preceding = columns;
        if self.buffer().x + needed > self.cols {
            if self.modes.no_wraparound {
                self.buffer_mut().x = self.cols - 1;
                if columns == 2 {
                    return;
                }
            } else if joins {
                self.wrap_with(before);
            } else {
                self.wrap();
            }
        }
        if joins && self.buffer().x > 0 {
            if let Some(c) = char::from_u32(c) {
                self.join(c.encode_utf8(&mut [0; 4]));
            }
            let spacer = self.empty_cell().with(0, 0);
            for _ in 0..needed {
                let buffer = self.buffer_mut();
                buffer.put(buffer.x, buffer.y, spacer);
                buffer.x += 1;
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

    /// True if a character joins the one before while mode 2027 is set, and the columns of the two. A cluster is as wide as its
    /// widest character, a flag and an emoji with variation selector 16 are wide, and nothing makes a cluster narrower. One that
    /// has no columns of its own joins in any case, as without the mode.
    fn step(&mut self, c: u32, own: usize) -> (bool, usize) {
        let before = self.preceding;
        let end = if before == 0 { End::default() } else { self.cluster };
        let step = end.step(c);
        self.cluster = step.end;
        if before == 0 || !step.joins && own > 0 {
            return (false, own);
        }
        (true, if step.widens { 2 } else { before.max(own) })
    }

    /// Wraps to the next line with the character before the cursor, which becomes too wide for this one.
    fn wrap_with(&mut self, columns: usize) {
        let buffer = self.buffer_mut();
        let Some(from) = buffer.x.checked_sub(columns) else { return self.wrap() };
        let cell = buffer.cell_at(from, buffer.y).unwrap_or_default();
        buffer.x = from;
        self.wrap();
        let buffer = self.buffer_mut();
        buffer.put(0, buffer.y, cell);
        buffer.x = columns;
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
        let fits = text.len() <= MAX_TEXT_BYTES;
        let extra = if fits { self.number(&Extra { text: Some(text.into()), ..old }) } else { 0 };
        let width = self.preceding;
        if extra > 0 {
            self.buffer_mut().put(x, y, Cell { extra, ..cell.with(content::COMBINED, width) });
        } else if cell.width() != width {
            // The text that has no room is left out; the columns count.
            self.buffer_mut().put(x, y, cell.with(cell.content & content::ANY, width));
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
        if self.modes.graphemes {
            self.work += count * REPEAT_WORK * text.chars().count();
            for _ in 0..count {
                text.chars().for_each(|c| self.print_one(u32::from(c)));
            }
            return;
        }
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
