//! The palette (OSC 4, 10, 11, 12) and the page's theme below it, which answers for a colour that no program set.

use std::collections::BTreeMap;

pub(crate) type Rgb = [u8; 3];

/// Colours of the page, each as red, green and blue. Those of xterm.js until a page has looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    /// Colour of text.
    pub foreground: [u8; 3],
    /// Colour behind it.
    pub background: [u8; 3],
    /// Colour of the cursor.
    pub cursor: [u8; 3],
    /// The sixteen colours that have names.
    pub palette: [[u8; 3]; 16],
}

impl Default for Theme {
    fn default() -> Self {
        let palette = BASIC.map(|colour| {
            let [_, red, green, blue] = colour.to_be_bytes();
            [red, green, blue]
        });
        Self { foreground: [0xff; 3], background: [0; 3], cursor: [0xff; 3], palette }
    }
}

impl Theme {
    /// True if text is brighter than its background, by the weights of Rec. 601.
    pub(crate) fn is_dark(&self) -> bool {
        let brightness =
            |[red, green, blue]: Rgb| u32::from(red) * 299 + u32::from(green) * 587 + u32::from(blue) * 114;
        brightness(self.background) <= brightness(self.foreground)
    }
}

/// The sixteen that have names. Source: xterm.js, `ThemeService.ts`.
const BASIC: [u32; 16] = [
    0x2e3436, 0xcc0000, 0x4e9a06, 0xc4a000, 0x3465a4, 0x75507b, 0x06989a, 0xd3d7cf, 0x555753, 0xef2929, 0x8ae234,
    0xfce94f, 0x729fcf, 0xad7fa8, 0x34e2e2, 0xeeeeec,
];

/// The levels of the cube of 216 that follows them.
const LEVELS: [u8; 6] = [0, 0x5f, 0x87, 0xaf, 0xd7, 0xff];

/// A colour that a program can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Slot {
    /// One of the 256.
    Palette(u8),
    Foreground,
    Background,
    Cursor,
}

impl Slot {
    /// How its command begins.
    pub(crate) fn command(self) -> String {
        match self {
            Self::Palette(index) => format!("4;{index}"),
            Self::Foreground => "10".to_owned(),
            Self::Background => "11".to_owned(),
            Self::Cursor => "12".to_owned(),
        }
    }

    fn default_colour(self, theme: &Theme) -> Rgb {
        match self {
            Self::Palette(index @ 0..=15) => theme.palette[usize::from(index)],
            Self::Palette(index @ 16..=231) => {
                let at = usize::from(index - 16);
                [LEVELS[at / 36], LEVELS[at / 6 % 6], LEVELS[at % 6]]
            }
            Self::Palette(index) => [8 + (index - 232) * 10; 3],
            Self::Foreground => theme.foreground,
            Self::Background => theme.background,
            Self::Cursor => theme.cursor,
        }
    }
}

/// The colours in effect.
#[derive(Debug, Default)]
pub(crate) struct Palette {
    /// The page's colours.
    pub(crate) theme: Theme,
    /// Those that programs set; at most 259.
    set: BTreeMap<Slot, Rgb>,
}

impl Palette {
    pub(super) fn set(&mut self, slot: Slot, colour: Rgb) {
        self.set.insert(slot, colour);
    }

    pub(super) fn restore(&mut self, slot: Slot) {
        self.set.remove(&slot);
    }

    pub(super) fn restore_palette(&mut self) {
        self.set.retain(|slot, _| !matches!(slot, Slot::Palette(_)));
    }

    /// The colour that a query reports.
    pub(super) fn get(&self, slot: Slot) -> Rgb {
        self.set.get(&slot).copied().unwrap_or_else(|| slot.default_colour(&self.theme))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot, Rgb)> + '_ {
        self.set.iter().map(|(slot, colour)| (*slot, *colour))
    }
}

/// `rgb:12/34/56` with one to four digits each, or `#` with three, six, nine or twelve. Names are for X servers.
pub(super) fn parse(text: &str) -> Option<Rgb> {
    let text = text.to_ascii_lowercase();
    if let Some(rest) = text.strip_prefix("rgb:") {
        let parts: Vec<&str> = rest.split('/').collect();
        let [red, green, blue] = parts.as_slice() else { return None };
        if red.len() != green.len() || green.len() != blue.len() {
            return None;
        }
        return Some([scaled(red)?, scaled(green)?, scaled(blue)?]);
    }
    let digits = text.strip_prefix('#').filter(|digits| matches!(digits.len(), 3 | 6 | 9 | 12) && digits.is_ascii())?;
    let each = digits.len() / 3;
    let channel = |at: usize| {
        let value = hex(&digits[at * each..(at + 1) * each])?;
        // Here digits are the upper bits, not a fraction.
        Some(match each {
            1 => value << 4,
            2 => value,
            3 => value >> 4,
            _ => value >> 8,
        } as u8)
    };
    Some([channel(0)?, channel(1)?, channel(2)?])
}

/// One to four hex digits as a fraction of their maximum.
fn scaled(digits: &str) -> Option<u8> {
    let most = [0, 0xf, 0xff, 0xfff, 0xffff].get(digits.len()).copied().filter(|most| *most > 0)?;
    Some(((hex(digits)? * 255 + most / 2) / most) as u8)
}

fn hex(digits: &str) -> Option<u32> {
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read() {
        assert_eq!(parse("rgb:ff/80/00"), Some([0xff, 0x80, 0]));
        assert_eq!(parse("rgb:f/8/0"), Some([0xff, 0x88, 0]));
        assert_eq!(parse("RGB:ffff/8080/0000"), Some([0xff, 0x80, 0]));
        assert_eq!(parse("#ff8000"), Some([0xff, 0x80, 0]));
        assert_eq!(parse("#f80"), Some([0xf0, 0x80, 0]));
        for wrong in
            ["", "red", "rgb:", "rgb:1/2", "rgb:1/2/33", "rgb:12345/1/1", "#12", "#gggggg", "#éé", "rgb:+1/+1/+1"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
