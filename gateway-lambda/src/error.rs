//! Errors of `Gateway::handle`. There are few: errors for the browser are `error` frames instead.

/// Why an event was not handled. API Gateway's log shows the text, which holds no token and no content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandleError {
    /// The authorizer found no valid token. API Gateway turns exactly this text into a 401; any other gives a 500.
    #[error("Unauthorized")]
    Unauthorized,
    /// The authorizer has no key to check a token with. Becomes a 500.
    #[error("the platform's keys could not be fetched")]
    NoKeys,
    /// The authorizer could not count the user's connections. Becomes a 500.
    #[error("the table of connections could not be read")]
    NoTable,
    /// Not an event that API Gateway sends for a WebSocket API.
    #[error("not a WebSocket event of API Gateway: {0}")]
    BadEvent(String),
}

impl HandleError {
    /// Lambda's `errorType`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unauthorized => "Unauthorized",
            Self::NoKeys => "NoKeys",
            Self::NoTable => "NoTable",
            Self::BadEvent(_) => "BadEvent",
        }
    }
}
