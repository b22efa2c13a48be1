//! The last part of a snapshot: cursor, modes, character sets and pen.

use super::Snapshot;
use super::rows::is_blank;
use crate::cell::{Cell, colour};
use crate::graphemes;
use crate::terminal::Style;
use crate::width::width;

impl Snapshot<'_> {
    pub(super) fn state(&mut self) {
        let terminal = self.terminal;
        let (x, cols) = (terminal.buffer().x, terminal.buffer().cols());
        if terminal.modes.origin {
            self.out.write("\x1b[?6h");
        }
        let joinable = self.joinable();
        let about_to_wrap = x >= cols && joinable.is_none();
        // Text printed on the main screen does not move the alternate screen's cursor; text printed here would.
        if terminal.alternate.is_some() && about_to_wrap {
            self.about_to_wrap();
            self.charsets(false);
        } else {
            self.charsets(true);
            if about_to_wrap {
                self.about_to_wrap();
            }
        }
        self.modes();
        let pen = &terminal.pen;
        self.out.set_style(Style::of_pen(pen), pen.link());
        if let Some(cell) = joinable {
            let width = cell.width();
            self.go(x - width);
            if terminal.modes.insert {
                self.out.write(&format!("\x1b[{width}P"));
            }
            self.out.write(terminal.text(cell, &mut [0; 4]));
        } else if !about_to_wrap {
            self.go(x);
        }
    }

    /// To a column of the cursor's row.
    fn go(&mut self, x: usize) {
        let buffer = self.terminal.buffer();
        let top = if self.terminal.modes.origin { buffer.top } else { 0 };
        let row = buffer.y.saturating_sub(top) + 1;
        self.out.write(&format!("\x1b[{row};{}H", x + 1));
    }

    /// The last printed character, if nothing came since. Combining and repeating refer to it, so the snapshot prints it again.
    fn joinable(&self) -> Option<Cell> {
        let terminal = self.terminal;
        let buffer = terminal.buffer();
        let at = buffer.x.checked_sub(terminal.preceding).filter(|at| *at < buffer.x)?;
        let cell = buffer.cell_at(at, buffer.y)?;
        let extra = terminal.extras.get(cell.extra);
        let same_look = Style::of_cell(cell, extra) == Style::printed(&terminal.pen)
            && extra.and_then(|extra| extra.link.as_ref()) == terminal.pen.link();
        let mut one = [0; 4];
        let text = terminal.text(cell, &mut one);
        let first = text.chars().next().map(u32::from)?;
        let printable = first >= 127 || terminal.charsets.translate(first) == first;
        // An accent without a letter has the width of another character.
        let printed = if terminal.modes.graphemes { graphemes::printed(text).0 } else { width(first) };
        let widths_agree = width(first) > 0 && [cell.width(), printed] == [terminal.preceding; 2];
        (cell.has_content() && widths_agree && same_look && printable).then_some(cell)
    }

    /// Brings the cursor behind the last column, with a pending wrap.
    fn about_to_wrap(&mut self) {
        let terminal = self.terminal;
        let buffer = terminal.buffer();
        let (cols, row) = (buffer.cols(), buffer.row(buffer.y as isize));
        if terminal.alternate.is_none() {
            // The cursor comes along from the alternate screen, and nothing on this one is touched.
            self.out.set_style(Style::default(), None);
            self.out.write(&format!("\x1b[?1047h\x1b[{};{cols}Hx", buffer.y + 1));
            self.beyond();
            self.out.write("\x1b[?1047l");
            return;
        }
        let last = row[cols - 1];
        let wide = last.is_spacer() && row[cols - 2].width() == 2;
        let blank = last.bg & colour::MASK;
        if last.has_content() || wide {
            self.go(cols - 1 - usize::from(wide));
            self.out.print(row[cols - 1 - usize::from(wide)]);
            self.beyond();
        } else if row.iter().all(|cell| is_blank(*cell, blank)) {
            self.go(cols - 1);
            self.out.set_erase_background(blank);
            self.out.write("x\x1b[2K");
            self.beyond();
        } else {
            // No sequence leads there; the last column is the nearest place.
            self.go(cols - 1);
        }
    }

    /// One further still, where a combining character stood that had nothing to join.
    fn beyond(&mut self) {
        if self.terminal.buffer().x > self.terminal.buffer().cols() {
            self.out.write("\x1b[?25h\u{301}");
        }
    }

    fn charsets(&mut self, cursor_may_move: bool) {
        let charsets = &self.terminal.charsets;
        for (slot, letter) in "()*+".chars().zip(charsets.sets) {
            if let Some(letter) = letter {
                self.out.write(&format!("\x1b{slot}{}", char::from(letter)));
            }
        }
        self.out.write(["", "\x0e", "\x1bn", "\x1bo"][charsets.level]);
        // Restoring a cursor brings back the set in effect, and selects nothing.
        let restored = charsets.current != charsets.sets[charsets.level];
        if restored && cursor_may_move && self.terminal.buffer().saved.charset == charsets.current {
            self.out.write("\x1b8");
            self.out.reset();
        }
    }

    fn modes(&mut self) {
        let modes = &self.terminal.modes;
        self.out.set_graphemes(modes.graphemes);
        let switches = [
            (modes.application_cursor, "\x1b[?1h"),
            (modes.no_wraparound, "\x1b[?7l"),
            (modes.reverse_wraparound, "\x1b[?45h"),
            (modes.application_keypad, "\x1b="),
            (modes.focus, "\x1b[?1004h"),
            (modes.theme_reports, "\x1b[?2031h"),
            (modes.bracketed_paste, "\x1b[?2004h"),
            (modes.insert, "\x1b[4h"),
            (modes.newline, "\x1b[20h"),
            (modes.cursor_hidden, "\x1b[?25l"),
            (!modes.cursor_hidden, "\x1b[?25h"),
            (modes.blink_option == Some(true), "\x1b[?12h"),
            (modes.blink_option == Some(false), "\x1b[?12l"),
        ];
        for (_, sequence) in switches.into_iter().filter(|(on, _)| *on) {
            self.out.write(sequence);
        }
        for mode in [modes.mouse as i32, modes.mouse_encoding as i32].into_iter().filter(|mode| *mode > 0) {
            self.out.write(&format!("\x1b[?{mode}h"));
        }
        if modes.cursor_style() > 0 {
            self.out.write(&format!("\x1b[{} q", modes.cursor_style()));
        }
    }
}
