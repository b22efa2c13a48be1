//! Renders a terminal as bytes that restore every cell on another terminal of the same size. Rows come first, then cursors and
//! modes, in an order in which none disturbs an earlier one.

mod rows;
mod sgr;
mod state;

use crate::buffer::{Buffer, Saved, Tabs};
use crate::cell::bg;
use crate::parser::Parser;
use crate::terminal::{Style, Terminal};
use sgr::SgrWriter;

/// The part of a terminal that a snapshot restores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything, on a terminal in any state.
    Full {
        /// Most lines of history.
        scrollback: usize,
    },
    /// The screen and every mode. The other terminal keeps its history.
    Screen,
}

/// CAN: cancels an unfinished sequence of the other terminal.
const BREAK_OFF: &str = "\x18";

/// RIS: full reset.
const NEW: &str = "\x1bc";

/// To the main screen, soft reset (DECSTR), mouse off, an empty screen.
const EMPTY: &str = "\x1b[?1047l\x1b[!p\x1b[?9l\x1b[?1006l\x1b[H\x1b[2J";

/// State that neither reset restores: line feed mode, and changed colours.
const REST: &str = "\x1b[20l\x1b]104\x1b\\\x1b]110\x1b\\\x1b]111\x1b\\\x1b]112\x1b\\";

/// Renders the bytes that restore `terminal`.
pub(crate) fn take(terminal: &Terminal, parser: &Parser, scope: Scope) -> Vec<u8> {
    let mut snapshot = Snapshot { terminal, out: SgrWriter::new(terminal), keeps_history: scope == Scope::Screen };
    snapshot.draw(scope);
    let mut bytes = snapshot.out.finish();
    parser.reopen(&mut bytes);
    bytes
}

/// Renders the visible rows up to the last that is not empty, for any terminal of the same width, from its cursor on.
pub(crate) fn render_visible(terminal: &Terminal) -> Vec<u8> {
    let mut snapshot = Snapshot { terminal, out: SgrWriter::new(terminal), keeps_history: true };
    snapshot.rows(terminal.buffer(), 0);
    snapshot.out.set_graphemes(false);
    snapshot.out.set_style(Style::default(), None);
    snapshot.out.finish()
}

struct Snapshot<'a> {
    terminal: &'a Terminal,
    out: SgrWriter<'a>,
    /// The other terminal was cleared, not reset.
    keeps_history: bool,
}

impl Snapshot<'_> {
    fn draw(&mut self, scope: Scope) {
        let terminal = self.terminal;
        self.out.write(BREAK_OFF);
        self.out.write(if self.keeps_history { EMPTY } else { NEW });
        self.out.write(REST);
        for (slot, [red, green, blue]) in terminal.palette.iter() {
            let command = slot.command();
            self.out.write(&format!("\x1b]{command};rgb:{red:02x}/{green:02x}/{blue:02x}\x1b\\"));
        }
        if let Some(title) = terminal.title() {
            self.out.write(&format!("\x1b]2;{title}\x1b\\"));
        }
        if terminal.alternate.is_none() {
            self.hidden_saved_cursor();
        }
        let scrollback = match scope {
            Scope::Full { scrollback } => scrollback.min(terminal.main.history()),
            Scope::Screen => 0,
        };
        self.main_screen(scrollback);
        if let Some(alternate) = &terminal.alternate {
            self.out.set_style(Style::default(), None);
            // The cursor's line decides which lines a new size reflows.
            let main = &terminal.main;
            self.out.write(&format!("\x1b[{};{}H", main.y + 1, main.x.min(main.cols() - 1) + 1));
            self.enter_alternate();
            self.out.write("\x1b[H");
            self.rows(alternate, 0);
            self.saved(&alternate.saved, alternate.saved_row());
            self.around(alternate);
        }
        self.state();
    }

    /// The main screen, with this many lines of its history.
    fn main_screen(&mut self, scrollback: usize) {
        let main = &self.terminal.main;
        // Row of the saved cursor among the drawn lines.
        let line = main.saved.line.saturating_sub(main.history() - scrollback);
        let is_shown = (scrollback..scrollback + main.rows()).contains(&line);
        if self.keeps_history || is_shown {
            self.rows(main, scrollback);
            self.saved(&main.saved, main.saved_row());
        } else {
            self.saved_off_screen(&main.saved, line);
            self.rows(main, scrollback);
        }
        self.around(main);
    }

    /// The other terminal's alternate screen is empty when it is entered, but for the cursor that was saved there.
    fn enter_alternate(&mut self) {
        self.out.set_graphemes(false);
        self.out.write("\x1b[?1047h");
        if self.keeps_history {
            self.out.write("\x1b[!p");
        }
    }

    /// The cursor saved on the alternate screen, while that is not shown.
    fn hidden_saved_cursor(&mut self) {
        let saved = *self.terminal.alternate_saved();
        if self.keeps_history || !self.is_default(&saved, saved.line) {
            self.enter_alternate();
            self.saved(&saved, saved.line);
            self.out.set_style(Style::default(), None);
            self.out.write("\x1b[?1047l\x1b[H");
        }
    }

    /// Tab stops and scroll region of a screen.
    fn around(&mut self, buffer: &Buffer) {
        let stops = |tabs: &Tabs| tabs.iter(buffer.cols()).collect::<Vec<_>>();
        let wanted = stops(&buffer.tabs);
        if self.keeps_history || wanted != stops(&Tabs::new(buffer.cols())) {
            self.out.write("\x1b[3g");
            for x in wanted {
                self.out.write(&format!("\x1b[{}G\x1bH", x + 1));
            }
        }
        if (buffer.top, buffer.bottom) != (0, buffer.rows() - 1) {
            self.out.write(&format!("\x1b[{};{}r", buffer.top + 1, buffer.bottom + 1));
        }
    }

    /// Saves a cursor in a line that is above the screen in the end, or below it: before anything is drawn, on empty lines that
    /// are scrolled off and then forgotten. It would be restored to the first row or the last; a new size may bring its line
    /// back.
    fn saved_off_screen(&mut self, saved: &Saved, line: usize) {
        if self.is_default(saved, line) {
            return;
        }
        let rows = self.terminal.main.rows();
        let scrolled = line.saturating_sub(rows - 1);
        if scrolled > 0 {
            self.out.write(&format!("\x1b[{rows}H{}", "\n".repeat(scrolled)));
        }
        self.saved(saved, line - scrolled);
        self.out.set_style(Style::default(), None);
        self.out.write("\x1b[3J\x1b[H");
    }

    /// Saves a cursor like the one that was saved, which would be restored to that row.
    fn saved(&mut self, saved: &Saved, row: usize) {
        if self.is_default(saved, row) {
            return;
        }
        self.out.write(&format!("\x1b[{};{}H", row + 1, saved.x + 1));
        self.out.set_style(Style::plain(saved.fg, saved.bg), None);
        let save = match saved.charset {
            Some(letter) => format!("\x1b({}\x1b7\x1b(B", char::from(letter)),
            None => "\x1b7".to_owned(),
        };
        // A restored cursor keeps the current link if any link was active at the time of the save.
        let linked = saved.bg & bg::EXTENDED != 0;
        self.out.write(&if linked { format!("\x1b]8;;-\x1b\\{save}\x1b]8;;\x1b\\") } else { save });
    }

    /// True if the saved cursor equals the one after a reset: the first line of a new terminal, or
    /// the first row of one that was emptied.
    fn is_default(&self, saved: &Saved, row: usize) -> bool {
        let at = if self.keeps_history { row } else { saved.line };
        (saved.x, at, saved.fg, saved.bg, saved.charset) == (0, 0, 0, 0, None)
    }
}
