//! The window's title, and the stack that programs keep theirs on (XTWINOPS 22 and 23).

use std::mem;

/// Longest title, in characters.
const MAX_CHARACTERS: usize = 256;

/// Most titles that are kept.
const MAX_STACK: usize = 10;

/// The title and those below it.
#[derive(Debug, Default)]
pub(super) struct Titles {
    current: Option<String>,
    stack: Vec<Option<String>>,
    changed: bool,
}

impl Titles {
    /// Removes control characters and limits the length.
    pub(super) fn set(&mut self, title: &str) {
        let title: String = title.chars().filter(|c| !c.is_control()).take(MAX_CHARACTERS).collect();
        self.show(Some(title));
    }

    fn show(&mut self, title: Option<String>) {
        self.changed |= title != self.current;
        self.current = title;
    }

    pub(super) fn push(&mut self) {
        if self.stack.len() == MAX_STACK {
            self.stack.remove(0);
        }
        self.stack.push(self.current.clone());
    }

    pub(super) fn pop(&mut self) {
        if let Some(title) = self.stack.pop() {
            self.show(title);
        }
    }

    pub(super) fn current(&self) -> Option<&str> {
        self.current.as_deref()
    }

    /// The title, if it changed since the last call; empty after a program removed it.
    pub(super) fn take(&mut self) -> Option<String> {
        mem::take(&mut self.changed).then(|| self.current.clone().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_gives_it_back() {
        let mut titles = Titles::default();
        titles.push();
        titles.set("less");
        (0..30).for_each(|_| titles.push());
        titles.pop();
        assert_eq!(titles.current(), Some("less"));
        (0..30).for_each(|_| titles.pop());
        assert_eq!((titles.current(), titles.stack.len()), (Some("less"), 0), "only the latest were kept");
        titles.push();
        titles.set("top");
        titles.take();
        titles.pop();
        assert_eq!(titles.take().as_deref(), Some("less"));
    }
}
