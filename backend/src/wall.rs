//! Walls: all sessions of a class on an instructor's page. A wall looks at the slots that sessions fill, leaves its instructor's
//! name there, and sends what changed, within a budget. Only an instructor's message or file for the class goes to a
//! session.

mod announce;
mod budget;
mod class;
mod everywhere;
mod hand_out;
mod news;
mod pack;
mod question;
mod roster;
mod task;
mod turns;
mod update;
mod walls;

pub use question::{
    Announcement, GroupAnswer, GroupQuestion, HandOut, HandOutHead, Heard, MAX_ANSWER_BYTES, OtherInstances,
};
pub use walls::{WallMessage, Walls};
