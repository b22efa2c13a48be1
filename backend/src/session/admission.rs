//! Who may have one more session, and start one more shell. Apart from the registry, which finds the ones that there are.

use super::SessionError;
use super::registry::{Home, Registry, unheard};
use crate::pace::Pace;
use crate::store::{Put, SessionRecord, SessionState};
use shared_protocol::{Epoch, ErrorCode, SessionId};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Ended sessions of one user that are remembered, at most. None is forgotten for another: its token could bring it back.
pub const ENDED_PER_USER: usize = 500;

/// A user may start as many shells in this time as they may have sessions.
const START_TIME: Duration = Duration::from_secs(60);

/// And so many times as many at once.
const START_BURST: u32 = 10;

/// The door.
pub(super) struct Admission {
    /// Held while the sessions of a user are counted and one is added.
    one_by_one: Semaphore,
    /// Shells of each user: each takes a uid that is never used again.
    starts: Pace<String>,
}

impl Admission {
    pub(super) fn new(sessions_per_user: usize) -> Self {
        let each = u32::try_from(sessions_per_user).unwrap_or(u32::MAX);
        let starts = Pace::new(each, START_TIME, each.saturating_mul(START_BURST));
        Self { one_by_one: Semaphore::new(1), starts }
    }

    /// Counts a shell of this user, unless there were too many lately.
    pub(super) fn may_start(&self, user: &str) -> Result<(), SessionError> {
        self.starts.may(&user.to_owned()).map_err(|wait| {
            let seconds = wait.as_secs() + 1;
            let many = format!("too many shells were started for this user; try again in {seconds} s");
            SessionError::new(ErrorCode::RateLimited, many)
        })
    }
}

impl Registry {
    /// Makes a session without a shell yet.
    pub async fn create(&self, id: SessionId, user: &str) -> Result<SessionRecord, SessionError> {
        if let Some(there) = self.parts.store.session(&id).await? {
            return Ok(there);
        }
        if !self.presence.is_complete(&*self.parts.store).await? {
            return Err(unheard());
        }
        self.add(self.created(id, user), None).await
    }

    /// Writes a session that its user may have, over another one of its name or none. Returns the one that is there then.
    pub(super) async fn add(
        &self,
        record: SessionRecord,
        over: Option<&SessionRecord>,
    ) -> Result<SessionRecord, SessionError> {
        // Counted and added one after the other, or many at once would all find room.
        let _permit = self.admission.one_by_one.acquire().await;
        self.check_limit(&record.user).await?;
        let over = over.map(SessionRecord::version);
        Ok(match self.parts.store.put(&record, over.as_ref()).await? {
            Put::Written => record,
            Put::Other(there) => there,
        })
    }

    pub(super) fn created(&self, id: SessionId, user: &str) -> SessionRecord {
        let (user, created_at) = (user.to_owned(), self.parts.clock.now_ms());
        SessionRecord { id, user, state: SessionState::Created, owner: None, epoch: Epoch(0), created_at }
    }

    async fn check_limit(&self, user: &str) -> Result<(), SessionError> {
        let most = self.parts.sessions_per_user;
        let records = self.parts.store.sessions_of(user).await?;
        if records.iter().filter(|record| record.has_ended()).count() >= ENDED_PER_USER {
            let many = format!("{ENDED_PER_USER} sessions of this user ended lately; try again later");
            return Err(SessionError::new(ErrorCode::LimitReached, many));
        }
        let mut open = 0;
        for record in records {
            let counts = match record.state {
                SessionState::Created => true,
                SessionState::Running => self.home(&record).await? != Home::Nowhere,
                SessionState::Ended { .. } => false,
            };
            open += usize::from(counts);
        }
        if open < most {
            return Ok(());
        }
        Err(SessionError::new(ErrorCode::LimitReached, format!("a user may have at most {most} sessions")))
    }
}
