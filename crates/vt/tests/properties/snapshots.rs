//! Properties of a terminal and of its snapshots, for any output and any resize. A file of its own, because the fuzzer includes
//! it.

use vt::{Scope, Screen};

/// Everything that a terminal of these tests keeps.
pub(crate) const FULL: Scope = Scope::Full { scrollback: 100 };

/// A step of a test.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Feed(Vec<u8>),
    Resize(u16, u16),
}

/// A new terminal of that size after these steps, and what it answered.
pub(crate) fn run((cols, rows): (u16, u16), steps: &[Step]) -> (Screen, Vec<u8>) {
    let mut screen = Screen::new(cols, rows, 100);
    let mut replies = Vec::new();
    for step in steps {
        match step {
            Step::Feed(bytes) => screen.feed(bytes, &mut replies),
            Step::Resize(cols, rows) => screen.resize(*cols, *rows),
        }
    }
    (screen, replies)
}

/// Checks that the reported state is consistent.
pub(crate) fn is_sound(screen: &Screen) {
    let (cols, rows) = screen.size();
    assert!(cols >= 2 && rows >= 1 && screen.cursor().0 < cols && screen.cursor().1 < rows);
    assert!(screen.scrollback() <= 100);
    assert_eq!(screen.text().lines().count(), usize::from(rows));
    assert!(screen.snapshot(Scope::Screen).starts_with(b"\x18"));
}

/// Checks that another terminal of that size, in any state, looks the same after the snapshot.
pub(crate) fn is_restored(screen: &Screen, scope: Scope) {
    let restored = |snapshot: &[u8]| {
        let (restored, replies) = run(screen.size(), &[Step::Feed(snapshot.to_vec())]);
        assert_eq!(replies, [], "a snapshot asks nothing");
        restored
    };
    let first = restored(&screen.snapshot(scope));
    assert_eq!(first.cursor(), screen.cursor());
    if screen.text().is_ascii() {
        assert_eq!(first.text(), screen.text());
    }
    // State that no sequence restores is lost in the first snapshot; the second one loses nothing.
    let second = restored(&first.snapshot(scope));
    assert_eq!(shown(&second, scope), shown(&first, scope));
}

/// A snapshot as text, for a message that can be read.
pub(crate) fn shown(screen: &Screen, scope: Scope) -> String {
    String::from_utf8_lossy(&screen.snapshot(scope)).into_owned()
}
