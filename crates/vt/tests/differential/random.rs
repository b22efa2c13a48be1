//! Output that no program prints: every sequence, in any order, on a terminal so small that everything happens at an edge. It
//! finds differences that recordings do not. [`super::KNOWN`] and the omissions below list those that stay, each with its reason.

use crate::recording::{Dice, Recording};

/// Pieces of text, with bars between.
const TEXT: &str = "a|bc|defgh|the quick brown fox| |漢|字😀|e\u{301}|\u{301}|─|é|\u{200d}|ﬁ🥲|x漢y";

/// Characters that join others while mode 2027 is set, and clusters of them.
const CLUSTERS: &str = "👩\u{200d}🌾|🇫|🇫🇷|❤|\u{fe0f}|❤\u{fe0f}|👍🏽|क\u{94d}ष|1\u{fe0f}\u{20e3}|1\u{fe0f}|\u{1f3fd}|☝|\u{200d}|🌾\
    |ᄀ|ᄀ\u{1161}\u{11a8}|각|\u{11a8}|\u{600}|\u{903}|क|\u{94d}|\u{200b}|\u{ad}|漢\u{fe0f}|a\u{fe0f}|⌚\u{fe0e}|🏴\u{e0067}\u{e007f}";

/// Controls and short escapes.
const CONTROLS: &str = "\r|\n|\r\n|\x08|\t|\x0b|\x0e|\x0f|\x00|\x07|\x1bD|\x1bE|\x1bM|\x1bH|\x1b7|\x1b8|\x1b=|\x1b>\
    |\x1b(0|\x1b(B|\x1b)0|\x1b*A|\x1bn|\x1b~|\x1b%G|\x1b[m\x1b#8|\x1bc|\x1b[!p|\u{84}|\u{85}|\u{88}|\u{9b}2C";

/// Strings, and bytes that are no text.
const STRINGS: &[u8] = b"\x1b]2;title\x07|\x1b]0;\xe6\xbc\xa2\x1b\\|\x1b]8;;http://a/\x1b\\\
    |\x1b]8;id=1;http://b/\x07|\x1b]8;;\x07|\x1bP1$q\x1b\\|\x1b_app\x1b\\|\x1b^\xc3\xa9pm\x1b\\|\x1bXsos\x18|\xff\
    |\xe6\xbc|\xc3|\xf0\x9f\x98|\x80\xc2\x9c|\x1b]52;c;?\x07|\x1b[?1;2$p|\x1b[1\n2;3H|\x1b[3\x1b[4m|\x1b[<5h\
    |\x1b[1;2|\x1b]8;;http|\x1b|\x1b(|\x1b[?25\x18l\
    |\x1bPq#1~-~-~\x1b\\|\x1bP0;1;0q\"1;1;9;70~-~\x9c|\x1bP1q~-~-~\x18|\x1bPq--\x1b\\|\x1bPq\"1;1;1;20";

/// Last bytes of control sequences that take counts and places.
const COUNTED: &[u8] = b"@ABCDEFGHILMPSTXZ`abdefsu";

/// Modes of DEC.
const PRIVATE: &[u16] =
    &[1, 2, 6, 7, 9, 12, 25, 45, 47, 66, 1000, 1002, 1003, 1004, 1006, 1016, 1047, 1048, 1049, 2004, 2026];

/// Palette and attributes.
const GRAPHICS: &str = "|0|1|2|3|4|5|7|8|9|21|22|23|24|25|27|28|29|31|32;44|39|49|53|55|91|103|38;5;200|48;5;20\
    |38;2;1;2;3|48:2::4:5:6|4:3|4:0|58;5;3|58:2::1:2:3|59|1;31;42|7;4|38;5|38;2;1|48;2;1;2";

/// Random output, and the sizes that it changes to.
pub(crate) fn recording(dice: &mut Dice) -> Recording {
    let mut recording = Recording::new(size(dice));
    let resizes = dice.below(3) == 0;
    for _ in 0..10 + dice.below(60) {
        let piece = piece(dice);
        if resizes && (sets_tabs(&piece) || combines(&piece)) {
            continue;
        }
        recording.bytes.extend(piece);
        if resizes && dice.below(20) == 0 {
            recording.resize(size(dice));
        }
    }
    recording.bytes.push(b'.');
    recording
}

/// The same with clusters of characters, in mode 2027 mostly. The size stays, because of [`combines`].
pub(crate) fn clusters(dice: &mut Dice) -> Recording {
    let mut recording = Recording::new(size(dice));
    for _ in 0..10 + dice.below(60) {
        let piece = match dice.below(20) {
            0..=9 => pick(&words(CLUSTERS), dice).as_bytes().to_vec(),
            10..=12 => format!("\x1b[?2027{}", ["h", "h", "l"][dice.below(3)]).into_bytes(),
            _ => piece(dice),
        };
        recording.bytes.extend(piece);
    }
    recording.bytes.push(b'.');
    recording
}

/// A narrower terminal keeps tab stops behind its edge, where no sequence sets one.
fn sets_tabs(piece: &[u8]) -> bool {
    piece == b"\x1bH" || piece == "\u{88}".as_bytes() || piece.ends_with(b"g")
}

/// When xterm.js wraps lines anew, it gives accents to other cells that have accents (`copyCellsFrom` in its `BufferLine.ts`).
fn combines(piece: &[u8]) -> bool {
    ["\u{301}", "\u{200d}"].iter().any(|c| piece.ends_with(c.as_bytes()))
}

fn size(dice: &mut Dice) -> (u16, u16) {
    (2 + dice.below(12) as u16, 2 + dice.below(6) as u16)
}

fn piece(dice: &mut Dice) -> Vec<u8> {
    let number = |dice: &mut Dice| if dice.below(4) == 0 { String::new() } else { dice.below(9).to_string() };
    let sequence = match dice.below(20) {
        0..=7 => pick(&words(TEXT), dice).to_string(),
        8..=10 => pick(&words(CONTROLS), dice).to_string(),
        11 => return pick(&STRINGS.split(|byte| *byte == b'|').collect::<Vec<_>>(), dice).to_vec(),
        12 | 13 => format!("\x1b[{};{}{}", number(dice), number(dice), char::from(*pick(COUNTED, dice))),
        14 => format!(
            "\x1b[{}{}",
            ["", "?"][dice.below(2)],
            pick(&["J", "K", "2J", "1K", "2K", "3J\x1b7", "\r\x1b[1J"], dice)
        ),
        15 | 16 => format!("\x1b[{}m", pick(&words(GRAPHICS), dice)),
        17 => format!("\x1b[?{}{}", pick(PRIVATE, dice), ["h", "l"][dice.below(2)]),
        18 => format!("\x1b[{}{}", pick(&["4", "20", "4;20"], dice), ["h", "l"][dice.below(2)]),
        _ => {
            let last = *pick(&["r", "g", " q", "\"q", " @", " A", "'}", "'~", "3g", "H"], dice);
            format!(
                "\x1b[{}{}{last}",
                number(dice),
                if last == "r" { format!(";{}", number(dice)) } else { String::new() }
            )
        }
    };
    sequence.into_bytes()
}

fn words(list: &str) -> Vec<&str> {
    list.split('|').collect()
}

fn pick<'a, T>(list: &'a [T], dice: &mut Dice) -> &'a T {
    &list[dice.below(list.len())]
}
