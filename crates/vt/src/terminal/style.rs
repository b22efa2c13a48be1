//! The visible attributes of a cell or the pen, and the shortest SGR that changes one set into another.

use super::Pen;
use crate::cell::{Cell, bg, colour, fg};
use crate::cell_extra::{Extra, STYLE, STYLE_SHIFT};
use std::fmt::Write as _;

/// Attributes in the foreground's bits, with the numbers that switch each on and off.
const OF_FG: [(u32, u32, u32); 4] =
    [(fg::BLINK, 5, 25), (fg::INVERSE, 7, 27), (fg::INVISIBLE, 8, 28), (fg::STRIKE, 9, 29)];

/// The same in the background's.
const OF_BG: [(u32, u32, u32); 2] = [(bg::ITALIC, 3, 23), (bg::OVERLINE, 53, 55)];

/// A set of visible attributes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Style {
    fg: u32,
    bg: u32,
    /// 0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed.
    underline: u32,
    underline_colour: u32,
}

impl Style {
    pub(crate) fn of_pen(pen: &Pen) -> Self {
        Self::new(pen.fg, pen.bg, &pen.extra())
    }

    /// The style that the pen prints; the colour of an underline that is off does not count.
    pub(crate) fn printed(pen: &Pen) -> Self {
        if pen.bg & bg::EXTENDED == 0 { Self::plain(pen.fg, pen.bg) } else { Self::of_pen(pen) }
    }

    pub(crate) fn of_cell(cell: Cell, extra: Option<&Extra>) -> Self {
        extra.map_or_else(|| Self::plain(cell.fg, cell.bg), |extra| Self::new(cell.fg, cell.bg, extra))
    }

    /// Without anything of an extra.
    pub(crate) fn plain(fg: u32, bg: u32) -> Self {
        Self::new(fg, bg & !bg::EXTENDED, &Extra::default())
    }

    fn new(fg: u32, bg: u32, extra: &Extra) -> Self {
        let style = if bg & bg::EXTENDED == 0 { 0 } else { (extra.underline & STYLE) >> STYLE_SHIFT };
        Self {
            fg,
            bg: bg & !bg::EXTENDED,
            underline: if fg & fg::UNDERLINE == 0 { 0 } else { style.max(1) },
            underline_colour: extra.underline & colour::MASK,
        }
    }

    pub(crate) fn background(&self) -> u32 {
        self.bg & colour::MASK
    }

    /// The same with another background.
    pub(crate) fn on(self, background: u32) -> Self {
        Self { bg: self.bg & !colour::MASK | background, ..self }
    }

    pub(crate) fn is_protected(&self) -> bool {
        self.bg & bg::PROTECTED != 0
    }

    /// Protection is no matter of SGR, but resetting everything lifts it.
    pub(crate) fn protected(self, protected: bool) -> Self {
        Self { bg: if protected { self.bg | bg::PROTECTED } else { self.bg & !bg::PROTECTED }, ..self }
    }

    /// The SGR parameters that set this style from any other.
    pub(crate) fn codes(&self) -> String {
        let mut codes = Codes("0".to_owned());
        codes.change(&Self::default(), self);
        codes.0
    }

    /// The fewest SGR parameters from this style to another, and whether they start with a reset. `None`: no change.
    pub(crate) fn codes_to(&self, to: &Self) -> Option<(String, bool)> {
        if self.protected(false) == to.protected(false) {
            return None;
        }
        if to.protected(false) == Self::default() {
            return Some((String::new(), true));
        }
        let reset = to.codes();
        let mut codes = Codes(String::new());
        codes.change(self, to);
        // No parameter resets the colour of an underline alone.
        let possible = to.underline_colour != 0 || self.underline_colour == 0;
        Some(if possible && codes.0.len() <= reset.len() { (codes.0, false) } else { (reset, true) })
    }
}

/// Numbers, with semicolons between.
struct Codes(String);

impl Codes {
    fn push(&mut self, code: impl std::fmt::Display) {
        let separator = if self.0.is_empty() { "" } else { ";" };
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{separator}{code}");
    }

    fn change(&mut self, from: &Style, to: &Style) {
        self.weight(from, to);
        self.switches(OF_BG, from.bg, to.bg);
        if from.underline != to.underline {
            match to.underline {
                0 => self.push(24),
                1 => self.push(4),
                2 => self.push(21),
                style => self.push(format_args!("4:{style}")),
            }
        }
        self.switches(OF_FG, from.fg, to.fg);
        for (from, to, base) in
            [(from.fg, to.fg, 30), (from.bg, to.bg, 40), (from.underline_colour, to.underline_colour, 50)]
        {
            if (from ^ to) & colour::MASK != 0 {
                self.colour(to & colour::MASK, base);
            }
        }
    }

    /// Bold and dim go together.
    fn weight(&mut self, from: &Style, to: &Style) {
        let weights = |style: &Style| (style.fg & fg::BOLD != 0, style.bg & bg::DIM != 0);
        let ((was_bold, was_dim), (bold, dim)) = (weights(from), weights(to));
        let anew = (was_bold && !bold) || (was_dim && !dim);
        if anew {
            self.push(22);
        }
        if bold && (anew || !was_bold) {
            self.push(1);
        }
        if dim && (anew || !was_dim) {
            self.push(2);
        }
    }

    fn switches<const N: usize>(&mut self, switches: [(u32, u32, u32); N], from: u32, to: u32) {
        for (bit, on, off) in switches {
            if (from ^ to) & bit != 0 {
                self.push(if to & bit != 0 { on } else { off });
            }
        }
    }

    /// `base`: 30 for the foreground, 40 for the background, 50 for an underline.
    fn colour(&mut self, packed: u32, base: u32) {
        let value = packed & 0xff;
        match packed & colour::KIND {
            0 => self.push(base + 9),
            colour::BASIC if value < 8 => self.push(base + value),
            colour::BASIC => self.push(base + 60 + value - 8),
            colour::PALETTE => self.push(format_args!("{};5;{value}", base + 8)),
            _ => self.push(format_args!("{};2;{};{};{value}", base + 8, packed >> 16 & 0xff, packed >> 8 & 0xff)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_way_is_taken() {
        let red = Style::plain(colour::BASIC | 1, 0);
        let bold_red = Style::plain(fg::BOLD | colour::BASIC | 1, 0);
        let bright = Style::plain(colour::BASIC | 9, colour::PALETTE | 200);
        let rgb = Style::plain(fg::INVERSE | colour::RGB | 0x01_02_03, bg::ITALIC);
        let codes = |from: Style, to: Style| from.codes_to(&to).map(|(codes, _)| codes);
        assert_eq!(codes(red, red), None);
        assert_eq!(codes(red, Style::default()).as_deref(), Some(""));
        assert_eq!(codes(red, bold_red).as_deref(), Some("1"));
        assert_eq!(codes(bold_red, red).as_deref(), Some("22"));
        assert_eq!(codes(Style::default(), bright).as_deref(), Some("91;48;5;200"));
        assert_eq!(codes(rgb, red).as_deref(), Some("0;31"));
        assert_eq!(rgb.codes(), "0;3;7;38;2;1;2;3");
    }

    #[test]
    fn underlines() {
        let extra = Extra { underline: 3 << STYLE_SHIFT | colour::PALETTE | 9, ..Extra::default() };
        let curly = Style::new(fg::UNDERLINE, bg::EXTENDED, &extra);
        assert_eq!(curly.codes(), "0;4:3;58;5;9");
        let single = Style::plain(fg::UNDERLINE, 0);
        assert_eq!(curly.codes_to(&single), Some(("0;4".to_owned(), true)));
        assert_eq!(Style::new(0, bg::EXTENDED, &extra).underline, 0);
    }
}
