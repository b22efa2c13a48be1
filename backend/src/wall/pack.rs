//! Packs news into the payloads of frames: plain or compressed, each of them short enough for the gateway and of use by itself.
//! Pure.

use crate::session::deflate::{Effort, deflate};
use shared_protocol::limits::{ENVELOPE_BYTES, FRAME_BYTES};
use shared_protocol::wall::{Tile, WALL_RAW_BYTES, WallNews, WallPayload, WallSession};
use shared_protocol::{Payload, SessionId};

/// Room of one payload, in bytes of JSON.
const ROOM: usize = FRAME_BYTES - ENVELOPE_BYTES;

/// Longest item, in bytes of JSON: fits into a frame where it does not compress.
pub(super) const ITEM_BYTES: usize = 24 * 1024;

/// One piece of news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Gone(SessionId),
    Session(Box<WallSession>),
    /// At most [`ITEM_BYTES`] of a screen.
    Tile(Tile),
}

impl Item {
    /// Length as JSON, with the comma after it.
    fn len(&self) -> usize {
        let json = match self {
            Self::Gone(id) => serde_json::to_string(id),
            Self::Session(session) => serde_json::to_string(session),
            Self::Tile(tile) => serde_json::to_string(tile),
        };
        json.map_or(0, |json| json.len() + 1)
    }
}

/// A payload, and its length in bytes.
pub(super) type Packed = (WallPayload, usize);

/// Packs the first of `items` into one or more payloads, and returns them with the number of items in them.
pub(super) fn pack_some(items: &[Item], deflates: bool) -> (Vec<Packed>, usize) {
    let mut room = if deflates { WALL_RAW_BYTES } else { ROOM } - ENVELOPE_BYTES;
    let fits = |item: &&Item| {
        let length = item.len();
        let fits = length <= room;
        room = room.saturating_sub(length);
        fits
    };
    let count = items.iter().take_while(fits).count();
    let mut payloads = Vec::new();
    pack(&items[..count], deflates, &mut payloads);
    (payloads, count)
}

fn pack(items: &[Item], deflates: bool, payloads: &mut Vec<Packed>) {
    if items.is_empty() {
        return;
    }
    let mut news = WallNews::default();
    for item in items.iter().cloned() {
        match item {
            Item::Gone(id) => news.gone.push(id),
            Item::Session(session) => news.sessions.push(*session),
            Item::Tile(tile) => news.tiles.push(tile),
        }
    }
    let json = serde_json::to_vec(&news).unwrap_or_default();
    let packed = deflates.then(|| deflate(&json, ROOM, Effort::Thorough)).flatten();
    match packed {
        Some((Payload::Z(z), taken)) if taken == json.len() => {
            let length = z.len();
            payloads.push((WallPayload::Packed { z }, length));
        }
        _ if json.len() <= ROOM => payloads.push((WallPayload::Plain(news), json.len())),
        // It does not compress.
        _ => {
            let (first, second) = items.split_at(items.len() / 2);
            pack(first, deflates, payloads);
            pack(second, deflates, payloads);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_protocol::wall::WallFrame;
    use shared_protocol::{ServerFrame, ServerMessage};

    /// A tile of about `bytes` bytes that compress or do not.
    fn tile(id: usize, bytes: usize, noisy: bool) -> Item {
        let mut state = id as u64 + 1;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'!' + (state >> 40) as u8 % 90)
        };
        let text: String =
            (0..bytes).map(|_| if noisy { noise() } else { 'x' }).filter(|c| *c != '"' && *c != '\\').collect();
        let id = SessionId::new(format!("s{id}")).unwrap();
        Item::Tile(Tile { id, at: 1, cols: 80, rows: 24, cursor: None, lines: vec![(0, text, vec![])] })
    }

    fn frame_lengths(items: &[Item], deflates: bool) -> (Vec<usize>, usize) {
        let (payloads, count) = pack_some(items, deflates);
        let length = |(news, _): Packed| {
            let message = ServerMessage::Wall(WallFrame { v: u64::MAX, full: true, part: 9, parts: 9, news });
            ServerFrame::from(message).to_json().len()
        };
        (payloads.into_iter().map(length).collect(), count)
    }

    #[test]
    fn every_frame_is_short_enough() {
        for noisy in [false, true] {
            let items: Vec<Item> = (0..40).map(|id| tile(id, 6 * 1024, noisy)).collect();
            for deflates in [false, true] {
                let mut left = &items[..];
                while !left.is_empty() {
                    let (lengths, count) = frame_lengths(left, deflates);
                    assert!(count > 0 && lengths.iter().all(|length| *length <= FRAME_BYTES), "{lengths:?}");
                    left = &left[count..];
                }
            }
        }
    }

    #[test]
    fn screens_are_compressed_where_the_page_can() {
        let items: Vec<Item> = (0..5).map(|id| tile(id, 10 * 1024, false)).collect();
        let (lengths, count) = frame_lengths(&items, true);
        assert!(count == 5 && lengths.len() == 1 && lengths[0] < 1024, "{lengths:?}");
        assert_eq!(frame_lengths(&items, false).1, 3);
        let more: Vec<Item> = (0..10).map(|id| tile(id, 10 * 1024, false)).collect();
        assert_eq!(frame_lengths(&more, true).1, 6, "64 KiB");
    }

    #[test]
    fn the_longest_item_fits_by_itself() {
        let (lengths, count) = frame_lengths(&[tile(1, ITEM_BYTES, true)], true);
        assert_eq!((count, lengths.len()), (1, 1));
    }
}
