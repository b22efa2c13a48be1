//! TLS for `@connections`, so that a measurement includes the function's handshakes and encryption, as on AWS. Separate from the
//! routes, because only measurements need it.

use axum::serve::Listener;
use rcgen::{CertificateParams, DnType, IsCa, KeyPair};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::NamedTempFile;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

/// Longest TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Handshakes at a time. A further connection waits to be accepted.
const MAX_HANDSHAKES: usize = 1000;

/// A listener on a free loopback port that serves `@connections` over TLS, with a certificate of its own that signs itself.
pub struct ManagementTls {
    listener: TcpListener,
    /// Address of the listener.
    addr: SocketAddr,
    acceptor: TlsAcceptor,
    /// The certificate as PEM, removed with this value.
    certificate: NamedTempFile,
}

impl ManagementTls {
    /// Makes a certificate, and binds the listener.
    pub async fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let key = KeyPair::generate().map_err(io::Error::other)?;
        // rcgen's default validity covers every date, so that no clock is read.
        let mut params = CertificateParams::new([addr.ip().to_string()]).map_err(io::Error::other)?;
        params.distinguished_name.push(DnType::CommonName, "dev-gateway");
        params.is_ca = IsCa::ExplicitNoCa;
        let certificate = params.self_signed(&key).map_err(io::Error::other)?;
        let mut file = NamedTempFile::new()?;
        file.write_all(certificate.pem().as_bytes())?;
        let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .map_err(io::Error::other)?;
        Ok(Self { listener, addr, acceptor: TlsAcceptor::from(Arc::new(config)), certificate: file })
    }

    /// Base URL of `@connections`, without the stage: the function's `DOMAIN_NAME`.
    pub fn url(&self) -> String {
        format!("https://{}", self.addr)
    }

    /// File with the certificate: the function's `SSL_CERT_FILE`. It exists until the gateway stops.
    pub fn certificate(&self) -> &Path {
        self.certificate.path()
    }

    /// The listener, and the file that must outlive it.
    pub(crate) fn into_parts(self) -> (TlsListener, NamedTempFile) {
        let Self { listener, addr, acceptor, certificate } = self;
        (TlsListener { listener, addr, acceptor, handshakes: JoinSet::new() }, certificate)
    }
}

/// Accepts TLS connections. Handshakes run at the same time, so that a slow one delays no other.
pub(crate) struct TlsListener {
    listener: TcpListener,
    addr: SocketAddr,
    acceptor: TlsAcceptor,
    /// Running handshakes. They end with the listener.
    handshakes: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            tokio::select! {
                (stream, from) = Listener::accept(&mut self.listener), if self.handshakes.len() < MAX_HANDSHAKES => {
                    self.handshakes.spawn(handshake(self.acceptor.clone(), stream, from));
                }
                // A failed handshake must not match here: it would leave only the other branch, and finished ones would wait.
                Some(handshake) = self.handshakes.join_next() => {
                    if let Ok(Some(accepted)) = handshake {
                        return accepted;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.addr)
    }
}

async fn handshake(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    from: SocketAddr,
) -> Option<(TlsStream<TcpStream>, SocketAddr)> {
    // With Nagle's algorithm a post waits 40 ms for an acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some((stream, from)),
        Ok(Err(error)) => {
            tracing::warn!(%error, "a client of @connections failed its TLS handshake");
            None
        }
        Err(_) => None,
    }
}
