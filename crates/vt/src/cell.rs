//! One cell of the screen, packed bit for bit as in xterm.js (`Constants.ts` there), so that the cells of both
//! can be compared and copied without translation. Sixteen bytes, no pointer: a row is reset and moved like memory.

/// Bits of [`Cell::content`].
pub(crate) mod content {
    /// The character, when the cell holds exactly one.
    pub(crate) const CODEPOINT: u32 = 0x1f_ffff;
    /// The text is longer than one character and lies in the cell's extra.
    pub(crate) const COMBINED: u32 = 0x20_0000;
    /// Set if a character was printed here; a space counts, an erased cell does not.
    pub(crate) const ANY: u32 = 0x3f_ffff;
    /// Shift of the width: 0, 1 or 2 columns.
    pub(crate) const WIDTH_SHIFT: u32 = 22;
}

/// Bits of [`Cell::fg`] beside the colour.
pub(crate) mod fg {
    pub(crate) const INVERSE: u32 = 0x0400_0000;
    pub(crate) const BOLD: u32 = 0x0800_0000;
    pub(crate) const UNDERLINE: u32 = 0x1000_0000;
    pub(crate) const BLINK: u32 = 0x2000_0000;
    pub(crate) const INVISIBLE: u32 = 0x4000_0000;
    pub(crate) const STRIKE: u32 = 0x8000_0000;
}

/// Bits of [`Cell::bg`] beside the colour.
pub(crate) mod bg {
    pub(crate) const ITALIC: u32 = 0x0400_0000;
    pub(crate) const DIM: u32 = 0x0800_0000;
    /// The cell's extra has an underline style or a link.
    pub(crate) const EXTENDED: u32 = 0x1000_0000;
    /// Protected from selective erasing (DECSCA).
    pub(crate) const PROTECTED: u32 = 0x2000_0000;
    pub(crate) const OVERLINE: u32 = 0x4000_0000;
}

/// A colour in the low 26 bits of `fg`, `bg` and an underline: two bits of kind, 24 of value. Zero is the default.
pub(crate) mod colour {
    pub(crate) const KIND: u32 = 0x0300_0000;
    /// One of sixteen, which a theme names.
    pub(crate) const BASIC: u32 = 0x0100_0000;
    /// One of 256.
    pub(crate) const PALETTE: u32 = 0x0200_0000;
    pub(crate) const RGB: u32 = 0x0300_0000;
    /// Kind and value.
    pub(crate) const MASK: u32 = 0x03ff_ffff;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Character and width, see [`content`].
    pub(crate) content: u32,
    /// Foreground and attributes, see [`fg`].
    pub(crate) fg: u32,
    /// Background and attributes, see [`bg`].
    pub(crate) bg: u32,
    /// Number of the cell's extra in [`crate::cell_extra::Extras`]; 0 is none.
    pub(crate) extra: u16,
}

impl Default for Cell {
    fn default() -> Self {
        Self::blank(0)
    }
}

impl Cell {
    /// An erased cell: only the background colour remains.
    pub(crate) fn blank(bg: u32) -> Self {
        Self { content: 1 << content::WIDTH_SHIFT, fg: 0, bg, extra: 0 }
    }

    /// Columns of the cell: 2 for a wide character, 0 for the column behind it.
    pub(crate) fn width(&self) -> usize {
        (self.content >> content::WIDTH_SHIFT) as usize
    }

    pub(crate) fn has_content(&self) -> bool {
        self.content & content::ANY != 0
    }

    /// True for the column behind a wide character.
    pub(crate) fn is_spacer(&self) -> bool {
        self.content == 0
    }

    pub(crate) fn is_protected(&self) -> bool {
        self.bg & bg::PROTECTED != 0
    }

    /// A cell with the same attributes and other content.
    pub(crate) fn with(self, codepoint: u32, width: usize) -> Self {
        Self { content: codepoint | (width as u32) << content::WIDTH_SHIFT, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_small() {
        assert_eq!(size_of::<Cell>(), 16);
    }

    #[test]
    fn an_erased_cell_is_no_space() {
        let erased = Cell::default();
        let space = erased.with(u32::from(' '), 1);
        assert!(!erased.has_content() && space.has_content());
        assert_eq!((erased.width(), space.width()), (1, 1));
        assert!(erased.with(0, 0).is_spacer() && !erased.is_spacer());
    }
}
