//! The classes of characters, which the generated table names and the rules tell apart.

/// How a character joins others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Other,
    /// Joins nothing.
    Control,
    /// Joins any character, also between the consonants of a conjunct.
    Extend,
    /// The same, but not there.
    NonLinking,
    /// U+200D.
    Zwj,
    /// Joins two consonants of an Indic script.
    Linker,
    Spacing,
    /// The next character joins it.
    Prepend,
    /// Half of a flag.
    Regional,
    /// The first consonants of a Hangul syllable.
    L,
    /// Its vowel.
    V,
    /// Its last consonants.
    T,
    /// A syllable without last consonants.
    Lv,
    /// A syllable with them.
    Lvt,
    Consonant,
    /// An emoji, or one that may be added to Unicode.
    Pictographic,
    /// The same, and variation selector 16 gives it its second column.
    Emoji,
    /// A character of a key, to which variation selector 16 gives a second column too.
    Keycap,
}
