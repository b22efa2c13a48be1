//! Operating system commands: titles, directories, links, colours. The clipboard (OSC 52) is between program and browser: it is
//! neither stored nor read back to a program.

use super::dispatch::Dispatch;
use super::palette::{self, Slot};
use crate::cell_extra::Link;

impl Dispatch<'_> {
    /// An operating system command: a number, a semicolon, and its payload.
    pub(super) fn command(&mut self, payload: &[u8], bell: bool) {
        let Ok(payload) = std::str::from_utf8(payload) else { return };
        let (number, text) = payload.split_once(';').unwrap_or((payload, ""));
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return;
        }
        match number.trim_start_matches('0') {
            "" | "2" => self.terminal.titles.set(text),
            "4" => self.palette(text, bell),
            "7" => self.terminal.directory = Some(text.to_owned()),
            "8" => self.link(text),
            "10" => self.special(text, 0, bell),
            "11" => self.special(text, 1, bell),
            "12" => self.special(text, 2, bell),
            "104" if text.is_empty() => self.terminal.palette.restore_palette(),
            "104" => text.split(';').filter_map(index).for_each(|slot| self.terminal.palette.restore(slot)),
            "110" => self.terminal.palette.restore(Slot::Foreground),
            "111" => self.terminal.palette.restore(Slot::Background),
            "112" => self.terminal.palette.restore(Slot::Cursor),
            _ => {}
        }
    }

    /// Pairs of a number and a colour.
    fn palette(&mut self, text: &str, bell: bool) {
        let mut words = text.split(';');
        while let (Some(number), Some(colour)) = (words.next(), words.next()) {
            if let Some(slot) = index(number) {
                self.colour(slot, colour, bell);
            }
        }
    }

    /// Foreground, background and cursor, from one of them on.
    fn special(&mut self, text: &str, from: usize, bell: bool) {
        let slots = [Slot::Foreground, Slot::Background, Slot::Cursor];
        for (slot, colour) in slots.into_iter().skip(from).zip(text.split(';')) {
            self.colour(slot, colour, bell);
        }
    }

    fn colour(&mut self, slot: Slot, colour: &str, bell: bool) {
        if colour == "?" {
            self.reply_colour(slot, self.terminal.palette.get(slot), bell);
        } else if let Some(colour) = palette::parse(colour) {
            self.terminal.palette.set(slot, colour);
        }
    }

    /// `parameters;address`; without an address the link ends.
    fn link(&mut self, text: &str) {
        let Some((params, uri)) = text.split_once(';') else { return };
        if uri.is_empty() {
            if params.trim().is_empty() {
                self.terminal.set_link(None);
            }
            return;
        }
        let id = params.trim().split(':').find_map(|param| param.strip_prefix("id="));
        let id = id.filter(|id| !id.is_empty()).map(str::to_owned);
        self.terminal.set_link(Some(Link { id, uri: uri.to_owned() }));
    }
}

/// A number of the palette.
fn index(text: &str) -> Option<Slot> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().map(Slot::Palette)
}
