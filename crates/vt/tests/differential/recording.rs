//! Recorded output of programs (`crates/vt/recordings`) and its cuts.

use flate2::read::GzDecoder;
use serde::{Deserialize, Serialize};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use vt::Screen;

/// A change of size, before the byte at `at`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Resize {
    pub(crate) at: usize,
    cols: u16,
    rows: u16,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Recording {
    cols: u16,
    rows: u16,
    pub(crate) resizes: Vec<Resize>,
    #[serde(skip)]
    pub(crate) bytes: Vec<u8>,
}

/// Folder of the recordings.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings")
}

impl Recording {
    pub(crate) fn read(name: &str) -> Self {
        let about = std::fs::read(folder().join(format!("{name}.json"))).unwrap();
        let mut recording: Self = serde_json::from_slice(&about).unwrap();
        let packed = std::fs::File::open(folder().join(format!("{name}.bin.gz"))).unwrap();
        GzDecoder::new(packed).read_to_end(&mut recording.bytes).unwrap();
        recording
    }

    pub(crate) fn new((cols, rows): (u16, u16)) -> Self {
        Self { cols, rows, resizes: Vec::new(), bytes: Vec::new() }
    }

    /// The size changes here.
    pub(crate) fn resize(&mut self, (cols, rows): (u16, u16)) {
        self.resizes.push(Resize { at: self.bytes.len(), cols, rows });
    }

    pub(crate) fn size(&self) -> (u16, u16) {
        (self.cols, self.rows)
    }

    /// Feeds the bytes from one up to another, with the sizes between.
    pub(crate) fn feed(&self, screen: &mut Screen, mut from: usize, to: usize) {
        let mut replies = Vec::new();
        for resize in
            self.resizes.iter().filter(|resize| from < resize.at && resize.at <= to).copied().collect::<Vec<_>>()
        {
            screen.feed(&self.bytes[from..resize.at], &mut replies);
            screen.resize(resize.cols, resize.rows);
            from = resize.at;
        }
        screen.feed(&self.bytes[from..to], &mut replies);
    }

    /// Places to cut, in order: anywhere, shortly after escapes, and inside of characters.
    pub(crate) fn cuts(&self, count: usize, dice: &mut Dice) -> Vec<usize> {
        let places = |wanted: &dyn Fn(u8) -> bool| -> Vec<usize> {
            (1..self.bytes.len()).filter(|at| wanted(self.bytes[at - 1])).collect()
        };
        let (escapes, characters) = (places(&|byte| byte == 0x1b), places(&|byte| byte >= 0xc0));
        let mut cuts: Vec<usize> = (0..count)
            .map(|at| match at % 4 {
                0 if !escapes.is_empty() => escapes[dice.below(escapes.len())] + dice.below(6),
                1 if !characters.is_empty() => characters[dice.below(characters.len())],
                _ => 1 + dice.below(self.bytes.len() - 1),
            })
            .map(|cut| cut.min(self.bytes.len() - 1))
            .collect();
        cuts.sort_unstable();
        cuts
    }
}

/// Numbers that are the same in every run (xorshift).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }
}
