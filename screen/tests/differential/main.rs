//! The service's emulator against the page's, on what real programs print. Each recording is cut at random places, in the middle of
//! sequences and characters too. What is before the cut goes through a [`Screen`], and its snapshot into a terminal of the page's
//! kind; and straight into another one. The two must be equal, in every cell and mode, and still be when both have read the rest.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod emulator;
mod recording;

use emulator::Emulators;
use recording::{Dice, Recording};
use screen::{Scope, Screen};
use serde_json::json;

/// Cuts of each recording and scope.
const CUTS: usize = 40;

/// Lines of history on both sides.
const SCROLLBACK: usize = 1000;

/// Differences that are accepted, and why.
const KNOWN: [(&str, &str); 2] = [
    (
        "synchronized output",
        "a snapshot leaves it off on purpose: it only holds back drawing, and a page that comes in the middle must not wait for its end",
    ),
    (
        "first row wraps",
        "that the very first row goes on from one above it, which is not kept any more (or, for the scope of the screen, not sent)",
    ),
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

#[test]
fn widths_agree() {
    let last = u32::from(char::MAX);
    let wanted = Emulators::start().ask("widths", json!({ "last": last }));
    for (c, wanted) in (0..=last).zip(wanted.as_str().unwrap().bytes()) {
        assert_eq!(screen::width(c) as u8, wanted - b'0', "U+{c:04X}: run `node screen/differential/widths.mjs`");
    }
}

fn compare(name: &str) {
    let recording = Recording::read(name);
    let mut comparison = Comparison::new(&recording);
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
    emulators: Emulators,
    known: Vec<&'static str>,
}

impl<'a> Comparison<'a> {
    fn new(recording: &'a Recording) -> Self {
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::STANDARD.encode(&recording.bytes);
        let mut emulators = Emulators::start();
        emulators.ask("record", json!({ "bytes": bytes, "resizes": recording.resizes }));
        emulators.open("straight", recording.size(), SCROLLBACK);
        emulators.open("end", recording.size(), SCROLLBACK);
        emulators.play("end", 0, recording.bytes.len());
        Self { recording, emulators, known: KNOWN.iter().map(|(name, _)| *name).collect() }
    }

    /// A page that knows nothing.
    fn full(&mut self, screen: &Screen, cut: usize) -> Vec<String> {
        self.emulators.open("restored", screen.size(), SCROLLBACK);
        let snapshot = screen.snapshot(Scope::Full { scrollback: SCROLLBACK });
        self.emulators.restore("restored", screen.size(), &snapshot);
        self.emulators.play("restored", cut - screen.held_back(), cut);
        let mut wrong = self.emulators.differences("restored", "straight", false, &self.known);
        self.emulators.play("restored", cut, self.recording.bytes.len());
        let later = self.emulators.differences("restored", "end", false, &self.known);
        wrong.extend(later.into_iter().map(|what| format!("at the end, {what}")));
        wrong
    }

    /// A page that has read up to `stale`, and is brought here without losing what has scrolled off.
    fn screen(&mut self, screen: &Screen, cut: usize, stale: usize) -> Vec<String> {
        self.emulators.open("restored", self.recording.size(), SCROLLBACK);
        self.emulators.play("restored", 0, stale);
        self.emulators.restore("restored", screen.size(), &screen.snapshot(Scope::Screen));
        self.emulators.play("restored", cut - screen.held_back(), cut);
        let mut wrong = self.emulators.differences("restored", "straight", true, &self.known);
        // A later size brings lines back from the page's own history, which is another one.
        if self.recording.resizes.iter().all(|resize| resize.at <= cut) {
            self.emulators.play("restored", cut, self.recording.bytes.len());
            let later = self.emulators.differences("restored", "end", true, &self.known);
            wrong.extend(later.into_iter().map(|what| format!("at the end, {what}")));
        }
        wrong
    }
}
