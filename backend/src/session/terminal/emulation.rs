//! Effects of the emulator: answers to programs, and what their output says of title and directory.

use super::{OutputLog, Terminal};
use crate::session::emulator::CaughtUp;
use shared_protocol::{StreamEvent, Theme};

/// Pending input up to which queries of programs are answered, in bytes.
const QUERY_REPLY_BYTES: usize = 16 * 1024;

impl Terminal {
    /// Sets the colours that queries of programs get, and reports the change to a program that wants to know.
    pub(in crate::session) fn set_theme(&mut self, theme: &Theme, log: &mut OutputLog) {
        let answers = self.emulator.set_theme(theme);
        self.apply_emulator(CaughtUp { answers, ..CaughtUp::default() }, log);
    }

    pub(super) fn apply_emulator(&mut self, CaughtUp { answers, title, directory }: CaughtUp, log: &mut OutputLog) {
        // A program that asks and never reads gets no more replies: they would fill the queue before the user's keys.
        let room = self.pending.bytes + answers.len() <= QUERY_REPLY_BYTES;
        if !answers.is_empty() && room && !self.closed {
            self.write(None, answers);
        }
        let before = log.end();
        if let Some(title) = title.filter(|_| !self.closed) {
            log.push_event(StreamEvent::Title { title });
        }
        // The exit is the last event of its epoch.
        if directory.is_some_and(|address| !self.closed && self.directory.tell(&address)) {
            log.push_event(StreamEvent::Directory { directory: self.directory.path().map(str::to_owned) });
        }
        self.is_awaited |= log.end() > before;
    }
}
