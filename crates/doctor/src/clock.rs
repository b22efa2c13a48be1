//! The server's clock, as the `Date` header of its answer to the handshake tells it.

use http::{HeaderMap, header};
use std::time::SystemTime;

/// Difference of clocks that tokens allow, in seconds.
pub(crate) const LEEWAY: u64 = 10;

/// Time in the `Date` header, in seconds since 1970.
pub(crate) fn server_time(headers: &HeaderMap) -> Option<u64> {
    let date = httpdate::parse_http_date(headers.get(header::DATE)?.to_str().ok()?).ok()?;
    date.duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_secs())
}

/// A sentence about a difference between the two clocks that makes tokens fail, with a space before it; otherwise empty.
pub(crate) fn offset(now: u64, server: Option<u64>) -> String {
    let Some(server) = server.filter(|server| now.abs_diff(*server) > LEEWAY) else { return String::new() };
    let (seconds, side) = (now.abs_diff(server), if now > server { "ahead of" } else { "behind" });
    format!(" This machine's clock is {seconds} s {side} the server's: set the wrong one right.")
}
