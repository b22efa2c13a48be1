//! Files to and from the shell, as the helper process of one transfer handles them. It runs as the session's user, so the kernel
//! decides what it may read and write; the service itself opens no path that a session can influence. Knows pipes and
//! directories, and no session.

mod archive;
mod helper;
mod name;
mod path;
mod receive;
mod send;
mod wire;

pub(crate) use helper::{Places, carry};
pub(crate) use name::{check_folder, check_name, may_become, readable_name};
pub(crate) use path::open_to_read;
pub use wire::FileRefusal;
pub(crate) use wire::{CHUNK_BYTES, FileTask, Head, MAX_HEAD_BYTES};
