//! Runs `command` messages in the session's own shell: typed at an empty prompt, its output and exit code read between the
//! shell's marks. Pure: sees marks and text, says what to type.

use crate::terminal::PromptMark;
use shared_protocol::frame::fitting_text;
use shared_protocol::limits::{ENVELOPE_BYTES, FRAME_BYTES, ID_BYTES, RESULT_BYTES};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// How long a command waits for an empty prompt (a shell that starts, the command before it) until it is refused as busy.
pub const PROMPT_WAIT: Duration = Duration::from_secs(3);

/// How long other input waits for the shell to take the line.
pub const TYPING_WAIT: Duration = Duration::from_secs(2);

/// A line that is not whole is taken back with Ctrl-C, again after this long: one that comes while the line editor is drawing
/// its prompt is only acted on at the next key.
pub const TAKE_BACK_AGAIN: Duration = Duration::from_millis(200);

/// How long a prompt must stand untouched, when keys were typed before it, until it counts as empty.
pub const SETTLE: Duration = Duration::from_millis(100);

/// How often a line that is not whole is taken back, at most.
const TAKE_BACKS: u32 = 10;

/// Commands that wait for a prompt, at most.
pub const WAITING_COMMANDS: usize = 16;

/// What is kept of a command's output, in bytes: twice the result, because line ends become shorter.
const CAPTURE_BYTES: usize = RESULT_BYTES * 2;

/// Room of a result in its frame, in bytes of JSON: the id of the command may be as long as six bytes for each of its own.
const RESULT_ROOM: usize = FRAME_BYTES - ENVELOPE_BYTES - 6 * ID_BYTES;

/// Exit code of a line that is not a complete command, as `bash -c` gives it.
const INCOMPLETE: i32 = 2;

/// Where the echo of a line ends in a shell without bracketed paste.
const LINE_END: &[u8] = b"\r\n";

/// What the shell is known to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shell {
    /// Not at a prompt, or nothing known.
    Elsewhere,
    /// The last line is done; the prompt is about to stand.
    Done,
    /// A prompt stands there, but keys were typed before it: the line editor may be about to read them.
    Settling(Instant),
    /// A prompt stands there and nothing was typed since.
    EmptyPrompt,
}

#[derive(Debug)]
struct Waiting<O> {
    origin: O,
    line: String,
    until: Instant,
}

#[derive(Debug)]
struct Active<O> {
    origin: O,
    /// Set until the shell has taken the line.
    typing_until: Option<Instant>,
    output: Vec<u8>,
    truncated: bool,
    code: Option<i32>,
    /// Set while a line that is not whole is taken back: when to try again.
    take_back_at: Option<Instant>,
    take_backs: u32,
    incomplete: bool,
    /// The line editor has handed the line over: what is captured since is not its echo.
    line_left: bool,
}

/// A command that is over.
#[derive(Debug, PartialEq, Eq)]
pub struct Finished<O> {
    /// Who asked for it.
    pub origin: O,
    /// What it printed, with `\n` line ends.
    pub result: String,
    /// Whether more was printed than is kept.
    pub truncated: bool,
    /// Its exit code.
    pub code: i32,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<O> {
    /// Type this into the terminal.
    Type(Vec<u8>),
    /// Tell who asked.
    Finished(Finished<O>),
    /// No empty prompt came in time, or too many wait.
    Busy(O),
}

/// The commands of one session. `O` says who asked.
#[derive(Debug)]
pub struct Commands<O> {
    shell: Shell,
    bracketed: bool,
    /// Keys were typed since the last prompt stood there.
    typed_ahead: bool,
    active: Option<Active<O>>,
    waiting: VecDeque<Waiting<O>>,
}

impl<O> Default for Commands<O> {
    fn default() -> Self {
        // The first prompt comes without a command before it.
        Self { shell: Shell::Done, bracketed: false, typed_ahead: false, active: None, waiting: VecDeque::new() }
    }
}

impl<O> Commands<O> {
    /// Someone asks for a command.
    pub fn request(&mut self, origin: O, line: String, now: Instant) -> Vec<Step<O>> {
        if self.waiting.len() >= WAITING_COMMANDS {
            return vec![Step::Busy(origin)];
        }
        self.waiting.push_back(Waiting { origin, line, until: now + PROMPT_WAIT });
        self.start(now)
    }

    /// A key was typed: the prompt is not empty any more.
    pub fn typed(&mut self) {
        self.shell = Shell::Elsewhere;
        self.typed_ahead = true;
    }

    /// Whether a command is being typed and other input must wait.
    pub fn is_typing(&self) -> bool {
        self.active.as_ref().is_some_and(|active| active.typing_until.is_some())
    }

    /// When [`Self::tick`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        let active = self.active.iter().flat_map(|active| active.typing_until.into_iter().chain(active.take_back_at));
        let settled = match self.shell {
            Shell::Settling(until) if !self.waiting.is_empty() => Some(until),
            _ => None,
        };
        self.waiting.front().map(|waiting| waiting.until).into_iter().chain(active).chain(settled).min()
    }

    /// Gives up what took too long.
    pub fn tick(&mut self, now: Instant) -> Vec<Step<O>> {
        if let Some(active) = &mut self.active
            && active.typing_until.is_some_and(|until| until <= now)
        {
            // The line was typed but never taken; it may still run, so go on listening, but let others type.
            active.typing_until = None;
        }
        let mut steps = Vec::new();
        if let Some(active) = &mut self.active
            && active.take_back_at.is_some_and(|at| at <= now)
        {
            // Not for ever: a shell may ignore it.
            active.take_backs += 1;
            active.take_back_at = (active.take_backs < TAKE_BACKS).then_some(now + TAKE_BACK_AGAIN);
            steps.push(Step::Type(vec![0x03]));
        }
        if matches!(self.shell, Shell::Settling(until) if until <= now) {
            self.shell = Shell::EmptyPrompt;
            steps.extend(self.start(now));
        }
        while self.waiting.front().is_some_and(|waiting| waiting.until <= now) {
            steps.extend(self.waiting.pop_front().map(|waiting| Step::Busy(waiting.origin)));
        }
        steps
    }

    /// The shell printed something that is no mark.
    pub fn text(&mut self, text: &[u8]) {
        if matches!(self.shell, Shell::Settling(_)) {
            // The echo of what was typed ahead.
            self.shell = Shell::Elsewhere;
        }
        // Between the end of the command and the prompt's mark stands the prompt itself.
        if let Some(active) = self.active.as_mut().filter(|active| active.code.is_none()) {
            let room = CAPTURE_BYTES.saturating_sub(active.output.len());
            active.truncated |= text.len() > room;
            active.output.extend_from_slice(&text[..text.len().min(room)]);
        }
    }

    /// The shell printed a mark.
    pub fn mark(&mut self, mark: PromptMark, now: Instant) -> Vec<Step<O>> {
        match mark {
            PromptMark::BracketedPaste(on) => {
                self.bracketed = on;
                if let Some(active) = &mut self.active
                    && !on
                    && active.typing_until.is_some()
                {
                    active.line_left = true;
                    active.output.clear();
                }
                Vec::new()
            }
            PromptMark::CommandStarted => {
                self.shell = Shell::Elsewhere;
                if let Some(active) = &mut self.active {
                    active.code = None;
                    active.take_back_at = None;
                    if active.typing_until.take().is_some() {
                        // What was captured until now is the line itself.
                        active.output.clear();
                        active.truncated = false;
                    }
                }
                Vec::new()
            }
            PromptMark::Continuation => match &mut self.active {
                Some(active) => {
                    active.incomplete = true;
                    active.take_back_at = Some(now + TAKE_BACK_AGAIN);
                    vec![Step::Type(vec![0x03])]
                }
                None => Vec::new(),
            },
            PromptMark::CommandFinished(code) => {
                self.shell = Shell::Done;
                if let Some(active) = &mut self.active {
                    active.code = Some(code);
                    active.take_back_at = None;
                }
                Vec::new()
            }
            // The line editor also prints it when it draws the prompt again: only the first after `Done` is a new prompt.
            PromptMark::PromptReady if self.shell == Shell::Done => {
                let typed_ahead = std::mem::take(&mut self.typed_ahead);
                self.shell = if typed_ahead { Shell::Settling(now + SETTLE) } else { Shell::EmptyPrompt };
                let mut steps: Vec<_> = self.finish(None).into_iter().collect();
                steps.extend(self.start(now));
                steps
            }
            PromptMark::PromptReady => Vec::new(),
        }
    }

    /// The shell is over: so is every command.
    pub fn shell_ended(&mut self, code: i32) -> Vec<Step<O>> {
        let mut steps: Vec<_> = self.finish(Some(code)).into_iter().collect();
        steps.extend(self.waiting.drain(..).map(|waiting| Step::Busy(waiting.origin)));
        steps
    }

    fn start(&mut self, now: Instant) -> Vec<Step<O>> {
        if self.shell != Shell::EmptyPrompt || self.active.is_some() {
            return Vec::new();
        }
        let Some(Waiting { origin, line, .. }) = self.waiting.pop_front() else { return Vec::new() };
        self.shell = Shell::Elsewhere;
        self.active = Some(Active {
            origin,
            typing_until: Some(now + TYPING_WAIT),
            output: Vec::new(),
            truncated: false,
            code: None,
            take_back_at: None,
            take_backs: 0,
            incomplete: false,
            line_left: false,
        });
        let line = line.trim_end_matches('\n');
        // As a paste, its lines are taken together and a tab completes nothing.
        let typed = if self.bracketed { format!("\x1b[200~{line}\x1b[201~\r") } else { format!("{line}\r") };
        vec![Step::Type(typed.into_bytes())]
    }

    fn finish(&mut self, shell_code: Option<i32>) -> Option<Step<O>> {
        let active = self.active.take()?;
        let mut output = active.output.as_slice();
        if active.typing_until.is_some() {
            // The line never ran (a syntax error): what follows it is the complaint.
            let echo = memchr::memmem::find(output, LINE_END).map_or(output.len(), |at| at + LINE_END.len());
            output = if active.line_left { output } else { &output[echo..] };
            output = output.strip_prefix(b"\r").unwrap_or(output);
        }
        let mut result = String::from_utf8_lossy(output).replace("\r\n", "\n");
        // Control sequences are six times as long in JSON: the result must fit into a frame whatever it holds.
        let most = fitting_text(&result, RESULT_ROOM).len().min(result.floor_char_boundary(RESULT_BYTES));
        let truncated = active.truncated || result.len() > most;
        result.truncate(most);
        let code = active.code.or(shell_code).unwrap_or_default();
        Some(Step::Finished(Finished {
            origin: active.origin,
            result,
            truncated,
            code: if active.incomplete { INCOMPLETE } else { code },
        }))
    }
}

#[cfg(test)]
mod tests;
