//! Sequences that set, reset and report modes.

use super::Terminal;
use super::modes::{Mouse, MouseEncoding};
use crate::parser::Params;

impl Terminal {
    /// SM and RM.
    pub(super) fn set_modes(&mut self, params: &Params, on: bool) {
        for mode in params.iter() {
            match mode {
                4 => self.modes.insert = on,
                20 => self.modes.newline = on,
                _ => {}
            }
        }
    }

    /// DECSET and DECRST.
    pub(super) fn set_private_modes(&mut self, params: &Params, on: bool) {
        params.iter().for_each(|mode| self.set_private_mode(mode, on));
    }

    fn set_private_mode(&mut self, mode: i32, on: bool) {
        let modes = &mut self.modes;
        match mode {
            1 => modes.application_cursor = on,
            2 if on => (0..4).for_each(|slot| self.charsets.select(slot, b'B')),
            6 => {
                modes.origin = on;
                self.go(0, 0);
            }
            7 => modes.no_wraparound = !on,
            9 | 1000 | 1002 | 1003 if !on => modes.mouse = Mouse::Off,
            9 => modes.mouse = Mouse::X10,
            12 => modes.blink_option = Some(on),
            25 => modes.cursor_hidden = !on,
            45 => modes.reverse_wraparound = on,
            66 => modes.application_keypad = on,
            1000 => modes.mouse = Mouse::Clicks,
            1002 => modes.mouse = Mouse::Drags,
            1003 => modes.mouse = Mouse::Motion,
            1004 => modes.focus = on,
            1006 | 1016 if !on => modes.mouse_encoding = MouseEncoding::Default,
            1006 => modes.mouse_encoding = MouseEncoding::Sgr,
            1016 => modes.mouse_encoding = MouseEncoding::SgrPixels,
            47 | 1047 | 1049 => self.switch_screen(mode == 1049, on),
            1048 if on => self.save_cursor(),
            1048 => self.restore_cursor(),
            2004 => modes.bracketed_paste = on,
            2026 => modes.synchronized = on,
            2027 => modes.graphemes = on,
            2031 => modes.theme_reports = on,
            _ => {}
        }
    }

    fn switch_screen(&mut self, with_cursor: bool, to_alternate: bool) {
        if to_alternate {
            if with_cursor {
                self.save_cursor();
            }
            self.enter_alternate();
        } else {
            self.leave_alternate();
            if with_cursor {
                self.restore_cursor();
            }
        }
    }

    /// DECSCUSR.
    pub(super) fn set_cursor_style(&mut self, params: &Params) {
        let style = params.get(0);
        if style == 0 {
            (self.modes.cursor_shape, self.modes.cursor_blinks) = (None, None);
            return;
        }
        self.modes.cursor_shape = match style {
            1 | 2 => Some(1),
            3 | 4 => Some(2),
            5 | 6 => Some(3),
            _ => self.modes.cursor_shape,
        };
        self.modes.cursor_blinks = Some(style % 2 == 1);
    }

    /// The value of a DECRQM reply: 0 unknown, 1 set, 2 reset, 3 always set, 4 never set.
    pub(super) fn private_mode_state(&self, mode: i32) -> u8 {
        let modes = &self.modes;
        let on = match mode {
            1 => modes.application_cursor,
            6 => modes.origin,
            7 => !modes.no_wraparound,
            8 => return 3,
            9 | 1000 | 1002 | 1003 => modes.mouse as i32 == mode,
            12 => modes.blink_option.unwrap_or(false),
            25 => !modes.cursor_hidden,
            45 => modes.reverse_wraparound,
            47 | 1047 | 1049 => self.alternate.is_some(),
            66 => modes.application_keypad,
            67 | 1005 | 1015 => return 4,
            1004 => modes.focus,
            1006 | 1016 => modes.mouse_encoding as i32 == mode,
            1048 => true,
            2004 => modes.bracketed_paste,
            2026 => modes.synchronized,
            2027 => modes.graphemes,
            2031 => modes.theme_reports,
            _ => return 0,
        };
        if on { 1 } else { 2 }
    }

    /// The same for the modes of ANSI.
    pub(super) fn mode_state(&self, mode: i32) -> u8 {
        match mode {
            2 => 4,
            4 if self.modes.insert => 1,
            20 if self.modes.newline => 1,
            4 | 20 => 2,
            12 => 3,
            _ => 0,
        }
    }
}
