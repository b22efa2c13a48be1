//! What is typed: keys by number, so that a missing, repeated or misplaced one shows.

/// Repeatable randomness (SplitMix64).
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn of(seed: u64, number: u64) -> Self {
        let mut chance = Self(seed);
        chance.0 = chance.below(u64::MAX) ^ number;
        chance
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }
}

/// Characters of two to four bytes, and one that is two.
const LETTERS: [&str; 8] = ["ä", "ß", "é", "日", "本", "語", "👋", "e\u{301}"];

/// Keys that are several bytes: a program that gets half of one takes it for something else.
const SEQUENCES: [&str; 8] =
    ["\x1b[A", "\x1b[B", "\x1bOP", "\x1b[15~", "\x1b[1;5C", "\x1b\x1b[D", "\x1bx", "\x1b[<0;12;34M"];

/// One typist's keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys {
    pub(super) seed: u64,
    /// Who types, of how many. Where there is more than one, each has letters of its own, to tell them apart.
    pub(super) typist: usize,
    pub(super) typists: usize,
}

impl Keys {
    /// The key of this number.
    pub(super) fn key(self, number: u64) -> String {
        let mut chance = Chance::of(self.seed ^ (self.typist as u64) << 32, number);
        if self.typists > 1 {
            return char::from(self.first_letter() + chance.below(26) as u8).to_string();
        }
        let printable = |chance: &mut Chance| char::from(0x20 + chance.below(0x5f) as u8);
        match chance.below(100) {
            0..=7 => char::from(chance.below(0x20) as u8).to_string(),
            8..=15 => chance.one(&LETTERS).to_owned(),
            16..=23 => chance.one(&SEQUENCES).to_owned(),
            24 => {
                let paste: String = (0..=chance.below(200)).map(|_| printable(&mut chance)).collect();
                format!("\x1b[200~{paste}\x1b[201~")
            }
            25 => "\x7f".to_owned(),
            _ => printable(&mut chance).to_string(),
        }
    }

    /// All of the first keys in a row.
    pub(super) fn first(self, count: u64) -> Vec<u8> {
        (0..count).flat_map(|number| self.key(number).into_bytes()).collect()
    }

    /// Of what was recorded, what this typist typed.
    pub(super) fn of_mine(self, recorded: &[u8]) -> Vec<u8> {
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
    fn keys_are_of_every_kind_and_the_same_each_time() {
        let keys = Keys { seed: 1, typist: 0, typists: 1 };
        let all: Vec<String> = (0..5000).map(|number| keys.key(number)).collect();
        assert_eq!(keys.first(5000), all.concat().into_bytes());
        let has = |what: &str| assert!(all.iter().any(|key| key == what), "{what:?}");
        ["\0", "\x03", "\x7f", "ä", "👋", "\x1b[A", " ", "~"].into_iter().for_each(has);
        assert!(all.iter().any(|key| key.starts_with("\x1b[200~")));
        assert_ne!(keys.first(100), Keys { seed: 2, ..keys }.first(100));
    }

    #[test]
    fn two_typists_can_be_told_apart() {
        let one = Keys { seed: 1, typist: 0, typists: 2 };
        let two = Keys { typist: 1, ..one };
        let mixed: Vec<u8> = one.first(50).into_iter().zip(two.first(50)).flat_map(|(a, b)| [a, b]).collect();
        assert_eq!((one.of_mine(&mixed), two.of_mine(&mixed)), (one.first(50), two.first(50)));
    }
}
