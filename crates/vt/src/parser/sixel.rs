//! The height of a Sixel image, from its characters as they come; the image itself is not kept. `web/src/xterm/sixel-height.ts`
//! counts in the same way, because page and service must leave the same room.

/// Longest image, in characters. Page and service ignore longer ones.
const MAX_LENGTH: usize = 8_000_000;

/// Height of a band: each character is six pixels, one below the other.
const BAND_PIXELS: usize = 6;

/// Bands that are told apart; far more than there is ever room for.
const MAX_BANDS: usize = 10_000;

/// The raster attribute with the height, counted from 1.
const HEIGHT: usize = 4;

#[derive(Debug, Default)]
pub(super) struct Sixel {
    length: usize,
    /// Band of the next pixels, from 0.
    band: usize,
    /// Bands down to the last one with pixels.
    bands: usize,
    /// Raster attribute that is being read, from 1; 0 outside of them.
    attribute: usize,
    /// Height by the raster attributes, in pixels; 0 if they do not tell.
    declared: usize,
}

impl Sixel {
    /// Takes the next character.
    pub(super) fn push(&mut self, c: u32) {
        self.length = self.length.saturating_add(1);
        let byte = c.min(0x7f) as u8;
        if self.attribute > 0 && matches!(byte, b'0'..=b'9' | b';') {
            self.read_attribute(byte);
            return;
        }
        self.attribute = 0;
        match byte {
            b'"' if self.bands == 0 => (self.attribute, self.declared) = (1, 0),
            b'-' => self.band = (self.band + 1).min(MAX_BANDS),
            b'?'..=b'~' => self.bands = self.bands.max(self.band + 1),
            _ => {}
        }
    }

    fn read_attribute(&mut self, byte: u8) {
        if byte == b';' {
            self.attribute = (self.attribute + 1).min(HEIGHT + 1);
        } else if self.attribute == HEIGHT {
            self.declared = (self.declared * 10 + usize::from(byte - b'0')).min(MAX_BANDS * BAND_PIXELS);
        }
    }

    /// Height of the whole image, in pixels; 0 if there is none.
    pub(super) fn height(&self) -> usize {
        match (self.length > MAX_LENGTH, self.declared) {
            (true, _) => 0,
            (_, 0) => self.bands * BAND_PIXELS,
            (_, declared) => declared,
        }
    }

    /// The beginning of an image that has the same height once the rest follows. Its pixels so far are transparent.
    pub(super) fn reopen(&self, out: &mut Vec<u8>) {
        if self.length > MAX_LENGTH {
            out.extend(b"P0~");
            return;
        }
        out.extend(b"P0;1q");
        let down = |out: &mut Vec<u8>, bands: usize| out.extend(std::iter::repeat_n(b'-', bands));
        if self.bands == 0 {
            down(out, self.band);
        }
        if self.attribute > 0 || self.declared > 0 {
            let attribute = if self.attribute > 0 { self.attribute } else { HEIGHT };
            out.push(b'"');
            out.extend(std::iter::repeat_n(b';', attribute.min(HEIGHT) - 1));
            if self.declared > 0 {
                out.extend(self.declared.to_string().into_bytes());
            }
            out.extend(std::iter::repeat_n(b';', attribute - attribute.min(HEIGHT)));
            if self.attribute == 0 {
                // Ends the number, and changes nothing.
                out.push(b'$');
            }
        }
        if self.bands > 0 {
            down(out, self.bands - 1);
            out.push(b'?');
            down(out, self.band - (self.bands - 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Sixel {
        let mut sixel = Sixel::default();
        text.chars().for_each(|c| sixel.push(u32::from(c)));
        sixel
    }

    #[test]
    fn the_height_is_declared_or_counted() {
        for (text, height) in [
            ("", 0),
            ("-", 0),
            ("~", 6),
            ("#0;2;100;0;0#0!60~-!60~-", 12),
            ("~$~-$-~-", 18),
            ("\"1;1;60;59#0~", 59),
            ("\"1;1;60", 0),
            ("\"1;1;60;59;7~", 59),
            ("~\"1;1;60;59-~", 12),
            ("\"1;1;1;99999999999999999999~", 60_000),
        ] {
            assert_eq!(read(text).height(), height, "{text}");
        }
    }

    #[test]
    fn a_reopened_image_gets_the_same_height() {
        let text = "-\"1;1;60;59;7#0;2;1;1;1~-!9~$--~-";
        for text in [text, "-#1~-~--!4~-", "\"1;1;2;345~-~"] {
            for cut in 0..=text.len() {
                let mut out = Vec::new();
                read(&text[..cut]).reopen(&mut out);
                let out = String::from_utf8(out).unwrap();
                let rest = format!("{}{}", out.strip_prefix("P0;1q").unwrap(), &text[cut..]);
                assert_eq!(read(&rest).height(), read(text).height(), "{rest}");
            }
        }
    }

    #[test]
    fn an_endless_image_is_none() {
        let mut sixel = read("\"1;1;9;9");
        (0..=MAX_LENGTH).for_each(|_| sixel.push(u32::from('~')));
        assert_eq!(sixel.height(), 0);
    }
}
