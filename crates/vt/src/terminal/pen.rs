//! The attributes of printed text: colours and styles (SGR), protection (DECSCA), the current link. Packed as in a cell, because
//! they are copied into every one.

use crate::cell::{Cell, bg, colour, fg};
use crate::cell_extra::{Extra, Link, STYLE, STYLE_SHIFT};
use crate::parser::Params;
use std::sync::Arc;

/// The underline that links have in xterm.js: dashed.
const LINKED: u32 = 5;

/// The current attributes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pen {
    pub(crate) fg: u32,
    pub(crate) bg: u32,
    /// Style and colour of the underline, as in [`Extra::underline`].
    pub(crate) underline: u32,
    link: Option<Arc<Link>>,
    /// The number of the two above, when [`bg::EXTENDED`] says that they count.
    pub(super) extra: u16,
}

impl Pen {
    /// An empty cell that looks like it.
    pub(super) fn cell(&self) -> Cell {
        let extra = if self.bg & bg::EXTENDED == 0 { 0 } else { self.extra };
        Cell { fg: self.fg, extra, ..Cell::blank(self.bg) }
    }

    pub(super) fn background(&self) -> u32 {
        self.bg & colour::MASK
    }

    pub(super) fn extra(&self) -> Extra {
        Extra { underline: self.underline, link: self.link.clone(), text: None }
    }

    /// The link that printing would carry. A cursor that is restored may leave one that does not count.
    pub(crate) fn link(&self) -> Option<&Arc<Link>> {
        self.link.as_ref().filter(|_| self.bg & bg::EXTENDED != 0)
    }

    pub(super) fn set(&mut self, fg: u32, bg: u32) {
        self.fg |= fg;
        self.bg |= bg;
    }

    pub(super) fn unset(&mut self, fg: u32, bg: u32) {
        self.fg &= !fg;
        self.bg &= !bg;
    }

    pub(super) fn set_link(&mut self, link: Option<Link>) {
        self.link = link.map(Arc::new);
        self.update_extended();
    }

    /// Style and link decide whether a cell needs an extra; a colour alone does not.
    fn update_extended(&mut self) {
        let style = if self.link.is_some() { LINKED } else { (self.underline & STYLE) >> STYLE_SHIFT };
        if style == 0 {
            self.bg &= !bg::EXTENDED;
        } else {
            self.bg |= bg::EXTENDED;
        }
    }

    fn set_underline(&mut self, style: u32) {
        let style = if style > 5 { 1 } else { style };
        self.underline = self.underline & !STYLE | style << STYLE_SHIFT;
        self.fg = if style == 0 { self.fg & !fg::UNDERLINE } else { self.fg | fg::UNDERLINE };
        self.update_extended();
    }

    fn reset(&mut self) {
        (self.fg, self.bg, self.underline) = (0, 0, 0);
        self.update_extended();
    }

    pub(super) fn apply(&mut self, params: &Params, at: usize) {
        let code = params.get(at);
        let basic = |first: i32, bright: u32| colour::BASIC | (code - first) as u32 | bright;
        match code {
            0 => self.reset(),
            1 => self.set(fg::BOLD, 0),
            2 => self.set(0, bg::DIM),
            3 => self.set(0, bg::ITALIC),
            4 => self.set_underline(params.subs(at).first().map_or(1, |style| u32::try_from(*style).unwrap_or(1))),
            5 => self.set(fg::BLINK, 0),
            7 => self.set(fg::INVERSE, 0),
            8 => self.set(fg::INVISIBLE, 0),
            9 => self.set(fg::STRIKE, 0),
            21 => self.set_underline(2),
            22 => self.unset(fg::BOLD, bg::DIM),
            23 => self.unset(0, bg::ITALIC),
            24 => self.set_underline(0),
            25 => self.unset(fg::BLINK, 0),
            27 => self.unset(fg::INVERSE, 0),
            28 => self.unset(fg::INVISIBLE, 0),
            29 => self.unset(fg::STRIKE, 0),
            30..=37 => self.fg = self.fg & !colour::MASK | basic(30, 0),
            39 => self.unset(colour::MASK, 0),
            40..=47 => self.bg = self.bg & !colour::MASK | basic(40, 0),
            49 => self.unset(0, colour::MASK),
            53 => self.set(0, bg::OVERLINE),
            55 => self.unset(0, bg::OVERLINE),
            // Not the default, as it should be, but white: so it is in xterm.js.
            59 => {
                self.underline |= colour::MASK;
                self.update_extended();
            }
            90..=97 => self.fg = self.fg & !colour::MASK | basic(90, 8),
            100..=107 => self.bg = self.bg & !colour::MASK | basic(100, 8),
            _ => {}
        }
    }
}
