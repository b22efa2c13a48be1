//! Who may open a connection: the user's token, the page's origin, and the session that was asked for.
//!
//! One judgement with two callers: the `REQUEST` authorizer, which API Gateway asks first, and `$connect` itself where no
//! authorizer is configured.

use crate::budget::Budget;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::HandleError;
use crate::event::Handshake;
use crate::identity::Identity;
use crate::users::Disbelief;
use auth_tokens::TokenError;
use serde_json::{Value, json};
use shared_protocol::{ErrorCode, SessionId};

/// Why a connection is refused. The text is for the log; it never holds a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("there is no token, neither as ?token= nor beside the subprotocol")]
    NoToken,
    #[error("{0}")]
    TokenError(TokenError),
    #[error("{}", Disbelief::NoKeys)]
    NoKeys,
    #[error("the page's origin is not in ALLOWED_ORIGINS")]
    Origin,
    #[error("the sessionId of the query is no session id")]
    BadSession,
    #[error("the sessionId of the query is not the session that the token names")]
    OtherSession,
}

impl Refusal {
    /// What a client may be told.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::TokenError(TokenError::Expired) => ErrorCode::TokenExpired,
            Self::NoToken | Self::TokenError(_) => ErrorCode::Unauthorized,
            Self::Origin | Self::BadSession | Self::OtherSession => ErrorCode::Forbidden,
            Self::NoKeys => ErrorCode::Internal,
        }
    }
}

impl From<Disbelief> for Refusal {
    fn from(disbelief: Disbelief) -> Self {
        match disbelief {
            Disbelief::TokenError(bad) => Self::TokenError(bad),
            Disbelief::NoKeys => Self::NoKeys,
        }
    }
}

/// Who is opening a connection, if they may.
pub(crate) async fn identify(
    handshake: &Handshake,
    config: &Config,
    clock: &dyn Clock,
    budget: Budget,
) -> Result<Identity, Refusal> {
    if !config.origins.allow(handshake.origin.as_deref()) {
        return Err(Refusal::Origin);
    }
    let token = handshake.token.as_deref().ok_or(Refusal::NoToken)?;
    let claims = config.users.verify(token, clock, budget.left_to_finish()).await?;
    let asked = match handshake.session_id.as_deref() {
        Some(asked) => Some(SessionId::new(asked).map_err(|_| Refusal::BadSession)?),
        None => None,
    };
    if claims.sid.is_some() && asked.is_some() && claims.sid != asked {
        return Err(Refusal::OtherSession);
    }
    Ok(Identity::new(claims, asked))
}

/// The authorizer's answer: a policy that allows or denies (403), or an error, which API Gateway turns into a 401 or a 500.
/// Source: API Gateway developer guide, "Output from an API Gateway Lambda authorizer".
pub(crate) fn answer(judged: Result<&Identity, &Refusal>, method_arn: &str) -> Result<Value, HandleError> {
    match judged {
        Ok(identity) => {
            let mut policy = policy(&identity.sub, "Allow", method_arn);
            policy["context"] = identity.to_context();
            Ok(policy)
        }
        Err(refusal) if refusal.code() == ErrorCode::Forbidden => Ok(policy("refused", "Deny", method_arn)),
        Err(Refusal::NoKeys) => Err(HandleError::NoKeys),
        Err(_) => Err(HandleError::Unauthorized),
    }
}

fn policy(principal: &str, effect: &str, method_arn: &str) -> Value {
    json!({
        "principalId": principal,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": method_arn}],
        },
    })
}
