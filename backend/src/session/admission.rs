//! Limits of one user: sessions, remembered ended sessions, and shell starts per minute.

use super::SessionError;
use crate::rate_limit::RateLimiter;
use shared_protocol::ErrorCode;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Ended sessions of one user that are remembered, at most. None is dropped for a new one: its token could bring it back.
pub const ENDED_PER_USER: usize = 500;

/// Window of the start rate: a user may start as many shells in it as they may have sessions.
const START_WINDOW: Duration = Duration::from_secs(60);

/// Burst of the start rate, as a multiple of the rate.
const START_BURST: u32 = 10;

/// Decides whether a user may have one more session or start one more shell.
pub(super) struct Admission {
    /// Held while the sessions of a user are counted and one is added: concurrent requests would all find room.
    counting: Semaphore,
    /// Shell starts of each user: each takes a uid that is never used again.
    starts: RateLimiter<String>,
    /// Open sessions of one user, at most.
    sessions_per_user: usize,
}

impl Admission {
    pub(super) fn new(sessions_per_user: usize) -> Self {
        let rate = u32::try_from(sessions_per_user).unwrap_or(u32::MAX);
        let starts = RateLimiter::new(rate, START_WINDOW, rate.saturating_mul(START_BURST));
        Self { counting: Semaphore::new(1), starts, sessions_per_user }
    }

    /// Counts a shell start of this user against their rate.
    pub(super) fn check_start_rate(&self, user: &str) -> Result<(), SessionError> {
        self.starts.check(&user.to_owned()).map_err(|wait| {
            let seconds = wait.as_secs() + 1;
            let text = format!("too many shells were started for this user; try again in {seconds} s");
            SessionError::new(ErrorCode::RateLimited, text)
        })
    }

    /// Waits for the turn to count sessions and add one.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed, so this is always a permit.
        self.counting.acquire().await.ok()
    }

    pub(super) fn check_count(&self, open: usize, ended: usize) -> Result<(), SessionError> {
        let most = self.sessions_per_user;
        let text = if ended >= ENDED_PER_USER {
            format!("{ENDED_PER_USER} sessions of this user ended lately; try again later")
        } else if open >= most {
            format!("a user may have at most {most} sessions")
        } else {
            return Ok(());
        };
        Err(SessionError::new(ErrorCode::LimitReached, text))
    }
}
