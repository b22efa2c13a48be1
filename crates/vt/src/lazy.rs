//! A terminal that parses no more than it must. Nothing but its state depends on plain output, and few ask for the state. So plain
//! output waits, and what scrolls out of the history meanwhile is never parsed: most of a flood.

use crate::plain::PlainText;
use crate::screen::Screen;

/// Waiting output for each row of screen and history, in bytes: a multiple of what most rows hold, because only what is more
/// than fills the history is spared.
const WAITING_BYTES_PER_ROW: usize = 256;

/// Most waiting output, in bytes, however long the history.
const MAX_WAITING_BYTES: usize = 512 * 1024;

/// A [`Screen`] that is brought up to date when its state is wanted.
pub struct LazyScreen {
    screen: Screen,
    /// Output behind what the screen has parsed; empty unless the screen is between two sequences.
    waiting: PlainText,
}

impl LazyScreen {
    /// The same arguments as [`Screen::new`].
    #[must_use]
    pub fn new(cols: u16, rows: u16, scrollback_lines: usize) -> Self {
        Self { screen: Screen::new(cols, rows, scrollback_lines), waiting: PlainText::default() }
    }

    /// Reads output, cut anywhere. Appends replies to queries to `replies` at once, unless it already holds 16 KiB.
    pub fn feed(&mut self, bytes: &[u8], replies: &mut Vec<u8>) {
        let plain = if self.screen.is_between_sequences() { self.waiting.push(bytes) } else { 0 };
        if plain < bytes.len() {
            self.screen.feed(&self.waiting.take(), replies);
            self.screen.feed(&bytes[plain..], replies);
        } else if self.waiting.bytes().len() > self.room() {
            self.make_room();
        }
    }

    fn room(&self) -> usize {
        self.screen.rows_kept().saturating_mul(WAITING_BYTES_PER_ROW).min(MAX_WAITING_BYTES)
    }

    /// Forgets what has scrolled out of the history, or else parses everything.
    fn make_room(&mut self) {
        // Every row is new after as many line ends.
        let start = self.waiting.line_start(self.screen.rows_kept());
        match start.filter(|_| self.screen.scrolls_into_history()) {
            Some(start) => {
                self.waiting.colours_before(start, |colour| self.screen.feed(colour, &mut Vec::new()));
                self.screen.begin_last_row();
                self.waiting.forget_before(start);
            }
            None => drop(self.current()),
        }
    }

    /// Changes the size, from this point in the output.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        self.current();
        self.screen.resize(cols, rows);
    }

    /// See [`Screen::take_title`].
    pub fn take_title(&mut self) -> Option<String> {
        self.screen.take_title()
    }

    /// The screen after all output so far.
    pub fn current(&mut self) -> &Screen {
        if !self.waiting.bytes().is_empty() {
            // Plain output asks nothing.
            self.screen.feed(&self.waiting.take(), &mut Vec::new());
        }
        &self.screen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scope;

    #[test]
    fn a_screen_that_scrolls_in_part_keeps_the_rest() {
        let flood = "\x1b[1mline\r\n".repeat(1000);
        for begin in ["kept", "kept\x1b[2;3r\n", "kept\x1b[1;2r", "kept\x1b[1;2r\x1b[4H", "\x1b[?1049hkept\x1b[2;3r\n"]
        {
            let (mut lazy, mut screen) = (LazyScreen::new(20, 4, 5), Screen::new(20, 4, 5));
            for output in [begin, &flood, &flood, "end"] {
                lazy.feed(output.as_bytes(), &mut Vec::new());
                screen.feed(output.as_bytes(), &mut Vec::new());
            }
            let all = Scope::Full { scrollback: 5 };
            assert_eq!(lazy.current().snapshot(all), screen.snapshot(all), "{begin:?}");
        }
    }

    #[test]
    fn waiting_output_is_bounded() {
        let mut lazy = LazyScreen::new(80, 24, 1000);
        for _ in 0..100 {
            lazy.feed(&[b'x'; 16 * 1024], &mut Vec::new());
            assert!(lazy.waiting.bytes().len() <= MAX_WAITING_BYTES);
        }
    }
}
