//! Every part with its name, in one table: what is timed, and what is counted.

use crate::inputs::{READ, chinese, coloured, noise, plain, recording};
use crate::{Work, floors, frames, log, messages, order, terminal};

/// A part: its name, and how it is prepared. A name that begins with `floor` is nothing of ours, but what cannot be done without.
pub type Part = (&'static str, fn() -> Work);

const KIB: usize = 1024;

/// Messages that make an order worth measuring.
const MESSAGES: u64 = 100;

/// A key, as a page sends it.
const KEY: &str = r#"{"type":"input","seq":4321,"epoch":1772000000000,"data":"l"}"#;

/// All parts. Sizes are those of a frame (31 KiB), of a read (16 KiB) and of a turn of a session's task (64 KiB) where nothing else is said.
pub const PARTS: &[Part] = &[
    ("frame/echo of a key", || frames::encode(b"l".to_vec())),
    ("frame/acknowledgement", frames::acknowledge),
    ("frame/plain text", || frames::encode(plain(64 * KIB))),
    ("frame/plain text, 3 KiB", || frames::encode(plain(3 * KIB))),
    ("frame/plain text, 24 KiB", || frames::encode(plain(24 * KIB))),
    ("frame/coloured text", || frames::encode(coloured(64 * KIB))),
    ("frame/bytes", || frames::encode(noise(64 * KIB))),
    ("frame/bytes, 2 KiB", || frames::encode(noise(2 * KIB))),
    ("frame/bytes, 16 KiB", || frames::encode(noise(16 * KIB))),
    ("frame/deflated", || frames::encode_deflated(coloured(256 * KIB))),
    ("frame/deflated, 128 KiB", || frames::encode_deflated(coloured(128 * KIB))),
    ("frame/plain text, read", || frames::decode(&plain(64 * KIB))),
    ("frame/bytes, read", || frames::decode(&noise(64 * KIB))),
    ("message/key", || messages::input(b"l")),
    ("message/paste, 1 KiB", || messages::input(&plain(KIB))),
    ("message/paste, 8 KiB", || messages::input(&plain(8 * KIB))),
    ("message/ack", messages::ack),
    ("message/follow", messages::follow),
    ("log/append reads", || log::append(READ, 1)),
    ("log/append reads, old", || log::append(READ, 100)),
    ("log/append lines", || log::append(64, 1)),
    ("log/append lines, old", || log::append(64, 100)),
    ("log/append events", log::append_events),
    ("log/read a frame", || log::read(31 * KIB, 64 * KIB)),
    ("log/read a frame, far behind", || log::read(31 * KIB, 900 * KIB)),
    ("log/find among 40 events", || log::find(40)),
    ("log/find among 4,000 events", || log::find(4000)),
    ("log/marks in reads", || log::marks(coloured(READ), READ)),
    ("log/marks in bytes", || log::marks(coloured(READ), 1)),
    ("order/in order", || order::in_order(MESSAGES, 1)),
    ("order/in order, old", || order::in_order(MESSAGES, 10_000)),
    ("order/backwards", || order::backwards(MESSAGES)),
    ("order/backwards, 800", || order::backwards(8 * MESSAGES)),
    ("vt/plain text", || terminal::feed(plain(READ))),
    ("vt/plain text, 2 KiB", || terminal::feed(plain(2 * KIB))),
    ("vt/build log", || terminal::feed(coloured(READ))),
    ("vt/build log, old", || terminal::feed_again(coloured(READ), (120, 40), 80, READ)),
    ("vt/build log, byte by byte", || terminal::feed_again(coloured(READ), (120, 40), 8, 1)),
    ("vt/Chinese", || terminal::feed(chinese(READ))),
    ("vt/vim", || terminal::redraw(recording("vim"))),
    ("vt/htop", || terminal::redraw(recording("htop"))),
    ("vt/tmux", || terminal::redraw(recording("tmux"))),
    ("vt/art", || terminal::redraw(recording("art"))),
    ("vt/title, 500 bytes", || terminal::slow_title(500)),
    ("vt/title, 4,000 bytes", || terminal::slow_title(4000)),
    ("snapshot/vim", || terminal::snapshot_program(&recording("vim"))),
    ("snapshot/htop", || terminal::snapshot_program(&recording("htop"))),
    ("snapshot/125 lines", || terminal::snapshot_history(125)),
    ("snapshot/1,000 lines", || terminal::snapshot_history(1000)),
    ("floor/base64", || floors::base64(noise(16 * KIB))),
    ("floor/base64, read", || floors::unbase64(&noise(23 * KIB))),
    ("floor/plain text in JSON", || floors::json(plain(24 * KIB))),
    ("floor/plain text in JSON, read", || floors::unjson(&plain(30 * KIB))),
    ("floor/key as a tree", || floors::json_tree(KEY)),
    ("floor/deflate", || floors::deflate(coloured(128 * KIB))),
    ("floor/copy reads", || floors::copy(coloured(64 * KIB), READ)),
    ("floor/copy lines", || floors::copy(coloured(64 * KIB), 64)),
    ("floor/alacritty, plain text", || floors::alacritty(plain(READ), (120, 40))),
    ("floor/alacritty, build log", || floors::alacritty(coloured(READ), (120, 40))),
    ("floor/alacritty, vim", || floors::alacritty(recording("vim").bytes, (120, 40))),
    ("floor/alacritty, htop", || floors::alacritty(recording("htop").bytes, (110, 32))),
];
