//! All parts in one table: their input, and the bounds on their instructions and allocations.

use crate::inputs::{READ, chinese, coloured, half, noise, plain, recording};
use crate::terminal::SIZE;
use crate::{Work, baselines, frames, log, messages, order, terminal};

/// Instructions of a part as a multiple of those of another part or baseline, at most.
pub type Bound = (&'static str, f64);

/// Something measured: code of ours, or a baseline, which has no bounds.
pub struct Part {
    /// Unique; that of a baseline starts with `baseline/`.
    pub name: &'static str,
    /// Prepares the input.
    pub prepare: fn() -> Work,
    /// Calls of the allocator, at most; the same on every machine.
    pub max_allocations: u64,
    /// At most 15 % above the ratio of the day it was written, but for growth: a part with eight times the input may take 8.4
    /// times the instructions, and an old log, order or screen 1.05 to 1.25 times those of a young one.
    pub bounds: &'static [Bound],
}

const fn part(name: &'static str, prepare: fn() -> Work, max_allocations: u64, bounds: &'static [Bound]) -> Part {
    Part { name, prepare, max_allocations, bounds }
}

const fn baseline(name: &'static str, prepare: fn() -> Work) -> Part {
    part(name, prepare, u64::MAX, &[])
}

const KIB: usize = 1024;

/// Messages in an order.
const MESSAGES: u64 = 100;

/// A keystroke, as a page sends it.
const KEY: &str = r#"{"type":"input","seq":4321,"epoch":1772000000000,"data":"l"}"#;

/// All parts. Default sizes: a frame (31 KiB), a read (16 KiB), a turn of a session's task (64 KiB).
pub const PARTS: &[Part] = &[
    part("frame/echo of a key", || frames::encode(b"l".to_vec()), 2, &[("baseline/write an object", 0.818)]),
    part("frame/acknowledgement", frames::acknowledge, 1, &[("baseline/write an object", 0.460)]),
    part("frame/plain text", || frames::encode(plain(64 * KIB)), 10, &[("baseline/write a string, 24 KiB", 3.74)]),
    part("frame/plain text, 3 KiB", || frames::encode(plain(3 * KIB)), 7, &[("baseline/write a string, 3 KiB", 2.86)]),
    part(
        "frame/plain text, 24 KiB",
        || frames::encode(plain(24 * KIB)),
        10,
        &[("frame/plain text, 3 KiB", 8.4), ("baseline/write a string, 24 KiB", 2.98)],
    ),
    part(
        "frame/coloured text",
        || frames::encode(coloured(64 * KIB)),
        10,
        &[("baseline/write a string, 24 KiB", 3.39)],
    ),
    part("frame/bytes", || frames::encode(noise(64 * KIB)), 4, &[("baseline/base64, 16 KiB", 4.37)]),
    part("frame/bytes, 2 KiB", || frames::encode(noise(2 * KIB)), 4, &[("baseline/base64, 2 KiB", 3.10)]),
    part(
        "frame/bytes, 16 KiB",
        || frames::encode(noise(16 * KIB)),
        4,
        &[("frame/bytes, 2 KiB", 8.4), ("baseline/base64, 16 KiB", 2.97)],
    ),
    part("frame/deflated", || frames::encode_deflated(coloured(256 * KIB)), 5, &[("frame/deflated, 128 KiB", 2.1)]),
    part("frame/deflated, 128 KiB", || frames::encode_deflated(coloured(128 * KIB)), 5, &[("baseline/deflate", 1.29)]),
    part(
        "frame/plain text, read",
        || frames::decode(&plain(64 * KIB)),
        18,
        &[("baseline/read a string, 30 KiB", 1.21)],
    ),
    part("frame/bytes, read", || frames::decode(&noise(64 * KIB)), 6, &[("baseline/base64, read", 1.53)]),
    part("message/key", || messages::input(b"l"), 2, &[("baseline/read an object", 1.51)]),
    part("message/paste, 1 KiB", || messages::input(&plain(KIB)), 8, &[("baseline/read a string, 1 KiB", 2.18)]),
    part(
        "message/paste, 8 KiB",
        || messages::input(&plain(8 * KIB)),
        11,
        &[("message/paste, 1 KiB", 8.4), ("baseline/read a string, 8 KiB", 1.94)],
    ),
    part("message/ack", messages::ack, 1, &[("baseline/read an object", 1.09)]),
    part("message/follow", messages::follow, 1, &[("baseline/read an object", 1.12)]),
    part("log/append reads", || log::append(READ, 1), 4, &[("baseline/copy reads", 1.77)]),
    part("log/append reads, old", || log::append(READ, 100), 4, &[("log/append reads", 1.15)]),
    part("log/append lines", || log::append(64, 1), 36, &[("baseline/copy lines", 16.1)]),
    part("log/append lines, old", || log::append(64, 100), 36, &[("log/append lines", 1.05)]),
    part("log/append events", log::append_events, 0, &[("baseline/queue", 17.2)]),
    part("log/read a frame", || log::read(31 * KIB, 64 * KIB), 1, &[("baseline/copy a frame", 1.88)]),
    part("log/read a frame, far behind", || log::read(31 * KIB, 900 * KIB), 1, &[("log/read a frame", 1.15)]),
    part("log/find among 40 events", || log::find(40), 1, &[("baseline/search 40", 25.5)]),
    part("log/find among 4,000 events", || log::find(4000), 1, &[("log/find among 40 events", 1.25)]),
    part("log/marks in reads", || log::marks(coloured(READ), READ), 0, &[("baseline/count escapes", 1.18)]),
    part("log/marks in bytes", || log::marks(coloured(READ), 1), 0, &[("baseline/count escapes", 30.8)]),
    part("order/in order", || order::in_order(MESSAGES, 1), 0, &[("baseline/map of 100", 1.05)]),
    part("order/in order, old", || order::in_order(MESSAGES, 10_000), 0, &[("order/in order", 1.05)]),
    part("order/backwards", || order::backwards(MESSAGES), 16, &[("baseline/map of 100", 2.39)]),
    part("order/backwards, 800", || order::backwards(8 * MESSAGES), 132, &[("baseline/map of 800", 2.30)]),
    part(
        "vt/plain text",
        || terminal::feed(plain(READ)),
        0,
        &[("vt/plain text, 2 KiB", 8.4), ("baseline/alacritty, plain text", 0.159)],
    ),
    part(
        "vt/plain text, 2 KiB",
        || terminal::feed(plain(2 * KIB)),
        10,
        &[("baseline/alacritty, plain text, 2 KiB", 0.208)],
    ),
    part("vt/build log", || terminal::feed(coloured(READ)), 1, &[("baseline/alacritty, build log", 0.335)]),
    part("vt/build log, old", || terminal::feed_again(coloured(READ), SIZE, 80, READ), 1, &[("vt/build log", 1.05)]),
    part(
        "vt/build log, byte by byte",
        || terminal::feed_again(coloured(READ), SIZE, 8, 1),
        1,
        &[("baseline/alacritty, build log, byte by byte", 1.12)],
    ),
    part("vt/Chinese", || terminal::feed(chinese(READ)), 2, &[("baseline/alacritty, Chinese", 1.62)]),
    part("vt/vim", || terminal::redraw(recording("vim")), 157, &[("baseline/alacritty, vim", 0.789)]),
    part("vt/htop", || terminal::redraw(recording("htop")), 154, &[("baseline/alacritty, htop", 0.877)]),
    part("vt/tmux", || terminal::redraw(recording("tmux")), 1, &[("baseline/alacritty, tmux", 0.895)]),
    part("vt/art", || terminal::redraw(recording("art")), 1003, &[("baseline/alacritty, art", 1.61)]),
    part("vt/title, 500 bytes", || terminal::slow_title(500), 6, &[("baseline/alacritty, title", 2.19)]),
    part("vt/title, 4,000 bytes", || terminal::slow_title(4000), 6, &[("vt/title, 500 bytes", 8.4)]),
    part("snapshot/vim", || terminal::snapshot_program(&recording("vim")), 1439, &[("baseline/grid of vim", 14.7)]),
    part("snapshot/htop", || terminal::snapshot_program(&recording("htop")), 788, &[("baseline/grid of htop", 11.9)]),
    part("snapshot/125 lines", || terminal::snapshot_history(125), 1008, &[("baseline/grid of 125 lines", 7.57)]),
    part("snapshot/1,000 lines", || terminal::snapshot_history(1000), 6261, &[("snapshot/125 lines", 8.4)]),
    baseline("baseline/write an object", || baselines::tree_json(KEY)),
    baseline("baseline/write a string, 3 KiB", || baselines::json(plain(3 * KIB))),
    baseline("baseline/write a string, 24 KiB", || baselines::json(plain(24 * KIB))),
    baseline("baseline/base64, 2 KiB", || baselines::base64(noise(2 * KIB))),
    baseline("baseline/base64, 16 KiB", || baselines::base64(noise(16 * KIB))),
    baseline("baseline/base64, read", || baselines::unbase64(&noise(23 * KIB))),
    baseline("baseline/deflate", || baselines::deflate(coloured(128 * KIB))),
    baseline("baseline/read an object", || baselines::json_tree(KEY)),
    baseline("baseline/read a string, 1 KiB", || baselines::unjson(&plain(KIB))),
    baseline("baseline/read a string, 8 KiB", || baselines::unjson(&plain(8 * KIB))),
    baseline("baseline/read a string, 30 KiB", || baselines::unjson(&plain(30 * KIB))),
    baseline("baseline/copy reads", || baselines::copy(coloured(64 * KIB), READ)),
    baseline("baseline/copy lines", || baselines::copy(coloured(64 * KIB), 64)),
    baseline("baseline/copy a frame", || baselines::copy(coloured(31 * KIB), 31 * KIB)),
    baseline("baseline/count escapes", || baselines::count_escapes(coloured(READ))),
    baseline("baseline/queue", || baselines::queue(1024)),
    baseline("baseline/search 40", || baselines::search(40)),
    baseline("baseline/map of 100", || baselines::map(MESSAGES)),
    baseline("baseline/map of 800", || baselines::map(8 * MESSAGES)),
    baseline("baseline/alacritty, plain text", || baselines::alacritty(plain(READ), SIZE)),
    baseline("baseline/alacritty, plain text, 2 KiB", || baselines::alacritty(plain(2 * KIB), SIZE)),
    baseline("baseline/alacritty, build log", || baselines::alacritty(coloured(READ), SIZE)),
    baseline("baseline/alacritty, build log, byte by byte", || baselines::alacritty_pieces(coloured(READ), SIZE, 1)),
    baseline("baseline/alacritty, Chinese", || baselines::alacritty(chinese(READ), SIZE)),
    baseline("baseline/alacritty, vim", || baselines::alacritty_recording(recording("vim"))),
    baseline("baseline/alacritty, htop", || baselines::alacritty_recording(recording("htop"))),
    baseline("baseline/alacritty, tmux", || baselines::alacritty_recording(recording("tmux"))),
    baseline("baseline/alacritty, art", || baselines::alacritty_recording(recording("art"))),
    baseline("baseline/alacritty, title", || baselines::alacritty_pieces(terminal::title(500), SIZE, 1)),
    baseline("baseline/grid of vim", || baselines::grid_text(&half(recording("vim")), (120, 40), 0)),
    baseline("baseline/grid of htop", || baselines::grid_text(&half(recording("htop")), (110, 32), 0)),
    baseline("baseline/grid of 125 lines", || baselines::grid_text(&coloured(225 * 64), SIZE, 125)),
];
