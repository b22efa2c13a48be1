//! Room for images. The images themselves are between program and page; a page that comes later sees a word in their place.
//! `web/src/xterm/image-room.ts` does the same.

use super::Terminal;

/// Width and height of a character in pixels, for programs that draw images. The browser's font is not known here, so the page
/// scales images from this size to that of its font.
pub(super) const CELL_PIXELS: (usize, usize) = (8, 16);

/// Most rows of an image: the page scales down a higher one.
const MAX_ROWS: usize = 128;

/// Printed in the first row of an image, where there is room and no text.
const LABEL: &str = "[image]";

impl Terminal {
    /// Leaves room for an image of this height, in pixels. The cursor ends in its last row, below where it was.
    pub(super) fn image(&mut self, height: usize) {
        let rows = height.div_ceil(CELL_PIXELS.1).min(MAX_ROWS);
        if rows == 0 {
            return;
        }
        self.label_image();
        let x = self.buffer().x;
        for _ in 1..rows {
            self.line_feed();
            self.buffer_mut().x = x;
        }
        self.work += rows;
    }

    fn label_image(&mut self) {
        let look = self.empty_cell();
        let buffer = self.buffer_mut();
        let (x, y) = (buffer.x, buffer.y);
        let is_free = |x| buffer.cell_at(x, y).is_some_and(|cell| cell.width() == 1 && !cell.has_content());
        if (x..x + LABEL.len()).all(is_free) {
            for (at, c) in LABEL.chars().enumerate() {
                buffer.put(x + at, y, look.with(u32::from(c), 1));
            }
        }
    }
}
