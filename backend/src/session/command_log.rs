//! The commands that people run at the shell's prompt: line, directory, those who typed, begin, end, exit code. Pure: gets marks,
//! lines and output, and the time as an argument.

use crate::terminal::{LineText, PromptMark, TypedLine};
use shared_protocol::Who;
use shared_protocol::limits::TYPISTS;
use shared_protocol::server::{ShellCommand, Typist};

/// Output behind the prompt that is looked at, in bytes: enough for the first character of a line, behind escape sequences.
const ECHO_BYTES: usize = 64;

/// Begin of the latest line that walls show, in characters.
pub const COMMAND_CHARACTERS: usize = 80;

/// The people who typed at the prompt, and the command that runs.
#[derive(Debug, Default)]
pub(super) struct CommandLog {
    /// Number of the last command.
    last: u32,
    /// True from a prompt until the next command begins.
    at_prompt: bool,
    /// Begin of the output behind the prompt.
    echo: Vec<u8>,
    /// Those who typed since the prompt.
    typed: Vec<Typist>,
    /// Those who typed before it, while the last command ran.
    typed_ahead: Vec<Typist>,
    /// Those who typed the last command, which may have been a paste of several.
    before: Vec<Typist>,
    /// The line that has begun, until the shell tells it.
    begun: Option<Begun>,
    /// The command that runs.
    running: Option<ShellCommand>,
    /// Begin of the latest line; none while that is hidden.
    latest: Option<String>,
}

/// A line that runs and is not told yet.
#[derive(Debug)]
struct Begun {
    /// Time of it, in ms since 1970.
    at: u64,
    /// Those who typed it.
    by: Vec<Typist>,
    /// True if its echo begins with a character that is no space.
    shows_text: bool,
}

impl CommandLog {
    /// Memory, in bytes.
    pub(super) fn held(&self) -> usize {
        self.running.as_ref().and_then(|command| command.line.as_ref()).map_or(0, String::len)
    }

    /// Begin of the line of the command that runs, or ran last. None if it is hidden.
    pub(super) fn latest(&self) -> Option<&str> {
        self.latest.as_deref()
    }

    /// The command that runs.
    pub(super) fn running(&self) -> Option<&ShellCommand> {
        self.running.as_ref()
    }

    /// A person types. `who` is 0 for one who never attached.
    pub(super) fn typed(&mut self, who: Who, name: impl Fn() -> String) {
        let list = if self.at_prompt { &mut self.typed } else { &mut self.typed_ahead };
        let who = Some(who).filter(|who| who.0 > 0);
        let is_known = list.iter().any(|typist| typist.who == who && (who.is_some() || typist.name == name()));
        if list.len() < TYPISTS && !is_known {
            list.push(Typist { who, name: name() });
        }
    }

    /// Takes output other than marks.
    pub(super) fn text(&mut self, text: &[u8]) {
        if self.at_prompt && self.echo.len() < ECHO_BYTES {
            self.echo.extend_from_slice(&text[..text.len().min(ECHO_BYTES - self.echo.len())]);
        }
    }

    /// The shell tells the line that has begun: at once, or at its end at the latest. Returns the command that begins with it.
    pub(super) fn line(&mut self, TypedLine { text, directory }: TypedLine) -> Option<ShellCommand> {
        let Begun { at, by, shows_text } = self.begun.take()?;
        let line = match text {
            LineText::Known(line) => Some(line),
            LineText::Unsure(line) => Some(line).filter(|_| shows_text),
            LineText::Hidden => None,
        };
        self.latest = line.as_ref().map(|line| line.chars().take(COMMAND_CHARACTERS).collect());
        self.last += 1;
        let command = ShellCommand {
            number: self.last,
            hidden: line.is_none(),
            line,
            directory: Some(directory),
            by,
            began: at,
            ended: None,
            exit_code: None,
        };
        self.running = Some(command.clone());
        Some(command)
    }

    /// Takes a mark. Returns the command that ends with it.
    pub(super) fn mark(&mut self, mark: PromptMark, now_ms: impl FnOnce() -> u64) -> Option<ShellCommand> {
        match mark {
            PromptMark::PromptReady => {
                (self.at_prompt, self.begun) = (true, None);
                self.echo.clear();
                None
            }
            PromptMark::CommandStarted => {
                let now_ms = now_ms();
                let before = self.end(None, now_ms);
                self.begin(now_ms);
                before
            }
            PromptMark::CommandFinished(code) => self.end(Some(code), now_ms()),
            _ => None,
        }
    }

    /// The shell has exited, and with it the command that did that.
    pub(super) fn shell_ended(&mut self, code: i32, now_ms: u64) -> Option<ShellCommand> {
        self.end(Some(code), now_ms)
    }

    fn begin(&mut self, now_ms: u64) {
        let (typed, ahead) = (std::mem::take(&mut self.typed), std::mem::take(&mut self.typed_ahead));
        if let Some(by) = [typed, ahead].into_iter().find(|list| !list.is_empty()) {
            self.before = by;
        }
        let shows_text = begins_with_text(&self.echo);
        self.begun = Some(Begun { at: now_ms, by: self.before.clone(), shows_text });
        self.at_prompt = false;
        self.echo.clear();
    }

    fn end(&mut self, code: Option<i32>, now_ms: u64) -> Option<ShellCommand> {
        self.begun = None;
        let running = self.running.take()?;
        // A wall clock may go back.
        let ended = Some(now_ms.max(running.began));
        Some(ShellCommand { ended, exit_code: code, ..running })
    }
}

/// True if this output has a first character that is no space. The line editor may set colours before it.
fn begins_with_text(mut output: &[u8]) -> bool {
    while let [0x1b, b'[', rest @ ..] = output {
        let end = rest.iter().position(|byte| matches!(byte, 0x40..=0x7e));
        output = &rest[end.map_or(rest.len(), |end| end + 1)..];
    }
    output.first().is_some_and(|byte| *byte != b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_prompt() -> CommandLog {
        let mut log = CommandLog::default();
        log.mark(PromptMark::PromptReady, || 0);
        log
    }

    fn told(text: LineText) -> TypedLine {
        TypedLine { text, directory: "/home/ada".into() }
    }

    fn known(line: &str) -> TypedLine {
        told(LineText::Known(line.into()))
    }

    fn run(log: &mut CommandLog, line: TypedLine) -> ShellCommand {
        log.mark(PromptMark::CommandStarted, || 1000);
        let begun = log.line(line.clone()).unwrap();
        assert_eq!(log.line(line), None, "it is told once");
        let ended = log.mark(PromptMark::CommandFinished(2), || 1500).unwrap();
        assert_eq!(log.mark(PromptMark::CommandFinished(2), || 1500), None, "the prompt says it again");
        log.mark(PromptMark::PromptReady, || 1500);
        assert_eq!(begun, ShellCommand { ended: None, exit_code: None, ..ended.clone() });
        ended
    }

    fn names(command: &ShellCommand) -> Vec<(Option<u64>, &str)> {
        command.by.iter().map(|typist| (typist.who.map(|who| who.0), &*typist.name)).collect()
    }

    #[test]
    fn a_command_has_line_directory_people_times_and_code() {
        let mut log = at_prompt();
        for who in [1, 2, 1] {
            log.typed(Who(who), || format!("person {who}"));
        }
        let command = run(&mut log, known("make test"));
        assert_eq!(names(&command), [(Some(1), "person 1"), (Some(2), "person 2")]);
        assert_eq!((command.number, command.line.as_deref(), command.hidden), (1, Some("make test"), false));
        assert_eq!((command.began, command.ended, command.exit_code), (1000, Some(1500), Some(2)));
        assert_eq!(command.directory.as_deref(), Some("/home/ada"));
        assert_eq!(run(&mut log, known("ls")).number, 2);
    }

    #[test]
    fn without_a_line_there_is_no_command() {
        let mut log = at_prompt();
        assert_eq!(log.mark(PromptMark::CommandStarted, || 0), None);
        assert_eq!(log.mark(PromptMark::CommandFinished(0), || 0), None);
        assert_eq!(log.line(known("too late")), None);
        log.mark(PromptMark::CommandStarted, || 0);
        log.mark(PromptMark::PromptReady, || 0);
        assert_eq!(log.line(known("of another prompt")), None);
        assert_eq!(log.mark(PromptMark::CommandFinished(0), || 0), None);
    }

    #[test]
    fn who_typed_ahead_counts_only_where_no_one_typed_at_the_prompt() {
        let mut log = at_prompt();
        log.typed(Who(1), || "ada".into());
        log.mark(PromptMark::CommandStarted, || 0);
        log.line(known("cat"));
        log.typed(Who(2), || "bob".into());
        log.mark(PromptMark::CommandFinished(0), || 0);
        log.mark(PromptMark::PromptReady, || 0);
        assert_eq!(names(&run(&mut log, known("typed ahead"))), [(Some(2), "bob")]);
        assert_eq!(names(&run(&mut log, known("the rest of a paste"))), [(Some(2), "bob")]);
        log.typed(Who(1), || "ada".into());
        assert_eq!(names(&run(&mut log, known("ls"))), [(Some(1), "ada")]);
    }

    #[test]
    fn people_are_bounded_and_those_without_a_number_told_apart_by_name() {
        let mut log = at_prompt();
        for name in ["bot", "bot", "other"] {
            log.typed(Who(0), || name.into());
        }
        assert_eq!(names(&run(&mut log, known("ls"))), [(None, "bot"), (None, "other")]);
        for who in 1..100 {
            log.typed(Who(who), String::new);
        }
        assert_eq!(run(&mut log, known("ls")).by.len(), TYPISTS);
    }

    #[test]
    fn a_line_that_the_shell_is_not_sure_of_is_hidden_if_its_echo_begins_with_a_space() {
        for (echo, is_hidden) in [
            ("ls", false),
            (" ls", true),
            ("\x1b[7m ls\x1b[27m", true),
            ("\x1b[7mls \x1b[27m", false),
            ("\x1b[", false),
            ("", false),
        ] {
            let mut log = at_prompt();
            for byte in echo.as_bytes().chunks(1) {
                log.text(byte);
            }
            log.text(&[b'x'; 10_000]);
            let command = run(&mut log, told(LineText::Unsure("before".into())));
            assert_eq!((command.hidden, command.line.is_none()), (is_hidden, is_hidden), "{echo:?}");
            assert!(log.echo.capacity() <= 2 * ECHO_BYTES);
        }
        assert!(run(&mut at_prompt(), told(LineText::Hidden)).hidden);
    }

    #[test]
    fn a_line_of_a_paste_that_the_shell_is_not_sure_of_is_hidden() {
        let mut log = at_prompt();
        log.text(b"one");
        for (line, is_hidden) in [("one", false), ("one", true)] {
            log.mark(PromptMark::CommandStarted, || 0);
            let begun = log.line(told(LineText::Unsure(line.into()))).unwrap();
            assert_eq!(begun.hidden, is_hidden, "without a prompt, nothing shows how it begins");
            log.mark(PromptMark::CommandFinished(0), || 0);
        }
    }

    #[test]
    fn the_echo_counts_from_where_the_prompt_was_drawn_last() {
        let mut log = at_prompt();
        log.text(b"ls");
        log.mark(PromptMark::PromptReady, || 0);
        log.text(b" ls");
        assert!(run(&mut log, told(LineText::Unsure("ls".into()))).hidden);
    }

    #[test]
    fn the_latest_line_is_cut_and_forgotten_for_one_that_is_hidden() {
        let mut log = at_prompt();
        run(&mut log, known(&"é".repeat(100)));
        assert_eq!(log.latest(), Some(&*"é".repeat(COMMAND_CHARACTERS)));
        run(&mut log, told(LineText::Hidden));
        assert_eq!(log.latest(), None);
    }

    #[test]
    fn a_line_that_is_told_at_its_end_began_before() {
        let mut log = at_prompt();
        log.typed(Who(1), || "ada".into());
        log.text(b" (cd lab; make)");
        log.mark(PromptMark::CommandStarted, || 1000);
        log.text(b"output");
        let command = log.line(told(LineText::Unsure("ls".into()))).unwrap();
        assert_eq!((command.began, command.hidden, names(&command)), (1000, true, vec![(Some(1), "ada")]));
        let ended = log.mark(PromptMark::CommandFinished(0), || 1500).unwrap();
        assert_eq!((ended.number, ended.ended), (command.number, Some(1500)));
    }

    #[test]
    fn a_command_ends_with_the_shell_or_the_next_one_at_the_latest() {
        let mut log = at_prompt();
        let run = |log: &mut CommandLog, line, at| {
            let before = log.mark(PromptMark::CommandStarted, || at);
            log.line(known(line)).unwrap();
            before
        };
        assert_eq!(run(&mut log, "first", 1000), None);
        run(&mut log, "second", 1000).unwrap();
        let before = run(&mut log, "exit 3", 900).unwrap();
        let told = (before.line.as_deref(), before.ended, before.exit_code);
        assert_eq!(told, (Some("second"), Some(1000), None), "the clock went back");
        assert_eq!(log.held(), "exit 3".len());
        let last = log.shell_ended(3, 2000).unwrap();
        assert_eq!((last.exit_code, last.ended), (Some(3), Some(2000)));
        assert_eq!(log.shell_ended(3, 2000), None);
    }
}
