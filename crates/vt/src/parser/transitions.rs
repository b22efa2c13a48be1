//! The transitions of the parser. The table is that of xterm.js (`EscapeSequenceParser.ts`), with its surprises: a non-ASCII
//! character ends a control sequence or an APC string, and is lost.

use super::sixel::Sixel;
use super::state::State;
use super::{Actions, MAX_DEFERRED, MAX_STRING_BYTES, Parser};

impl Parser {
    /// Takes one character; true if it begins a sequence.
    pub(super) fn step(&mut self, c: u32, actions: &mut impl Actions) -> bool {
        if self.state == State::Ground && c >= 0xa0 {
            actions.print(c);
            return false;
        }
        if self.state == State::Ground {
            actions.end_run();
        }
        match c {
            0x18 | 0x1a | 0x1b | 0x80..=0x9f => self.anywhere(c, actions),
            _ => {
                self.inside(c, actions);
                false
            }
        }
    }

    /// Handles characters with the same meaning in nearly every state: they end the current sequence and may start another.
    fn anywhere(&mut self, c: u32, actions: &mut impl Actions) -> bool {
        let ends_string = matches!(c, 0x18 | 0x1a | 0x1b | 0x9c);
        match self.state {
            State::Osc if ends_string => self.end_osc(!matches!(c, 0x18 | 0x1a), false, actions),
            State::DcsPayload if ends_string => self.end_dcs(!matches!(c, 0x18 | 0x1a), actions),
            _ => {
                self.run_deferred(actions);
                if !matches!(c, 0x1b | 0x90 | 0x98 | 0x9b..=0x9f) {
                    actions.execute(c);
                }
            }
        }
        self.state = match c {
            0x1b => State::Escape,
            0x90 => State::DcsEntry,
            0x98 | 0x9e | 0x9f => State::Swallow,
            0x9b => State::CsiEntry,
            0x9d => State::Osc,
            _ => State::Ground,
        };
        self.clear();
        self.state != State::Ground
    }

    fn inside(&mut self, c: u32, actions: &mut impl Actions) {
        // Beyond ASCII all characters are alike.
        let byte = c.min(0xa0) as u8;
        match self.state {
            State::Ground => self.control(byte, actions),
            State::Escape | State::EscapeIntermediate => self.escape(byte, actions),
            State::CsiEntry | State::CsiParam | State::CsiIntermediate | State::CsiIgnore => {
                self.control_sequence(byte, actions);
            }
            State::Osc => match byte {
                0x07 => self.end_osc(true, true, actions),
                0x20.. => self.put(c),
                _ => {}
            },
            State::Swallow => {
                if byte == 0xa0 {
                    self.state = State::Ground;
                }
            }
            State::DcsEntry | State::DcsParam | State::DcsIntermediate => self.device_control(byte),
            State::DcsIgnore => {}
            State::DcsPayload => match &mut self.sixel {
                Some(sixel) => sixel.push(c),
                None => self.put(c),
            },
        }
    }

    /// Control characters work inside a sequence too. They wait for its end, which nothing but it can tell, so that the bytes
    /// that are held back have done nothing yet.
    fn control(&mut self, byte: u8, actions: &mut impl Actions) {
        if byte >= 0x20 {
            return;
        }
        if self.state == State::Ground {
            actions.execute(u32::from(byte));
            return;
        }
        if self.deferred_len == MAX_DEFERRED {
            self.run_deferred(actions);
            self.open = true;
        }
        if self.open {
            actions.execute(u32::from(byte));
        } else {
            self.deferred[self.deferred_len] = byte;
            self.deferred_len += 1;
        }
    }

    fn run_deferred(&mut self, actions: &mut impl Actions) {
        for at in 0..std::mem::take(&mut self.deferred_len) {
            actions.execute(u32::from(self.deferred[at]));
        }
    }

    fn escape(&mut self, byte: u8, actions: &mut impl Actions) {
        let intermediate = self.state == State::EscapeIntermediate;
        match byte {
            0..=0x1f | 0x7f => self.control(byte, actions),
            0x20..=0x2f => {
                self.collect(byte);
                self.state = State::EscapeIntermediate;
            }
            b'P' if !intermediate => self.begin(State::DcsEntry, actions),
            b'[' if !intermediate => self.begin(State::CsiEntry, actions),
            b']' if !intermediate => self.begin(State::Osc, actions),
            b'X' | b'^' | b'_' if !intermediate => self.begin(State::Swallow, actions),
            0x30..=0x7e => {
                self.ground(actions);
                actions.esc(self.collect, byte);
            }
            _ => self.ground(actions),
        }
    }

    fn control_sequence(&mut self, byte: u8, actions: &mut impl Actions) {
        let state = self.state;
        match byte {
            0..=0x1f | 0x7f => self.control(byte, actions),
            0x40..=0x7e => {
                self.ground(actions);
                if state != State::CsiIgnore {
                    actions.csi(self.collect, byte, &self.params);
                }
            }
            _ if state == State::CsiIgnore => {}
            0x20..=0x2f => {
                self.collect(byte);
                self.state = State::CsiIntermediate;
            }
            0x30..=0x3b if state != State::CsiIntermediate => {
                self.params.push(byte);
                self.state = State::CsiParam;
            }
            0x3c..=0x3f if state == State::CsiEntry => {
                self.collect(byte);
                self.state = State::CsiParam;
            }
            0x30..=0x3f => self.state = State::CsiIgnore,
            _ => self.ground(actions),
        }
    }

    fn device_control(&mut self, byte: u8) {
        match byte {
            0..=0x1f | 0x7f => {}
            0x20..=0x2f => {
                self.collect(byte);
                self.state = State::DcsIntermediate;
            }
            0x30..=0x3b if self.state != State::DcsIntermediate => {
                self.params.push(byte);
                self.state = State::DcsParam;
            }
            0x3c..=0x3f if self.state == State::DcsEntry => {
                self.collect(byte);
                self.state = State::DcsParam;
            }
            0x30..=0x3f => self.state = State::DcsIgnore,
            0x40..=0x7e => {
                self.last = byte;
                self.sixel = (self.collect == 0 && byte == b'q').then(Sixel::default);
                self.state = State::DcsPayload;
            }
            _ => self.state = State::Ground,
        }
    }

    fn end_osc(&mut self, whole: bool, bell: bool, actions: &mut impl Actions) {
        self.state = State::Ground;
        actions.osc((whole && !self.too_long).then_some(&self.payload), bell);
    }

    fn end_dcs(&mut self, whole: bool, actions: &mut impl Actions) {
        self.state = State::Ground;
        if let (Some(sixel), true) = (&self.sixel, whole) {
            actions.image(sixel.height());
        }
        actions.dcs(self.collect, self.last, (whole && !self.too_long).then_some(&self.payload));
    }

    fn begin(&mut self, state: State, actions: &mut impl Actions) {
        self.run_deferred(actions);
        self.clear();
        self.state = state;
    }

    fn ground(&mut self, actions: &mut impl Actions) {
        self.state = State::Ground;
        self.run_deferred(actions);
    }

    fn clear(&mut self) {
        self.collect = 0;
        self.params.clear();
        self.payload.clear();
        self.too_long = false;
    }

    fn collect(&mut self, byte: u8) {
        self.collect = self.collect << 8 | u32::from(byte);
    }

    fn put(&mut self, c: u32) {
        if let Some(c) = char::from_u32(c) {
            self.too_long |= self.payload.len() + c.len_utf8() > MAX_STRING_BYTES;
            if !self.too_long {
                self.payload.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }

    /// Reopens a sequence that was too long to hold back, so that the following bytes count as its rest: of an executed sequence,
    /// or of an ignored string.
    pub(crate) fn reopen(&self, out: &mut Vec<u8>) {
        if !self.open {
            return;
        }
        out.push(0x1b);
        let collected = self.collect.to_be_bytes();
        let collected = collected.iter().copied().filter(|byte| *byte != 0);
        match self.state {
            State::Ground | State::Escape => {}
            State::EscapeIntermediate => out.extend(collected),
            State::CsiEntry => out.push(b'['),
            State::CsiParam | State::CsiIntermediate => {
                out.push(b'[');
                let (prefix, intermediates): (Vec<u8>, Vec<u8>) = collected.partition(|byte| *byte >= 0x30);
                out.extend(prefix);
                self.params.write(out);
                out.extend(intermediates);
            }
            State::CsiIgnore => out.extend(b"[0<"),
            // No emulator knows this number.
            State::Osc => out.extend(b"]999999;"),
            State::Swallow => out.push(b'X'),
            State::DcsEntry | State::DcsParam | State::DcsIntermediate => out.extend(b"P0"),
            State::DcsIgnore => out.extend(b"P0<"),
            State::DcsPayload => match &self.sixel {
                Some(sixel) => sixel.reopen(out),
                None => out.extend(b"P0~"),
            },
        }
    }
}
