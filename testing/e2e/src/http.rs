//! An HTTP client for direct requests to the services.

/// A client for plain HTTP. reqwest requires a TLS provider all the same.
pub fn http() -> reqwest::Client {
    // Fails if it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}
