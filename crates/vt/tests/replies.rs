//! Replies to queries, and queries without a reply.

use vt::{Screen, Theme};

fn replies(output: &str) -> String {
    let mut screen = Screen::new(80, 24, 100);
    let mut replies = Vec::new();
    screen.feed(output.as_bytes(), &mut replies);
    String::from_utf8_lossy(&replies).into_owned()
}

#[test]
fn questions_are_answered() {
    for (question, answer) in [
        ("\x1b[c", "\x1b[?62;4;9;22c"),
        ("\x1b[0c", "\x1b[?62;4;9;22c"),
        ("\x1b[>c", "\x1b[>0;276;0c"),
        ("\x1b[=c", "\x1bP!|00000000\x1b\\"),
        ("\x1b[>q", "\x1bP>|xterm.js(6.0.0)\x1b\\"),
        ("\x1b[5n", "\x1b[0n"),
        ("ab\r\ncd\x1b[6n", "\x1b[2;3R"),
        ("ab\x1b[?6n", "\x1b[?1;3R"),
        ("\x1b[5;20r\x1b[?6h\x1b[2;3H\x1b[6n", "\x1b[2;3R"),
        ("\x1b[999;999Hx\x1b[6n", "\x1b[24;80R"),
        ("\x1b[?7$p\x1b[?1$p", "\x1b[?7;1$y\x1b[?1;2$y"),
        ("\x1b[?1049h\x1b[?1049$p", "\x1b[?1049;1$y"),
        ("\x1b[?1006;1002h\x1b[?1002$p\x1b[?1000$p\x1b[?1006$p", "\x1b[?1002;1$y\x1b[?1000;2$y\x1b[?1006;1$y"),
        ("\x1b[?2026$p\x1b[?4242$p", "\x1b[?2026;2$y\x1b[?4242;0$y"),
        ("\x1b[?2027$p\x1b[?2027h\x1b[?2027$p", "\x1b[?2027;2$y\x1b[?2027;1$y"),
        ("\x1b[?2027h\x1bc\x1b[?2027$p\x1b[?2027h\x1b[!p\x1b[?2027$p", "\x1b[?2027;2$y\x1b[?2027;2$y"),
        ("\x1b[4h\x1b[4$p\x1b[20$p\x1b[2$p", "\x1b[4;1$y\x1b[20;2$y\x1b[2;4$y"),
        ("\x1b[14t", "\x1b[4;384;640t"),
        ("\x1b[16t", "\x1b[6;16;8t"),
        ("\x1b[18t\x1b[19t", "\x1b[8;24;80t\x1b[9;24;80t"),
        ("\x1b]11;?\x07", "\x1b]11;rgb:0000/0000/0000\x07"),
        ("\x1b]10;?\x1b\\", "\x1b]10;rgb:ffff/ffff/ffff\x1b\\"),
        ("\x1b]10;#010203\x07\x1b]10;?;?\x07", "\x1b]10;rgb:0101/0202/0303\x07\x1b]11;rgb:0000/0000/0000\x07"),
        (
            "\x1b]12;rgb:a/b/c\x07\x1b]12;?\x07\x1b]112\x07\x1b]12;?\x07",
            "\x1b]12;rgb:aaaa/bbbb/cccc\x07\x1b]12;rgb:ffff/ffff/ffff\x07",
        ),
        ("\x1b]4;1;?;196;?\x07", "\x1b]4;1;rgb:cccc/0000/0000\x07\x1b]4;196;rgb:ffff/0000/0000\x07"),
        ("\x1b[?996n", "\x1b[?997;1n"),
        ("\x1b[?2031$p\x1b[?2031h\x1b[?2031$p", "\x1b[?2031;2$y\x1b[?2031;1$y"),
        ("\x1b]4;255;?\x07", "\x1b]4;255;rgb:eeee/eeee/eeee\x07"),
        ("\x1b]11;#010203\x07\x1b]104\x07\x1b]11;?\x07", "\x1b]11;rgb:0101/0202/0303\x07"),
        (
            "\x1b]4;1;#123456\x07\x1b]4;1;?\x07\x1b]104\x07\x1b]4;1;?\x07",
            "\x1b]4;1;rgb:1212/3434/5656\x07\x1b]4;1;rgb:cccc/0000/0000\x07",
        ),
        ("\x1b[1;31m\x1bP$qm\x1b\\", "\x1bP1$r0;1;31m\x1b\\"),
        ("\x1b[3;7r\x1bP$qr\x1b\\", "\x1bP1$r3;7r\x1b\\"),
        ("\x1b[5 q\x1bP$q q\x1b\\", "\x1bP1$r5 q\x1b\\"),
        ("\x1bP$q\"p\x1b\\\x1bP$q\"q\x1b\\", "\x1bP1$r61;1\"p\x1b\\\x1bP1$r0\"q\x1b\\"),
        ("\x1bP$qx\x1b\\", "\x1bP0$r\x1b\\"),
        ("\x1bP+q544e\x1b\\", "\x1bP0+r\x1b\\"),
    ] {
        assert_eq!(replies(question), answer, "{question:?}");
    }
}

#[test]
fn what_is_nobodys_business_is_not_answered() {
    for question in [
        // The clipboard, the title, the icon's title.
        "\x1b]52;c;?\x07",
        "\x1b]52;;?\x1b\\",
        "\x1b]2;$(reboot)\x07\x1b[21t\x1b[20t",
        // The kitty keyboard protocol, which the page's emulator does not speak.
        "\x1b[?u",
        "\x1b[>1u",
        // The state of windows and printers.
        "\x1b[11t\x1b[13t\x1b[?15n",
        // Broken off.
        "\x1b[\x186n",
        "\x1bP$qm\x18",
        "\x1b]11;?\x18",
        "\x1b[1c",
    ] {
        assert_eq!(replies(question), "", "{question:?}");
    }
}

#[test]
fn a_program_that_asks_without_reading_gets_no_more_than_fits() {
    let mut screen = Screen::new(80, 24, 100);
    let mut waiting = Vec::new();
    (0..10_000).for_each(|_| screen.feed(b"\x1b[c\x1b]4;1;?;2;?;3;?\x07", &mut waiting));
    assert!((8 * 1024..=16 * 1024).contains(&waiting.len()), "{}", waiting.len());
    waiting.clear();
    screen.feed(b"\x1b[5n", &mut waiting);
    assert_eq!(waiting, b"\x1b[0n");
}

#[test]
fn colours_are_those_of_the_pages_theme_unless_a_program_set_them() {
    let mut screen = Screen::new(80, 24, 100);
    let mut ask = |theme: Option<Theme>, output: &str| {
        let mut replies = Vec::new();
        if let Some(theme) = theme {
            screen.set_theme(theme, &mut replies);
        }
        screen.feed(output.as_bytes(), &mut replies);
        String::from_utf8(replies).unwrap()
    };
    let mut light = Theme { foreground: [1; 3], background: [0xfe; 3], cursor: [2; 3], ..Theme::default() };
    light.palette[1] = [3; 3];
    let question = "\x1b]10;?;?;?\x07\x1b]4;1;?;16;?\x07\x1b[?996n";
    let answer = "\x1b]10;rgb:0101/0101/0101\x07\x1b]11;rgb:fefe/fefe/fefe\x07\x1b]12;rgb:0202/0202/0202\x07\
                  \x1b]4;1;rgb:0303/0303/0303\x07\x1b]4;16;rgb:0000/0000/0000\x07\x1b[?997;2n";
    assert_eq!(ask(Some(light.clone()), question), answer);
    assert_eq!(
        ask(None, "\x1bc\x1b[!p\x1b]11;#000\x07\x1b]11;?\x07\x1b]111\x07\x1b]11;?\x07"),
        "\x1b]11;rgb:0000/0000/0000\x07\x1b]11;rgb:fefe/fefe/fefe\x07",
        "what a program sets comes first"
    );
    // A program that asked for reports hears of a change, and only of one.
    assert_eq!(ask(Some(Theme::default()), "\x1b[?2031h"), "");
    assert_eq!(ask(Some(light.clone()), ""), "\x1b[?997;2n");
    assert_eq!(ask(Some(light.clone()), ""), "");
    assert_eq!(ask(Some(Theme::default()), "\x1b[?2031l"), "\x1b[?997;1n");
    assert_eq!(ask(Some(light), ""), "");
}
