//! Whose tokens are believed: those of a key that the configuration holds, or of the keys that the platform publishes.

mod published;

pub use published::JwksCache;

use crate::clock::Clock;
use auth_tokens::{TokenError, UserTokenVerifier};
use shared_protocol::UserClaims;
use std::sync::Arc;
use std::time::Duration;

/// How users' tokens are checked.
#[derive(Debug, Clone)]
pub enum Users {
    /// With what the configuration holds.
    Fixed(UserTokenVerifier),
    /// With what is found at an address. Clones share what was found.
    Published(Arc<JwksCache>),
}

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Disbelief {
    /// The token is at fault.
    #[error(transparent)]
    TokenError(#[from] TokenError),
    /// Nothing is known of the token: there is nothing to check it with.
    #[error("the platform's keys could not be fetched")]
    NoKeys,
}

impl Users {
    /// The claims of a valid token; known `within` that time, of which only published keys take any.
    pub(crate) async fn verify(
        &self,
        token: &str,
        clock: &dyn Clock,
        within: Duration,
    ) -> Result<UserClaims, Disbelief> {
        match self {
            Self::Fixed(tokens) => Ok(tokens.verify(token, clock.unix_seconds())?),
            Self::Published(keys) => keys.verify(token, clock, within).await,
        }
    }
}

impl From<UserTokenVerifier> for Users {
    fn from(tokens: UserTokenVerifier) -> Self {
        Self::Fixed(tokens)
    }
}
