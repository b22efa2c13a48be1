//! What a hot part cannot do without, by itself: the base64, the escaping, the copy. And another emulator, which is known to be fast.
//! How far a part is above its floor says more than a number of its own.

use crate::Work;
use crate::inputs::READ;
use alacritty_terminal::event::VoidListener;
use alacritty_terminal::grid::Dimensions;
use alacritty_terminal::term::{Config, Term};
use alacritty_terminal::vte::ansi::Processor;
use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compress, Compression, FlushCompress};
use serde_json::Value;

/// Base64 of bytes.
pub(crate) fn base64(bytes: Vec<u8>) -> Work {
    Work::new(bytes.len(), move || STANDARD.encode(&bytes))
}

/// Bytes of base64.
pub(crate) fn unbase64(bytes: &[u8]) -> Work {
    let text = STANDARD.encode(bytes);
    Work::new(text.len(), move || STANDARD.decode(&text))
}

/// Text as a JSON string.
pub(crate) fn json(text: Vec<u8>) -> Work {
    Work::new(text.len(), move || serde_json::to_string(std::str::from_utf8(&text).ok()?).ok())
}

/// A JSON string as text.
pub(crate) fn unjson(text: &[u8]) -> Work {
    let json = serde_json::to_string(&String::from_utf8_lossy(text)).unwrap_or_default();
    Work::new(json.len(), move || serde_json::from_str::<String>(&json))
}

/// A JSON object as a tree.
pub(crate) fn json_tree(json: &'static str) -> Work {
    Work::new(json.len(), move || serde_json::from_str::<Value>(json))
}

/// Bytes, deflated at once.
pub(crate) fn deflate(bytes: Vec<u8>) -> Work {
    Work::new(bytes.len(), move || {
        let mut packed = Vec::with_capacity(bytes.len());
        let status = Compress::new(Compression::new(4), false).compress_vec(&bytes, &mut packed, FlushCompress::Finish);
        status.map(|_| packed)
    })
}

/// Bytes, copied in pieces of this size behind each other.
pub(crate) fn copy(bytes: Vec<u8>, piece: usize) -> Work {
    Work::new(bytes.len(), move || {
        let mut copy = Vec::with_capacity(bytes.len());
        bytes.chunks(piece).for_each(|piece| copy.extend_from_slice(piece));
        copy
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

/// Output of a program on Alacritty's emulator, with as much history as ours.
pub(crate) fn alacritty(bytes: Vec<u8>, (cols, rows): (u16, u16)) -> Work {
    let config = Config { scrolling_history: 1000, ..Config::default() };
    let mut term = Term::new(config, &Size(cols.into(), rows.into()), VoidListener);
    let mut parser: Processor = Processor::new();
    (0..8).for_each(|_| parser.advance(&mut term, &bytes));
    Work::new(bytes.len(), move || {
        bytes.chunks(READ).for_each(|piece| parser.advance(&mut term, piece));
        term.grid().cursor.point
    })
}
