//! The service's emulator: output in, snapshots out.

use crate::Work;
use crate::inputs::{READ, Recording, coloured};
use vt::{Scope, Screen};

/// Lines of history that a session keeps.
const SCROLLBACK: usize = 1000;

/// A usual window.
const SIZE: (u16, u16) = (120, 40);

fn screen((cols, rows): (u16, u16)) -> Screen {
    Screen::new(cols, rows, SCROLLBACK)
}

/// Output of a program, over and over, on a terminal of this size that has read it so many times before. In pieces as they are read.
pub(crate) fn feed_again(bytes: Vec<u8>, size: (u16, u16), before: usize, piece: usize) -> Work {
    let (mut screen, mut answers) = (screen(size), Vec::new());
    (0..before).for_each(|_| screen.feed(&bytes, &mut answers));
    Work::new(bytes.len(), move || {
        answers.clear();
        bytes.chunks(piece).for_each(|piece| screen.feed(piece, &mut answers));
        screen.cursor()
    })
}

/// Output that scrolls, on a usual window whose history is full.
pub(crate) fn feed(bytes: Vec<u8>) -> Work {
    let before = (8 * READ).div_ceil(bytes.len());
    feed_again(bytes, SIZE, before, READ)
}

/// The drawing of a full-screen program, at its own size.
pub(crate) fn redraw(Recording { cols, rows, bytes }: Recording) -> Work {
    feed_again(bytes, (cols, rows), 1, READ)
}

/// A title of so many bytes, which comes byte by byte.
pub(crate) fn slow_title(bytes: usize) -> Work {
    let title = [b"\x1b]2;", &vec![b't'; bytes][..], b"\x07"].concat();
    feed_again(title, SIZE, 1, 1)
}

/// What restores a full-screen program, some way into its recording.
pub(crate) fn snapshot_program(Recording { cols, rows, bytes }: &Recording) -> Work {
    let mut screen = screen((*cols, *rows));
    screen.feed(&bytes[..bytes.len() / 2], &mut Vec::new());
    Work::new(usize::from(*cols) * usize::from(*rows), move || screen.snapshot(Scope::Screen))
}

/// What restores a build log with so many lines of history.
pub(crate) fn snapshot_history(lines: usize) -> Work {
    let mut screen = Screen::new(SIZE.0, SIZE.1, lines);
    screen.feed(&coloured((lines + 100) * 64), &mut Vec::new());
    Work::new(lines * usize::from(SIZE.0), move || screen.snapshot(Scope::Full { scrollback: lines }))
}
