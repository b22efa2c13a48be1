//! Common settings of the function's HTTP clients, so that none follows a redirect, connects without a time limit, or brings
//! another TLS stack.

use reqwest::ClientBuilder;
use std::error::Error;
use std::time::Duration;

/// HTTP/1.1 over rustls with ring, without proxies. `connect_timeout` limits a TCP and TLS handshake.
pub(crate) fn builder(connect_timeout: Duration) -> ClientBuilder {
    // Fails only if the process has a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    ClientBuilder::new()
        .http1_only()
        .tcp_nodelay(true)
        .connect_timeout(connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
}

/// An error and its causes, outermost first.
pub(crate) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// An error with its causes, in one line.
pub(crate) fn error_chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
