//! The screen as cells, for walls: plain text and its look, from which no escape sequence, link or trick of direction comes back.

use serde::{Deserialize, Serialize};
use shared_protocol::text::is_hidden;
use shared_protocol::wall::{CELL_CHARACTERS, JOINED_CHARACTERS, RGB, Run, TILE_COLS, TILE_ROWS, flags};
use vt::{Colour, Look, Screen};

/// The joiner of emoji.
const ZWJ: char = '\u{200d}';

/// Every character before a joiner of emoji comes after this one.
const FIRST_JOINED: char = '\u{203c}';

/// A line of a picture: its text without blanks at the end, and the runs; none if all of it has the default look.
pub type PictureLine = (String, Vec<Run>);

/// A screen, or the part of a large one that is around its cursor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
    /// Column and row of the cursor, from 0, unless it is hidden.
    pub cursor: Option<(u16, u16)>,
    /// Each row.
    pub lines: Vec<PictureLine>,
}

impl Picture {
    /// Draws the visible screen.
    pub fn of(screen: &Screen) -> Self {
        let (size, (x, y)) = (screen.size(), screen.cursor());
        let (cols, rows) = (size.0.min(TILE_COLS), size.1.min(TILE_ROWS));
        let (left, top) = ((x + 1).saturating_sub(cols), (y + 1).saturating_sub(rows));
        let cursor = screen.shows_cursor().then_some((x - left, y - top));
        let lines = (top..top + rows).map(|row| draw_line(screen, row, left, cols)).collect();
        Self { cols, rows, cursor, lines }
    }

    /// The same screen without its text.
    pub fn blank(&self) -> Self {
        Self { cursor: None, lines: vec![PictureLine::default(); usize::from(self.rows)], ..*self }
    }

    /// The picture as another instance may have drawn it; `None` if none could: the text is made plain again.
    pub fn received(mut self) -> Option<Self> {
        let has_size = self.cols <= TILE_COLS && self.rows <= TILE_ROWS && self.lines.len() == usize::from(self.rows);
        let has_cursor = self.cursor.is_none_or(|(x, y)| x < self.cols && y < self.rows);
        let most = usize::from(self.cols) * JOINED_CHARACTERS;
        for (text, runs) in &mut self.lines {
            if text.chars().count() > most || runs.len() > usize::from(self.cols) {
                return None;
            }
            *text = plain_cells(text.chars());
        }
        (has_size && has_cursor).then_some(self)
    }

    /// Its size in memory and as JSON, roughly, in bytes.
    pub fn weight(&self) -> usize {
        const RUN_BYTES: usize = 16;
        self.lines.iter().map(|(text, runs)| RUN_BYTES + text.len() + runs.len() * RUN_BYTES).sum()
    }
}

/// Draws `cols` columns of a row from column `left` on.
fn draw_line(screen: &Screen, row: u16, left: u16, cols: u16) -> PictureLine {
    let (left, right) = (usize::from(left), usize::from(left) + usize::from(cols));
    let (mut text, mut runs, mut at) = (String::new(), Vec::<Run>::new(), 0);
    screen.draw_row(row, |cell, width, look| {
        let from = at;
        at += width;
        if from < left || at > right {
            return;
        }
        let start = text.len();
        let most = if cell.contains(ZWJ) { JOINED_CHARACTERS } else { CELL_CHARACTERS };
        text.push_str(&plain_cells(cell.chars().take(most)));
        let length = text[start..].encode_utf16().count() as u16;
        let (foreground, background, attributes) = coded(look);
        let own = own_cell(cell, width);
        match runs.last_mut() {
            Some(run) if own == 0 && (run.1, run.2, run.3) == (foreground, background, attributes) => run.0 += length,
            _ => runs.push((length, foreground, background, attributes | own)),
        }
    });
    trim(&mut text, &mut runs);
    if runs.iter().all(|(_, foreground, background, attributes)| (*foreground, *background, *attributes) == (0, 0, 0)) {
        runs.clear();
    }
    (text, runs)
}

/// Removes blanks at the end that have no look.
fn trim(text: &mut String, runs: &mut Vec<Run>) {
    let Some(last) = runs.last_mut() else { return };
    let is_seen = last.2 != 0 || last.3 & (flags::UNDERLINE | flags::STRIKE | flags::INVERSE | flags::WIDE) != 0;
    if is_seen {
        return;
    }
    let blanks = (text.len() - text.trim_end_matches(' ').len()).min(usize::from(last.0));
    text.truncate(text.len() - blanks);
    last.0 -= blanks as u16;
    if last.0 == 0 {
        runs.pop();
    }
}

/// The flag of a cell that stands alone, because fonts give its character other widths than a terminal does; 0 for others.
fn own_cell(cell: &str, width: usize) -> u8 {
    // ASCII, Latin, Greek, Cyrillic; lines, blocks and shapes.
    let is_regular = |c: char| matches!(c, ' '..='\u{52f}' | '\u{2500}'..='\u{25ff}');
    match width {
        2 => flags::WIDE,
        _ if cell.chars().count() == 1 && cell.chars().all(is_regular) => 0,
        _ => flags::CELL,
    }
}

fn coded(look: Look) -> (u32, u32, u8) {
    let colour = |colour| match colour {
        Colour::Default => 0,
        Colour::Palette(number) => 1 + u32::from(number),
        Colour::Rgb(rgb) => RGB + rgb,
    };
    let attributes = [
        (look.bold, flags::BOLD),
        (look.dim, flags::DIM),
        (look.italic, flags::ITALIC),
        (look.underline, flags::UNDERLINE),
        (look.strike, flags::STRIKE),
        (look.inverse, flags::INVERSE),
    ];
    let attributes = attributes.iter().filter(|(is_on, _)| *is_on).fold(0, |sum, (_, flag)| sum | flag);
    (colour(look.foreground), colour(look.background), attributes)
}

/// One line of text for another person: at most `most` characters, without controls.
pub fn plain_line(text: &str, most: usize) -> String {
    text.chars().take(most).map(plain).collect()
}

/// Text of cells without controls. A joiner between emoji stays, which makes one of two.
fn plain_cells(text: impl Iterator<Item = char>) -> String {
    let mut before = '\0';
    let keep = |c| {
        let joins = c == ZWJ && before >= FIRST_JOINED;
        before = c;
        if joins { c } else { plain(c) }
    };
    text.map(keep).collect()
}

/// The character, or U+FFFD for one that is a control, changes the direction of text, or is invisible.
fn plain(c: char) -> char {
    if is_hidden(c) { char::REPLACEMENT_CHARACTER } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(cols: u16, rows: u16, output: &str) -> Picture {
        let mut screen = Screen::new(cols, rows, 0);
        screen.feed(output.as_bytes(), &mut Vec::new());
        Picture::of(&screen)
    }

    #[test]
    fn lines_are_text_and_runs() {
        let picture = drawn(20, 3, "plain\r\n\x1b[1;32mok\x1b[0m then  \r\n漢\x1b[44m  ");
        assert_eq!((picture.cols, picture.rows, picture.cursor), (20, 3, Some((4, 2))));
        assert_eq!(picture.lines[0], ("plain".into(), vec![]));
        assert_eq!(picture.lines[1], ("ok then".into(), vec![(2, 3, 0, flags::BOLD), (5, 0, 0, 0)]));
        let wide = vec![(1, 0, 0, flags::WIDE), (2, 0, 5, 0)];
        assert_eq!(picture.lines[2], ("漢  ".into(), wide), "blanks with a background are seen");
    }

    #[test]
    fn nothing_hidden_or_turned_around_is_left() {
        let picture = drawn(40, 1, "a\u{202e}b\u{200b}c\u{feff}d\u{2066}e \u{1b}]8;;http://x\u{7}link\u{1b}]8;;\u{7}");
        let text = &picture.lines[0].0;
        assert!(text.chars().all(|c| c == plain(c)), "{text:?}");
        assert!(text.contains("link") && !text.contains("http"), "{text:?}");
        assert_eq!(plain_line("\u{1b}[31mred\u{9b}\u{202e}\n", 99), "\u{fffd}[31mred\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(plain_line("title", 2), "ti");
    }

    #[test]
    fn joined_emoji_stay_one_cell() {
        let picture = drawn(10, 1, "\u{1b}[?2027h👩\u{200d}🌾a\u{200d}");
        let farmer = vec![(5, 0, 0, flags::WIDE), (2, 0, 0, flags::CELL)];
        assert_eq!(picture.lines[0], ("👩\u{200d}🌾a\u{fffd}".into(), farmer));
        assert_eq!(picture.clone().received(), Some(picture));
    }

    #[test]
    fn the_longest_emoji_is_whole() {
        let family = "👨🏻\u{200d}👩🏼\u{200d}👧🏽\u{200d}👦🏾";
        assert_eq!(family.chars().count(), JOINED_CHARACTERS);
        let picture = drawn(10, 1, &format!("\u{1b}[?2027h{family}x"));
        assert_eq!(picture.lines[0].0, format!("{family}x"));
        assert_eq!(picture.lines[0].1[0].3, flags::WIDE);
        let full = drawn(2, 1, &format!("\u{1b}[?2027h{family}"));
        assert_eq!(full.clone().received(), Some(full));
    }

    #[test]
    fn an_endless_combination_is_cut() {
        for (cell, most) in [("e", 8), ("👩\u{200d}🌾", 11)] {
            let picture = drawn(10, 1, &format!("\u{1b}[?2027h{cell}{}x", "\u{301}".repeat(30)));
            assert_eq!(picture.lines[0].0.chars().count(), most + 1);
        }
        assert_eq!(drawn(10, 1, &"e\u{301}".repeat(2)).lines[0].1[0].3, flags::CELL);
    }

    #[test]
    fn colours_and_looks_are_numbers() {
        for (output, foreground, background, look) in [
            ("\x1b[1m", 0, 0, 1),
            ("\x1b[2m", 0, 0, 2),
            ("\x1b[3m", 0, 0, 4),
            ("\x1b[4m", 0, 0, 8),
            ("\x1b[9m", 0, 0, 16),
            ("\x1b[7m", 0, 0, 32),
            ("\x1b[30m", 1, 0, 0),
            ("\x1b[48;5;255m", 0, 256, 0),
            ("\x1b[38;2;1;2;3m", 0x0101_0203, 0, 0),
        ] {
            let line = &drawn(9, 1, &format!("{output}ab")).lines[0];
            assert_eq!(line.1, vec![(2, foreground, background, look)], "{output:?}");
        }
        // The length is in UTF-16 code units.
        for (cell, look) in [("e\u{301}", 64), ("\u{1f600}", 128)] {
            assert_eq!(drawn(9, 1, cell).lines[0].1, vec![(2, 0, 0, look)], "{cell}");
        }
    }

    #[test]
    fn a_picture_of_another_instance_is_plain_and_has_a_size_or_is_none() {
        let good = drawn(20, 2, "\x1b[31mred");
        assert_eq!(good.clone().received(), Some(good.clone()));
        assert!(good.weight() > 30 && good.blank().lines.iter().all(|(text, _)| text.is_empty()));
        let with = |change: &dyn Fn(&mut Picture)| {
            let mut picture = good.clone();
            change(&mut picture);
            picture.received()
        };
        let escape = with(&|picture| picture.lines[0].0 = "\u{1b}[2J\u{202e}".into()).unwrap();
        assert_eq!(escape.lines[0].0, "\u{fffd}[2J\u{fffd}");
        let bad: [&dyn Fn(&mut Picture); 6] = [
            &|picture| picture.cols = TILE_COLS + 1,
            &|picture| picture.rows = TILE_ROWS + 1,
            &|picture| picture.lines.truncate(1),
            &|picture| picture.cursor = Some((20, 0)),
            &|picture| picture.lines[1].0 = "x".repeat(20 * JOINED_CHARACTERS + 1),
            &|picture| picture.lines[1].1 = vec![(1, 0, 0, 0); 21],
        ];
        for (number, change) in bad.into_iter().enumerate() {
            assert_eq!(with(change), None, "{number}");
        }
    }

    #[test]
    fn a_huge_screen_is_shown_around_its_cursor() {
        let picture = drawn(300, 100, "\x1b[90;250Hhere");
        assert_eq!((picture.cols, picture.rows, picture.cursor), (TILE_COLS, TILE_ROWS, Some((199, 59))));
        assert!(picture.lines[59].0.ends_with("here"), "{:?}", picture.lines[59]);
    }
}
