//! Writes cells, with SGR sequences only where attributes change.

use crate::cell::Cell;
use crate::cell_extra::Link;
use crate::graphemes::{self, End};
use crate::terminal::{Style, Terminal};
use crate::width::width;
use std::sync::Arc;

/// The bytes so far, and the attributes of the other terminal after them.
pub(super) struct SgrWriter<'a> {
    terminal: &'a Terminal,
    out: Vec<u8>,
    style: Style,
    link: Option<Arc<Link>>,
    /// The other terminal is in mode 2027, in which clusters are printed.
    graphemes: bool,
    /// The last printed cluster: where its text ends in `out`, and what may join it there.
    cluster: (usize, End),
}

impl<'a> SgrWriter<'a> {
    pub(super) fn new(terminal: &'a Terminal) -> Self {
        Self {
            terminal,
            out: Vec::new(),
            style: Style::default(),
            link: None,
            graphemes: false,
            cluster: (0, End::default()),
        }
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

    /// Sets mode 2027.
    pub(super) fn set_graphemes(&mut self, on: bool) {
        if self.graphemes != on {
            self.write(if on { "\x1b[?2027h" } else { "\x1b[?2027l" });
            self.graphemes = on;
        }
    }

    /// Prints a cell, in the mode in which its text has its width.
    pub(super) fn print(&mut self, cell: Cell) {
        let mut one = [0; 4];
        let text = self.terminal.text(cell, &mut one);
        // Nearly every cell has one character, which is as wide in both modes, and no extra.
        self.set_graphemes(cell.extra != 0 && is_cluster(text, cell.width()));
        self.set_style_of(cell);
        if self.graphemes {
            let (end, before) = self.cluster;
            if end == self.out.len() && text.chars().next().is_some_and(|c| before.step(u32::from(c)).joins) {
                // A sequence stands between two clusters that would be one.
                self.write("\x1b[?2027h");
            }
            self.write(text);
            self.cluster = (self.out.len(), graphemes::printed(text).1);
        } else {
            self.write(text);
        }
    }

    pub(super) fn set_style_of(&mut self, cell: Cell) {
        let extra = self.terminal.extras.get(cell.extra);
        let link = extra.and_then(|extra| extra.link.as_ref());
        self.set_style(Style::of_cell(cell, extra), link);
    }
}

/// True if a cell's text needs mode 2027: without it, it has other columns.
fn is_cluster(text: &str, columns: usize) -> bool {
    let mut rest = text.chars().map(|c| width(u32::from(c)));
    let first = rest.next();
    rest.any(|width| width > 0)
        || first != Some(columns) && text.chars().nth(1).is_some() && graphemes::printed(text).0 == columns
}
