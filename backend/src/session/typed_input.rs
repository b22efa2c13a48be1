//! Decides which of the keys that people type may be recorded. Pure: gets the keys that the terminal took, its settings, the
//! shell's marks and the time, and gives back what may be kept, a moment later.
//!
//! Line editors, vim and less turn the terminal's echo off while they read, and so do password prompts: echo alone would record
//! nothing, or guess. So keys are kept that the terminal itself echoes, and keys at the shell's prompt up to the end of the line,
//! which its line editor reads. Behind the end of a line no one knows who will read: those keys are kept only where they are
//! echoed. All wait for a moment, and go if the terminal stops to echo meanwhile: they may be a password that was typed too
//! early.

use crate::terminal::PromptMark;
use shared_protocol::server::Tty;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Time that keys wait, in which they may turn out to be for a password prompt.
const HOLD_TIME: Duration = Duration::from_millis(250);

/// Time between two looks at the terminal's settings while keys wait: no event tells of a change.
const LOOK_INTERVAL: Duration = Duration::from_millis(25);

/// Keys that wait at most, in bytes. The first of more are not recorded.
const HELD_BYTES: usize = 16 * 1024;

/// A piece for the recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Typed {
    /// Keys, as the terminal got them.
    Keys(Vec<u8>),
    /// Any number of keys that are not recorded.
    Hidden,
}

/// Reader of the keys, by the shell's marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// The shell's line editor, at its prompt.
    LineEditor,
    /// Not known: the end of a line was typed, and the shell has not said yet what comes of it.
    Unknown,
    /// A program, or the shell between a command and its next prompt.
    Program,
}

/// Keys that wait.
#[derive(Debug)]
struct Held {
    /// Time at which they were typed.
    at: Instant,
    typed: Typed,
    /// True if they are part of a line at the prompt. Otherwise the terminal has echoed them.
    of_line: bool,
}

/// The keys of a terminal that may be recorded.
///
/// Invariant: what comes out was echoed by the terminal, or is part of a line that the shell's line editor has read.
#[derive(Debug)]
pub(super) struct TypedInput {
    reader: Reader,
    /// True if the line editor is known not to echo.
    silent: bool,
    /// In the order in which they were typed.
    held: VecDeque<Held>,
    /// Sum of the lengths in `held`.
    bytes: usize,
    /// True if the last that came out was [`Typed::Hidden`], which stands for all that follows it.
    hides: bool,
    /// Time of the next look at the settings.
    look_at: Option<Instant>,
}

impl TypedInput {
    pub(super) fn new() -> Self {
        Self { reader: Reader::Program, silent: false, held: VecDeque::new(), bytes: 0, hides: false, look_at: None }
    }

    /// Memory, in bytes.
    pub(super) fn held(&self) -> usize {
        self.bytes
    }

    /// Time of the next look at the terminal's settings.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.look_at
    }

    /// Takes a mark of the shell; `tty` returns the present settings.
    pub(super) fn mark(&mut self, mark: PromptMark, tty: impl FnOnce() -> Tty) {
        match mark {
            PromptMark::PromptReady | PromptMark::Continuation => self.reader = Reader::LineEditor,
            PromptMark::CommandStarted | PromptMark::Unmarked => {
                if self.reader == Reader::LineEditor {
                    // Another key than Enter has ended the line. Which of these came behind that is not known.
                    self.hide(|held| held.of_line);
                }
                self.reader = Reader::Program;
            }
            PromptMark::CommandFinished(_) => {
                let tty = tty();
                // Otherwise the line editor reads already.
                if tty.canonical {
                    self.silent = !tty.echo;
                }
                self.reader = Reader::Program;
            }
            PromptMark::BracketedPaste(_) | PromptMark::LongLines | PromptMark::Unknown => {}
        }
    }

    /// Ctrl-C: the line at the prompt is gone, or the program.
    pub(super) fn interrupted(&mut self) {
        if self.reader == Reader::LineEditor {
            self.reader = Reader::Unknown;
        }
    }

    /// The terminal took these bytes, with these settings before and behind that. `by_person` is false for the service's own.
    pub(super) fn written(&mut self, bytes: &[u8], by_person: bool, settings: [Tty; 2], now: Instant) {
        let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')).map(|end| end + 1);
        let is_echoed = settings.iter().all(|tty| tty.echo && tty.canonical);
        let asks = settings.iter().any(asks_for_password);
        if asks {
            self.hide(|_| true);
        }
        let is_edited = self.reader == Reader::LineEditor && !self.silent && !asks;
        if by_person {
            let line = if is_edited { end.unwrap_or(bytes.len()) } else { 0 };
            if is_echoed {
                self.hold(Typed::Keys(bytes.to_vec()), false, now);
            } else {
                let (line, rest) = bytes.split_at(line);
                if !line.is_empty() {
                    self.hold(Typed::Keys(line.to_vec()), true, now);
                }
                if !rest.is_empty() {
                    self.hold(Typed::Hidden, false, now);
                }
            }
        }
        if end.is_some() && self.reader == Reader::LineEditor {
            self.reader = Reader::Unknown;
        }
    }

    fn hold(&mut self, typed: Typed, of_line: bool, now: Instant) {
        if typed == Typed::Hidden && self.held.back().map_or(self.hides, |last| last.typed == Typed::Hidden) {
            return;
        }
        if let Typed::Keys(keys) = &typed {
            self.bytes += keys.len();
        }
        self.held.push_back(Held { at: now, typed, of_line });
        self.look_at.get_or_insert(now + LOOK_INTERVAL);
        while self.bytes > HELD_BYTES {
            let Some(first) = self.held.iter_mut().find(|held| held.typed != Typed::Hidden) else { return };
            if let Typed::Keys(keys) = std::mem::replace(&mut first.typed, Typed::Hidden) {
                self.bytes -= keys.len();
            }
        }
    }

    /// Hides those of the keys that wait.
    fn hide(&mut self, which: impl Fn(&Held) -> bool) {
        for held in self.held.iter_mut().filter(|held| which(held)) {
            if let Typed::Keys(keys) = std::mem::replace(&mut held.typed, Typed::Hidden) {
                self.bytes -= keys.len();
            }
        }
        let mut before = false;
        self.held.retain(|held| {
            let is_hidden = held.typed == Typed::Hidden;
            !(std::mem::replace(&mut before, is_hidden) && is_hidden)
        });
    }

    /// Looks at the settings. Returns what has waited long enough.
    pub(super) fn look(&mut self, tty: Tty, now: Instant) -> Vec<(Instant, Typed)> {
        if asks_for_password(&tty) {
            self.hide(|_| true);
        } else if !tty.canonical && self.reader == Reader::Program {
            // A program that reads keys has started. A line at the prompt was read before.
            self.hide(|held| !held.of_line);
        }
        let ripe = self.held.iter().take_while(|held| held.at + HOLD_TIME <= now).count();
        let ripe = self.held.drain(..ripe).collect();
        self.look_at = (!self.held.is_empty()).then(|| now + LOOK_INTERVAL);
        self.release(ripe)
    }

    /// The shell is over. Returns what is left, of which nothing but lines at the prompt is known to have been read.
    pub(super) fn finish(&mut self) -> Vec<(Instant, Typed)> {
        let ended = self.reader != Reader::LineEditor;
        self.hide(|held| !held.of_line || !ended);
        self.look_at = None;
        let rest = self.held.drain(..).collect();
        self.release(rest)
    }

    fn release(&mut self, ripe: Vec<Held>) -> Vec<(Instant, Typed)> {
        let mut out = Vec::new();
        for Held { at, typed, .. } in ripe {
            if let Typed::Keys(keys) = &typed {
                self.bytes -= keys.len();
            }
            let is_hidden = typed == Typed::Hidden;
            if !(std::mem::replace(&mut self.hides, is_hidden) && is_hidden) {
                out.push((at, typed));
            }
        }
        out
    }
}

/// True for the settings of a password prompt: whole lines are read, and none is shown.
fn asks_for_password(tty: &Tty) -> bool {
    tty.canonical && !tty.echo
}

#[cfg(test)]
mod tests;
