//! The opening handshake, RFC 6455 section 4.2. A request that does not fulfil all of it is not upgraded.

use axum::Extension;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// The only version of the protocol.
const VERSION: &str = "13";

/// Length of the nonce in `Sec-WebSocket-Key`, in bytes.
const KEY_BYTES: usize = 16;

/// A WebSocket of this server.
pub type ServerSocket = WebSocketStream<TokioIo<Upgraded>>;

/// Why a request is not upgraded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// The method is another one.
    #[error("a WebSocket is opened with GET")]
    Method,
    /// The protocol is HTTP/1.0, or a later one with its own kind of upgrade.
    #[error("a WebSocket is opened with HTTP/1.1")]
    Http,
    /// `Upgrade` or `Connection` ask for something else.
    #[error("a WebSocket is opened with `Upgrade: websocket` and `Connection: Upgrade`")]
    Upgrade,
    /// The client speaks another version of the protocol.
    #[error("`Sec-WebSocket-Version` must be 13")]
    Version,
    /// The key is missing, or no nonce of 16 bytes.
    #[error("`Sec-WebSocket-Key` must be 16 bytes in base64")]
    Key,
}

impl IntoResponse for OpeningError {
    /// A response that has this error as an extension, too.
    fn into_response(self) -> Response {
        let text = (Extension(self), self.to_string());
        match self {
            // RFC 6455 section 4.4.
            Self::Version => {
                let supported = [(header::SEC_WEBSOCKET_VERSION, VERSION)];
                (StatusCode::UPGRADE_REQUIRED, supported, text).into_response()
            }
            _ => (StatusCode::BAD_REQUEST, text).into_response(),
        }
    }
}

/// A valid request for a WebSocket.
#[derive(Debug)]
pub struct Opening {
    /// Answer to the key.
    accept: String,
    /// The subprotocols that the client offers, in its order.
    pub offered: Vec<String>,
    /// The connection, after the response.
    pub upgrade: OnUpgrade,
}

impl Opening {
    /// Checks a request, and takes its connection.
    pub fn of(request: &mut Request) -> Result<Self, OpeningError> {
        let headers = request.headers();
        if request.method() != Method::GET {
            return Err(OpeningError::Method);
        }
        if request.version() != Version::HTTP_11 {
            return Err(OpeningError::Http);
        }
        let names = |name, token: &str| list(headers, name).any(|value| value.eq_ignore_ascii_case(token));
        if !names(header::UPGRADE, "websocket") || !names(header::CONNECTION, "upgrade") {
            return Err(OpeningError::Upgrade);
        }
        if only(headers, header::SEC_WEBSOCKET_VERSION) != Some(VERSION) {
            return Err(OpeningError::Version);
        }
        let key = only(headers, header::SEC_WEBSOCKET_KEY).ok_or(OpeningError::Key)?;
        if STANDARD.decode(key).map_or(0, |nonce| nonce.len()) != KEY_BYTES {
            return Err(OpeningError::Key);
        }
        let accept = derive_accept_key(key.as_bytes());
        let offered = list(headers, header::SEC_WEBSOCKET_PROTOCOL).map(str::to_owned).collect();
        Ok(Self { accept, offered, upgrade: hyper::upgrade::on(request) })
    }

    /// Answers with 101 and this subprotocol, and serves the connection in a task of its own.
    pub fn serve<F>(
        self,
        subprotocol: Option<HeaderValue>,
        config: WebSocketConfig,
        serve: impl FnOnce(ServerSocket) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let response = self.response(subprotocol);
        tokio::spawn(async move {
            // Fails if the client has left.
            if let Ok(upgraded) = self.upgrade.await {
                let io = TokioIo::new(upgraded);
                serve(WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await).await;
            }
        });
        response
    }

    /// The 101 response, with the chosen subprotocol.
    pub fn response(&self, subprotocol: Option<HeaderValue>) -> Response {
        let headers = [("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-accept", &*self.accept)];
        let mut response = (StatusCode::SWITCHING_PROTOCOLS, headers).into_response();
        if let Some(subprotocol) = subprotocol {
            response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
        }
        response
    }
}

impl<S: Sync> FromRequest<S> for Opening {
    type Rejection = OpeningError;

    async fn from_request(mut request: Request, _: &S) -> Result<Self, OpeningError> {
        Self::of(&mut request)
    }
}

/// The elements of a header that is a list.
fn list(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|value| !value.is_empty())
}

/// The value of a header that may come only once.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    /// The request of RFC 6455 section 1.2.
    fn request() -> Request {
        let request = http::Request::get("/chat")
            .header("upgrade", "WebSocket")
            .header("connection", "keep-alive, Upgrade")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("sec-websocket-protocol", "chat, superchat");
        request.body(Body::empty()).unwrap()
    }

    #[test]
    fn a_complete_request_is_accepted() {
        let opening = Opening::of(&mut request()).unwrap();
        assert_eq!(opening.offered, ["chat", "superchat"]);
        let response = opening.response(None);
        assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn each_fault_has_its_name() {
        let refusal = |change: &dyn Fn(&mut Request)| {
            let mut request = request();
            change(&mut request);
            Opening::of(&mut request).err()
        };
        assert_eq!(refusal(&|request| *request.method_mut() = Method::POST), Some(OpeningError::Method));
        assert_eq!(refusal(&|request| *request.version_mut() = Version::HTTP_10), Some(OpeningError::Http));
        let with = |name: &'static str, value: &'static str| {
            refusal(&|request| drop(request.headers_mut().insert(name, HeaderValue::from_static(value))))
        };
        assert_eq!(with("upgrade", "h2c"), Some(OpeningError::Upgrade));
        assert_eq!(with("connection", "keep-alive"), Some(OpeningError::Upgrade));
        assert_eq!(with("sec-websocket-version", "8"), Some(OpeningError::Version));
        for key in ["", "c2hvcnQ=", "not base64", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZSBpcyBsb25n"] {
            assert_eq!(with("sec-websocket-key", key), Some(OpeningError::Key), "{key:?}");
        }
    }
}
