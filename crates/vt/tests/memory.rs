//! Memory of a terminal, counted by the allocator: new, with a full history, and after output that tries to fill it.
//! One test, because everything in the process is counted.

use cap::Cap;
use std::alloc::System;
use std::fmt::Write as _;
use vt::Screen;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Memory of a terminal of 120 columns and 40 rows after some output, without the output itself.
fn taken(output: impl Fn(&mut String, usize), rounds: usize) -> usize {
    let mut text = String::with_capacity(64 * KIB);
    let mut replies = Vec::with_capacity(64 * KIB);
    let before = MEMORY.allocated();
    let mut screen = Screen::new(120, 40, 1000);
    for round in 0..rounds {
        text.clear();
        output(&mut text, round);
        assert!(text.capacity() <= 64 * KIB, "else it would be counted");
        screen.feed(text.as_bytes(), &mut replies);
        replies.clear();
    }
    let allocated = MEMORY.allocated() - before;
    let counted = screen.bytes();
    // The window's titles are not counted, and what the allocator adds to a piece is not known here.
    assert!(counted * 11 / 10 + 64 * KIB >= allocated, "counted {counted} of {allocated} bytes");
    assert!(counted <= allocated * 3 / 2 + 16 * KIB, "counted {counted} for {allocated} bytes");
    allocated
}

#[test]
fn memory_is_bounded() {
    let fresh = taken(|_, _| {}, 0);
    assert!(fresh <= 350 * KIB, "new: {fresh} bytes");

    let full = taken(|text, round| write!(text, "\x1b[{}m{}\r\n", 31 + round % 7, "x".repeat(119)).unwrap(), 2000);
    assert!(full <= 4 * MIB, "with 1,000 full lines: {full} bytes");

    type Output = fn(&mut String, usize);
    let hostile: [(&str, Output); 8] = [
        ("an accent on every letter", |text, round| {
            (0..120).for_each(|x| {
                write!(text, "a{}", char::from_u32(0x300 + (x + round as u32 * 7) % 0x70).unwrap()).unwrap();
            });
        }),
        ("accents without end", |text, _| text.push_str(&"\u{301}".repeat(8 * KIB))),
        ("distinct accents in every cell", |text, round| {
            (0..120).for_each(|x| {
                let accent = |n: usize| char::from_u32(0x300 + (n % 0x70) as u32).unwrap();
                write!(text, "e{}{}{}", accent(x), accent(round), accent(round / 0x70)).unwrap();
            });
        }),
        ("a link for every letter", |text, round| {
            (0..30).for_each(|x| write!(text, "\x1b]8;;http://{round}/{x}/{}\x07L", "y".repeat(1000)).unwrap());
        }),
        ("an underline for every letter", |text, round| {
            (0..120).for_each(|x| write!(text, "\x1b[4:3;58;2;{};{};{x}mU", round % 256, round / 256).unwrap());
        }),
        ("a string without end", |text, round| text.push_str(if round == 0 { "\x1b]2;" } else { "0123456789abcdef" })),
        ("numbers without end", |text, round| text.push_str(if round == 0 { "\x1b[" } else { "1;2;3;4;5:6:7" })),
        ("titles on a stack", |text, round| write!(text, "\x1b]2;{round}{}\x07\x1b[22t", "t".repeat(3000)).unwrap()),
    ];
    for (name, output) in hostile {
        let bytes = taken(output, 5000);
        assert!(bytes <= 8 * MIB, "{name}: {bytes} bytes");
    }
}
