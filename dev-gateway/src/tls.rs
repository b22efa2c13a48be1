//! The gateway's listener. With TLS, one address serves both `wss://` and `ws://`, and `@connections` over `https://` and
//! `http://`: a connection that begins with a client hello is encrypted. So a function may build the address of
//! `@connections` from an event's `domainName`, as on AWS.

use axum::serve::Listener;
use rcgen::{CertificateParams, DnType, IsCa, KeyPair};
use std::fs;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
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
use tokio_util::either::Either;

/// Longest time until a connection's first byte, and then until the end of its TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Handshakes at a time. A further connection waits to be accepted.
const MAX_HANDSHAKES: usize = 1000;

/// First byte of a TLS connection: the type of a handshake record (RFC 8446, 5.1). No HTTP request begins with it.
const HANDSHAKE_RECORD: u8 = 22;

/// Authorities that this machine trusts, on Debian, Alpine and Fedora.
const SYSTEM_ROOTS: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// Variables by which Rust, OpenSSL, Node.js, and AWS's SDK for Python find certificates.
const TRUST_VARIABLES: [&str; 3] = ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "AWS_CA_BUNDLE"];

/// A certificate that signs itself, made for one start of the gateway.
pub struct Tls {
    acceptor: TlsAcceptor,
    /// The certificate, then those of the system, as PEM. Removed with this value.
    trusted: NamedTempFile,
}

impl Tls {
    /// Makes a certificate for this address and `localhost`.
    pub fn new(ip: IpAddr) -> io::Result<Self> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        // rcgen's default validity covers every date, so that no clock is read.
        let names = [ip.to_string(), "localhost".to_owned()];
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        params.distinguished_name.push(DnType::CommonName, "dev-gateway");
        params.is_ca = IsCa::ExplicitNoCa;
        let certificate = params.self_signed(&key).map_err(io::Error::other)?;
        let mut trusted = NamedTempFile::new()?;
        trusted.write_all(certificate.pem().as_bytes())?;
        if let Some(system) = SYSTEM_ROOTS.iter().find_map(|path| fs::read(path).ok()) {
            trusted.write_all(&system)?;
        }
        let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .map_err(io::Error::other)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), trusted })
    }

    /// File with the certificate, followed by the system's. It exists until the gateway stops.
    pub fn certificate(&self) -> &Path {
        self.trusted.path()
    }

    /// Variables of a function that trusts the certificate besides the system's.
    pub fn variables(&self) -> impl Iterator<Item = (String, String)> {
        let file = self.certificate().display().to_string();
        TRUST_VARIABLES.into_iter().map(move |name| (name.to_owned(), file.clone()))
    }
}

/// Accepts connections. TLS handshakes run at the same time, so that a slow one delays no other.
pub(crate) struct GatewayListener {
    listener: TcpListener,
    tls: Option<Tls>,
    /// Running handshakes. They end with the listener.
    handshakes: JoinSet<Option<(GatewayStream, SocketAddr)>>,
}

pub(crate) type GatewayStream = Either<TcpStream, TlsStream<TcpStream>>;

impl GatewayListener {
    pub(crate) fn new(listener: TcpListener, tls: Option<Tls>) -> Self {
        Self { listener, tls, handshakes: JoinSet::new() }
    }
}

impl Listener for GatewayListener {
    type Io = GatewayStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            tokio::select! {
                (stream, from) = Listener::accept(&mut self.listener), if self.handshakes.len() < MAX_HANDSHAKES => {
                    // With Nagle's algorithm an echo waits 40 ms for an acknowledgement.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "TCP_NODELAY could not be set");
                    }
                    let Some(tls) = &self.tls else { return (Either::Left(stream), from) };
                    let acceptor = tls.acceptor.clone();
                    self.handshakes.spawn(async move { Some((handshake(acceptor, stream).await?, from)) });
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
        self.listener.local_addr()
    }
}

async fn handshake(acceptor: TlsAcceptor, stream: TcpStream) -> Option<GatewayStream> {
    let mut first = [0];
    let begun = tokio::time::timeout(HANDSHAKE_TIMEOUT, stream.peek(&mut first)).await;
    if !matches!(begun, Ok(Ok(1))) {
        return None;
    }
    if first != [HANDSHAKE_RECORD] {
        return Some(Either::Left(stream));
    }
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some(Either::Right(stream)),
        Ok(Err(error)) => {
            tracing::warn!(%error, "a client failed its TLS handshake");
            None
        }
        Err(_) => None,
    }
}
