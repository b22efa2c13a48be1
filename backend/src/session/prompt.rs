//! Whether the shell waits for a command at an empty prompt, and echoes it: there a page may show keys before they are echoed.

use crate::terminal::PromptMark;
use shared_protocol::server::Tty;

/// The shell's prompt. A line editor turns the terminal's own echo off while it reads, and echoes itself if the terminal did
/// before. So the settings are looked at between a command and the next prompt; if the shell was faster, nothing new is known.
#[derive(Debug)]
pub(super) struct Prompt {
    /// True if the line editor is known to echo.
    echoes: bool,
    /// True at a prompt, as long as nothing was typed or printed behind it.
    empty: bool,
    /// Exit code of the last command.
    pub(super) exit_code: Option<i32>,
}

impl Prompt {
    /// `tty` are the settings of the new terminal.
    pub(super) fn new(tty: Tty) -> Self {
        Self { echoes: tty.echo && tty.canonical, empty: false, exit_code: None }
    }

    /// Takes a mark; `tty` returns the present settings.
    pub(super) fn mark(&mut self, mark: PromptMark, tty: impl FnOnce() -> Tty) {
        match mark {
            PromptMark::CommandFinished(code) => {
                self.exit_code = Some(code);
                let tty = tty();
                // Otherwise the line editor reads already; an earlier mark of this prompt may have come in time.
                if tty.canonical {
                    self.echoes = tty.echo;
                }
                self.empty = false;
            }
            PromptMark::PromptReady | PromptMark::Continuation => self.empty = true,
            PromptMark::CommandStarted | PromptMark::Unmarked => (self.echoes, self.empty) = (false, false),
            PromptMark::BracketedPaste(_) | PromptMark::LongLines | PromptMark::Unknown => {}
        }
    }

    /// Takes output other than marks.
    pub(super) fn text(&mut self) {
        self.empty = false;
    }

    pub(super) fn typed(&mut self) {
        self.empty = false;
    }

    /// True if the next key is a command's first, and will be echoed.
    pub(super) fn is_ready(&self) -> bool {
        self.empty && self.echoes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: Tty = Tty { echo: true, canonical: true };
    const EDITOR: Tty = Tty { echo: false, canonical: false };
    const SILENT: Tty = Tty { echo: false, canonical: true };

    fn after(tty: Tty) -> Prompt {
        let mut prompt = Prompt::new(LINES);
        for mark in [PromptMark::CommandStarted, PromptMark::CommandFinished(0), PromptMark::PromptReady] {
            prompt.mark(mark, || tty);
        }
        prompt
    }

    #[test]
    fn an_empty_prompt_is_ready_until_something_is_typed_or_printed() {
        for change in [Prompt::typed, Prompt::text] {
            let mut prompt = after(LINES);
            assert!(prompt.is_ready());
            change(&mut prompt);
            assert!(!prompt.is_ready());
            prompt.mark(PromptMark::PromptReady, || EDITOR);
            assert!(prompt.is_ready(), "the line editor draws its empty prompt again");
        }
    }

    #[test]
    fn a_late_second_mark_of_a_prompt_takes_nothing_back() {
        let mut prompt = Prompt::new(LINES);
        for (mark, tty) in [
            (PromptMark::CommandStarted, LINES),
            (PromptMark::CommandFinished(0), LINES),
            (PromptMark::CommandFinished(0), EDITOR),
            (PromptMark::PromptReady, EDITOR),
        ] {
            prompt.mark(mark, || tty);
        }
        assert!(prompt.is_ready());
    }

    #[test]
    fn a_prompt_without_echo_and_one_that_came_too_soon_are_not_ready() {
        assert!(!after(SILENT).is_ready());
        assert!(!after(EDITOR).is_ready());
    }
}
