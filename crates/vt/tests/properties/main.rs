//! Hostile output: the emulator never panics, gives the same result for any cut of the bytes, needs time and memory in proportion
//! to the screen, and always has a snapshot that restores it.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod snapshots;
mod strings;

use proptest::collection::vec;
use proptest::prelude::*;
use snapshots::{FULL, Step, run, shown};
use vt::{LazyScreen, Scope, Screen};

/// A piece of output: text, anything that looks like a sequence, and noise.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        "[ -~]{0,20}",
        "[漢字😀🥲é─a]{0,9}",
        "(e\u{301}|\u{200d}|\u{fe0f}){0,4}",
        "(👩\u{200d}🌾|🇫🇷|❤\u{fe0f}|👍🏽|क\u{94d}ष|1\u{fe0f}\u{20e3}|ᄀ|\u{1161}){0,4}",
        "[\r\n\t\u{8}\u{e}\u{f}]{1,3}"
    ];
    let count = prop_oneof![
        Just(String::new()),
        "[0-9]",
        Just("2147483648".to_owned()),
        Just("99999999999".to_owned()),
        "[0-9]{1,4}"
    ];
    let control = ("[?>=!]?", vec(count, 0..4), "[;:]", "[ $\"'!]?", "[@-~]").prop_map(
        |(prefix, counts, separator, intermediate, last)| {
            format!("\x1b[{prefix}{}{intermediate}{last}", counts.join(&separator))
        },
    );
    let modes =
        (prop::sample::select(vec![1, 6, 7, 25, 45, 47, 1000, 1003, 1006, 1047, 1048, 1049, 2004, 2026, 2027]), "[hl]")
            .prop_map(|(mode, on)| format!("\x1b[?{mode}{on}"));
    let escape = "\x1b[ -/]?[0-~]";
    let string = ("[\\]PX^_]", "(0|2|4|8|10|52|104|112);[ -~漢]{0,30}", "(\x07|\x1b\\\\|\u{9c}|\x18|)")
        .prop_map(|(kind, text, end)| format!("\x1b{kind}{text}{end}"));
    prop_oneof![
        5 => text.prop_map(String::into_bytes),
        6 => control.prop_map(String::into_bytes),
        2 => modes.prop_map(String::into_bytes),
        2 => escape.prop_map(String::into_bytes),
        1 => string.prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..8),
    ]
}

/// Strings that a terminal understands, questions, and how they end or do not.
fn string_or_text() -> impl Strategy<Value = Vec<u8>> {
    let begin = prop::sample::select(vec![
        "]0;", "]2;", "]52;c;", "]133;A;", "]8;;", "]4;1;", "]10;", "]11;", "]104", "P$q", "P+q", "_", "[", "[?", "[>",
        "[=",
    ]);
    let inner = prop_oneof![
        "[ -~]{0,20}",
        Just("?".to_owned()),
        Just("m".to_owned()),
        "[a-zA-Z0-9+/=\n\r]{0,40}",
        "[漢🥲\u{9c}\u{85}]{0,9}",
        Just("x".repeat(5000))
    ];
    let end = prop::sample::select(vec!["\x07", "\x1b\\", "\u{9c}", "\x18", "c", "n", "t", "q", "$p", ""]);
    let string = (begin, inner, end).prop_map(|(begin, inner, end)| format!("\x1b{begin}{inner}{end}").into_bytes());
    prop_oneof![4 => string, 1 => piece()]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![12 => piece().prop_map(Step::Feed), 1 => (0..40u16, 0..12u16).prop_map(|(cols, rows)| Step::Resize(cols, rows))];
    vec(step, 0..60)
}

/// Lines of text that scroll through a small screen several times, or a piece.
fn flood_or_piece() -> impl Strategy<Value = Vec<u8>> {
    const COLOURS: [&str; 8] = ["", "", "", "\x1b[m", "\x1b[0;1m", "\x1b[31m", "\x1b[48;5;7m", "\x1b[4m"];
    const TEXTS: [&str; 6] = ["", "text", "a line that wraps in most screens", "é", "漢字", "\t|"];
    const ENDS: [&str; 8] = ["\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r"];
    let line = (0..8usize, 0..6usize, 0..8usize).prop_map(|(a, b, c)| [COLOURS[a], TEXTS[b], ENDS[c]].concat());
    prop_oneof![1 => (vec(line, 0..40), 1..60usize).prop_map(|(lines, times)| lines.concat().repeat(times).into_bytes()), 2 => piece()]
}

fn size() -> impl Strategy<Value = (u16, u16)> {
    (0..30u16, 0..10u16)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    #[test]
    fn nothing_breaks_it(size in size(), steps in steps()) {
        snapshots::is_sound(&run(size, &steps).0);
    }

    #[test]
    fn cuts_change_nothing((cols, rows) in size(), pieces in vec(piece(), 0..40), cuts in vec(0.0..1.0, 0..30)) {
        let bytes = pieces.concat();
        let mut whole = Screen::new(cols, rows, 100);
        let mut replies = Vec::new();
        whole.feed(&bytes, &mut replies);
        let mut ends: Vec<usize> = cuts.iter().map(|cut| (cut * bytes.len() as f64) as usize).chain([bytes.len()]).collect();
        ends.sort_unstable();
        let mut cut = Screen::new(cols, rows, 100);
        let (mut cut_replies, mut from) = (Vec::new(), 0);
        for end in ends {
            cut.feed(&bytes[from..end], &mut cut_replies);
            from = end;
        }
        prop_assert_eq!(shown(&cut, FULL), shown(&whole, FULL));
        prop_assert_eq!((cut_replies, cut.pending_bytes(), cut.take_title()), (replies, whole.pending_bytes(), whole.take_title()));
    }

    #[test]
    fn what_is_held_back_has_done_nothing((cols, rows) in size(), pieces in vec(piece(), 0..40)) {
        let bytes = pieces.concat();
        let mut screen = Screen::new(cols, rows, 100);
        screen.feed(&bytes, &mut Vec::new());
        let held = screen.pending_bytes();
        let mut before = Screen::new(cols, rows, 100);
        before.feed(&bytes[..bytes.len() - held], &mut Vec::new());
        // Unless that ended something that was held back before.
        if before.pending_bytes() == 0 {
            prop_assert_eq!(shown(&screen, FULL), shown(&before, FULL));
        }
    }

    #[test]
    fn a_snapshot_is_read_as_it_was_written(size in size(), steps in steps(), scope in prop_oneof![Just(FULL), Just(Scope::Screen)]) {
        snapshots::is_restored(&run(size, &steps).0, scope);
    }

    #[test]
    fn a_lazy_screen_shows_the_same((cols, rows) in size(), scrollback in 0usize..6, pieces in vec(flood_or_piece(), 0..12), cut in 1usize..3000) {
        let bytes = pieces.concat();
        let (mut screen, mut replies) = (Screen::new(cols, rows, scrollback), Vec::new());
        screen.feed(&bytes, &mut replies);
        let (mut lazy, mut lazy_replies) = (LazyScreen::new(cols, rows, scrollback), Vec::new());
        for mut piece in bytes.chunks(cut) {
            while !piece.is_empty() {
                // A budget that ends anywhere too.
                let read = lazy.feed(piece, &mut lazy_replies, &mut { cut });
                piece = &piece[read..];
            }
        }
        prop_assert_eq!((lazy_replies, lazy.take_title()), (replies, screen.take_title()));
        prop_assert_eq!(lazy.current().pending_bytes(), screen.pending_bytes());
        prop_assert_eq!(shown(lazy.current(), FULL), shown(&screen, FULL));
    }

    #[test]
    fn strings_are_bounded_and_type_nothing(strings in vec(string_or_text(), 0..12), step in 1usize..200) {
        strings::holds(&strings.concat(), step);
    }
}

#[test]
fn a_string_without_end_is_bounded() {
    for begin in ["\x1b]2;", "\x1b]52;c;", "\x1b]133;A;", "\x1bP", "\x1bP$q", "\x1bP+q", "\x1b_G", "\x1b[", "\x1bX"] {
        for filling in ["x", "漢", "1;", "\x00", "\x1b]"] {
            let output = begin.to_owned() + &filling.repeat(150 * 1024 / filling.len());
            strings::holds(output.as_bytes(), 10_000);
        }
    }
}
