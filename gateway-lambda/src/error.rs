//! What `Gateway::handle` fails with. Few things do: what concerns the browser becomes an `error` frame instead.

/// Why an event was not handled. The text is what API Gateway's logs show; it names no token and no content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandleError {
    /// The authorizer found no valid token. API Gateway turns exactly this text into a 401; any other gives a 500.
    #[error("Unauthorized")]
    Unauthorized,
    /// The authorizer cannot judge a token, because there is nothing to check it with. Becomes a 500.
    #[error("the platform's keys could not be fetched")]
    NoKeys,
    /// The event is not one that API Gateway sends for a WebSocket API.
    #[error("not a WebSocket event of API Gateway: {0}")]
    BadEvent(String),
}

impl HandleError {
    /// A name for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unauthorized => "Unauthorized",
            Self::NoKeys => "NoKeys",
            Self::BadEvent(_) => "BadEvent",
        }
    }
}
