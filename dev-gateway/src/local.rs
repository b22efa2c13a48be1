//! Whether a request comes from whoever sits at this machine. Guards what a developer may do and nobody else: only from
//! loopback, and only under a loopback name (a page elsewhere can point its own name at 127.0.0.1 and would be let in
//! otherwise), and from no page but one that this machine served (any page may send a request here).

use http::{HeaderMap, HeaderName, Uri, header};
use std::net::{IpAddr, SocketAddr};

/// Whether this request is a local one.
pub(crate) fn is_local(from: SocketAddr, headers: &HeaderMap) -> bool {
    let origin = headers.get(header::ORIGIN).is_none() || names_loopback(headers, &header::ORIGIN);
    from.ip().to_canonical().is_loopback() && names_loopback(headers, &header::HOST) && origin
}

/// Whether a header names this machine. The port may be another: it is when a port is forwarded.
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
    fn only_from_this_machine_and_its_own_pages() {
        let host = (header::HOST, "127.0.0.1:3000");
        assert!(!local("10.0.0.1:9", std::slice::from_ref(&host)));
        let origin = |origin| local("[::1]:9", &[host.clone(), (header::ORIGIN, origin)]);
        assert!(origin("http://127.0.0.1:3000") && origin("http://localhost:5173"));
        assert!(!origin("https://evil.example") && !origin("null"));
    }
}
