//! Authorizes a new connection by token, origin and requested session: in the `REQUEST` authorizer, which API Gateway
//! invokes before `$connect`, or in `$connect` itself where no authorizer is configured.

use crate::admission;
use crate::connections::ConnectionsError;
use crate::error::HandleError;
use crate::event::Handshake;
use crate::identity::{Identity, session_label};
use crate::invocation::Invocation;
use crate::jwks::VerifyError;
use crate::metrics;
use auth_tokens::TokenError;
use serde_json::{Value, json};
use shared_protocol::{ErrorCode, SessionId};

/// Why a connection is refused. The text is for the log; it never holds a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthorizeError {
    #[error("there is no token, neither as ?token= nor beside the subprotocol")]
    NoToken,
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error("the page's origin is not in ALLOWED_ORIGINS")]
    Origin,
    #[error("the sessionId of the query is not a valid session id")]
    InvalidSession,
    #[error("the sessionId of the query is not the session that the token names")]
    WrongSession,
    #[error(transparent)]
    Table(#[from] ConnectionsError),
}

impl AuthorizeError {
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::Verify(VerifyError::Token(TokenError::Expired)) => ErrorCode::TokenExpired,
            Self::NoToken | Self::Verify(VerifyError::Token(_)) => ErrorCode::Unauthorized,
            Self::Origin | Self::InvalidSession | Self::WrongSession => ErrorCode::Forbidden,
            Self::Verify(VerifyError::NoKeys) | Self::Table(_) => ErrorCode::Internal,
        }
    }
}

/// Handles the authorizer's event: returns a policy that allows or denies (403), or an error, which API Gateway turns into a
/// 401 or a 500. Source: API Gateway developer guide, "Output from an API Gateway Lambda authorizer".
pub(crate) async fn handle(
    invocation: &Invocation<'_>,
    handshake: &Handshake,
    method_arn: &str,
) -> Result<Value, HandleError> {
    let identified = identify(invocation, handshake).await;
    let (connection, request_id) = (&invocation.caller.connection, &invocation.caller.request_id);
    let duration_ms = invocation.deadline.elapsed_ms();
    match identified {
        Ok(identity) => {
            let (user, session) = (&identity.sub, session_label(Some(&identity)));
            tracing::info!(user, request_id, duration_ms, "[WebSocket] Authorized: {connection}, Session: {session}");
            let mut policy = policy(&identity.sub, "Allow", method_arn);
            policy["context"] = identity.to_context();
            Ok(policy)
        }
        Err(reason) => {
            metrics::record_connect(false);
            tracing::warn!(%reason, request_id, duration_ms, "[WebSocket] Refused: {connection}");
            match (reason.code(), reason) {
                (ErrorCode::Forbidden, _) => Ok(policy("refused", "Deny", method_arn)),
                (_, AuthorizeError::Table(_)) => Err(HandleError::NoTable),
                (ErrorCode::Internal, _) => Err(HandleError::NoKeys),
                _ => Err(HandleError::Unauthorized),
            }
        }
    }
}

/// Identity of the user that opens a connection, if the user may; marked if the user has as many as allowed.
pub(crate) async fn identify(invocation: &Invocation<'_>, handshake: &Handshake) -> Result<Identity, AuthorizeError> {
    let config = &invocation.deps.config;
    if !config.origins.allow(handshake.origin.as_deref()) {
        return Err(AuthorizeError::Origin);
    }
    let token = handshake.token.as_deref().ok_or(AuthorizeError::NoToken)?;
    let (clock, timeout) = (invocation.deps.clock.as_ref(), invocation.deadline.time_left());
    let claims = config.tokens.verify(token, clock, timeout).await?;
    let requested = handshake.session_id.as_deref().map(SessionId::new).transpose();
    let requested = requested.map_err(|_| AuthorizeError::InvalidSession)?;
    if claims.sid.is_some() && requested.is_some() && claims.sid != requested {
        return Err(AuthorizeError::WrongSession);
    }
    Ok(admission::mark(invocation, Identity::new(claims, requested, handshake.carrier)).await?)
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
