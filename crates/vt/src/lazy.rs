//! A terminal that parses no more than it must. Nothing but its state depends on plain output, and few ask for the state. So
//! plain output waits, and what scrolls out of the history meanwhile is never parsed: most of a flood.

use crate::plain::PlainText;
use crate::screen::Screen;
use crate::terminal::Theme;

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
    /// True while what waits must be parsed before anything that follows.
    overdue: bool,
}

impl LazyScreen {
    /// The same arguments as [`Screen::new`].
    #[must_use]
    pub fn new(cols: u16, rows: u16, scrollback_lines: usize) -> Self {
        let screen = Screen::new(cols, rows, scrollback_lines);
        Self { screen, waiting: PlainText::default(), overdue: false }
    }

    /// Reads output, cut anywhere, until `budget` is spent, as [`Screen::feed_some`] does. Appends replies to queries to
    /// `replies` at once, unless it already holds 16 KiB.
    pub fn feed(&mut self, bytes: &[u8], replies: &mut Vec<u8>, budget: &mut usize) -> usize {
        if self.overdue && !self.parse_waiting(budget) {
            return 0;
        }
        let may_wait = self.screen.is_between_sequences() && self.screen.prints_cheaply();
        let plain = if may_wait { self.waiting.push(bytes) } else { 0 };
        *budget = budget.saturating_sub(plain);
        if plain == bytes.len() {
            if self.waiting.bytes().len() > self.room() {
                self.make_room(budget);
            }
            return plain;
        }
        if !self.parse_waiting(budget) {
            return plain;
        }
        plain + self.screen.feed_some(&bytes[plain..], replies, budget)
    }

    /// Parses what waits. False if the budget ended before it.
    fn parse_waiting(&mut self, budget: &mut usize) -> bool {
        let waiting = self.waiting.take();
        // Plain output asks nothing.
        let read = self.screen.feed_some(&waiting, &mut Vec::new(), budget);
        self.overdue = read < waiting.len();
        if self.overdue {
            self.waiting.put_back(waiting, read);
        }
        !self.overdue
    }

    fn room(&self) -> usize {
        self.screen.rows_kept().saturating_mul(WAITING_BYTES_PER_ROW).min(MAX_WAITING_BYTES)
    }

    /// Forgets what has scrolled out of the history, or else parses everything.
    fn make_room(&mut self, budget: &mut usize) {
        // Every row is new after as many line ends.
        let start = self.waiting.line_start(self.screen.rows_kept());
        match start.filter(|_| self.screen.scrolls_into_history()) {
            Some(start) => {
                self.waiting.colours_before(start, |colour| self.screen.feed(colour, &mut Vec::new()));
                self.screen.begin_last_row();
                self.waiting.forget_before(start);
            }
            None => drop(self.parse_waiting(budget)),
        }
    }

    /// Changes the size, from this point in the output. Returns the work.
    pub fn resize(&mut self, cols: u16, rows: u16) -> usize {
        self.current();
        self.screen.resize(cols, rows);
        self.screen.take_work()
    }

    /// See [`Screen::set_theme`]. Waiting output asks for no colour.
    pub fn set_theme(&mut self, theme: Theme, replies: &mut Vec<u8>) {
        self.screen.set_theme(theme, replies);
    }

    /// See [`Screen::take_title`].
    pub fn take_title(&mut self) -> Option<String> {
        self.screen.take_title()
    }

    /// See [`Screen::take_directory`].
    pub fn take_directory(&mut self) -> Option<String> {
        self.screen.take_directory()
    }

    /// Bytes in memory, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.screen.bytes() + self.waiting.capacity()
    }

    /// The screen after all output so far.
    pub fn current(&mut self) -> &Screen {
        let mut unlimited = usize::MAX;
        self.parse_waiting(&mut unlimited);
        &self.screen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scope;

    fn feed(screen: &mut LazyScreen, output: &[u8]) {
        let mut unlimited = usize::MAX;
        assert_eq!(screen.feed(output, &mut Vec::new(), &mut unlimited), output.len());
    }

    #[test]
    fn a_screen_that_scrolls_in_part_keeps_the_rest() {
        let flood = "\x1b[1mline\r\n".repeat(1000);
        for begin in ["kept", "kept\x1b[2;3r\n", "kept\x1b[1;2r", "kept\x1b[1;2r\x1b[4H", "\x1b[?1049hkept\x1b[2;3r\n"]
        {
            let (mut lazy, mut screen) = (LazyScreen::new(20, 4, 5), Screen::new(20, 4, 5));
            for output in [begin, &flood, &flood, "end"] {
                feed(&mut lazy, output.as_bytes());
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
            feed(&mut lazy, &[b'x'; 16 * 1024]);
            assert!(lazy.waiting.bytes().len() <= MAX_WAITING_BYTES);
        }
    }

    /// A budget that is spent in the middle of anything delays the output, and changes nothing else.
    #[test]
    fn output_that_is_cut_by_its_budget_has_the_same_effect() {
        let output = "plain\r\n\x1b[1mbold\x1b[6n\x1bctext\x1b[6n\u{e9}e\u{301}\x1b[20b\x1b#8\x1b[4hin\x1b[4l\x1b[2;3r\n\n\x1b[c";
        let (mut whole, mut replies) = (Screen::new(20, 4, 5), Vec::new());
        whole.feed(output.as_bytes(), &mut replies);
        for budget in 1..40 {
            let (mut lazy, mut answers, mut rest) = (LazyScreen::new(20, 4, 5), Vec::new(), output.as_bytes());
            while !rest.is_empty() {
                let read = lazy.feed(rest, &mut answers, &mut { budget });
                rest = &rest[read..];
            }
            assert_eq!(answers, replies, "{budget}");
            let all = Scope::Full { scrollback: 5 };
            assert_eq!(lazy.current().snapshot(all), whole.snapshot(all), "{budget}");
        }
    }
}
