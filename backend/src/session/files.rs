//! Files to and from a running session. Its task only says whether the caller may have them now, and where its processes are;
//! the bytes pass beside it.

use super::caller::Caller;
use super::handle::{SessionError, SessionHandle};
use crate::files::{FileRefusal, FileTask};
use crate::store::Creator;
use crate::terminal::{FileError, FileHelper, ProcessGroup};
use shared_protocol::{ErrorCode, Role};
use std::sync::Arc;

/// The files of a session, for one transfer of a caller who may have it.
pub(crate) struct SessionFiles(Arc<dyn ProcessGroup>);

impl SessionHandle {
    /// The files of the session for this caller: one who may type in its shell without asking.
    pub(crate) async fn files(&self, caller: &Caller, creator: &Creator) -> Result<SessionFiles, SessionError> {
        if caller.role_in(creator) != Role::Controller && !caller.admin {
            return Err(SessionError::new(ErrorCode::ReadOnly, "only who controls the session has its files"));
        }
        let processes = self.processes_for(caller.user.clone(), caller.member_in(creator)).await?;
        Ok(SessionFiles(processes))
    }
}

impl SessionFiles {
    /// Bytes that a new file may have, of at most `most`.
    pub(crate) fn room(&self, most: u64) -> u64 {
        self.0.disk_left().map_or(most, |left| left.min(most))
    }

    /// Starts a helper with its task.
    pub(crate) async fn begin(&self, task: &FileTask) -> Result<FileHelper, SessionError> {
        Ok(self.0.file_helper().await?.with_task(task).await?)
    }
}

impl From<FileError> for SessionError {
    fn from(error: FileError) -> Self {
        use FileRefusal::{Denied, Failed, Link, Mismatch, NoRoom, NotFound, Special, Taken, TooLarge};
        let code = match &error {
            FileError::Unsupported => ErrorCode::BadField,
            FileError::Ended => ErrorCode::SessionEnded,
            FileError::Refused(NotFound) => ErrorCode::FileNotFound,
            FileError::Refused(TooLarge | NoRoom) => ErrorCode::TooLarge,
            FileError::Refused(Mismatch) => ErrorCode::BadMessage,
            FileError::Refused(Denied | Link | Special | Taken | Failed) => ErrorCode::FileRefused,
            FileError::Failed(error) => {
                // A session may kill the processes of its own user, so it is no fault of the service.
                tracing::info!(%error, "a transfer broke off");
                return Self::new(ErrorCode::Internal, "the transfer broke off; try again");
            }
        };
        Self::new(code, error.to_string())
    }
}
