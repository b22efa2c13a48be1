//! Walls: all sessions of a class on an instructor's page. A wall looks at the slots that sessions fill, leaves its instructor's
//! name there, and sends what changed, within a budget. Only an instructor's message to the class goes to a session.

mod announce;
mod budget;
mod class;
mod news;
mod pack;
mod question;
mod roster;
mod task;
mod update;
mod walls;

pub use question::{Announcement, GroupAnswer, GroupQuestion, Heard, MAX_ANSWER_BYTES, OtherInstances};
pub use walls::{WallMessage, Walls};
