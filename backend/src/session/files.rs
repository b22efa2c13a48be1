//! Files to and from a running session. Its task only says whether the caller may have them now, and where its processes are;
//! the bytes pass beside it.

use super::caller::Caller;
use super::handle::{Reply, SessionError, SessionHandle};
use crate::files::{FileRefusal, FileTask, Head, may_become, readable_name};
use crate::store::{Creator, Member};
use crate::terminal::{FileError, FileHelper, ProcessGroup};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use shared_protocol::server::Notice;
use shared_protocol::{ErrorCode, Role};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Time that a session may take to get a file that is handed out.
const BRING_TIMEOUT: Duration = Duration::from_secs(10);

/// Interval of checks whether a caller may still have the files.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// The files of a session, for one transfer of a caller who may have it.
pub(crate) struct SessionFiles(Arc<dyn ProcessGroup>);

impl SessionHandle {
    /// The files of the session for this caller: one who may type in its shell without asking.
    pub(crate) async fn files(&self, caller: &Caller, creator: &Creator) -> Result<SessionFiles, SessionError> {
        check_role(caller, caller.role_in(creator))?;
        let processes = self.processes_for(Some(caller.user.clone()), caller.member_in(creator)).await?;
        Ok(SessionFiles(processes))
    }

    /// The files of the session for a message of this caller.
    pub(crate) async fn files_for_message(
        &self,
        caller: &Caller,
    ) -> Result<Result<SessionFiles, SessionError>, Box<Reply>> {
        match self.files_of(caller.clone()).await {
            Ok(answer) => answer.map(|processes| processes.map(SessionFiles)),
            Err(error) => Ok(Err(error)),
        }
    }

    /// Completes with the reason once this caller may not have the files any more.
    pub(crate) async fn files_lost(self, caller: Caller, creator: Creator) -> SessionError {
        loop {
            sleep(LOOK_INTERVAL).await;
            // Another error tells nothing about the caller: its session is busy or over.
            if let Err(error) = self.files(&caller, &creator).await
                && matches!(error.code, ErrorCode::ReadOnly | ErrorCode::Revoked)
            {
                return error;
            }
        }
    }

    /// Brings a file to the home of the session's user, and says so. False if it is not there.
    pub(super) async fn bring(&self, by: Member, file: &HandedFile) -> bool {
        match timeout(BRING_TIMEOUT, self.bring_now(by.clone(), file)).await {
            Ok(Ok(name)) => {
                let text = format!("{} is in your home directory", readable_name(&name));
                let (id, from, at) = (file.part.clone(), file.from.clone(), file.at);
                // One that is too busy to show it has the file all the same.
                self.announce(by, Notice { id, from, text, line: None, at }).await;
                true
            }
            Ok(Err(error)) => {
                tracing::info!(%error, "a file is not handed out to a session");
                false
            }
            Err(_) => false,
        }
    }

    /// Returns the name that the file got.
    async fn bring_now(
        &self,
        by: Member,
        HandedFile { name, part, content, .. }: &HandedFile,
    ) -> Result<String, SessionError> {
        let files = SessionFiles(self.processes_for(None, by).await?);
        let most = files.room(content.len() as u64);
        if most < content.len() as u64 {
            return Err(FileError::Refused(FileRefusal::NoRoom).into());
        }
        let (directory, part) = (Some("~".into()), part.clone());
        let task = FileTask::Receive { directory, folder: None, name: name.clone(), part, most };
        let mut helper = files.begin(&task).await?;
        let Head::Ready = helper.head().await? else { return Err(SessionError::broke_off()) };
        helper.put(content).await?;
        let sha256 = hex::encode(Sha256::digest(content));
        match helper.finish(Some(&sha256)).await? {
            // Everyone in the session reads it as the sender's words.
            Head::Stored { name: stored, .. } if may_become(name, &stored) => Ok(stored),
            _ => Err(SessionError::broke_off()),
        }
    }
}

/// Fails unless the session's files are for callers of this role.
pub(super) fn check_role(caller: &Caller, role: Role) -> Result<(), SessionError> {
    if role == Role::Controller || caller.admin {
        return Ok(());
    }
    Err(SessionError::new(ErrorCode::ReadOnly, "only those who control the session have its files"))
}

impl SessionError {
    /// A helper that was killed, or says what it should not: a student may have changed it.
    pub(crate) fn broke_off() -> Self {
        Self::new(ErrorCode::Internal, "the transfer broke off; try again")
    }
}

/// A file that is handed out.
#[derive(Debug)]
pub struct HandedFile {
    /// Its name, unless that is taken.
    pub name: String,
    /// Name of the file while it is incomplete, in hex digits.
    pub part: String,
    /// All of it.
    pub content: Bytes,
    /// Name of the sender.
    pub from: String,
    /// Time of it, in ms since 1970.
    pub at: u64,
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
                return Self::broke_off();
            }
        };
        Self::new(code, error.to_string())
    }
}
