//! Dispatches sequences to their implementations.

use super::Terminal;
use crate::parser::{Actions, Params};

/// Prefixes and intermediate bytes.
const NONE: u32 = 0;
const QUESTION: u32 = b'?' as u32;
const GREATER: u32 = b'>' as u32;
const EQUALS: u32 = b'=' as u32;
const SPACE: u32 = b' ' as u32;
const BANG: u32 = b'!' as u32;
const QUOTE: u32 = b'"' as u32;
const TICK: u32 = b'\'' as u32;
const DOLLAR: u32 = b'$' as u32;
const PLUS: u32 = b'+' as u32;
const PERCENT: u32 = b'%' as u32;
const HASH: u32 = b'#' as u32;
const QUESTION_DOLLAR: u32 = QUESTION << 8 | DOLLAR;

/// Answers to DA1, DA2, DA3 and XTVERSION.
const VT220_WITH_SIXEL_AND_COLOURS: &str = "\x1b[?62;4;9;22c";
const XTERM_276: &str = "\x1b[>0;276;0c";
const NO_SERIAL_NUMBER: &str = "\x1bP!|00000000\x1b\\";
const PAGES_EMULATOR: &str = "\x1bP>|xterm.js(6.0.0)\x1b\\";

/// A terminal that reads output.
pub(crate) struct Dispatch<'a> {
    pub(crate) terminal: &'a mut Terminal,
    pub(crate) replies: &'a mut Vec<u8>,
}

impl Dispatch<'_> {
    /// Ends the character that a combining one could join.
    fn done(&mut self) {
        self.terminal.end_character();
    }

    fn cursor_sequence(&mut self, last: u8, params: &Params) {
        let terminal = &mut *self.terminal;
        let count = params.count(0);
        match last {
            b'A' => terminal.up(count),
            b'B' => terminal.down(count),
            b'C' | b'a' => terminal.go_by(count as isize, 0),
            b'D' => terminal.go_by(-(count as isize), 0),
            b'E' => {
                terminal.down(count);
                terminal.carriage_return();
            }
            b'F' => {
                terminal.up(count);
                terminal.carriage_return();
            }
            b'G' | b'`' => terminal.go(count - 1, terminal.buffer().y),
            b'H' | b'f' => terminal.go(params.count(1) - 1, count - 1),
            b'I' => terminal.tab(count),
            b'Z' => terminal.tab_back(count),
            b'd' => terminal.go(terminal.buffer().x, count - 1),
            b'e' => terminal.go_by(0, count as isize),
            b's' => terminal.save_cursor(),
            b'u' => terminal.restore_cursor(),
            _ => {}
        }
    }

    fn plain_sequence(&mut self, last: u8, params: &Params) {
        let terminal = &mut *self.terminal;
        let count = params.count(0);
        match last {
            b'@' => terminal.insert_chars(count),
            b'J' => terminal.erase_display(params, false),
            b'K' => terminal.erase_line(params, false),
            b'L' => terminal.insert_lines(count),
            b'M' => terminal.delete_lines(count),
            b'P' => terminal.delete_chars(count),
            b'S' => terminal.scroll_up(count),
            b'T' => terminal.scroll_down(count),
            b'X' => terminal.erase_chars(count),
            b'b' => terminal.repeat(count),
            b'c' => self.reply_identity(params, VT220_WITH_SIXEL_AND_COLOURS),
            b'g' => terminal.clear_tabs(params),
            b'h' => terminal.set_modes(params, true),
            b'l' => terminal.set_modes(params, false),
            b'm' => terminal.select_graphics(params),
            b'n' => self.reply_status(params, false),
            b'r' => terminal.set_region(params),
            b't' => self.window(params),
            _ => self.cursor_sequence(last, params),
        }
    }
}

impl Actions for Dispatch<'_> {
    fn image(&mut self, height: usize) {
        self.terminal.image(height);
    }

    fn work(&self) -> usize {
        self.terminal.work()
    }

    fn print_ascii(&mut self, text: &[u8]) {
        self.terminal.print_ascii_run(text);
    }

    fn print(&mut self, c: u32) {
        self.terminal.print_one(c);
    }

    fn end_run(&mut self) {
        self.terminal.in_run = false;
    }

    fn execute(&mut self, control: u32) {
        match control {
            0x08 => self.terminal.backspace(),
            0x09 => self.terminal.tab(1),
            0x0a..=0x0c => self.terminal.line_feed(),
            0x0d => self.terminal.carriage_return(),
            0x0e => self.terminal.charsets.set_level(1),
            0x0f => self.terminal.charsets.set_level(0),
            0x84 => self.terminal.index(),
            0x85 => {
                self.terminal.carriage_return();
                self.terminal.index();
            }
            0x88 => self.terminal.set_tab(),
            _ => {}
        }
        self.done();
    }

    fn csi(&mut self, collect: u32, last: u8, params: &Params) {
        let terminal = &mut *self.terminal;
        let (count, x) = (params.count(0), terminal.buffer().x);
        match (collect, last) {
            (NONE, _) => self.plain_sequence(last, params),
            (QUESTION, b'J') => terminal.erase_display(params, true),
            (QUESTION, b'K') => terminal.erase_line(params, true),
            (QUESTION, b'h') => terminal.set_private_modes(params, true),
            (QUESTION, b'l') => terminal.set_private_modes(params, false),
            (QUESTION, b'n') => self.reply_status(params, true),
            (QUESTION_DOLLAR, b'p') => self.reply_mode(params, true),
            (DOLLAR, b'p') => self.reply_mode(params, false),
            (GREATER, b'c') => self.reply_identity(params, XTERM_276),
            (EQUALS, b'c') => self.reply_identity(params, NO_SERIAL_NUMBER),
            (GREATER, b'q') => self.reply_identity(params, PAGES_EMULATOR),
            (SPACE, b'@') => terminal.delete_columns(0, count),
            (SPACE, b'A') => terminal.insert_columns(0, count),
            (TICK, b'}') => terminal.insert_columns(x, count),
            (TICK, b'~') => terminal.delete_columns(x, count),
            (SPACE, b'q') => terminal.set_cursor_style(params),
            (QUOTE, b'q') => terminal.select_protected(params),
            (BANG, b'p') => terminal.soft_reset(),
            _ => {}
        }
        self.done();
    }

    fn esc(&mut self, collect: u32, last: u8) {
        let terminal = &mut *self.terminal;
        match (collect, last) {
            (NONE, b'7') => terminal.save_cursor(),
            (NONE, b'8') => terminal.restore_cursor(),
            (NONE, b'D') => terminal.index(),
            (NONE, b'E') => {
                terminal.carriage_return();
                terminal.index();
            }
            (NONE, b'H') => terminal.set_tab(),
            (NONE, b'M') => terminal.reverse_index(),
            (NONE, b'=') => terminal.modes.application_keypad = true,
            (NONE, b'>') => terminal.modes.application_keypad = false,
            (NONE, b'c') => terminal.reset(),
            (NONE, b'n' | b'}') => terminal.charsets.set_level(2),
            (NONE, b'o' | b'|') => terminal.charsets.set_level(3),
            (NONE, b'~') => terminal.charsets.set_level(1),
            (PERCENT, b'@' | b'G') => {
                terminal.charsets.set_level(0);
                terminal.charsets.select(0, b'B');
            }
            (HASH, b'8') => terminal.alignment_pattern(),
            (0x28..=0x2e, _) => {
                // ( ) * + and, for sets of 96 characters, - and .
                let slot = [Some(0), Some(1), Some(2), Some(3), None, Some(1), Some(2)][collect as usize - 0x28];
                slot.into_iter().for_each(|slot| terminal.charsets.select(slot, last));
            }
            _ => {}
        }
        self.done();
    }

    fn osc(&mut self, payload: Option<&[u8]>, bell: bool) {
        if let Some(payload) = payload {
            self.command(payload, bell);
        }
        self.done();
    }

    fn dcs(&mut self, collect: u32, last: u8, payload: Option<&[u8]>) {
        match (collect, last, payload) {
            (DOLLAR, b'q', Some(what)) => self.reply_setting(what),
            (PLUS, b'q', Some(_)) => self.reply_capability(),
            _ => {}
        }
        self.done();
    }
}
