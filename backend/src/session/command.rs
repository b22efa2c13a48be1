//! Runs `command` messages in the session's own shell: typed at an empty prompt, its output and exit code read between the
//! shell's marks. Pure: sees marks and text, says what to type.

use crate::pty::Mark;
use shared_protocol::frame::fitting_text;
use shared_protocol::limits::{ENVELOPE_BYTES, FRAME_BYTES, ID_BYTES, RESULT_BYTES};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// How long a command waits for an empty prompt (a shell that starts, the command before it) until it is refused as busy.
pub const PROMPT_WAIT: Duration = Duration::from_secs(3);

/// How long other input waits for the shell to take the line.
pub const TYPING_WAIT: Duration = Duration::from_secs(2);

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
    active: Option<Active<O>>,
    waiting: VecDeque<Waiting<O>>,
}

impl<O> Default for Commands<O> {
    fn default() -> Self {
        // The first prompt comes without a command before it.
        Self { shell: Shell::Done, bracketed: false, active: None, waiting: VecDeque::new() }
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
    }

    /// Whether a command is being typed and other input must wait.
    pub fn is_typing(&self) -> bool {
        self.active.as_ref().is_some_and(|active| active.typing_until.is_some())
    }

    /// When [`Self::tick`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        let typing = self.active.as_ref().and_then(|active| active.typing_until);
        self.waiting.front().map(|waiting| waiting.until).into_iter().chain(typing).min()
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
        while self.waiting.front().is_some_and(|waiting| waiting.until <= now) {
            steps.extend(self.waiting.pop_front().map(|waiting| Step::Busy(waiting.origin)));
        }
        steps
    }

    /// The shell printed something that is no mark.
    pub fn text(&mut self, text: &[u8]) {
        // Between the end of the command and the prompt's mark stands the prompt itself.
        if let Some(active) = self.active.as_mut().filter(|active| active.code.is_none()) {
            let room = CAPTURE_BYTES.saturating_sub(active.output.len());
            active.truncated |= text.len() > room;
            active.output.extend_from_slice(&text[..text.len().min(room)]);
        }
    }

    /// The shell printed a mark.
    pub fn mark(&mut self, mark: Mark, now: Instant) -> Vec<Step<O>> {
        match mark {
            Mark::BracketedPaste(on) => {
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
            Mark::Taken => {
                self.shell = Shell::Elsewhere;
                if let Some(active) = &mut self.active {
                    active.code = None;
                    if active.typing_until.take().is_some() {
                        // What was captured until now is the line itself.
                        active.output.clear();
                        active.truncated = false;
                    }
                }
                Vec::new()
            }
            Mark::More => match &mut self.active {
                Some(active) => {
                    active.incomplete = true;
                    vec![Step::Type(vec![0x03])]
                }
                None => Vec::new(),
            },
            Mark::Done(code) => {
                self.shell = Shell::Done;
                if let Some(active) = &mut self.active {
                    active.code = Some(code);
                }
                Vec::new()
            }
            // The line editor also prints it when it draws the prompt again: only the first after `Done` is a new prompt.
            Mark::Ready if self.shell == Shell::Done => {
                self.shell = Shell::EmptyPrompt;
                let mut steps: Vec<_> = self.finish(None).into_iter().collect();
                steps.extend(self.start(now));
                steps
            }
            Mark::Ready => Vec::new(),
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
mod tests {
    use super::*;

    fn ready(commands: &mut Commands<u8>, code: i32, now: Instant) -> Vec<Step<u8>> {
        commands.mark(Mark::Done(code), now);
        commands.mark(Mark::Ready, now)
    }

    fn at_prompt(now: Instant) -> Commands<u8> {
        let mut commands = Commands::default();
        commands.mark(Mark::BracketedPaste(true), now);
        assert!(commands.mark(Mark::Ready, now).is_empty());
        commands
    }

    fn finished(origin: u8, result: &str, code: i32) -> Vec<Step<u8>> {
        vec![Step::Finished(Finished { origin, result: result.into(), truncated: false, code })]
    }

    #[test]
    fn output_between_the_marks_is_the_result() {
        let now = Instant::now();
        let mut commands = at_prompt(now);
        let steps = commands.request(1, "ls\n".into(), now);
        assert_eq!(steps, [Step::Type(b"\x1b[200~ls\x1b[201~\r".to_vec())]);
        assert!(commands.is_typing());
        commands.text(b"ls\r\n");
        commands.mark(Mark::Taken, now);
        assert!(!commands.is_typing());
        commands.text(b"a\r\nb\r\n");
        commands.mark(Mark::Done(3), now);
        commands.text(b"user@host:~$ ");
        assert_eq!(commands.mark(Mark::Ready, now), finished(1, "a\nb\n", 3));
    }

    #[test]
    fn a_syntax_error_never_runs_but_has_a_code() {
        let now = Instant::now();
        let mut commands = at_prompt(now);
        commands.request(1, "echo )".into(), now);
        commands.text(b"echo )\r\n");
        commands.mark(Mark::BracketedPaste(false), now);
        commands.text(b"\rbash: syntax error\r\n");
        commands.mark(Mark::BracketedPaste(true), now);
        assert_eq!(ready(&mut commands, 2, now), finished(1, "bash: syntax error\n", 2));
        commands.mark(Mark::BracketedPaste(false), now);
        commands.request(2, "echo )".into(), now);
        commands.text(b"echo )\r\nold bash: syntax error\r\n");
        assert_eq!(ready(&mut commands, 2, now), finished(2, "old bash: syntax error\n", 2));
    }

    #[test]
    fn several_lines_are_one_command() {
        let now = Instant::now();
        let mut commands = at_prompt(now);
        commands.request(1, "echo a\nfalse".into(), now);
        commands.mark(Mark::Ready, now);
        commands.mark(Mark::Taken, now);
        commands.text(b"a\r\n");
        commands.mark(Mark::Taken, now);
        assert_eq!(ready(&mut commands, 1, now), finished(1, "a\n", 1));
    }

    #[test]
    fn an_incomplete_line_is_taken_back() {
        let now = Instant::now();
        let mut commands = at_prompt(now);
        commands.request(1, "if true; then".into(), now);
        commands.text(b"if true; then\r\n> ");
        assert_eq!(commands.mark(Mark::More, now), [Step::Type(vec![3])]);
        let steps = ready(&mut commands, 130, now);
        assert!(matches!(&steps[..], [Step::Finished(Finished { code: 2, .. })]));
    }

    #[test]
    fn a_command_waits_for_an_empty_prompt_and_not_for_ever() {
        let now = Instant::now();
        let mut commands = at_prompt(now);
        commands.typed();
        assert_eq!(commands.request(1, "ls".into(), now), []);
        assert_eq!(commands.deadline(), Some(now + PROMPT_WAIT));
        commands.mark(Mark::Ready, now);
        assert!(!commands.is_typing(), "a prompt that was only drawn again is not empty");
        assert_eq!(commands.tick(now + PROMPT_WAIT), [Step::Busy(1)]);
        commands.request(2, "ls".into(), now);
        assert!(matches!(&ready(&mut commands, 0, now)[..], [Step::Type(_)]), "the next prompt is empty");
        commands.request(3, "ls".into(), now);
        assert_eq!(commands.shell_ended(9).len(), 2);
    }

    #[test]
    fn a_long_result_is_cut_and_says_so() {
        let now = Instant::now();
        let mut commands = at_prompt(now);
        commands.request(1, "yes".into(), now);
        commands.mark(Mark::Taken, now);
        for _ in 0..RESULT_BYTES {
            commands.text(b"y\n");
        }
        let steps = ready(&mut commands, 0, now);
        let [Step::Finished(finished)] = &steps[..] else { panic!("{steps:?}") };
        assert_eq!((finished.result.len(), finished.truncated), (RESULT_BYTES, true));
    }

    #[test]
    fn a_result_of_control_sequences_still_fits_into_a_frame() {
        let now = Instant::now();
        let mut commands = at_prompt(now);
        commands.request(1, "noise".into(), now);
        commands.mark(Mark::Taken, now);
        commands.text(&[0x1b; RESULT_BYTES]);
        let steps = ready(&mut commands, 0, now);
        let [Step::Finished(finished)] = &steps[..] else { panic!("{steps:?}") };
        assert!(serde_json::to_string(&finished.result).unwrap().len() <= RESULT_ROOM + 2 && finished.truncated);
    }

    #[test]
    fn too_many_waiting_commands_are_refused() {
        let now = Instant::now();
        let mut commands = Commands::default();
        for n in 0..WAITING_COMMANDS as u8 {
            assert_eq!(commands.request(n, "ls".into(), now), []);
        }
        assert_eq!(commands.request(99, "ls".into(), now), [Step::Busy(99)]);
    }
}
