//! Walls: all sessions of a class on an instructor's page. A wall looks at the slots that sessions fill, and sends what changed,
//! within a budget; it sends a session nothing. Only an instructor's message to the class goes there.

mod announce;
mod budget;
mod news;
mod pack;
mod roster;
mod task;
mod walls;

pub use walls::{WallMessage, Walls};
