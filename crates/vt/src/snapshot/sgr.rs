//! Writes cells, with SGR sequences only where attributes change.

use crate::cell::Cell;
use crate::cell_extra::Link;
use crate::terminal::{Style, Terminal};
use std::sync::Arc;

/// The bytes so far, and the attributes of the other terminal after them.
pub(super) struct SgrWriter<'a> {
    terminal: &'a Terminal,
    out: Vec<u8>,
    style: Style,
    link: Option<Arc<Link>>,
}

impl<'a> SgrWriter<'a> {
    pub(super) fn new(terminal: &'a Terminal) -> Self {
        Self { terminal, out: Vec::new(), style: Style::default(), link: None }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out
    }

    /// Writes text that changes no attributes.
    pub(super) fn write(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Resets the other terminal's attributes.
    pub(super) fn reset(&mut self) {
        self.write("\x1b[m");
        self.style = Style::default();
    }

    /// Sets the attributes and the link of the following text.
    pub(super) fn set_style(&mut self, style: Style, link: Option<&Arc<Link>>) {
        if let Some((codes, resets)) = self.style.codes_to(&style) {
            self.write(&format!("\x1b[{codes}m"));
            self.style = style.protected(self.style.is_protected() && !resets);
        }
        if self.style.is_protected() != style.is_protected() {
            self.write(if style.is_protected() { "\x1b[1\"q" } else { "\x1b[0\"q" });
        }
        self.style = style;
        if self.link.as_ref() != link {
            self.link = link.cloned();
            let command = match link.map(|link| (link.id.as_deref(), &link.uri)) {
                Some((Some(id), uri)) => format!("\x1b]8;id={id};{uri}\x1b\\"),
                Some((None, uri)) => format!("\x1b]8;;{uri}\x1b\\"),
                None => "\x1b]8;;\x1b\\".to_owned(),
            };
            self.write(&command);
        }
    }

    /// Sets the background that erasing leaves.
    pub(super) fn set_erase_background(&mut self, background: u32) {
        if self.style.background() != background {
            let style = if background == 0 { Style::default() } else { self.style.on(background) };
            self.set_style(style, None);
        }
    }

    pub(super) fn print(&mut self, cell: Cell) {
        self.set_style_of(cell);
        self.write(self.terminal.text(cell, &mut [0; 4]));
    }

    pub(super) fn set_style_of(&mut self, cell: Cell) {
        let extra = self.terminal.extras.get(cell.extra);
        let link = extra.and_then(|extra| extra.link.as_ref());
        self.set_style(Style::of_cell(cell, extra), link);
    }
}
