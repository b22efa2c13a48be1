//! The modes of a terminal.

/// Reported mouse events; the value is the number of the mode that switches them on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Mouse {
    #[default]
    Off = 0,
    /// Presses.
    X10 = 9,
    /// Presses and releases.
    Clicks = 1000,
    /// And motion with a button down.
    Drags = 1002,
    /// And any motion.
    Motion = 1003,
}

/// How mouse events are written: the number of the mode that switches it on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum MouseEncoding {
    #[default]
    Default = 0,
    Sgr = 1006,
    SgrPixels = 1016,
}

#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own, named by the standard")]
pub(crate) struct Modes {
    pub(crate) application_cursor: bool,
    pub(crate) application_keypad: bool,
    pub(crate) bracketed_paste: bool,
    pub(crate) cursor_hidden: bool,
    /// Shape (1 block, 2 underline, 3 bar) and blinking, as the program wants them (DECSCUSR).
    pub(crate) cursor_shape: Option<u8>,
    pub(crate) cursor_blinks: Option<bool>,
    /// Cursor blinking by mode 12.
    pub(crate) blink_option: Option<bool>,
    pub(crate) focus: bool,
    /// Clusters of characters stand in one place (mode 2027).
    pub(crate) graphemes: bool,
    pub(crate) insert: bool,
    pub(crate) mouse: Mouse,
    pub(crate) mouse_encoding: MouseEncoding,
    /// A line feed returns the carriage too.
    pub(crate) newline: bool,
    pub(crate) origin: bool,
    pub(crate) reverse_wraparound: bool,
    /// Changes of the theme are reported.
    pub(crate) theme_reports: bool,
    /// Synchronized output: concerns only the emulator that displays.
    pub(crate) synchronized: bool,
    /// The opposite of DECAWM, which a reset sets.
    pub(crate) no_wraparound: bool,
}

impl Modes {
    /// Resets the modes that both RIS and DECSTR reset.
    pub(super) fn reset(&mut self) {
        let Self { cursor_hidden, blink_option, newline, mouse, mouse_encoding, .. } = *self;
        *self = Self { cursor_hidden, blink_option, newline, mouse, mouse_encoding, ..Self::default() };
    }

    pub(super) fn reset_mouse(&mut self) {
        (self.mouse, self.mouse_encoding) = (Mouse::Off, MouseEncoding::Default);
    }

    /// The DECSCUSR parameter for the current shape and blinking.
    pub(crate) fn cursor_style(&self) -> u8 {
        match (self.cursor_shape, self.cursor_blinks) {
            (None, None) => 0,
            // Numbers that name no shape still say whether it blinks.
            (shape, blinks) => shape.unwrap_or(4) * 2 - u8::from(blinks.unwrap_or(false)),
        }
    }
}
