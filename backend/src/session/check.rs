//! Checks of the platform in a running session. They run beside its task, which only says where.

use super::handle::{SessionError, SessionHandle};
use crate::terminal::{Check, CheckError, CheckReport};
use shared_protocol::ErrorCode;

impl SessionHandle {
    /// Runs a check to its end, which comes soon if the session ends.
    pub async fn check(&self, check: Check) -> Result<CheckReport, SessionError> {
        Ok(self.processes().await?.check(check).await?)
    }
}

impl From<CheckError> for SessionError {
    fn from(error: CheckError) -> Self {
        let code = match &error {
            CheckError::NotIsolated | CheckError::Unguarded => ErrorCode::BadField,
            CheckError::Busy => ErrorCode::RateLimited,
            CheckError::Ended => ErrorCode::SessionEnded,
            CheckError::Failed(error) => {
                tracing::error!(%error, "a check cannot be run");
                return Self::new(ErrorCode::Internal, "the check cannot be run; the log of the service says why");
            }
        };
        Self::new(code, error.to_string())
    }
}
