//! The typed keys, by number, so that a missing, repeated or misplaced key is visible.

use crate::rng::SeededRng;

/// Multi-byte characters, and one made of two code points.
const LETTERS: [&str; 8] = ["ä", "ß", "é", "日", "本", "語", "👋", "e\u{301}"];

/// Escape sequences: half of one would be read as another key.
const SEQUENCES: [&str; 8] =
    ["\x1b[A", "\x1b[B", "\x1bOP", "\x1b[15~", "\x1b[1;5C", "\x1b\x1b[D", "\x1bx", "\x1b[<0;12;34M"];

/// One typist's keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys {
    pub(super) seed: u64,
    /// Index of the typist. Each of several typists has letters of its own.
    pub(super) typist: usize,
    pub(super) typists: usize,
}

impl Keys {
    /// The key of this number.
    pub(super) fn key(self, number: u64) -> String {
        let mut rng = SeededRng::new(self.seed ^ (self.typist as u64) << 32, number);
        if self.typists > 1 {
            return char::from(self.first_letter() + rng.below(26) as u8).to_string();
        }
        let printable = |rng: &mut SeededRng| char::from(0x20 + rng.below(0x5f) as u8);
        match rng.below(100) {
            0..=7 => char::from(rng.below(0x20) as u8).to_string(),
            8..=15 => rng.pick(&LETTERS).to_owned(),
            16..=23 => rng.pick(&SEQUENCES).to_owned(),
            24 => {
                let paste: String = (0..=rng.below(200)).map(|_| printable(&mut rng)).collect();
                format!("\x1b[200~{paste}\x1b[201~")
            }
            25 => "\x7f".to_owned(),
            _ => printable(&mut rng).to_string(),
        }
    }

    /// The first `count` keys, concatenated.
    pub(super) fn first(self, count: u64) -> Vec<u8> {
        (0..count).flat_map(|number| self.key(number).into_bytes()).collect()
    }

    /// The part of a recording that this typist typed.
    pub(super) fn filter(self, recorded: &[u8]) -> Vec<u8> {
        let mine = self.first_letter()..self.first_letter() + 26;
        recorded.iter().copied().filter(|byte| self.typists == 1 || mine.contains(byte)).collect()
    }

    fn first_letter(self) -> u8 {
        if self.typist == 0 { b'a' } else { b'A' }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_of_every_kind_and_deterministic() {
        let keys = Keys { seed: 1, typist: 0, typists: 1 };
        let all: Vec<String> = (0..5000).map(|number| keys.key(number)).collect();
        assert_eq!(keys.first(5000), all.concat().into_bytes());
        let has = |what: &str| assert!(all.iter().any(|key| key == what), "{what:?}");
        ["\0", "\x03", "\x7f", "ä", "👋", "\x1b[A", " ", "~"].into_iter().for_each(has);
        assert!(all.iter().any(|key| key.starts_with("\x1b[200~")));
        assert_ne!(keys.first(100), Keys { seed: 2, ..keys }.first(100));
    }

    #[test]
    fn two_typists_have_distinct_keys() {
        let one = Keys { seed: 1, typist: 0, typists: 2 };
        let two = Keys { typist: 1, ..one };
        let mixed: Vec<u8> = one.first(50).into_iter().zip(two.first(50)).flat_map(|(a, b)| [a, b]).collect();
        assert_eq!((one.filter(&mixed), two.filter(&mixed)), (one.first(50), two.first(50)));
    }
}
