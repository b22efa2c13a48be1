//! Modes: what can be switched on and off, and asked for.

use super::Terminal;
use crate::parser::Params;

/// Which mouse events are reported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Mouse {
    #[default]
    Off,
    /// Presses.
    X10,
    /// Presses and releases.
    Clicks,
    /// And motion with a button down.
    Drags,
    /// And any motion.
    Motion,
}

impl Mouse {
    /// The mode that switches it on.
    pub(crate) fn mode(self) -> Option<i32> {
        match self {
            Self::Off => None,
            Self::X10 => Some(9),
            Self::Clicks => Some(1000),
            Self::Drags => Some(1002),
            Self::Motion => Some(1003),
        }
    }
}

/// How mouse events are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum MouseEncoding {
    #[default]
    Default,
    Sgr,
    SgrPixels,
}

impl MouseEncoding {
    /// The mode that switches it on.
    pub(crate) fn mode(self) -> Option<i32> {
        match self {
            Self::Default => None,
            Self::Sgr => Some(1006),
            Self::SgrPixels => Some(1016),
        }
    }
}

/// Every mode.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own, named by the standard")]
pub(crate) struct Modes {
    pub(crate) application_cursor: bool,
    pub(crate) application_keypad: bool,
    pub(crate) bracketed_paste: bool,
    pub(crate) cursor_hidden: bool,
    /// Shape (1 block, 2 underline, 3 bar) and blinking, as the program wants them (DECSCUSR).
    pub(crate) cursor_shape: Option<u8>,
    pub(crate) cursor_blinks: Option<bool>,
    /// The older way to say whether it blinks (mode 12).
    pub(crate) blink_option: Option<bool>,
    pub(crate) focus: bool,
    pub(crate) insert: bool,
    pub(crate) mouse: Mouse,
    pub(crate) mouse_encoding: MouseEncoding,
    /// A line feed returns the carriage too.
    pub(crate) newline: bool,
    pub(crate) origin: bool,
    pub(crate) reverse_wraparound: bool,
    /// The program draws and wants nothing shown meanwhile. It concerns only who shows it.
    pub(crate) synchronized: bool,
    pub(crate) wraparound: bool,
}

impl Default for Modes {
    fn default() -> Self {
        Self {
            application_cursor: false,
            application_keypad: false,
            bracketed_paste: false,
            cursor_hidden: false,
            cursor_shape: None,
            cursor_blinks: None,
            blink_option: None,
            focus: false,
            insert: false,
            mouse: Mouse::default(),
            mouse_encoding: MouseEncoding::default(),
            newline: false,
            origin: false,
            reverse_wraparound: false,
            synchronized: false,
            wraparound: true,
        }
    }
}

impl Modes {
    /// What a reset, hard or soft, sets back.
    pub(super) fn reset(&mut self) {
        let Self { cursor_hidden, blink_option, newline, mouse, mouse_encoding, .. } = *self;
        *self = Self { cursor_hidden, blink_option, newline, mouse, mouse_encoding, ..Self::default() };
    }

    pub(super) fn reset_mouse(&mut self) {
        (self.mouse, self.mouse_encoding) = (Mouse::Off, MouseEncoding::Default);
    }

    /// The DECSCUSR that sets shape and blinking to what they are.
    pub(crate) fn cursor_style(&self) -> u8 {
        match (self.cursor_shape, self.cursor_blinks) {
            (None, None) => 0,
            // Numbers that name no shape still say whether it blinks.
            (shape, blinks) => shape.unwrap_or(4) * 2 - u8::from(blinks.unwrap_or(false)),
        }
    }
}

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
            7 => modes.wraparound = on,
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

    /// What DECRQM is answered: 0 unknown, 1 set, 2 reset, 3 always set, 4 never set.
    pub(super) fn private_mode_state(&self, mode: i32) -> u8 {
        let modes = &self.modes;
        let on = match mode {
            1 => modes.application_cursor,
            6 => modes.origin,
            7 => modes.wraparound,
            8 => return 3,
            9 | 1000 | 1002 | 1003 => modes.mouse.mode() == Some(mode),
            12 => modes.blink_option.unwrap_or(false),
            25 => !modes.cursor_hidden,
            45 => modes.reverse_wraparound,
            47 | 1047 | 1049 => self.alternate.is_some(),
            66 => modes.application_keypad,
            67 | 1005 | 1015 => return 4,
            1004 => modes.focus,
            1006 | 1016 => modes.mouse_encoding.mode() == Some(mode),
            1048 => true,
            2004 => modes.bracketed_paste,
            2026 => modes.synchronized,
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
