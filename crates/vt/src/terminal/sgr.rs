//! Sequences that change the pen: SGR, DECSCA and links.

use super::Terminal;
use crate::cell::{bg, colour};
use crate::cell_extra::Link;
use crate::parser::Params;

impl Terminal {
    /// SGR.
    pub(super) fn select_graphics(&mut self, params: &Params) {
        let mut at = 0;
        while at < params.len() {
            match params.get(at) {
                38 | 48 | 58 => at += self.select_colour(params, at),
                _ => self.pen.apply(params, at),
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
        self.pen.set_link(link);
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
