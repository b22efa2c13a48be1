//! The headers that a proxy changes: those that are for one connection only, and the one that says whom it speaks for.

use hyper::HeaderMap;
use hyper::header::{
    CONNECTION, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};
use std::net::IpAddr;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What is for one connection only (RFC 9110, 7.6.1), beside what `Connection` names.
const ONE_HOP: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Takes out what is for one connection only. An upgrade is for both, so it stays.
pub(super) fn pass_on(headers: &mut HeaderMap) {
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let upgrade = headers.get(UPGRADE).cloned().filter(|_| named.iter().any(|name| name == "upgrade"));
    for name in &named {
        headers.remove(name.as_str());
    }
    for name in ONE_HOP {
        headers.remove(name);
    }
    if let Some(upgrade) = upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, upgrade);
    }
}

/// Writes down the client, behind those that proxies before this one wrote down.
pub(super) fn forwarded_for(headers: &mut HeaderMap, client: IpAddr) {
    let before = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    let all: Vec<String> = before.map(str::to_owned).chain([client.to_string()]).collect();
    if let Ok(value) = HeaderValue::try_from(all.join(", ")) {
        headers.insert(FORWARDED_FOR, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn what_is_for_one_connection_is_not_passed_on() {
        let mut all = headers(&[
            ("connection", "Close, X-Mine"),
            ("x-mine", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("host", "example.org"),
        ]);
        pass_on(&mut all);
        assert_eq!(all, headers(&[("host", "example.org")]));
    }

    #[test]
    fn an_upgrade_is_passed_on() {
        let mut all = headers(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket"), ("keep-alive", "1")]);
        pass_on(&mut all);
        assert_eq!(all, headers(&[("connection", "upgrade"), ("upgrade", "websocket")]));
    }

    #[test]
    fn the_client_is_the_last_of_those_that_it_was_forwarded_for() {
        let mut all = headers(&[]);
        forwarded_for(&mut all, IpAddr::from([127, 0, 0, 1]));
        assert_eq!(all, headers(&[("x-forwarded-for", "127.0.0.1")]));
        all.append(FORWARDED_FOR, HeaderValue::from_static("10.0.0.1"));
        forwarded_for(&mut all, IpAddr::from([127, 0, 0, 2]));
        assert_eq!(all, headers(&[("x-forwarded-for", "127.0.0.1, 10.0.0.1, 127.0.0.2")]));
    }
}
