//! Rare properties that do not fit into a cell: combining characters, underline styles and colours, links. Each distinct
//! combination is stored once under a number. The total is bounded, so that a program cannot fill the service's memory.

use std::collections::HashMap;
use std::sync::Arc;

/// Most combinations. A full scrollback of accented text has some hundreds.
const MAX_EXTRAS: usize = 16 * 1024;

/// Most bytes of text and links.
const MAX_BYTES: usize = 512 * 1024;

/// Longest text of one cell, in bytes: some 30 accents.
pub(crate) const MAX_TEXT_BYTES: usize = 64;

/// Bytes beside a shared text: its counters.
const SHARED_BYTES: usize = 2 * size_of::<usize>();

/// New combinations, or rejected ones when full, between two sweeps. A sweep reads the screen and its scrollback.
const SWEEP_INTERVAL: usize = 4 * 1024;

/// Underline style: bits 26 to 28 of [`Extra::underline`]; its colour lies below them.
pub(crate) const STYLE_SHIFT: u32 = 26;
/// See [`STYLE_SHIFT`].
pub(crate) const STYLE: u32 = 7 << STYLE_SHIFT;

/// A hyperlink (OSC 8).
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Link {
    /// Joins the pieces of one link, if the program set it.
    pub(crate) id: Option<String>,
    pub(crate) uri: String,
}

/// The rare properties of a cell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Extra {
    /// Style and colour of the underline.
    pub(crate) underline: u32,
    pub(crate) link: Option<Arc<Link>>,
    /// The cell's text, if longer than one character.
    pub(crate) text: Option<Arc<str>>,
}

impl Extra {
    fn bytes(&self) -> usize {
        let link = self.link.as_ref().map_or(0, |link| link.uri.len() + link.id.as_ref().map_or(0, String::len));
        link + self.text.as_ref().map_or(0, |text| text.len())
    }
}

/// All combinations in use.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    /// By number, from 1; `None` is a free slot.
    known: Vec<Option<Extra>>,
    numbers: HashMap<Extra, u16>,
    free: Vec<u16>,
    bytes: usize,
    /// New combinations since the last sweep.
    fresh: usize,
    /// The last sweep freed less than half, so the next one waits.
    crowded: bool,
}

impl Extras {
    pub(crate) fn get(&self, number: u16) -> Option<&Extra> {
        self.known.get(usize::from(number).checked_sub(1)?)?.as_ref()
    }

    /// The text of a cell that holds more than one character.
    pub(crate) fn text(&self, number: u16) -> &str {
        self.get(number).and_then(|extra| extra.text.as_deref()).unwrap_or_default()
    }

    /// Bytes in memory, about: a link that several combinations share counts for each.
    pub(crate) fn bytes(&self) -> usize {
        let slots = self.known.capacity() * size_of::<Option<Extra>>() + self.free.capacity() * size_of::<u16>();
        // A table is filled to seven eighths, and keeps a byte for each place.
        let places = (self.numbers.capacity() * 8 / 7).next_power_of_two();
        let numbers = places * (size_of::<(Extra, u16)>() + 1);
        slots + numbers + self.bytes + self.numbers.len() * SHARED_BYTES
    }

    pub(crate) fn wants_sweep(&self) -> bool {
        self.fresh >= SWEEP_INTERVAL
    }

    /// The number of a combination; 0 when there is no room for it.
    pub(crate) fn number(&mut self, extra: &Extra) -> u16 {
        if *extra == Extra::default() {
            return 0;
        }
        if let Some(number) = self.numbers.get(extra) {
            return *number;
        }
        if self.numbers.len() >= MAX_EXTRAS || self.bytes + extra.bytes() > MAX_BYTES {
            self.fresh = if self.crowded { self.fresh + 1 } else { SWEEP_INTERVAL };
            return 0;
        }
        self.fresh += 1;
        let number = self.free.pop().unwrap_or_else(|| {
            self.known.push(None);
            self.known.len() as u16
        });
        self.bytes += extra.bytes();
        self.known[usize::from(number) - 1] = Some(extra.clone());
        self.numbers.insert(extra.clone(), number);
        number
    }

    /// Frees the combinations that none of these numbers names.
    pub(crate) fn sweep(&mut self, used: impl Iterator<Item = u16>) {
        let mut live = vec![false; self.known.len() + 1];
        for number in used {
            live[usize::from(number)] = true;
        }
        for (at, slot) in self.known.iter_mut().enumerate() {
            if !live[at + 1]
                && let Some(extra) = slot.take()
            {
                self.bytes -= extra.bytes();
                self.numbers.remove(&extra);
                self.free.push(at as u16 + 1);
            }
        }
        self.fresh = 0;
        self.crowded = self.numbers.len() > MAX_EXTRAS / 2 || self.bytes > MAX_BYTES / 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Extra {
        Extra { text: Some(text.into()), ..Extra::default() }
    }

    #[test]
    fn equal_combinations_share_a_number() {
        let mut extras = Extras::default();
        let number = extras.number(&text("é"));
        assert_eq!(extras.number(&text("é")), number);
        assert_ne!(extras.number(&text("è")), number);
        assert_eq!(extras.text(number), "é");
        assert_eq!(extras.number(&Extra::default()), 0);
        assert!(extras.get(0).is_none());
    }

    #[test]
    fn a_sweep_frees_unused_extras() {
        let mut extras = Extras::default();
        let kept = extras.number(&text("kept"));
        let gone = extras.number(&text("gone"));
        extras.sweep([0, kept].into_iter());
        assert!(extras.get(gone).is_none());
        assert_eq!(extras.text(kept), "kept");
        assert_eq!(extras.number(&text("next")), gone, "its number is used again");
    }

    #[test]
    fn the_total_is_bounded() {
        let mut extras = Extras::default();
        let big = "x".repeat(MAX_TEXT_BYTES);
        let numbers: Vec<u16> = (0..2 * MAX_EXTRAS).map(|at| extras.number(&text(&format!("{at}{big}")))).collect();
        assert!(extras.bytes <= MAX_BYTES && extras.numbers.len() <= MAX_EXTRAS);
        assert_eq!(numbers.last(), Some(&0));
        assert!(extras.wants_sweep());
        let all = extras.known.len() as u16;
        extras.sweep(1..=all);
        assert_eq!(extras.number(&text(&format!("no room{big}"))), 0);
        assert!(!extras.wants_sweep(), "a sweep that freed nothing is not repeated at once");
        extras.sweep(std::iter::empty());
        assert_ne!(extras.number(&text("fits again")), 0);
    }
}
