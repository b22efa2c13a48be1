//! What every HTTP client of the function is made like, and how their failures read. In one place, so that none of them
//! follows a redirect, waits for a connection without end, or brings another TLS stack.

use reqwest::ClientBuilder;
use std::error::Error;
use std::time::Duration;

/// HTTP/1.1 over rustls with ring, straight to where it is sent. `connect_time` bounds a TCP and TLS handshake.
pub(crate) fn builder(connect_time: Duration) -> ClientBuilder {
    // Whoever installed a provider before has chosen already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    ClientBuilder::new()
        .http1_only()
        .tcp_nodelay(true)
        .connect_timeout(connect_time)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
}

pub(crate) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
