//! An HTTP client for what tests ask the services directly.

/// A client. Everything here is plain HTTP on loopback, but reqwest wants to know who would do TLS.
pub fn http() -> reqwest::Client {
    // Fails when it is set already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}
