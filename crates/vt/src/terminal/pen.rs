//! What is printed with: colours and attributes (SGR), protection (DECSCA), the current link. Packed as in a cell, because it is
//! copied into every one.

use super::Terminal;
use crate::cell::{Cell, bg, colour, fg};
use crate::extra::{Extra, Link, STYLE, STYLE_SHIFT};
use crate::parser::Params;
use std::sync::Arc;

/// The underline that links have in xterm.js: dashed.
const LINKED: u32 = 5;

/// What is printed with.
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

    /// The background colour alone.
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

    fn set(&mut self, fg: u32, bg: u32) {
        self.fg |= fg;
        self.bg |= bg;
    }

    fn unset(&mut self, fg: u32, bg: u32) {
        self.fg &= !fg;
        self.bg &= !bg;
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

    fn attribute(&mut self, params: &Params, at: usize) {
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

impl Terminal {
    /// SGR.
    pub(super) fn select_graphics(&mut self, params: &Params) {
        let mut at = 0;
        while at < params.len() {
            match params.get(at) {
                38 | 48 | 58 => at += self.select_colour(params, at),
                _ => self.pen.attribute(params, at),
            }
            at += 1;
        }
        self.update_pen();
    }

    /// 38, 48 or 58 with its values, separated by semicolons or colons; says how many further parameters that took.
    fn select_colour(&mut self, params: &Params, at: usize) -> usize {
        // Target, kind, colour space, and three values; a palette has only the first value.
        let mut values = [0, 0, -1, 0, 0, 0];
        let (mut space, mut taken) = (0, 0);
        loop {
            values[taken + space] = params.get(at + taken);
            let subs = params.subs(at + taken);
            if !subs.is_empty() {
                for (i, sub) in subs.iter().enumerate() {
                    if i > 0 && i + taken + 1 + space >= values.len() {
                        break;
                    }
                    if values[1] == 5 {
                        space = 1;
                    }
                    if let Some(value) = values.get_mut(taken + i + 1 + space) {
                        *value = *sub;
                    }
                }
                break;
            }
            if (values[1] == 5 && taken + space >= 2) || (values[1] == 2 && taken + space >= 5) {
                break;
            }
            if values[1] != 0 {
                space = 1;
            }
            taken += 1;
            if taken + at >= params.len() || taken + space >= values.len() {
                break;
            }
        }
        let byte = |at: usize| (if values[at] == -1 { 0 } else { values[at] }) as u32 & 0xff;
        let chosen = match values[1] {
            2 => Some(colour::RGB | byte(3) << 16 | byte(4) << 8 | byte(5)),
            5 => Some(colour::PALETTE | byte(3)),
            _ => None,
        };
        if let Some(chosen) = chosen {
            let target = match values[0] {
                38 => &mut self.pen.fg,
                48 => &mut self.pen.bg,
                _ => &mut self.pen.underline,
            };
            *target = *target & !colour::MASK | chosen;
        }
        taken
    }

    /// Begins a link, or ends it (OSC 8).
    pub(super) fn set_link(&mut self, link: Option<Link>) {
        self.pen.link = link.map(Arc::new);
        self.pen.update_extended();
        self.update_pen();
    }

    /// DECSCA.
    pub(super) fn select_protected(&mut self, params: &Params) {
        match params.get(0) {
            1 => self.pen.set(0, bg::PROTECTED),
            0 | 2 => self.pen.unset(0, bg::PROTECTED),
            _ => {}
        }
    }

    /// Finds the number again after something of the pen changed.
    pub(super) fn update_pen(&mut self) {
        self.pen.extra = if self.pen.bg & bg::EXTENDED == 0 { 0 } else { self.number(&self.pen.extra()) };
    }
}
