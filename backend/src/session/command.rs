//! Runs `command` messages in the session's shell: types them at an empty prompt, and takes output and exit code from between
//! the prompt marks. Pure: gets marks and text, returns steps.

use self::echo::is_seen;
use crate::terminal::PromptMark;
use shared_protocol::frame::fitting_text;
use shared_protocol::limits::{ENVELOPE_BYTES, FRAME_BYTES, ID_BYTES, RESULT_BYTES};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Time that a command waits for an empty prompt until it is rejected as busy: the shell may start, or run another.
pub const PROMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// Time that other input waits for the shell to take a typed command.
pub const TYPING_TIMEOUT: Duration = Duration::from_secs(2);

/// Delay before Ctrl-C is typed again to cancel an incomplete line. The line editor ignores one that comes while it draws its
/// prompt.
pub const CANCEL_RETRY_DELAY: Duration = Duration::from_millis(200);

/// Time after [`TYPING_TIMEOUT`] until a line counts as incomplete that stays in the line editor: one that is drawn in colours
/// takes seconds on a busy machine.
pub const LONG_LINE_TIMEOUT: Duration = Duration::from_secs(8);

/// Time without output after which a prompt counts as empty, if keys were typed before it.
pub const SETTLE_DELAY: Duration = Duration::from_millis(100);

/// Attempts to cancel an incomplete line: a shell may ignore them.
const MAX_CANCELS: u32 = 10;

/// Commands that may wait for a prompt.
pub const MAX_WAITING: usize = 16;

/// Captured output of a command, in bytes: twice the result, because line ends become shorter.
const CAPTURE_BYTES: usize = RESULT_BYTES * 2;

/// Room for a result in its frame, in bytes of JSON. The command's id may take six bytes for each of its own.
const RESULT_ROOM: usize = FRAME_BYTES - ENVELOPE_BYTES - 6 * ID_BYTES;

/// Exit code of an incomplete command, the same as of `bash -c`.
const INCOMPLETE: i32 = 2;

/// End of the echoed line in a shell without bracketed paste.
const LINE_END: &[u8] = b"\r\n";

/// Known state of the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shell {
    /// Not at an empty prompt, or unknown.
    Busy,
    /// At a prompt that it cannot mark.
    Unmarked,
    /// The last command ended; a new prompt comes.
    Done,
    /// At a prompt, but keys were typed before it that the line editor may still read. Empty at this time.
    Settling(Instant),
    /// At a prompt, and nothing was typed since.
    EmptyPrompt,
}

/// A command that waits for an empty prompt.
#[derive(Debug)]
struct Waiting<O> {
    origin: O,
    line: String,
    until: Instant,
}

/// The command that was typed last.
#[derive(Debug)]
struct Active<O> {
    origin: O,
    /// Set until the shell has taken the line.
    typing_until: Option<Instant>,
    /// Captured output, at most [`CAPTURE_BYTES`].
    output: Vec<u8>,
    /// True if more was printed.
    truncated: bool,
    /// Exit code, between the command's end and the next prompt.
    code: Option<i32>,
    /// Time of the next Ctrl-C; set while an incomplete line is cancelled.
    cancel_at: Option<Instant>,
    /// Number of Ctrl-C after the first.
    cancels: u32,
    /// True if the shell asked for a continuation.
    incomplete: bool,
    /// True once the line editor has submitted the line: output captured since is not its echo.
    submitted: bool,
}

/// A command that ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Finished<O> {
    /// Sender of the command.
    pub origin: O,
    /// Output with `\n` line ends.
    pub result: String,
    /// True if the output was longer.
    pub truncated: bool,
    /// Exit code.
    pub code: i32,
}

/// Work for the caller.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<O> {
    /// Write this to the terminal.
    Type(Vec<u8>),
    /// Report the result.
    Finished(Finished<O>),
    /// Reject the command: no empty prompt came in time, or too many wait.
    Busy(O),
    /// Reject the command: the shell does not mark its prompts.
    Unmarked(O),
}

/// The commands of one session. `O` identifies a sender. At most one command is active.
#[derive(Debug)]
pub struct Commands<O> {
    shell: Shell,
    /// True while the line editor has bracketed paste on.
    bracketed: bool,
    /// True if the line editor keeps incomplete commands, as fish's does.
    long_lines: bool,
    /// True if keys were typed since the last new prompt.
    typed_ahead: bool,
    active: Option<Active<O>>,
    /// Commands in the order of their requests.
    waiting: VecDeque<Waiting<O>>,
}

impl<O> Default for Commands<O> {
    fn default() -> Self {
        // The first prompt comes without a command before it.
        Self {
            shell: Shell::Done,
            bracketed: false,
            long_lines: false,
            typed_ahead: false,
            active: None,
            waiting: VecDeque::new(),
        }
    }
}

impl<O> Commands<O> {
    /// Memory of waiting commands and of the output of the running one, in bytes.
    pub fn held(&self) -> usize {
        let output = self.active.as_ref().map_or(0, |active| active.output.capacity());
        output + self.waiting.iter().map(|waiting| waiting.line.len()).sum::<usize>()
    }

    /// Requests a command.
    pub fn request(&mut self, origin: O, line: String, now: Instant) -> Vec<Step<O>> {
        match self.shell {
            Shell::Unmarked => return vec![Step::Unmarked(origin)],
            _ if self.waiting.len() >= MAX_WAITING => return vec![Step::Busy(origin)],
            _ => {}
        }
        self.waiting.push_back(Waiting { origin, line, until: now + PROMPT_TIMEOUT });
        self.start(now)
    }

    /// Takes back commands that wait for a prompt.
    pub fn withdraw(&mut self, is_meant: impl Fn(&O) -> bool) -> Vec<O> {
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let (taken, stay) = waiting.partition::<Vec<_>, _>(|waiting| is_meant(&waiting.origin));
        self.waiting = stay.into();
        taken.into_iter().map(|waiting| waiting.origin).collect()
    }

    /// Records keys: the prompt is no longer empty.
    pub fn typed(&mut self) {
        self.shell = Shell::Busy;
        self.typed_ahead = true;
        if let Some(active) = self.active.as_mut().filter(|active| active.typing_until.is_none()) {
            // Whether the line is complete is the user's to decide now.
            active.cancel_at = None;
        }
    }

    /// The keys that type a line at the empty prompt, without Enter; `None` anywhere else.
    pub fn offered(&self, line: &str, now: Instant) -> Option<String> {
        let is_empty = match self.shell {
            Shell::EmptyPrompt => self.active.is_none(),
            Shell::Settling(until) => until <= now,
            Shell::Busy | Shell::Unmarked | Shell::Done => false,
        };
        is_empty.then(|| self.pasted(line))
    }

    /// A paste keeps several lines together, and a tab in it completes nothing.
    fn pasted(&self, line: &str) -> String {
        if self.bracketed { format!("\x1b[200~{line}\x1b[201~") } else { line.to_owned() }
    }

    /// True at a prompt, or shortly before one.
    pub fn is_near_prompt(&self) -> bool {
        self.shell != Shell::Busy
    }

    /// True while a command is being typed and other input must wait.
    pub fn is_typing(&self) -> bool {
        self.active.as_ref().is_some_and(|active| active.typing_until.is_some())
    }

    /// Time of the next [`Self::tick`].
    pub fn deadline(&self) -> Option<Instant> {
        let active = self.active.iter().flat_map(|active| active.typing_until.into_iter().chain(active.cancel_at));
        let settled = match self.shell {
            Shell::Settling(until) if !self.waiting.is_empty() => Some(until),
            _ => None,
        };
        self.waiting.front().map(|waiting| waiting.until).into_iter().chain(active).chain(settled).min()
    }

    /// Gives up commands that are overdue.
    pub fn tick(&mut self, now: Instant) -> Vec<Step<O>> {
        if let Some(active) = &mut self.active
            && active.typing_until.is_some_and(|until| until <= now)
        {
            // The shell did not take the line. It may still run: go on capturing, but let other input through.
            active.typing_until = None;
            if self.long_lines {
                active.cancel_at = Some(now + LONG_LINE_TIMEOUT);
            }
        }
        let mut steps = Vec::new();
        if let Some(active) = &mut self.active
            && active.cancel_at.is_some_and(|at| at <= now)
        {
            active.cancels += 1;
            active.incomplete = true;
            active.cancel_at = (active.cancels < MAX_CANCELS).then_some(now + CANCEL_RETRY_DELAY);
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

    /// Takes output other than marks.
    pub fn text(&mut self, text: &[u8]) {
        if matches!(self.shell, Shell::Settling(_)) && is_seen(text) {
            // The echo of keys that were typed ahead.
            self.shell = Shell::Busy;
        }
        // Output between the command's end and the prompt mark is the prompt itself.
        if let Some(active) = self.active.as_mut().filter(|active| active.code.is_none()) {
            let room = CAPTURE_BYTES.saturating_sub(active.output.len());
            active.truncated |= text.len() > room;
            active.output.extend_from_slice(&text[..text.len().min(room)]);
        }
    }

    /// Takes a prompt mark.
    pub fn mark(&mut self, mark: PromptMark, now: Instant) -> Vec<Step<O>> {
        match mark {
            PromptMark::BracketedPaste(on) => {
                self.bracketed = on;
                if let Some(active) = &mut self.active
                    && !on
                    && active.typing_until.is_some()
                {
                    active.submitted = true;
                    active.output.clear();
                }
                Vec::new()
            }
            PromptMark::CommandStarted => {
                self.shell = Shell::Busy;
                if let Some(active) = &mut self.active {
                    active.code = None;
                    active.cancel_at = None;
                    if active.typing_until.take().is_some() {
                        // The output so far is the echo of the line.
                        active.output.clear();
                        active.truncated = false;
                    }
                }
                Vec::new()
            }
            PromptMark::Continuation => match &mut self.active {
                Some(active) => {
                    active.incomplete = true;
                    active.cancel_at = Some(now + CANCEL_RETRY_DELAY);
                    vec![Step::Type(vec![0x03])]
                }
                None => Vec::new(),
            },
            PromptMark::CommandFinished(code) => {
                self.shell = Shell::Done;
                if let Some(active) = &mut self.active {
                    active.code = Some(code);
                    active.cancel_at = None;
                }
                Vec::new()
            }
            // A redraw of the prompt prints it again: only the first after the command's end is a new prompt.
            PromptMark::PromptReady if self.shell == Shell::Done => {
                let typed_ahead = std::mem::take(&mut self.typed_ahead);
                self.shell = if typed_ahead { Shell::Settling(now + SETTLE_DELAY) } else { Shell::EmptyPrompt };
                let mut steps: Vec<_> = self.finish(None).into_iter().collect();
                steps.extend(self.start(now));
                steps
            }
            PromptMark::Unmarked => {
                self.shell = Shell::Unmarked;
                self.waiting.drain(..).map(|waiting| Step::Unmarked(waiting.origin)).collect()
            }
            PromptMark::LongLines => {
                self.long_lines = true;
                Vec::new()
            }
            PromptMark::PromptReady | PromptMark::Unknown => Vec::new(),
        }
    }

    /// Ends every command: the shell exited.
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
        self.shell = Shell::Busy;
        self.active = Some(Active {
            origin,
            typing_until: Some(now + TYPING_TIMEOUT),
            output: Vec::new(),
            truncated: false,
            code: None,
            cancel_at: None,
            cancels: 0,
            incomplete: false,
            submitted: false,
        });
        let line = line.trim_end_matches('\n');
        vec![Step::Type((self.pasted(line) + "\r").into_bytes())]
    }

    fn finish(&mut self, shell_code: Option<i32>) -> Option<Step<O>> {
        let active = self.active.take()?;
        let mut output = active.output.as_slice();
        if active.typing_until.is_some() {
            // The line never ran because of a syntax error: the output after it is the message.
            let echo = memchr::memmem::find(output, LINE_END).map_or(output.len(), |at| at + LINE_END.len());
            output = if active.submitted { output } else { &output[echo..] };
            output = output.strip_prefix(b"\r\r\n").or(output.strip_prefix(b"\r")).unwrap_or(output);
        } else if self.long_lines {
            output = after_title_and_colours(output);
        }
        let mut result = String::from_utf8_lossy(output).replace("\r\n", "\n");
        // Control characters take six bytes in JSON, and the result must fit into a frame.
        let max = fitting_text(&result, RESULT_ROOM).len().min(result.floor_char_boundary(RESULT_BYTES));
        let truncated = active.truncated || result.len() > max;
        result.truncate(max);
        let code = active.code.or(shell_code).unwrap_or_default();
        Some(Step::Finished(Finished {
            origin: active.origin,
            result,
            truncated,
            code: if active.incomplete { INCOMPLETE } else { code },
        }))
    }
}

/// The output after the title, and the reset of colours and column, that fish prints once a command has begun.
fn after_title_and_colours(output: &[u8]) -> &[u8] {
    const RESET: &[u8] = b"\x1b[30m\x1b(B\x1b[m";
    let title = output.strip_prefix(b"\x1b]0;");
    let after_title = title.and_then(|title| memchr::memchr(0x07, title).map(|end| &title[end + 1..]));
    let rest = after_title.unwrap_or(output).strip_prefix(RESET).unwrap_or(output);
    rest.strip_prefix(b"\r").unwrap_or(rest)
}

mod echo;

#[cfg(test)]
mod tests;
