//! Compresses output into frames. A build log or a snapshot shrinks to a fifth or a tenth, and the number of posts limits the
//! throughput. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compress, Compression, FlushCompress};
use shared_protocol::Payload;

/// Shortest output worth compressing, in bytes: a short frame gains nothing.
pub const WORTH_DEFLATING: usize = 4 * 1024;

/// Longest piece that is compressed at once, in bytes. The room that is left is known after each piece.
const PIECE: usize = 8 * 1024;

/// Shortest piece, in bytes: each ends with a flush, which costs some.
const MIN_PIECE: usize = 1024;

/// Overhead of a piece that does not compress, in bytes: block headers and the flush.
const PIECE_OVERHEAD: usize = 64;

/// Compression effort: `Quick` shrinks a build log to a third, `Thorough` to a seventh in three times the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// For direct connections, where frames cost nothing.
    Quick,
    /// For the gateway, where a post costs a thousand times the compression.
    Thorough,
}

impl Effort {
    fn level(self) -> Compression {
        match self {
            Self::Quick => Compression::fast(),
            Self::Thorough => Compression::new(4),
        }
    }
}

/// Compresses a prefix of `bytes` into base64 of raw deflate with at most `room` characters. Also returns the length of the
/// prefix. `None` if plain text would do as well.
pub fn deflate(bytes: &[u8], room: usize, effort: Effort) -> Option<(Payload, usize)> {
    let room = room / 4 * 3;
    let mut packer = Compress::new(effort.level(), false);
    let mut packed = Vec::with_capacity(room);
    let mut rest = bytes;
    while !rest.is_empty() {
        let fits = room.saturating_sub(packed.len() + PIECE_OVERHEAD).min(PIECE);
        if fits < MIN_PIECE {
            break;
        }
        let piece = rest.split_off(..fits.min(rest.len()))?;
        push(&mut packer, piece, &mut packed, FlushCompress::Sync)?;
    }
    let taken = bytes.len() - rest.len();
    push(&mut packer, &[], &mut packed, FlushCompress::Finish)?;
    // Plain text takes as many bytes as it has; base64 takes four thirds of `packed`. It must save a frame to be worth it.
    (taken > packed.len() * 3 / 2).then(|| (Payload::Z(STANDARD.encode(packed)), taken))
}

fn push(packer: &mut Compress, mut bytes: &[u8], packed: &mut Vec<u8>, flush: FlushCompress) -> Option<()> {
    loop {
        packed.reserve(PIECE + PIECE_OVERHEAD);
        let before = packer.total_in();
        let spare = packed.capacity() - packed.len();
        let status = packer.compress_vec(bytes, packed, flush).ok()?;
        bytes = &bytes[(packer.total_in() - before) as usize..];
        let has_room = packed.capacity() > packed.len() && spare > 0;
        if bytes.is_empty() && (has_room || status == flate2::Status::StreamEnd) {
            return Some(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Decompress, FlushDecompress};
    use proptest::prelude::*;

    fn inflate(payload: &Payload) -> Vec<u8> {
        let Payload::Z(text) = payload else { panic!("{payload:?}") };
        let packed = STANDARD.decode(text).unwrap();
        let mut bytes = Vec::with_capacity(512 * 1024);
        let status = Decompress::new(false).decompress_vec(&packed, &mut bytes, FlushDecompress::Finish).unwrap();
        assert_eq!(status, flate2::Status::StreamEnd, "browsers refuse a stream without its end");
        bytes
    }

    #[test]
    fn a_build_log_takes_a_fifth_of_the_frames() {
        let log: String =
            (0..4000).map(|n| format!("\x1b[32m   Compiling\x1b[0m crate-{n} v0.{}.1\r\n", n % 7)).collect();
        let (payload, taken) = deflate(log.as_bytes(), 32_000, Effort::Quick).unwrap();
        assert!(taken > 100_000, "{taken}");
        assert_eq!(inflate(&payload), &log.as_bytes()[..taken]);
    }

    #[test]
    fn noise_is_not_compressed() {
        let mut state = 1u64;
        let noise: Vec<u8> = (0..40_000)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        assert_eq!(deflate(&noise, 32_000, Effort::Thorough), None);
    }

    proptest! {
        // Each case packs tens of kilobytes.
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_is_packed_fits_and_comes_back(
            words in proptest::collection::vec("[a-f]{1,6}|[ -~]{1,30}", 0..4000),
            room in 12_000usize..32_000,
        ) {
            let text = words.concat();
            if let Some((payload, taken)) = deflate(text.as_bytes(), room, Effort::Thorough) {
                let Payload::Z(packed) = &payload else { unreachable!() };
                prop_assert!(packed.len() <= room);
                prop_assert_eq!(inflate(&payload), &text.as_bytes()[..taken]);
            }
        }
    }
}
