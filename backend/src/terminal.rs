//! Terminals with a shell in them, behind narrow traits: real ones on the kernel's PTYs, and a scripted one for tests.
//! Knows nothing of sessions, clients, stores or sandboxes.

mod check;
mod directory;
mod integration;
mod integration_files;
mod line_discipline;
mod osc133;
mod preparation;
mod process_tree;
pub(crate) mod procfs;
mod pty;
mod quota;
pub(crate) mod reaper;
#[cfg(feature = "test-support")]
pub mod scripted;
mod shell_command;
pub(crate) mod sys;
mod transfer;
mod typed_line;
pub(crate) mod unix;

pub use check::{
    CHECK_MARGIN, CHECK_TIME, Check, CheckError, CheckFailure, CheckGuard, CheckReport, CheckUser, MAX_CHECK_TIME,
    MAX_OUTPUT_BYTES, MAX_SCRIPT_BYTES,
};
pub use directory::ShellDirectory;
pub use integration::{Nonce, environment, is_own_variable, login_command};
pub use osc133::{Piece, PromptMark, PromptMarkScanner};
pub use preparation::Preparation;
pub use pty::{Exit, Interest, InterruptKey, ProcessGroup, Pty, PtyEvent, ReadOutcome, ShellSpawner, ShellSpec, Size};
pub use quota::{HARD_LIMIT_FACTOR, QuotaExceeded, Resource, SessionLimits};
pub use reaper::reap_orphans;
pub use transfer::{FileError, OWN_PROGRAM, StartedHelper};
pub(crate) use transfer::{FileHelper, FileHelpers};
pub use typed_line::{LineText, TypedLine};
pub use unix::UnixSpawner;
