//! An hour of a class whose screens never rest: what a wall costs, and that none holds up the others.

use super::*;
use crate::session::{Picture, Sight};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{Decompress, FlushDecompress};
use shared_protocol::wall::{Attendance, WallFrame, WallSession};
use shared_protocol::{ServerFrame, ServerMessage};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use vt::Screen;

/// Terminals of a class.
const CLASS_SIZE: usize = 30;

/// Sent in time.
#[derive(Default)]
struct Sent {
    frames: u64,
    /// As JSON.
    bytes: u64,
    updates: u64,
    /// Updates with lines of each session.
    tiles: HashMap<String, u64>,
}

/// Text that does not repeat.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// Some lines of a build's log.
    fn log(&mut self) -> String {
        let mut lines = String::new();
        for _ in 0..5 {
            let (step, name, ms) = (self.next() % 900, self.next(), self.next() % 10_000);
            let _ = write!(
                lines,
                "\x1b[1;32m   Compiling\x1b[0m [{step}/900] crate-{name:x} v1.{} in {ms} ms\r\n",
                step % 7
            );
        }
        lines
    }

    /// A screen that does not compress: each cell has a colour of its own.
    fn flood(&mut self, cells: usize) -> String {
        let mut screen = String::new();
        for _ in 0..cells {
            let (r, g, b) = (self.next() % 256, self.next() % 256, self.next() % 256);
            let _ = write!(screen, "\x1b[38;2;{r};{g};{b}m{}", char::from(b'!' + (self.next() % 90) as u8));
        }
        screen
    }
}

/// Runs a class for some seconds, each of whose screens changes every second. The first one floods, if it is to.
fn run(seconds: u64, floods: bool) -> Sent {
    let (start, mut noise, mut sent) = (Instant::now(), Noise(7), Sent::default());
    let mut screens: Vec<Screen> = (0..CLASS_SIZE).map(|_| Screen::new(80, 24, 0)).collect();
    if floods {
        screens[0] = Screen::new(200, 60, 0);
    }
    let mut page = Page::new(start);
    page.deflates = true;
    for second in 0..seconds {
        let entries: Vec<Entry> = screens
            .iter_mut()
            .enumerate()
            .map(|(number, screen)| {
                let output = if floods && number == 0 { noise.flood(200 * 60) } else { noise.log() };
                screen.feed(output.as_bytes(), &mut Vec::new());
                entry(number, second, Picture::of(screen))
            })
            .collect();
        let Some(Update { full, payloads }) = page.update(&entries, start + Duration::from_secs(second)) else {
            continue;
        };
        sent.updates += 1;
        for tile in payloads.iter().flat_map(tiles) {
            *sent.tiles.entry(tile).or_default() += 1;
        }
        let (v, parts) = (sent.updates, payloads.len() as u16);
        for (news, part) in payloads.into_iter().zip(1..) {
            let message = ServerMessage::Wall(WallFrame { v, full, part, parts, news });
            sent.frames += 1;
            sent.bytes += ServerFrame::from(message).to_json().len() as u64;
        }
    }
    sent
}

fn entry(number: usize, second: u64, picture: Picture) -> Entry {
    let row = WallSession {
        id: SessionId::new(format!("student-{number}")).unwrap(),
        name: format!("Student {number}"),
        state: Attendance::Here,
        title: "make".into(),
        active_at: Some(second / 10 * 10_000),
        exit_code: Some(0),
        command: "make".into(),
        hand: None,
    };
    let sight = Sight {
        at: second * 1000,
        here: true,
        title: String::new(),
        active_at: second * 1000,
        exit_code: None,
        command: None,
        hand: None,
        picture: Arc::new(picture),
    };
    Entry { row, sight: Some(Arc::new(sight)) }
}

/// The sessions of which a payload has lines.
fn tiles(payload: &WallPayload) -> HashSet<String> {
    let news = match payload {
        WallPayload::Plain(news) => news.clone(),
        WallPayload::Packed { z } => {
            let (packed, mut bytes) = (STANDARD.decode(z).unwrap(), Vec::with_capacity(512 * 1024));
            Decompress::new(false).decompress_vec(&packed, &mut bytes, FlushDecompress::Finish).unwrap();
            serde_json::from_slice(&bytes).unwrap()
        }
    };
    news.tiles.into_iter().map(|tile| tile.id.to_string()).collect()
}

/// Prices in dollars: `testing/bench/src/cost/prices.rs` has their sources.
const MESSAGE: f64 = 1.00 / 1e6;
const REQUEST: f64 = 0.20 / 1e6;
const GB_SECOND: f64 = 0.000_013_333_4;
const GB_OUT: f64 = 0.09;

#[test]
fn thirty_busy_screens_cost_less_than_two_cents_an_hour() {
    const SECONDS: u64 = 120;
    let Sent { frames, bytes, updates, .. } = run(SECONDS, false);
    let hourly = |count: u64| count as f64 * 3600.0 / SECONDS as f64;
    // A page acknowledges every second update, and says every 20 s what it looks at.
    let messages = hourly(updates) / 2.0 + 2.0 * 180.0;
    let dollars = [
        ("frames", hourly(frames) * MESSAGE),
        ("messages, and their runs", messages * (MESSAGE + REQUEST)),
        ("a relay of its own, with 128 MB", 3600.0 * 0.125 * GB_SECOND),
        ("data out", hourly(bytes) / 1e9 * GB_OUT),
    ];
    let cents = 100.0 * dollars.iter().map(|(_, dollars)| dollars).sum::<f64>();
    println!("{} frames, {messages} messages and {:.1} MB an hour", hourly(frames), hourly(bytes) / 1e6);
    for (what, dollars) in dollars {
        println!("{what}: ${dollars:.4}");
    }
    println!("together: {cents:.2} cents");
    assert!(cents <= 2.0, "{cents}");
    assert!(updates >= SECONDS * 9 / 10, "{updates}: the wall is live");
}

#[test]
fn a_student_who_floods_slows_no_other() {
    const SECONDS: u64 = 45;
    let calm = run(SECONDS, false);
    let Sent { updates, tiles, .. } = run(SECONDS, true);
    let flood = tiles["student-0"];
    assert!(flood >= SECONDS / 20, "{flood}: it is shown now and then");
    for number in 1..CLASS_SIZE {
        let (pace, before) = (tiles[&format!("student-{number}")], calm.tiles[&format!("student-{number}")]);
        assert!(pace * 10 >= before * 9, "student {number}: {pace} of {before}");
    }
    assert!(updates * 10 >= calm.updates * 9, "{updates} of {}", calm.updates);
}
