//! Restricts the `/dev` routes to this machine: to loopback addresses; to loopback host names, because any page can
//! resolve its own name to 127.0.0.1; and to pages of this machine, because any page can send a request here.

use axum::Json;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use serde_json::json;
use std::net::{IpAddr, SocketAddr};

/// Middleware that answers 403 to every other machine.
pub(crate) async fn require_local(
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if is_local(from, request.headers()) {
        return next.run(request).await;
    }
    let path = request.uri().path();
    json_message(StatusCode::FORBIDDEN, &format!("{path} is served only to this machine, at its loopback address"))
}

pub(crate) fn json_message(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"message": message}))).into_response()
}

fn is_local(from: SocketAddr, headers: &HeaderMap) -> bool {
    let own_page = headers.get(header::ORIGIN).is_none() || names_loopback(headers, &header::ORIGIN);
    from.ip().to_canonical().is_loopback() && names_loopback(headers, &header::HOST) && own_page
}

/// True if a header names a loopback host. Its port may differ, as with a forwarded port.
fn names_loopback(headers: &HeaderMap, name: &HeaderName) -> bool {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    let Some(uri) = value.and_then(|value| value.parse::<Uri>().ok()) else { return false };
    let Some(name) = uri.host().map(|host| host.trim_start_matches('[').trim_end_matches(']')) else { return false };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(from: &str, headers: &[(HeaderName, &str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        is_local(from.parse().unwrap(), &headers.collect())
    }

    #[test]
    fn only_loopback_names_pass() {
        let host = |host: &str| local("127.0.0.1:9", &[(header::HOST, host)]);
        for good in ["127.0.0.1:3000", "localhost:3000", "LOCALHOST", "[::1]:3000", "127.0.0.1"] {
            assert!(host(good), "{good}");
        }
        for bad in ["evil.example:3000", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1:3000", ""] {
            assert!(!host(bad), "{bad}");
        }
        assert!(!local("127.0.0.1:9", &[]));
    }

    #[test]
    fn only_this_machine_and_its_pages_pass() {
        let host = (header::HOST, "127.0.0.1:3000");
        assert!(!local("10.0.0.1:9", std::slice::from_ref(&host)));
        let origin = |origin| local("[::1]:9", &[host.clone(), (header::ORIGIN, origin)]);
        assert!(origin("http://127.0.0.1:3000") && origin("http://localhost:5173"));
        assert!(!origin("https://evil.example") && !origin("null"));
    }
}
