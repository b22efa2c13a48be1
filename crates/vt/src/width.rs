//! Columns of a character as the C library counts them, and programs by it; the page has the same table
//! (`web/src/xterm/widths.ts`). A different width of one emoji would shift the rest of its line.

mod table;

use table::{COMBINING, WIDE};

/// End of the first plane of Unicode.
const PLANE: u32 = 0x1_0000;

/// Two bits for each character of the first plane, computed at compile time.
static FIRST_PLANE: [u8; PLANE as usize / 4] = first_plane();

/// Columns of a character: 0 for combining ones and control characters, 2 for wide ones.
#[must_use]
pub fn width(c: u32) -> usize {
    if c < PLANE {
        return usize::from(FIRST_PLANE[c as usize / 4] >> (c % 4 * 2) & 3);
    }
    if within(COMBINING, c) {
        return 0;
    }
    if within(WIDE, c) { 2 } else { 1 }
}

fn within(ranges: &[(u32, u32)], c: u32) -> bool {
    let at = ranges.partition_point(|(_, last)| *last < c);
    ranges.get(at).is_some_and(|(first, _)| *first <= c)
}

const fn first_plane() -> [u8; PLANE as usize / 4] {
    let table = fill([0b0101_0101; PLANE as usize / 4], &[(0, 31), (0x7f, 0x9f)], 0);
    fill(fill(table, COMBINING, 0), WIDE, 2)
}

const fn fill(mut table: [u8; PLANE as usize / 4], ranges: &[(u32, u32)], width: u8) -> [u8; PLANE as usize / 4] {
    let mut at = 0;
    while at < ranges.len() && ranges[at].0 < PLANE {
        let (mut c, last) = ranges[at];
        while c <= last {
            let shift = c % 4 * 2;
            let byte = &mut table[c as usize / 4];
            *byte = *byte & !(3 << shift) | width << shift;
            c += 1;
        }
        at += 1;
    }
    table
}
