//! The service's emulator of a session: bytes in, replies and snapshots out. No I/O, no clock.
//!
//! A page that comes back finds its screen because the service followed along on a [`Screen`] of its own, and can say at any
//! time in a few kilobytes what another terminal must read to look the same. It also replies what programs ask their terminal, so
//! that nobody else has to, twice, or late.
//!
//! What it looks like is decided by the emulator that the page has, which is xterm.js: every sequence does here what it does
//! there. `tests/differential.rs` compares the two, cell by cell, on recordings of real programs that are cut anywhere.

mod buffer;
mod cell;
mod cell_extra;
mod parser;
mod screen;
mod snapshot;
mod terminal;
mod width;

pub use screen::Screen;
pub use snapshot::Scope;
pub use width::width;
