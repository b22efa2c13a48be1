//! Amplification: a few bytes ask for a lot of work or memory. Work is counted, and stops where its budget does; a row costs what
//! it holds.

use vt::Screen;

/// A wide and high screen, as the service permits them.
const SIZE: (u16, u16) = (200, 1000);

fn full() -> Screen {
    let mut screen = Screen::new(SIZE.0, SIZE.1, 1000);
    screen.feed(format!("{}\r\n", "x".repeat(200)).repeat(1500).as_bytes(), &mut Vec::new());
    screen
}

#[test]
fn what_a_sequence_changes_counts_as_work() {
    for (name, prepare, sequence, least) in [
        ("RIS", "", "\x1bc", 2000),
        ("ED", "", "\x1b[2J", 1000),
        ("ED of the history", "", "\x1b[3J", 500),
        ("selective ED", "", "\x1b[?2J", 200_000),
        ("the alternate screen", "", "\x1b[?1049h\x1b[?1049l", 1000),
        ("DECALN", "", "\x1b#8", 1000),
        ("IL", "\x1b[H", "\x1b[L", 999),
        ("DL", "\x1b[H", "\x1b[M", 999),
        ("SU", "", "\x1b[S", 999),
        ("SD", "", "\x1b[T", 999),
        ("RI", "\x1b[H", "\x1bM", 999),
        ("a line feed in a region", "\x1b[2;999r\x1b[999H", "\n", 990),
        ("a line feed above rows that stay", "\x1b[1;2r\x1b[2H", "\n", 990),
        ("ICH", "\x1b[H", "\x1b[@", 200),
        ("DCH", "\x1b[H", "\x1b[P", 200),
        ("ECH", "\x1b[H", "\x1b[9X", 200),
        ("insert mode", "\x1b[4h\x1b[H", "x", 200),
        ("DECIC", "\x1b[H", "\x1b[1'}", 200_000),
        ("DECDC", "\x1b[H", "\x1b[1'~", 200_000),
        ("SL", "\x1b[H", "\x1b[1 @", 200_000),
        ("SR", "\x1b[H", "\x1b[1 A", 200_000),
        ("REP", "\x1b[Hx", "\x1b[999999b", 200_000),
        ("REP of a cluster", "\x1b[?2027h\x1b[H👩\u{200d}🌾", "\x1b[999999b", 1_000_000),
        ("REP of accents", "\x1b[He\u{301}\u{302}", "\x1b[999999b", 200_000),
        ("an image", "", "\x1bPq\"1;1;1;99999\x1b\\", 127),
        ("a tab without stops", "\x1b[3g\x1b[H", "\t", 199),
    ] {
        let (mut screen, mut budget) = (full(), usize::MAX);
        screen.feed(prepare.as_bytes(), &mut Vec::new());
        screen.feed_some(sequence.as_bytes(), &mut Vec::new(), &mut budget);
        let work = usize::MAX - budget;
        assert!(work >= least, "{name}: {work}");
        assert!(work <= 8 * least + 2000, "{name}: {work}, and no more than it is");
    }
}

#[test]
fn a_turn_ends_with_its_budget() {
    let (mut screen, flood) = (full(), "\x1bc\x1b#8".repeat(10_000));
    let mut rest = flood.as_bytes();
    let mut turns = 0;
    while !rest.is_empty() {
        let mut budget = 20_000;
        let read = screen.feed_some(rest, &mut Vec::new(), &mut budget);
        assert!((1..=100).contains(&read), "{read}");
        rest = &rest[read..];
        turns += 1;
    }
    assert!(turns >= 500, "{turns}");
}

#[test]
fn a_row_costs_what_it_holds() {
    let mut screen = Screen::new(1000, 200, 1000);
    for (output, most) in [
        ("", 0),
        ("\x1b#8", 0),
        ("\x1b[44m\x1b[2J", 0),
        ("\x1b[H$ ls", 16),
        ("\x1b[K\x1b[1;500H\x1b[K", 512),
        ("\x1b[2J", 0),
        ("\x1b[m\x1b[200H", 0),
    ] {
        screen.feed(output.as_bytes(), &mut Vec::new());
        assert!(screen.cells() <= most, "{output:?}: {}", screen.cells());
    }
    screen.feed("line\r\n".repeat(1000).as_bytes(), &mut Vec::new());
    assert!(screen.cells() <= 400 * 16, "{}", screen.cells());
    // Two screens and a history, all full.
    screen.feed(b"x\x1b[999999b\x1b[?1049hx\x1b[999999b", &mut Vec::new());
    assert!(screen.cells() <= 600_000, "{}", screen.cells());
}
