//! The visible cells for a program that draws them itself, without an emulator.

use crate::cell::{Cell, bg, colour, fg};
use crate::screen::Screen;

/// Colour of a drawn cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// The terminal's own.
    Default,
    /// One of 256; a theme names the first 16.
    Palette(u8),
    /// Red, green and blue, as 0xRRGGBB.
    Rgb(u32),
}

impl Colour {
    fn of(packed: u32) -> Self {
        match packed & colour::KIND {
            0 => Self::Default,
            colour::RGB => Self::Rgb(packed & 0xff_ffff),
            _ => Self::Palette((packed & 0xff) as u8),
        }
    }
}

/// Look of a drawn cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Colour of the text.
    pub foreground: Colour,
    /// Colour behind it.
    pub background: Colour,
    /// Bold.
    pub bold: bool,
    /// Dim.
    pub dim: bool,
    /// Italic.
    pub italic: bool,
    /// Underlined, in any style.
    pub underline: bool,
    /// Struck through.
    pub strike: bool,
    /// The two colours change places.
    pub inverse: bool,
}

impl Look {
    fn of(cell: Cell) -> Self {
        Self {
            foreground: Colour::of(cell.fg),
            background: Colour::of(cell.bg),
            bold: cell.fg & fg::BOLD != 0,
            dim: cell.bg & bg::DIM != 0,
            italic: cell.bg & bg::ITALIC != 0,
            underline: cell.fg & fg::UNDERLINE != 0,
            strike: cell.fg & fg::STRIKE != 0,
            inverse: cell.fg & fg::INVERSE != 0,
        }
    }
}

impl Screen {
    /// Calls `draw` for each cell of a visible row, from 0, with its text, columns (1 or 2) and look. The text is a blank for a
    /// cell that is empty or invisible.
    pub fn draw_row(&self, row: u16, mut draw: impl FnMut(&str, usize, Look)) {
        let mut covered = false;
        for cell in self.terminal.buffer().row(row as isize) {
            // Half of a cut wide character covers a column too.
            if !(covered && cell.is_spacer()) {
                let mut one = [0; 4];
                let text = self.terminal.text(cell, &mut one);
                let is_blank = text.is_empty() || cell.fg & fg::INVISIBLE != 0;
                draw(if is_blank { " " } else { text }, cell.width().max(1), Look::of(cell));
            }
            covered = cell.width() == 2;
        }
    }

    /// True unless a program hides the cursor.
    #[must_use]
    pub fn shows_cursor(&self) -> bool {
        !self.terminal.modes.cursor_hidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_drawn_as_they_look() {
        let mut screen = Screen::new(8, 2, 0);
        screen.feed("\x1b[1;31ma\x1b[0m漢\x1b[48;2;1;2;3;7mb\x1b[0;8mc\x1b[?25l".as_bytes(), &mut Vec::new());
        let (mut text, mut looks) = (Vec::new(), Vec::new());
        screen.draw_row(0, |cell, width, look| {
            text.push((cell.to_owned(), width));
            looks.push(look);
        });
        let expected = [("a", 1), ("漢", 2), ("b", 1), (" ", 1), (" ", 1), (" ", 1), (" ", 1)];
        assert_eq!(text, expected.map(|(text, width)| (text.to_owned(), width)));
        assert_eq!((looks[0].foreground, looks[0].bold), (Colour::Palette(1), true));
        assert_eq!((looks[1].foreground, looks[1].bold), (Colour::Default, false));
        assert_eq!((looks[2].background, looks[2].inverse), (Colour::Rgb(0x01_02_03), true));
        assert!(!screen.shows_cursor());
    }
}
