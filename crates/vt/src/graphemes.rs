//! Clusters of characters that stand in one place, by the rules of Unicode (UAX 29): an emoji of several people, a flag, a letter
//! with its marks. They count while mode 2027 is set. The page has the same rules and the same table
//! (`web/src/xterm/graphemes.ts`), because xterm.js asks for them one character at a time, too.

mod class;
mod table;

use crate::width::width;
use class::Class;
use table::CLASSES;

/// Variation selector 16: the emoji before it is shown in colour, in two columns.
const VS16: u32 = 0xfe0f;

/// First and last Hangul syllable, and the number of those with the same beginning, of which the first has no last consonant.
const SYLLABLES: (u32, u32, u32) = (0xac00, 0xd7a3, 28);

/// The end of a cluster, as far as the next character depends on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum End {
    #[default]
    Other,
    Control,
    Prepend,
    /// Half of a flag.
    Flag,
    L,
    /// A vowel of Hangul, in a syllable or by itself.
    V,
    /// The last consonants of a Hangul syllable.
    T,
    Pictographic,
    Emoji,
    /// A pictographic character and a joiner.
    Joiner,
    Keycap,
    /// A consonant of an Indic script.
    Consonant,
    /// The same, and a linker.
    Linked,
}

/// Effect of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// The character belongs to the cluster before it.
    pub(crate) joins: bool,
    /// The cluster has two columns from here on.
    pub(crate) widens: bool,
    pub(crate) end: End,
}

impl End {
    /// Takes the next character.
    pub(crate) fn step(self, c: u32) -> Step {
        let class = class(c);
        let widens = match self {
            Self::Flag => class == Class::Regional,
            Self::Emoji | Self::Keycap => c == VS16,
            _ => false,
        };
        Step { joins: self.joins(class), widens, end: self.then(class) }
    }

    fn joins(self, class: Class) -> bool {
        match class {
            Class::Control => false,
            _ if self == Self::Control => false,
            Class::Extend | Class::NonLinking | Class::Zwj | Class::Linker | Class::Spacing => true,
            _ if self == Self::Prepend => true,
            Class::Regional => self == Self::Flag,
            Class::L | Class::Lv | Class::Lvt => self == Self::L,
            Class::V => matches!(self, Self::L | Self::V),
            Class::T => matches!(self, Self::V | Self::T),
            Class::Consonant => self == Self::Linked,
            Class::Pictographic | Class::Emoji => self == Self::Joiner,
            Class::Other | Class::Prepend | Class::Keycap => false,
        }
    }

    fn then(self, class: Class) -> Self {
        match (class, self) {
            (Class::Control, _) => Self::Control,
            (Class::Prepend, _) => Self::Prepend,
            (Class::Regional, before) if before != Self::Flag => Self::Flag,
            (Class::L, _) => Self::L,
            (Class::V | Class::Lv, _) => Self::V,
            (Class::T | Class::Lvt, _) => Self::T,
            (Class::Consonant, _) => Self::Consonant,
            (Class::Emoji, _) => Self::Emoji,
            (Class::Keycap, _) => Self::Keycap,
            (Class::Zwj, Self::Pictographic | Self::Emoji) => Self::Joiner,
            (Class::Pictographic, _)
            | (Class::Extend | Class::NonLinking | Class::Linker, Self::Pictographic | Self::Emoji) => {
                Self::Pictographic
            }
            (Class::Linker, Self::Consonant | Self::Linked) => Self::Linked,
            (Class::Extend | Class::Zwj, Self::Consonant | Self::Linked) => self,
            _ => Self::Other,
        }
    }
}

/// Effect of printing a text with mode 2027 on, if it does not begin with a character without columns: the columns of its last
/// cluster, and that cluster's end.
pub(crate) fn printed(text: &str) -> (usize, End) {
    let mut columns = 0;
    let mut end = End::default();
    for c in text.chars().map(u32::from) {
        let (step, own) = (end.step(c), width(c));
        columns = match step.joins || own == 0 {
            true if step.widens => 2,
            true => own.max(columns),
            false => own,
        };
        end = step.end;
    }
    (columns, end)
}

fn class(c: u32) -> Class {
    let (first, last, beginning) = SYLLABLES;
    if (first..=last).contains(&c) {
        return if (c - first).is_multiple_of(beginning) { Class::Lv } else { Class::Lvt };
    }
    let at = CLASSES.partition_point(|(_, last, _)| *last < c);
    CLASSES.get(at).filter(|(first, ..)| *first <= c).map_or(Class::Other, |(.., class)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_segmentation::UnicodeSegmentation;

    /// Characters of every class, some with two.
    const OF_CLASSES: &str = "a\u{ad}\u{301}\u{200c}\u{200d}\u{94d}\u{9cd}\u{903}\u{600}\u{1f1e6}\u{1100}\u{1160}\u{11a8}\
        \u{ac00}\u{ac01}\u{915}\u{995}\u{1f600}\u{2764}\u{fe0f}\u{1f3fd}1\u{16d63}漢";

    fn boundaries(text: &[char]) -> Vec<bool> {
        let mut end = End::default();
        let mut found = Vec::new();
        for (at, c) in text.iter().enumerate() {
            let step = end.step(u32::from(*c));
            found.push(at == 0 || !step.joins);
            end = step.end;
        }
        found
    }

    #[test]
    fn clusters_are_those_of_unicode() {
        let characters: Vec<char> = OF_CLASSES.chars().collect();
        let count = characters.len();
        for number in 0..count.pow(4) {
            let text: Vec<char> = (0..4).map(|place| characters[number / count.pow(place) % count]).collect();
            let whole = String::from_iter(&text);
            let starts: Vec<usize> = whole.grapheme_indices(true).map(|(at, _)| at).collect();
            let wanted: Vec<bool> = whole.char_indices().map(|(at, _)| starts.contains(&at)).collect();
            assert_eq!(boundaries(&text), wanted, "{}", whole.escape_unicode());
        }
    }

    #[test]
    fn long_clusters_are_those_of_unicode() {
        for text in ["👩🏽‍❤️‍💋‍👨🏿", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "क्‍ष्म", "ക്ഷ", "🇫🇷🇩🇪🇫", "각ᆨ", "👨‍👩‍👧‍👦👨"]
        {
            let text: Vec<char> = text.chars().collect();
            let whole = String::from_iter(&text);
            let found = boundaries(&text).into_iter().filter(|starts| *starts).count();
            assert_eq!(found, whole.graphemes(true).count(), "{whole}");
        }
    }
}
