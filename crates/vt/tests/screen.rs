//! The interface that a session uses: text, cursor, title, and the incomplete end of the output.

use vt::{Scope, Screen};

const FULL: Scope = Scope::Full { scrollback: 1000 };

fn fed(output: &[u8]) -> Screen {
    let mut screen = Screen::new(20, 4, 1000);
    screen.feed(output, &mut Vec::new());
    screen
}

#[test]
fn text_and_cursor() {
    let screen = fed("漢字 x\r\n\r\n  \x1b[31me\u{301} \x1b[5Cz  ".as_bytes());
    assert_eq!(screen.text(), "漢字 x\n\n  e\u{301}      z\n\n");
    assert_eq!((screen.cursor(), screen.size(), screen.is_alternate()), ((12, 2), (20, 4), false));
    let full = fed(&[b'x'; 20]);
    assert_eq!(full.cursor(), (19, 0), "about to wrap");
    assert_eq!(Screen::new(0, 0, 0).size(), (2, 1));
}

#[test]
fn the_last_directory_is_told_once_and_as_it_is() {
    let mut screen = fed(b"\x1b]7;file://lab/a\x07text\x1b]7;file://lab/b%20c;d\x1b\\");
    assert_eq!(screen.take_directory().as_deref(), Some("file://lab/b%20c;d"));
    assert_eq!(screen.take_directory(), None);
    screen.feed(format!("\x1b]7;{}\x07\x1b]7;broken off\x18", "x".repeat(5000)).as_bytes(), &mut Vec::new());
    assert_eq!(screen.take_directory(), None, "a long one is none");
}

#[test]
fn titles_are_told_once() {
    let mut screen = fed(b"");
    let mut told = |output: &str| {
        screen.feed(output.as_bytes(), &mut Vec::new());
        screen.take_title()
    };
    assert_eq!(told("text"), None);
    assert_eq!(told("\x1b]0;one\x07").as_deref(), Some("one"));
    assert_eq!(told("\x1b[22t\x1b]2;two\x1b\\").as_deref(), Some("two"));
    assert_eq!(told("\x1b[23;2t").as_deref(), Some("one"));
    assert_eq!(told("\x1b]2;one\x07"), None);
    assert_eq!(told("\x1b]2;a\x01b\x7f c\x07").as_deref(), Some("ab c"));
    assert_eq!(told("\x1b]2;broken off\x18"), None);
    assert_eq!(told(&format!("\x1b]2;{}\x07", "é".repeat(1000))).unwrap().chars().count(), 256);
}

#[test]
fn what_is_not_complete_is_held_back() {
    for (output, held) in [
        (&b"text"[..], 0),
        (b"text\xe6\xbc", 2),
        (b"text\x1b", 1),
        (b"text\x1b[1;3", 5),
        (b"text\x1b[1m", 0),
        (b"text\x1b]2;title", 9),
        (b"text\x1b]2;title\x1b", 1),
        (b"text\x1b]2;title\x07", 0),
        (b"text\x1bP$q", 4),
        (b"text\x1b_app", 5),
        (b"text\xc2\x9b3", 3),
        (b"text\x1b[1\n2", 5),
        (b"text\x1b[1\x1b[2", 3),
        (b"text\x1b]2;\xe6\xbc", 6),
        (b"text\x1b[3\x18", 0),
    ] {
        assert_eq!(fed(output).pending_bytes(), held, "{:?}", String::from_utf8_lossy(output));
    }
}

#[test]
fn a_control_character_in_the_middle_of_a_sequence_works_once() {
    let mut screen = fed(b"a\x1b[3\n");
    assert_eq!((screen.pending_bytes(), screen.cursor()), (4, (1, 0)), "what is held back has done nothing yet");
    screen.feed(b"1mb", &mut Vec::new());
    assert_eq!(screen.text(), "a\n b\n\n\n");
}

#[test]
fn what_is_too_long_to_hold_back_goes_on_after_a_snapshot() {
    let endless = "0123456789".repeat(10_000);
    for begin in ["\x1b]52;c;", "\x1b]2;", "\x1bPq", "\x1bP1;2", "\x1b_", "\x1b[1;3", "\x1b[?2", "\x1b[<5<", "\x1b[1 "]
    {
        let mut screen = fed(format!("before {begin}{endless}").as_bytes());
        assert_eq!(screen.pending_bytes(), 0, "{begin:?}");
        let mut copy = fed(&screen.snapshot(FULL));
        for screen in [&mut screen, &mut copy] {
            screen.feed(b"234\x1b\\\x18after", &mut Vec::new());
        }
        assert_eq!(copy.text(), screen.text(), "{begin:?}");
        assert!(copy.text().contains("before") && copy.text().contains("after"), "{begin:?}: {}", copy.text());
        assert_eq!(copy.take_title(), None, "{begin:?}");
    }
    // A colour that is set by a sequence of 100 KB is set all the same.
    let mut screen = fed(format!("\x1b[38;5;{}9", "0".repeat(100_000)).as_bytes());
    let mut copy = fed(&screen.snapshot(FULL));
    for screen in [&mut screen, &mut copy] {
        screen.feed(b"mx", &mut Vec::new());
    }
    assert_eq!(copy.snapshot(FULL), screen.snapshot(FULL));
    assert!(String::from_utf8(copy.snapshot(FULL)).unwrap().contains("38;5;9"));
}

#[test]
fn a_snapshot_brings_the_history_that_is_asked_for() {
    let mut screen = fed(b"");
    (0..50).for_each(|line| screen.feed(format!("line {line}\r\n").as_bytes(), &mut Vec::new()));
    assert_eq!(screen.scrollback(), 47);
    let some = fed(&screen.snapshot(Scope::Full { scrollback: 10 }));
    assert_eq!((some.scrollback(), some.text()), (10, screen.text()));
    assert_eq!(fed(&screen.snapshot(FULL)).scrollback(), 47);
    let mut other = fed(b"other\r\n\r\n\r\n\r\n\r\n\x1b[?1049h\x1b[31mx");
    other.feed(&screen.snapshot(Scope::Screen), &mut Vec::new());
    assert_eq!((other.scrollback(), other.text()), (2, screen.text()), "what had scrolled off there stays");
}

#[test]
fn a_snapshot_restores_the_alternate_and_the_main_screen() {
    let screen = fed(b"shell\r\n$ vim\x1b[?1049h\x1b[2J\x1b[Hfile\x1b[2;3r\x1b[?1h\x1b[?2004h\x1b[?1002;1006h\x1b[4 q");
    for scope in [FULL, Scope::Screen] {
        let mut copy = fed(&screen.snapshot(scope));
        assert_eq!((copy.is_alternate(), copy.text()), (true, screen.text()));
        copy.feed(b"\x1b[?1049l!", &mut Vec::new());
        assert_eq!(copy.text(), "shell\n$ vim!\n\n\n");
    }
}

#[test]
fn render_visible_prints_below_existing_output() {
    let mut shown = Screen::new(20, 5, 0);
    shown.feed(b"\x1b[?1049h\x1b[31mred\x1b[0m\r\n\r\n  \x1b[7mthird\x1b[?2004h", &mut Vec::new());
    let render_visible = shown.render_visible();
    let mut other = Screen::new(20, 5, 10);
    other.feed(b"1\r\n2\r\n3\r\n4\r\n", &mut Vec::new());
    other.feed(&render_visible, &mut Vec::new());
    assert_eq!(other.text().lines().map(str::trim_end).collect::<Vec<_>>(), ["3", "4", "red", "", "  third"]);
    assert!(!other.is_alternate());
    let text = String::from_utf8(render_visible).unwrap();
    assert!(text.contains("\u{1b}[31m") && !text.contains("?2004") && !text.contains("?1049"), "{text:?}");
}

#[test]
fn an_image_takes_the_rows_that_programs_expect() {
    // 240 pixels, of which a row has 16.
    let mut screen = Screen::new(40, 24, 0);
    let mut replies = Vec::new();
    screen.feed(format!("{}\x1b[6n", image(40)).as_bytes(), &mut replies);
    assert_eq!(String::from_utf8(replies).unwrap(), "\x1b[15;1R");
    assert!(screen.text().starts_with("[image]\n\n"), "{}", screen.text());
}

#[test]
fn an_image_in_the_middle_of_a_line_leaves_text_alone() {
    let mut screen = Screen::new(40, 6, 10);
    screen.feed(format!("ab{}cd\r\n\x1b[1;20Htext\x1b[1;15H{}x", image(8), image(1)).as_bytes(), &mut Vec::new());
    assert_eq!(screen.text(), "ab[image]     x    text\n\n  cd\n\n\n\n");
}

#[test]
fn an_image_is_as_high_as_the_page_draws_it_and_no_higher() {
    for (output, rows) in [
        ("\x1bPq\"1;1;9;2147483647~\x1b\\".to_owned(), 128),
        ("\x1bPq\"1;1;9;33\x1b\\".to_owned(), 3),
        ("\x1bPq-\x1b\\".to_owned(), 0),
        ("\x1bPq~-~-~-~-~\x18".to_owned(), 0),
        ("\x1b]1337;File=inline=1;height=9:AAAA\x07".to_owned(), 0),
        (format!("\x1bPq{}\x1b\\", "~".repeat(8_000_001)), 0),
    ] {
        let mut screen = Screen::new(40, 200, 0);
        screen.feed(output.as_bytes(), &mut Vec::new());
        assert_eq!(usize::from(screen.cursor().1), if rows == 0 { 0 } else { rows - 1 }, "{output:.40}");
    }
}

/// A Sixel image of this many bands of six pixels.
fn image(bands: usize) -> String {
    format!("\x1bPq#0;2;100;0;0{}\x1b\\", "#0!60~-".repeat(bands))
}

/// Columns of a text, without mode 2027 and with it.
const COLUMNS: [(&str, u16, u16); 18] = [
    ("👩\u{200d}🌾", 4, 2),
    ("👨\u{200d}👩\u{200d}👧\u{200d}👦", 8, 2),
    ("👩🏽\u{200d}❤\u{fe0f}\u{200d}💋\u{200d}👨🏿", 11, 2),
    ("🇫🇷🇩🇪", 4, 4),
    ("🇫", 1, 1),
    ("🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}", 2, 2),
    ("👍🏽", 4, 2),
    ("☝🏽", 3, 2),
    ("❤\u{fe0f}", 1, 2),
    ("1\u{fe0f}\u{20e3}", 1, 2),
    ("a\u{fe0f}", 1, 1),
    ("★\u{fe0f}", 1, 1),
    ("⌚\u{fe0e}", 2, 2),
    ("e\u{301}\u{302}", 1, 1),
    ("ᄀ\u{1161}\u{11a8}", 2, 2),
    ("ᄀᄀ\u{1161}", 4, 2),
    ("क\u{94d}ष", 2, 1),
    ("\u{600}1", 2, 1),
];

#[test]
fn clusters_have_the_columns_that_programs_of_mode_2027_count() {
    for (text, single, cluster) in COLUMNS {
        assert_eq!(fed(text.as_bytes()).cursor().0, single, "{text}");
        let screen = fed(format!("\x1b[?2027h{text}|").as_bytes());
        assert_eq!(screen.cursor().0, cluster + 1, "{text}");
        assert_eq!(screen.text(), format!("{text}|\n\n\n\n"));
        assert_eq!(fed(&screen.snapshot(FULL)).text(), screen.text());
    }
}

#[test]
fn an_emoji_that_becomes_too_wide_for_its_line_goes_to_the_next() {
    let screen = fed(format!("\x1b[?2027h{}❤\u{fe0f}|", "x".repeat(19)).as_bytes());
    assert_eq!(screen.text(), format!("{}\n❤\u{fe0f}|\n\n\n", "x".repeat(19)));
    let last = fed(format!("\x1b[?2027h\x1b[?7l{}❤\u{fe0f}", "x".repeat(19)).as_bytes());
    assert_eq!(last.text(), format!("{}❤\n\n\n\n", "x".repeat(19)), "without wrapping it stays");
}

#[test]
fn a_snapshot_goes_on_with_an_unfinished_cluster() {
    for (begin, end) in [("👩\u{200d}", "🌾"), ("🇫", "🇷"), ("❤", "\u{fe0f}"), ("1", "\u{fe0f}"), ("क\u{94d}", "ष")]
    {
        let mut screen = fed(&fed(format!("\x1b[?2027h{begin}").as_bytes()).snapshot(FULL));
        screen.feed(end.as_bytes(), &mut Vec::new());
        assert_eq!(screen.text().lines().next(), Some(format!("{begin}{end}").as_str()));
        assert_eq!(screen.cursor().0, if begin.starts_with('क') { 1 } else { 2 }, "{begin}{end}");
    }
}

/// Clusters that were printed while the mode was on stand beside text from before and after.
#[test]
fn a_snapshot_keeps_the_cells_of_both_modes_apart() {
    let output = "👩\u{200d}🌾\x1b[?2027h👩\u{200d}🌾🇫🇷🇩🇪\x1b[?2027l🇫🇷\x1b[?2027h\x1b[1;31m❤\u{fe0f}\x1b[m❤\x1b[?2027l";
    let screen = fed(output.as_bytes());
    let restored = fed(&screen.snapshot(FULL));
    let cells = |screen: &Screen| {
        let mut cells = Vec::new();
        screen.draw_row(0, |text, width, look| cells.push((text.to_owned(), width, look)));
        cells
    };
    assert_eq!(cells(&restored), cells(&screen));
    let texts = ["👩\u{200d}", "🌾", "👩\u{200d}🌾", "🇫🇷", "🇩🇪", "🇫", "🇷", "❤\u{fe0f}", "❤"];
    assert_eq!(cells(&screen).iter().map(|(text, ..)| text.as_str()).take(9).collect::<Vec<_>>(), texts);
}
