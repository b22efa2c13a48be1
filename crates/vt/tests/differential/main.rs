//! The service's emulator against the page's, on recorded output of real programs. Each recording is cut at random places, in the
//! middle of sequences and characters too. The part before the cut goes through a [`Screen`], and its snapshot into xterm.js; the
//! same part goes straight into another xterm.js. The two must be equal in every cell and mode, before and after the rest.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod emulator;
mod random;
mod recording;
mod widths;

use emulator::Emulators;
use recording::{Dice, Recording};
use serde_json::json;
use vt::{Scope, Screen};

/// Cuts of each recording and scope.
const CUTS: usize = 40;

/// Lines of history on both sides.
const SCROLLBACK: usize = 1000;

/// Differences that are accepted, and why.
const KNOWN: [&str; 14] = [
    // A snapshot leaves it off on purpose: it only holds back drawing, and a page that comes in the middle must not
    // wait for its end.
    "synchronized output",
    // That the very first row goes on from one above it, which is not kept any more (or, for the scope of the screen,
    // not sent).
    "first row wraps",
    // xterm.js forgets where a link leads when the line that it began in is erased or scrolls out of the history,
    // although cells show it still.
    "forgotten links",
    // A terminal that becomes narrower, and inserting in their middle, cuts wide characters in two; the snapshot has an
    // empty cell there.
    "half a wide character",
    // An accent that came after its letter was erased, which takes a column then, as it does nowhere else.
    "combined with nothing",
    // Restoring a cursor brings underlining back and not its style, and xterm.js then does not know whether to draw it.
    "underlined in no style",
    // Two halves of wide characters that were overwritten, side by side in the last columns: the left one keeps only
    // its background.
    "hollow cells at the edge",
    // A character that is not where it was printed (no wrapping, or another size since), and would yet be combined
    // with.
    "not printed",
    // A cursor that was saved while it was about to wrap; restoring puts it in the last column anyway, unless the
    // terminal became wider.
    "a cursor saved behind the edge",
    // xterm.js does not cut the lines of an alternate screen that becomes narrower, and what is behind the edge comes
    // back when it becomes wider.
    "columns behind the edge",
    // On the alternate screen, a cursor behind a last column that is empty, in a row that is not: the cursor is put in
    // the last column.
    "wrapping over nothing",
    // Restoring a cursor inside a link takes the link from what is printed, and the next underline brings it back; the
    // snapshot ends it.
    "a link that does not count",
    // In xterm.js an alternate screen that is entered after the terminal lost rows keeps as many lines that scroll off;
    // no user wants them.
    "alternate scrollback",
    // A cursor that was saved on the alternate screen before the terminal lost rows: restoring puts it in the last row,
    // however far below it was.
    "a cursor saved below",
];

macro_rules! recordings {
    ($($test:ident: $name:literal,)*) => {
        const RECORDINGS: &[&str] = &[$($name),*];
        $(
            #[test]
            fn $test() {
                compare($name);
            }
        )*
    };
}

recordings! {
    art: "art",
    bash: "bash",
    bash_resize: "bash-resize",
    build: "build",
    cargo: "cargo",
    git_graph: "git-graph",
    git_pager: "git-pager",
    htop: "htop",
    less: "less",
    less_resize: "less-resize",
    man: "man",
    mc: "mc",
    menu: "menu",
    nano: "nano",
    tmux: "tmux",
    top: "top",
    vim: "vim",
    vim_resize: "vim-resize",
}

#[test]
fn every_recording_is_compared() {
    let files = std::fs::read_dir(recording::folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = files
        .filter_map(|name| name.to_str().and_then(|name| name.strip_suffix(".bin.gz")).map(str::to_owned))
        .collect();
    names.sort();
    assert_eq!(names, RECORDINGS);
}

/// An image that is longer than what is held back: a page that comes in its middle gets its room nevertheless.
#[test]
fn a_page_that_comes_in_the_middle_of_an_image_counts_its_rows() {
    for head in ["", "\"1;1;100;241"] {
        let bands = format!("{}-", "~".repeat(10_000)).repeat(40);
        let mut recording = Recording::new((40, 20));
        recording.bytes = format!("$ \x1bPq{head}#1{bands}\x1b\\below\r\n$ ").into_bytes();
        let mut emulators = Emulators::start();
        let mut comparison = Comparison::on(&mut emulators, &recording);
        let mut screen = Screen::new(40, 20, SCROLLBACK);
        let cut = 200_000;
        recording.feed(&mut screen, 0, cut);
        assert_eq!(screen.pending_bytes(), 0);
        comparison.emulators.play("straight", 0, cut);
        let wrong: Vec<String> = comparison.full(&screen, cut);
        let later: Vec<&String> = wrong.iter().filter(|what| what.starts_with("at the end")).collect();
        assert!(later.is_empty(), "{later:?}");
    }
}

/// Random outputs, each cut once: more find no further difference, and these take a few seconds.
const RANDOM: u64 = 1000;

#[test]
fn random_output() {
    compare_many(random::recording);
}

#[test]
fn random_clusters() {
    compare_many(random::clusters);
}

fn compare_many(recording: fn(&mut Dice) -> Recording) {
    let mut emulators = Emulators::start();
    let (mut compared, mut wrong) = (0, Vec::new());
    for seed in 1..=RANDOM {
        if let Some(found) = compare_random(seed, recording, &mut emulators) {
            compared += 1;
            wrong.extend(found);
        }
    }
    assert!(wrong.is_empty(), "{} of {compared}:\n{}", wrong.len(), wrong[..wrong.len().min(5)].join("\n"));
    assert!(compared > RANDOM / 2, "only {compared} of {RANDOM} could be compared");
}

/// The first difference; none if the two cannot be compared.
fn compare_random(
    seed: u64,
    recording: fn(&mut Dice) -> Recording,
    emulators: &mut Emulators,
) -> Option<Option<String>> {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let recording = recording(&mut dice);
    let cut = 1 + dice.below(recording.bytes.len() - 1);
    emulators.record(&recording);
    emulators.open("straight", recording.size(), SCROLLBACK);
    let all = json!({ "id": "straight", "from": 0, "to": recording.bytes.len() });
    // There are bytes that xterm.js throws at.
    emulators.try_ask("play", all).ok()?;
    let mut comparison = Comparison::on(emulators, &recording);
    let mut screen = Screen::new(recording.size().0, recording.size().1, SCROLLBACK);
    recording.feed(&mut screen, 0, cut);
    comparison.emulators.play("straight", 0, cut);
    // Columns that a smaller alternate screen has cut off come back with a larger one ("columns behind the edge"); nothing tells
    // in between.
    let resized_alternate = screen.is_alternate() && !recording.resizes.is_empty();
    if resized_alternate || !comparison.unreachable("straight").is_empty() {
        return None;
    }
    let found = comparison.full(&screen, cut);
    let [before, after] = [&recording.bytes[..cut], &recording.bytes[cut..]].map(String::from_utf8_lossy);
    let about = || format!("seed {seed}, {:?}, sizes {:?}", recording.size(), recording.resizes);
    Some((!found.is_empty()).then(|| format!("{}\n  {before:?}\n  {after:?}\n  {}", about(), found.join("\n  "))))
}

fn compare(name: &str) {
    let recording = Recording::read(name);
    let mut emulators = Emulators::start();
    let mut comparison = Comparison::on(&mut emulators, &recording);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ name.len() as u64);
    let mut screen = Screen::new(recording.size().0, recording.size().1, SCROLLBACK);
    let mut at = 0;
    let mut wrong = Vec::new();
    for cut in recording.cuts(CUTS, &mut dice) {
        recording.feed(&mut screen, at, cut);
        comparison.emulators.play("straight", at, cut);
        at = cut;
        let stale = dice.below(cut);
        wrong.extend(comparison.full(&screen, cut).into_iter().map(|what| format!("cut at {cut}, full: {what}")));
        wrong.extend(
            comparison.screen(&screen, cut, stale).into_iter().map(|what| format!("cut at {cut}, screen: {what}")),
        );
        assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
    }
}

struct Comparison<'a> {
    recording: &'a Recording,
    emulators: &'a mut Emulators,
}

impl<'a> Comparison<'a> {
    fn on(emulators: &'a mut Emulators, recording: &'a Recording) -> Self {
        emulators.record(recording);
        emulators.open("straight", recording.size(), SCROLLBACK);
        emulators.open("end", recording.size(), SCROLLBACK);
        emulators.play("end", 0, recording.bytes.len());
        Self { recording, emulators }
    }

    /// Accepted differences: state that no sequence produces.
    fn unreachable(&mut self, id: &str) -> Vec<String> {
        let names: Vec<String> =
            serde_json::from_value(self.emulators.ask("unreachable", json!({ "id": id }))).unwrap();
        assert!(names.iter().all(|name| KNOWN.contains(&name.as_str())), "{names:?}");
        names
    }

    /// A page that knows nothing.
    fn full(&mut self, screen: &Screen, cut: usize) -> Vec<String> {
        self.emulators.open("restored", screen.size(), SCROLLBACK);
        self.restored(screen, Scope::Full { scrollback: SCROLLBACK }, cut)
    }

    /// A page that has read up to `stale`, and is brought here without losing what has scrolled off.
    fn screen(&mut self, screen: &Screen, cut: usize, stale: usize) -> Vec<String> {
        self.emulators.open("restored", self.recording.size(), SCROLLBACK);
        self.emulators.play("restored", 0, stale);
        self.restored(screen, Scope::Screen, cut)
    }

    /// The differences after a snapshot, and after the rest of the recording.
    fn restored(&mut self, screen: &Screen, scope: Scope, cut: usize) -> Vec<String> {
        let only_screen = scope == Scope::Screen;
        self.emulators.restore("restored", screen.size(), &screen.snapshot(scope));
        self.emulators.play("restored", cut - screen.pending_bytes(), cut);
        let mut wrong = self.emulators.differences("restored", "straight", only_screen, &KNOWN);
        // A later size brings lines back from the page's own history, which is another one.
        if !only_screen || self.recording.resizes.iter().all(|resize| resize.at <= cut) {
            self.emulators.play("restored", cut, self.recording.bytes.len());
            let later = self.emulators.differences("restored", "end", only_screen, &KNOWN);
            wrong.extend(later.into_iter().map(|what| format!("at the end, {what}")));
        }
        wrong
    }
}
