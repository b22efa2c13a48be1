//! Verification of users' tokens, with a configured key or with the platform's published keys.

use crate::clock::Clock;
use crate::jwks::{JwksCache, VerifyError};
use auth_tokens::UserTokenVerifier;
use shared_protocol::UserClaims;
use std::sync::Arc;
use std::time::Duration;

/// Source of the keys that verify users' tokens.
#[derive(Debug, Clone, derive_more::From)]
pub enum TokenVerifier {
    /// Keys from the configuration.
    #[from]
    Fixed(UserTokenVerifier),
    /// Keys from `JWT_JWKS_URL`. Clones share the cache.
    Jwks(Arc<JwksCache>),
}

impl TokenVerifier {
    /// The claims of a valid token. `timeout` limits a fetch of published keys.
    pub(crate) async fn verify(
        &self,
        token: &str,
        clock: &dyn Clock,
        timeout: Duration,
    ) -> Result<UserClaims, VerifyError> {
        match self {
            Self::Fixed(tokens) => Ok(tokens.verify(token, clock.now_seconds())?),
            Self::Jwks(cache) => cache.verify(token, clock, timeout).await,
        }
    }
}
