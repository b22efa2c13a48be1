//! Baselines: plain loops, standard collections, serde_json and alacritty's emulator on the same input. A bound on the ratio to
//! one of them holds on any machine, unlike an absolute number.

use crate::Work;
use crate::inputs::{READ, Recording};
use alacritty_terminal::event::VoidListener;
use alacritty_terminal::grid::Dimensions;
use alacritty_terminal::index::{Column, Line};
use alacritty_terminal::term::{Config, Term};
use alacritty_terminal::vte::ansi::Processor;
use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compress, Compression, FlushCompress};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};

/// Encodes base64.
pub(crate) fn base64(bytes: Vec<u8>) -> Work {
    Work::new(bytes.len(), move || STANDARD.encode(&bytes))
}

/// Decodes base64.
pub(crate) fn unbase64(bytes: &[u8]) -> Work {
    let text = STANDARD.encode(bytes);
    Work::new(text.len(), move || STANDARD.decode(&text))
}

/// Writes text as a JSON string.
pub(crate) fn json(text: Vec<u8>) -> Work {
    Work::new(text.len(), move || serde_json::to_string(std::str::from_utf8(&text).ok()?).ok())
}

/// Reads a JSON string.
pub(crate) fn unjson(text: &[u8]) -> Work {
    let json = serde_json::to_string(&String::from_utf8_lossy(text)).unwrap_or_default();
    Work::new(json.len(), move || serde_json::from_str::<String>(&json))
}

/// Reads a JSON object into a tree.
pub(crate) fn json_tree(json: &'static str) -> Work {
    Work::new(json.len(), move || serde_json::from_str::<Value>(json))
}

/// Writes a tree as a JSON object.
pub(crate) fn tree_json(json: &'static str) -> Work {
    let tree: Value = serde_json::from_str(json).expect("JSON");
    Work::new(json.len(), move || tree.to_string())
}

/// Deflates bytes in one call.
pub(crate) fn deflate(bytes: Vec<u8>) -> Work {
    Work::new(bytes.len(), move || {
        let mut packed = Vec::with_capacity(bytes.len());
        let status = Compress::new(Compression::new(4), false).compress_vec(&bytes, &mut packed, FlushCompress::Finish);
        status.map(|_| packed)
    })
}

/// Copies bytes in pieces of this size into one buffer.
pub(crate) fn copy(bytes: Vec<u8>, piece: usize) -> Work {
    Work::new(bytes.len(), move || {
        let mut copy = Vec::with_capacity(bytes.len());
        bytes.chunks(piece).for_each(|piece| copy.extend_from_slice(piece));
        copy
    })
}

/// Counts escape characters in a plain loop.
pub(crate) fn count_escapes(bytes: Vec<u8>) -> Work {
    Work::new(bytes.len(), move || bytes.iter().filter(|byte| **byte == 0x1b).count())
}

/// Pushes into and pops from a full queue.
pub(crate) fn queue(length: u64) -> Work {
    let mut queue: VecDeque<u64> = (0..length).collect();
    Work::new(0, move || {
        queue.push_back(length);
        queue.pop_front()
    })
}

/// Searches a sorted list, as every look-up by position must.
pub(crate) fn search(length: u64) -> Work {
    let list: Vec<u64> = (0..length).collect();
    Work::new(0, move || list.partition_point(|at| *at < length / 2))
}

/// Inserts this many messages into a map, the last one first, and takes them in order.
pub(crate) fn map(messages: u64) -> Work {
    let mut map = BTreeMap::new();
    Work::new(0, move || {
        for seq in (0..messages).rev() {
            map.insert(seq, seq);
        }
        std::iter::from_fn(|| map.pop_first()).count()
    })
}

struct Size(usize, usize);

impl Dimensions for Size {
    fn total_lines(&self) -> usize {
        self.1
    }

    fn screen_lines(&self) -> usize {
        self.1
    }

    fn columns(&self) -> usize {
        self.0
    }
}

fn terminal((cols, rows): (u16, u16), scrolling_history: usize) -> (Term<VoidListener>, Processor) {
    let config = Config { scrolling_history, ..Config::default() };
    (Term::new(config, &Size(cols.into(), rows.into()), VoidListener), Processor::new())
}

/// Feeds output to alacritty's emulator in pieces of this size, with as much history as ours.
pub(crate) fn alacritty_pieces(bytes: Vec<u8>, size: (u16, u16), piece: usize) -> Work {
    let (mut term, mut parser) = terminal(size, 1000);
    (0..8).for_each(|_| parser.advance(&mut term, &bytes));
    Work::new(bytes.len(), move || {
        bytes.chunks(piece).for_each(|piece| parser.advance(&mut term, piece));
        term.grid().cursor.point
    })
}

/// Feeds output to alacritty's emulator in pieces as they are read.
pub(crate) fn alacritty(bytes: Vec<u8>, size: (u16, u16)) -> Work {
    alacritty_pieces(bytes, size, READ)
}

/// Feeds a recording to alacritty's emulator.
pub(crate) fn alacritty_recording(Recording { cols, rows, bytes }: Recording) -> Work {
    alacritty(bytes, (cols, rows))
}

/// Collects the characters of alacritty's grid, history included, after this output.
pub(crate) fn grid_text(bytes: &[u8], size: (u16, u16), history: usize) -> Work {
    let (mut term, mut parser) = terminal(size, history);
    parser.advance(&mut term, bytes);
    let cells = (term.grid().history_size() + usize::from(size.1)) * usize::from(size.0);
    Work::new(cells, move || {
        let grid = term.grid();
        let mut text = String::new();
        for line in -(grid.history_size() as i32)..grid.screen_lines() as i32 {
            (0..grid.columns()).for_each(|column| text.push(grid[Line(line)][Column(column)].c));
        }
        text
    })
}
