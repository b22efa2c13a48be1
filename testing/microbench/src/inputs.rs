//! Output as programs print it: recordings, and logs of any length.

use flate2::read::GzDecoder;
use serde::Deserialize;
use std::fmt::Write;
use std::io::Read;
use std::path::Path;

/// Size of one read of the service from a terminal, in bytes.
pub(crate) const READ: usize = 16 * 1024;

/// The output of a program, and the size of its terminal.
#[derive(Deserialize)]
pub(crate) struct Recording {
    pub(crate) cols: u16,
    pub(crate) rows: u16,
    #[serde(skip)]
    pub(crate) bytes: Vec<u8>,
}

/// Reads one of `crates/vt/recordings`.
pub(crate) fn recording(name: &str) -> Recording {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/vt/recordings");
    let about = std::fs::read(folder.join(format!("{name}.json"))).expect("a description of the recording");
    let mut recording: Recording = serde_json::from_slice(&about).expect("JSON");
    let packed = std::fs::File::open(folder.join(format!("{name}.bin.gz"))).expect("a recording");
    GzDecoder::new(packed).read_to_end(&mut recording.bytes).expect("gzip");
    recording
}

/// The first half of a recording's output.
pub(crate) fn half(mut recording: Recording) -> Vec<u8> {
    recording.bytes.truncate(recording.bytes.len() / 2);
    recording.bytes
}

/// An access log of this length: plain text in lines of some 80 characters.
pub(crate) fn plain(bytes: usize) -> Vec<u8> {
    lines(bytes, |text, n| {
        let (host, second, size) = (n % 250, n / 7 % 60, 100 + n * 37 % 90_000);
        write!(
            text,
            "10.0.3.{host} - - [14/Mar/2026:10:12:{second:02} +0000] \"GET /api/sessions/{n} HTTP/1.1\" 200 {size}\r\n"
        )
    })
}

/// A build log of this length: lines of 64 bytes with a colour in each.
pub(crate) fn coloured(bytes: usize) -> Vec<u8> {
    lines(bytes, |text, n| write!(text, "\x1b[32m   Compiling\x1b[0m a-crate-with-a-name-number-{n:08} v0.1.0\r\n"))
}

/// Chinese text of this length.
pub(crate) fn chinese(bytes: usize) -> Vec<u8> {
    lines(bytes, |text, n| write!(text, "{n:04} 目录中的文件已经编译完成，正在链接可执行程序。\r\n"))
}

/// Binary data of this length that does not deflate.
pub(crate) fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

fn lines(bytes: usize, line: impl Fn(&mut String, usize) -> std::fmt::Result) -> Vec<u8> {
    let mut text = String::new();
    for number in 0.. {
        if text.len() >= bytes {
            break;
        }
        line(&mut text, number).expect("a string takes everything");
    }
    let mut text = text.into_bytes();
    text.truncate(bytes);
    text
}
