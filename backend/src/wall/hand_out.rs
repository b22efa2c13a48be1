//! A file that an instructor hands to the class: how often one may, its way to the sessions of every instance, and what became of
//! it.

use super::everywhere::{NAME_CHARACTERS, Sent, count, reach_everywhere};
use super::question::{HandOut, HandOutHead, Heard, OtherInstances};
use super::turns::{Sender, Turns};
use crate::session::{Classes, HandedFile, SessionError, plain_line};
use crate::store::{Pace, Store, Turn};
use bytes::Bytes;
use shared_protocol::{ErrorCode, SessionId};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Files of an instructor for a group, over all instances: each is a process in each session.
const PACE: Pace = Pace { interval: Duration::from_secs(10), most: 30, window: Duration::from_secs(600) };

/// Files that this instance hands out at once, of its own instructors or for other instances: it holds each in memory.
const AT_ONCE: usize = 2;

/// Time for the file to be in the sessions of an instance.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Hands out files.
pub(super) struct HandOuts {
    /// Files of each instructor.
    turns: Turns,
    /// Permits of [`AT_ONCE`].
    running: Semaphore,
}

impl HandOuts {
    pub(super) fn new() -> Self {
        Self { turns: Turns::new("files/", PACE), running: Semaphore::new(AT_ONCE) }
    }

    /// Counts a file before it is read.
    pub(super) async fn take_turn(&self, store: &dyn Store, sender: &Sender) -> Result<(), SessionError> {
        let limited = |text: &str| Err(SessionError::new(ErrorCode::RateLimited, text));
        match self.turns.take(store, sender).await {
            Turn::Taken => Ok(()),
            Turn::TooSoon => limited("one file in ten seconds; send it again"),
            Turn::TooMany => limited("thirty files in ten minutes; send it again later"),
        }
    }

    /// Brings the file to the group's sessions, wherever they run. Returns how many have it, and how many do not.
    pub(super) async fn hand_out(
        &self,
        classes: &Classes,
        others: Option<&dyn OtherInstances>,
        file: &HandOut,
    ) -> Result<(u32, u32), SessionError> {
        let busy = "the service hands out as many files as it does at once; try again";
        let _running = self.running.try_acquire().map_err(|_| SessionError::new(ErrorCode::RateLimited, busy))?;
        let here = bring_here(classes, file);
        Ok(reach_everywhere(classes, others, Sent::File(file), here, ANSWER_TIMEOUT).await)
    }

    /// Brings a file of another instance to the group's sessions that run here; none if this instance is busy with others.
    pub(super) async fn take(&self, classes: &Classes, file: &HandOut) -> Heard {
        let Ok(_running) = self.running.try_acquire() else { return Heard { reached: 0 } };
        Heard { reached: count(&bring_here(classes, file).await) }
    }
}

async fn bring_here(
    classes: &Classes,
    HandOut { head: HandOutHead { grp, by, from, name }, content }: &HandOut,
) -> HashMap<SessionId, bool> {
    let part = hex::encode(classes.deps.random.bytes::<16>());
    let (from, at) = (plain_line(from, NAME_CHARACTERS), classes.deps.clock.now_ms());
    let file = HandedFile { name: name.clone(), part, content: Bytes::clone(content), from, at };
    classes.hand_out(grp, by, &file).await
}
