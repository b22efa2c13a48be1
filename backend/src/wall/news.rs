//! The content of a wall's page, and the news for it: rows first, then the screens in view, then the others. Pure: the time is
//! an argument.

use super::pack::{ITEM_BYTES, Item};
use crate::session::{Picture, Sight};
use shared_protocol::SessionId;
use shared_protocol::wall::{Run, Tile, WallSession};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Shortest time between two screens of a session that is not in view.
const OUT_OF_VIEW_INTERVAL: Duration = Duration::from_secs(5);

/// Bytes a second of one session's screen, before compression: one that floods takes no more than half of the budget, and slows
/// no other.
const SCREEN_RATE: usize = 32 * 1024;

/// Time by which a screen may be ahead of its rate: what most take is sent with every update.
const REST_AHEAD: Duration = Duration::from_secs(1);

/// Sessions up to which those out of view have screens too.
pub(super) const MAX_TILES: usize = 200;

/// A session of the class now.
pub(super) struct Entry {
    pub(super) row: WallSession,
    /// Its screen, if it runs and was seen.
    pub(super) sight: Option<Arc<Sight>>,
}

/// The screen that a page has of one session.
struct Drawn {
    picture: Arc<Picture>,
    at: Instant,
    /// Time before which it is not sent again: it was long.
    rests_until: Instant,
}

/// The content of the page.
#[derive(Default)]
pub(super) struct Shown {
    rows: HashMap<SessionId, WallSession>,
    tiles: HashMap<SessionId, Drawn>,
}

/// News in the order in which they are to be sent.
pub(super) struct News {
    /// All items.
    pub(super) items: Vec<Item>,
    /// How many come first that are no screens.
    pub(super) rows: usize,
}

impl Shown {
    /// The news since the last that were noted. `visible`: the sessions in view; `None` for all.
    pub(super) fn news(&self, entries: &[Entry], visible: Option<&HashSet<SessionId>>, now: Instant) -> News {
        let there: HashSet<&SessionId> = entries.iter().map(|entry| &entry.row.id).collect();
        let gone = self.rows.keys().filter(|id| !there.contains(id)).cloned().map(Item::Gone);
        let changed = entries.iter().filter(|entry| self.rows.get(&entry.row.id) != Some(&entry.row));
        let mut items: Vec<Item> =
            gone.chain(changed.map(|entry| Item::Session(Box::new(entry.row.clone())))).collect();
        let rows = items.len();
        for entry in self.due_tiles(entries, visible, now) {
            if let Some(sight) = &entry.sight {
                let before = self.tiles.get(&entry.row.id).map(|drawn| &*drawn.picture);
                fragments(&entry.row.id, sight, before, &mut items);
            }
        }
        News { items, rows }
    }

    /// The entries whose screens are to be sent: those in view, and then the oldest first.
    fn due_tiles<'a>(
        &self,
        entries: &'a [Entry],
        visible: Option<&HashSet<SessionId>>,
        now: Instant,
    ) -> Vec<&'a Entry> {
        let is_hidden = visible.is_some_and(HashSet::is_empty);
        let in_view = |entry: &Entry| visible.is_none_or(|visible| visible.contains(&entry.row.id));
        let mut due: Vec<_> = entries
            .iter()
            .filter(|entry| !is_hidden && (entries.len() <= MAX_TILES || (visible.is_some() && in_view(entry))))
            .filter_map(|entry| {
                let picture = &entry.sight.as_ref()?.picture;
                let drawn = self.tiles.get(&entry.row.id);
                let is_new = drawn.is_none_or(|drawn| !Arc::ptr_eq(&drawn.picture, picture));
                let at = drawn.map(|drawn| drawn.at);
                let rests = drawn.is_some_and(|drawn| now + REST_AHEAD < drawn.rests_until);
                let is_due = in_view(entry) || at.is_none_or(|at| at + OUT_OF_VIEW_INTERVAL <= now);
                (is_new && is_due && !rests).then_some((!in_view(entry), at, entry))
            })
            .collect();
        due.sort_by_key(|(is_out, at, _)| (*is_out, *at));
        due.into_iter().map(|(_, _, entry)| entry).collect()
    }

    /// Notes items that were sent.
    pub(super) fn sent(&mut self, items: &[Item], entries: &[Entry], now: Instant) {
        let sights: HashMap<&SessionId, &Arc<Sight>> =
            entries.iter().filter_map(|entry| Some((&entry.row.id, entry.sight.as_ref()?))).collect();
        for item in items {
            match item {
                Item::Gone(id) => {
                    self.rows.remove(id);
                    self.tiles.remove(id);
                }
                Item::Session(session) => {
                    self.rows.insert(session.id.clone(), (**session).clone());
                }
                Item::Tile(tile) => {
                    if let Some(sight) = sights.get(&tile.id) {
                        self.draw(tile, &sight.picture, now);
                    }
                }
            }
        }
    }

    /// Notes the lines of a tile: the page has the whole picture only once all its fragments were sent.
    fn draw(&mut self, tile: &Tile, picture: &Arc<Picture>, now: Instant) {
        let before = self.tiles.remove(&tile.id);
        let rested = before.as_ref().map_or(now, |before| before.rests_until.max(now));
        let length: usize = tile.lines.iter().map(|(_, text, runs)| most_bytes(text, runs)).sum();
        let rests_until = rested + Duration::from_secs_f64(length as f64 / SCREEN_RATE as f64);
        let mut drawn = match before.map(|before| before.picture) {
            Some(before) if has_size(&before, picture) => Arc::unwrap_or_clone(before),
            _ => picture.blank(),
        };
        drawn.cursor = tile.cursor;
        for (row, text, runs) in &tile.lines {
            if let Some(line) = drawn.lines.get_mut(usize::from(*row)) {
                *line = (text.clone(), runs.clone());
            }
        }
        let picture = if drawn == **picture { Arc::clone(picture) } else { Arc::new(drawn) };
        self.tiles.insert(tile.id.clone(), Drawn { picture, at: now, rests_until });
    }
}

fn has_size(one: &Picture, other: &Picture) -> bool {
    (one.cols, one.rows) == (other.cols, other.rows)
}

/// Adds the lines that differ from those that the page has, in fragments of a bounded size.
fn fragments(id: &SessionId, sight: &Sight, before: Option<&Picture>, items: &mut Vec<Item>) {
    let picture = &*sight.picture;
    let before = before.filter(|before| has_size(before, picture));
    let tile = || Tile {
        id: id.clone(),
        at: sight.at,
        cols: picture.cols,
        rows: picture.rows,
        cursor: picture.cursor,
        lines: Vec::new(),
    };
    let (mut fragment, mut length) = (tile(), 0);
    for (row, line) in picture.lines.iter().enumerate() {
        let is_same = before.map_or(line.0.is_empty(), |before| before.lines[row] == *line);
        if is_same {
            continue;
        }
        let bytes = most_bytes(&line.0, &line.1);
        if length + bytes > ITEM_BYTES && !fragment.lines.is_empty() {
            items.push(Item::Tile(std::mem::replace(&mut fragment, tile())));
            length = 0;
        }
        length += bytes;
        fragment.lines.push((row as u16, line.0.clone(), line.1.clone()));
    }
    items.push(Item::Tile(fragment));
}

/// An upper bound of a line's length as JSON.
fn most_bytes(text: &str, runs: &[Run]) -> usize {
    const LONGEST_RUN: usize = "[65535,33554431,33554431,255],".len();
    shared_protocol::frame::json_text_len(text) + runs.len() * LONGEST_RUN + LONGEST_RUN
}

#[cfg(test)]
mod tests;
