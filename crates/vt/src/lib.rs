//! The service's emulator of a session: bytes in, replies and snapshots out. No I/O, no clock.
//!
//! The service keeps a [`Screen`] of each session. For a page that returns, it renders in a few kilobytes the
//! output that makes another terminal look the same. It also answers the queries of programs, so that each is
//! answered once and in time.
//!
//! The reference is xterm.js, the emulator of the page: every sequence has the same effect here as
//! there. `tests/differential.rs` compares the two, cell by cell, on recordings of real programs that are cut anywhere.

mod buffer;
mod cell;
mod cell_extra;
mod drawing;
mod graphemes;
mod lazy;
mod parser;
mod plain;
mod screen;
mod snapshot;
mod terminal;
mod width;

pub use drawing::{Colour, Look};
pub use lazy::LazyScreen;
pub use screen::Screen;
pub use snapshot::Scope;
pub use terminal::Theme;
pub use width::width;
