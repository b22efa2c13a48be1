//! The HTTP client of all tests.

use std::sync::LazyLock;

/// The client of all tests: each service has a port of its own, so no test gets the connection of another.
pub fn client() -> &'static reqwest::Client {
    static CLIENT: LazyLock<reqwest::Client> = LazyLock::new(|| {
        // reqwest wants a TLS provider even for plain HTTP. Fails if one is installed already, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Loading the system's certificates would take longer than most tests.
        reqwest::Client::builder().tcp_nodelay(true).tls_certs_only([]).build().unwrap()
    });
    &CLIENT
}
