//! Puts keyframes into a recording while it is read: events `k` with the size and the whole screen, so that a player can begin
//! there. Made from the lines themselves, they need no place in the store, and recordings from before have them, too.

use super::cast::event_line;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use vt::{LazyScreen, Scope};

/// Lines between two keyframes, in bytes: a player reads as much within some 20 ms.
pub(super) const KEYFRAME_BYTES: usize = 512 * 1024;

/// Work for each byte that is read, in cells of a screen: a multiple of what programs cause. A few bytes can ask for a lot.
const WORK_PER_BYTE: usize = 16;

/// Most work at once, in cells: some ms.
const MAX_WORK: usize = 4 * 1024 * 1024;

/// Most cells of a screen: 400 × 160. One of the largest would take tens of MB for each reader.
const MAX_CELLS: usize = 64_000;

/// Lines of history of asciinema's terminal: a cursor that was saved before a change of the size is in one of them.
const HISTORY: usize = 100;

/// One event, as far as a screen depends on it.
#[derive(Deserialize)]
struct Event<'a>(IgnoredAny, #[serde(borrow)] Cow<'a, str>, #[serde(borrow)] Cow<'a, str>);

/// Follows the lines of a recording with a terminal of its own.
pub(super) struct Keyframes {
    /// None once it was too large or too much work; the rest of the recording has no keyframe.
    screen: Option<LazyScreen>,
    /// Bytes since the last keyframe.
    since: usize,
    /// Work that is left, in cells.
    work: usize,
}

impl Keyframes {
    /// For a terminal that begins with this size.
    pub(super) fn new(cols: u16, rows: u16) -> Self {
        let screen = fits(cols, rows).then(|| LazyScreen::new(cols, rows, HISTORY));
        Self { screen, since: 0, work: MAX_WORK }
    }

    /// The lines, and the keyframes that are due between them.
    pub(super) fn insert(&mut self, lines: &[u8]) -> Vec<u8> {
        let mut all = Vec::with_capacity(lines.len());
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            all.extend_from_slice(line);
            self.read(line);
            if self.since >= KEYFRAME_BYTES {
                all.extend(self.take().unwrap_or_default());
            }
        }
        all
    }

    fn read(&mut self, line: &[u8]) {
        let Some(screen) = &mut self.screen else { return };
        self.since += line.len();
        self.work = self.work.saturating_add(line.len().saturating_mul(WORK_PER_BYTE)).min(MAX_WORK);
        let Ok(Event(_, code, data)) = serde_json::from_slice(line) else { return };
        let goes_on = match (&*code, data.split_once('x')) {
            ("o", _) => screen.feed(data.as_bytes(), &mut Vec::new(), &mut self.work) == data.len(),
            ("r", Some((cols, rows))) => match (cols.parse(), rows.parse()) {
                (Ok(cols), Ok(rows)) if fits(cols, rows) => {
                    self.work = self.work.saturating_sub(screen.resize(cols, rows));
                    self.work > 0
                }
                (Ok(_), Ok(_)) => false,
                _ => true,
            },
            _ => true,
        };
        if !goes_on {
            self.screen = None;
        }
    }

    /// The keyframe, unless a sequence has begun that goes on in the next line.
    fn take(&mut self) -> Option<Vec<u8>> {
        let screen = self.screen.as_mut()?.current();
        if screen.pending_bytes() > 0 {
            return None;
        }
        self.since = 0;
        let (cols, rows) = screen.size();
        let data = screen.snapshot(Scope::Full { scrollback: 0 });
        Some(event_line(0, "k", &format!("{cols}x{rows}\n{}", String::from_utf8_lossy(&data))))
    }
}

fn fits(cols: u16, rows: u16) -> bool {
    usize::from(cols) * usize::from(rows) <= MAX_CELLS
}

#[cfg(test)]
mod tests {
    use super::*;
    use vt::Screen;

    /// Everything that a screen has, in turn: colours, regions, sizes, the other screen, a saved cursor, modes.
    fn line(number: usize) -> Vec<u8> {
        let text = match number % 50 {
            10 => "\x1b[?1049h\x1b[2;5r\x1b[?25l\x1b[?7l".into(),
            20 => format!("\x1b[3;4H\x1b7\x1b[48;2;{};2;3m\x1b[2J", number % 256),
            30 => "\x1b[?1049l\x1b8\x1b[?25h\x1b[?7h\x1b[r".into(),
            40 => return event_line(1, "r", &format!("{}x{}", 60 + number % 40, 10 + number % 20)),
            45 => "\x1b[4".into(),
            46 => "2mcut\x1b[0m\r\n".into(),
            _ => format!("\x1b[3{}mline {number}\u{e9}\u{1f600}\x1b[0m {}\r\n", number % 8, "x".repeat(number % 90)),
        };
        event_line(1, "o", &text)
    }

    fn play(screen: &mut Screen, lines: &str) {
        for line in lines.lines() {
            let Event(_, code, data) = serde_json::from_str(line).unwrap();
            if code == "o" {
                screen.feed(data.as_bytes(), &mut Vec::new());
            } else if let Some((cols, rows)) = data.split_once('x').filter(|_| code == "r") {
                screen.resize(cols.parse().unwrap(), rows.parse().unwrap());
            }
        }
    }

    /// Everything that is shown or has an effect on what follows, but for history, which no player shows.
    fn state(screen: &Screen) -> ((u16, u16), Vec<u8>) {
        (screen.size(), screen.snapshot(Scope::Screen))
    }

    #[test]
    fn a_player_that_begins_at_any_keyframe_shows_what_one_from_the_start_does() {
        let lines: Vec<_> = (0..60_000).flat_map(line).collect();
        let mut keyframes = Keyframes::new(80, 24);
        let parts: Vec<_> = lines.split_inclusive(|byte| *byte == b'\n').collect();
        let all: Vec<_> = parts.chunks(700).flat_map(|part| keyframes.insert(&part.concat())).collect();
        let all = String::from_utf8(all).unwrap();
        let (mut from_start, mut from_keyframe) = (Screen::new(80, 24, HISTORY), None::<Screen>);
        let (mut found, mut since) = (0, 0);
        for line in all.split_inclusive('\n') {
            let Event(_, code, data) = serde_json::from_str(line).unwrap();
            if code != "k" {
                since += line.len();
                assert!(since < KEYFRAME_BYTES + 1024, "{found}");
                play(&mut from_start, line);
                from_keyframe.iter_mut().for_each(|screen| play(screen, line));
                continue;
            }
            let (size, data) = data.split_once('\n').unwrap();
            let (cols, rows) = size.split_once('x').unwrap();
            let mut next = Screen::new(cols.parse().unwrap(), rows.parse().unwrap(), HISTORY);
            next.feed(data.as_bytes(), &mut Vec::new());
            assert!(state(&next) == state(&from_start), "{found}");
            let before = from_keyframe.replace(next);
            assert!(before.is_none_or(|before| state(&before) == state(&from_start)), "{found}");
            (found, since) = (found + 1, 0);
        }
        assert!(found > 3, "{found}");
        let is_keyframe = |line: &&str| line.starts_with("[0.000, \"k\"");
        let without: String = all.split_inclusive('\n').filter(|line| !is_keyframe(line)).collect();
        assert!(without.as_bytes() == lines, "nothing else is added");
    }

    #[test]
    fn a_recording_that_asks_for_much_work_or_is_none_has_its_lines() {
        let costly = event_line(0, "o", &"\x1b#8".repeat(1000)).repeat(200);
        let mut keyframes = Keyframes::new(64, 1000);
        assert!(keyframes.insert(&costly) == costly && keyframes.screen.is_none());
        assert!(Keyframes::new(401, 160).screen.is_none(), "nor a screen that is larger");
        let mut grown = Keyframes::new(400, 160);
        for (size, fits) in [("160x400", true), ("65535x65535", false)] {
            grown.insert(&event_line(0, "r", size));
            assert_eq!(grown.screen.is_some(), fits, "{size}");
        }
        let other = b"no line\n[1, \"o\"]\n[1, \"r\", \"0x\"]\n\xff\n[0.1, \"o\", \"cut";
        assert_eq!(Keyframes::new(80, 24).insert(other), other);
    }
}
