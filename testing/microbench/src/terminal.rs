//! The service's emulator: feeding output and taking snapshots.

use crate::Work;
use crate::inputs::{READ, Recording, coloured};
use vt::{Scope, Screen};

/// Lines of history that a session keeps.
const SCROLLBACK: usize = 1000;

/// A common window, in columns and rows.
pub(crate) const SIZE: (u16, u16) = (120, 40);

fn screen((cols, rows): (u16, u16)) -> Screen {
    Screen::new(cols, rows, SCROLLBACK)
}

/// Feeds output in pieces of `piece` bytes, on a terminal of this size that has read it `before` times.
pub(crate) fn feed_again(bytes: Vec<u8>, size: (u16, u16), before: usize, piece: usize) -> Work {
    let (mut screen, mut replies) = (screen(size), Vec::new());
    (0..before).for_each(|_| screen.feed(&bytes, &mut replies));
    Work::new(bytes.len(), move || {
        replies.clear();
        bytes.chunks(piece).for_each(|piece| screen.feed(piece, &mut replies));
        screen.cursor()
    })
}

/// Feeds output that scrolls, with a full history.
pub(crate) fn feed(bytes: Vec<u8>) -> Work {
    let before = (8 * READ).div_ceil(bytes.len());
    feed_again(bytes, SIZE, before, READ)
}

/// Feeds the recording of a full-screen program, at its own size.
pub(crate) fn redraw(Recording { cols, rows, bytes }: Recording) -> Work {
    feed_again(bytes, (cols, rows), 1, READ)
}

/// The sequence that sets a title of this length.
pub(crate) fn title(bytes: usize) -> Vec<u8> {
    [b"\x1b]2;", &vec![b't'; bytes][..], b"\x07"].concat()
}

/// Reads a title byte by byte.
pub(crate) fn slow_title(bytes: usize) -> Work {
    feed_again(title(bytes), SIZE, 1, 1)
}

/// A snapshot of a full-screen program, halfway through its recording.
pub(crate) fn snapshot_program(Recording { cols, rows, bytes }: &Recording) -> Work {
    let mut screen = screen((*cols, *rows));
    screen.feed(&bytes[..bytes.len() / 2], &mut Vec::new());
    Work::new(usize::from(*cols) * usize::from(*rows), move || screen.snapshot(Scope::Screen))
}

/// A snapshot of a build log with this many lines of history.
pub(crate) fn snapshot_history(lines: usize) -> Work {
    let mut screen = Screen::new(SIZE.0, SIZE.1, lines);
    screen.feed(&coloured((lines + 100) * 64), &mut Vec::new());
    Work::new(lines * usize::from(SIZE.0), move || screen.snapshot(Scope::Full { scrollback: lines }))
}
