//! One update of a wall: as much of the news as its budget has room for. Pure: the time is an argument.

use super::budget::Budget;
use super::news::{Entry, Shown};
use super::pack::pack_some;
use shared_protocol::SessionId;
use shared_protocol::wall::{WallNews, WallPayload};
use std::collections::HashSet;
use tokio::time::Instant;

/// Parts of an update, at most, rows aside: the burst of the budget.
const MAX_PARTS: usize = 8;

/// The state of one page: its view, its content, and its budget.
pub(super) struct Page {
    /// True if it can decompress.
    pub(super) deflates: bool,
    /// The sessions in view; `None` for all.
    pub(super) visible: Option<HashSet<SessionId>>,
    shown: Shown,
    /// True if the next update is to hold everything.
    is_full: bool,
    budget: Budget,
}

/// The content of an update.
pub(super) struct Update {
    /// True if it holds everything.
    pub(super) full: bool,
    /// Its parts, at least one.
    pub(super) payloads: Vec<WallPayload>,
}

impl Page {
    /// A page that has nothing.
    pub(super) fn new(now: Instant) -> Self {
        Self { deflates: false, visible: None, shown: Shown::default(), is_full: true, budget: Budget::new(now) }
    }

    /// Has the next update hold everything.
    pub(super) fn start_over(&mut self) {
        self.is_full = true;
    }

    /// The next update, if there is news and room for it.
    pub(super) fn update(&mut self, entries: &[Entry], now: Instant) -> Option<Update> {
        let room = self.budget.left(now);
        if room == 0 {
            return None;
        }
        if self.is_full {
            self.shown = Shown::default();
        }
        let news = self.shown.news(entries, self.visible.as_ref(), now);
        let (mut payloads, mut bytes, mut taken) = (Vec::new(), 0, 0);
        while taken < news.items.len() {
            // Rows are never held back: they say how old a screen is, and a full update names every session.
            if taken >= news.rows && (bytes >= room || payloads.len() >= MAX_PARTS) {
                break;
            }
            let (packed, count) = pack_some(&news.items[taken..], self.deflates);
            for (payload, length) in packed {
                bytes += length;
                payloads.push(payload);
            }
            taken += count.max(1);
        }
        if payloads.is_empty() {
            if !self.is_full {
                return None;
            }
            payloads.push(WallPayload::Plain(WallNews::default()));
        }
        self.shown.sent(&news.items[..taken], entries, now);
        self.budget.spend(bytes);
        Some(Update { full: std::mem::take(&mut self.is_full), payloads })
    }
}

#[cfg(test)]
mod tests;
