//! Character sets: line drawing, and the national sets of xterm.js. Source: xterm.js, `Charsets.ts`.

/// A set by its letter; `None` is ASCII.
pub(crate) type Charset = Option<u8>;

/// The sets that are selected, and the one in effect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Charsets {
    /// G0 to G3.
    pub(crate) sets: [Charset; 4],
    /// Index of the selected set.
    pub(crate) level: usize,
    /// The set in effect. DECRC restores it without the level.
    pub(crate) current: Charset,
}

impl Charsets {
    /// Selects a set for one of G0 to G3; ignores an unknown letter.
    pub(super) fn select(&mut self, slot: usize, letter: u8) {
        if letter != b'B' && table(letter).is_none() {
            return;
        }
        self.sets[slot] = Some(letter).filter(|letter| *letter != b'B');
        if self.level == slot {
            self.current = self.sets[slot];
        }
    }

    pub(super) fn set_level(&mut self, level: usize) {
        self.level = level;
        self.current = self.sets[level];
    }

    /// True if a set other than ASCII is in effect.
    pub(super) fn is_translating(&self) -> bool {
        self.current.is_some()
    }

    /// Maps an ASCII character.
    pub(crate) fn translate(&self, c: u32) -> u32 {
        let found = self.current.and_then(table).and_then(|(from, to)| {
            let at = from.bytes().position(|from| u32::from(from) == c)?;
            to.chars().nth(at)
        });
        found.map_or(c, u32::from)
    }
}

/// The characters of a set that differ from ASCII, and their replacements.
fn table(letter: u8) -> Option<(&'static str, &'static str)> {
    let table = match letter {
        b'0' => ("`abcdefghijklmnopqrstuvwxyz{|}~", "◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·"),
        b'A' => ("#", "£"),
        // The Dutch letter ij is two characters there, of which the first is taken.
        b'4' => ("#@[\\]{|}~", "£¾i½|¨f¼´"),
        b'C' | b'5' => ("[\\]^`{|}~", "ÄÖÅÜéäöåü"),
        b'R' => ("#@[\\]{|}~", "£à°ç§éùè¨"),
        b'Q' => ("@[\\]^`{|}~", "àâçêîôéùèû"),
        b'K' => ("@[\\]{|}~", "§ÄÖÜäöüß"),
        b'Y' => ("#@[\\]`{|}~", "£§°çéùàòèì"),
        b'E' | b'6' => ("@[\\]^`{|}~", "ÄÆØÅÜäæøåü"),
        b'Z' => ("#@[\\]{|}", "£§¡Ñ¿°ñç"),
        b'H' | b'7' => ("@[\\]^`{|}~", "ÉÄÖÅÜéäöåü"),
        b'=' => ("#@[\\]^_`{|}~", "ùàéçêîèôäöüû"),
        _ => return None,
    };
    Some(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_boxes() {
        let mut sets = Charsets::default();
        assert_eq!(sets.translate(u32::from('q')), u32::from('q'));
        sets.select(1, b'0');
        assert!(!sets.is_translating());
        sets.set_level(1);
        assert_eq!(sets.translate(u32::from('q')), u32::from('─'));
        assert_eq!(sets.translate(u32::from('A')), u32::from('A'));
        sets.select(1, b'?');
        assert!(sets.is_translating(), "unknown letters change nothing");
        sets.select(1, b'B');
        assert!(!sets.is_translating());
    }

    #[test]
    fn each_table_has_as_many_on_both_sides() {
        for (from, to) in (0..=127).filter_map(table) {
            assert_eq!(from.chars().count(), to.chars().count(), "{to}");
        }
    }
}
