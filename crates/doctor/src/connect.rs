//! Opens a WebSocket in measured steps (DNS, TCP, TLS, handshake), each with its own diagnosis.

use crate::address::Address;
use crate::clock::server_time;
use crate::diagnosis::Diagnosis;
use crate::passed_step::{PassedStep, Report};
use http::{HeaderValue, header};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use shared_protocol::gateway::SUBPROTOCOL;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

/// Timeout of DNS, TCP and TLS, each.
const NETWORK_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeout of the WebSocket handshake: API Gateway waits 29 s for the function.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(35);
/// Characters shown of the body of a rejected handshake.
const MAX_BODY_CHARS: usize = 200;

pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for S {}

pub(crate) type Socket = WebSocketStream<Box<dyn ByteStream>>;

/// An open WebSocket, and what its handshake showed.
pub(crate) struct Opened {
    pub(crate) socket: Socket,
    /// Time of the TCP handshake: the network's share of every later answer.
    pub(crate) network: Duration,
    /// Time of the server, in seconds since 1970, if it names its own.
    pub(crate) server_time: Option<u64>,
}

/// Opens the WebSocket.
pub(crate) async fn connect(address: &Address, token: &str, report: &mut Report<'_>) -> Result<Opened, Diagnosis> {
    let (stream, network) = open_stream(address, report).await?;
    let started = Instant::now();
    let (socket, server_time) = handshake(address, token, stream).await?;
    report(PassedStep::new("handshake", started.elapsed(), "101: the token is accepted"));
    Ok(Opened { socket, network, server_time })
}

/// Connects, with TLS if the address wants it. Also returns the time of the TCP handshake.
pub(crate) async fn open_stream(
    address: &Address,
    report: &mut Report<'_>,
) -> Result<(Box<dyn ByteStream>, Duration), Diagnosis> {
    let Address { host, port, .. } = address;

    let started = Instant::now();
    let dns_error = |cause| Diagnosis::Dns { host: host.clone(), cause };
    let found = with_timeout(lookup_host((host.as_str(), *port))).await.map_err(dns_error)?;
    let found: Vec<_> = found.collect();
    let first = found.first().ok_or_else(|| dns_error("no address".into()))?;
    report(PassedStep::new("DNS", started.elapsed(), first.ip().to_string()));

    let started = Instant::now();
    let tcp = with_timeout(TcpStream::connect(&found[..])).await;
    let tcp = tcp.and_then(|tcp| tcp.set_nodelay(true).map(|()| tcp).map_err(|error| error.to_string()));
    let tcp = tcp.map_err(|cause| Diagnosis::Tcp { host: format!("{host}:{port}"), cause })?;
    let network = started.elapsed();
    report(PassedStep::new("TCP", network, "connected"));

    let started = Instant::now();
    let stream: Box<dyn ByteStream> = if address.encrypted {
        let tls = tls(host, tcp).await.map_err(|cause| Diagnosis::Tls { host: host.clone(), cause })?;
        let version = tls.get_ref().1.protocol_version().map_or_else(String::new, |version| format!("{version:?}"));
        report(PassedStep::new("TLS", started.elapsed(), version));
        Box::new(tls)
    } else {
        Box::new(tcp)
    };
    Ok((stream, network))
}

/// Runs a network step, with any failure as text.
async fn with_timeout<T>(step: impl Future<Output = std::io::Result<T>>) -> Result<T, String> {
    match timeout(NETWORK_TIMEOUT, step).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", NETWORK_TIMEOUT.as_secs())),
    }
}

async fn tls(host: &str, tcp: TcpStream) -> Result<TlsStream<TcpStream>, String> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    with_timeout(TlsConnector::from(Arc::new(config)).connect(name, tcp)).await
}

async fn handshake(
    address: &Address,
    token: &str,
    stream: Box<dyn ByteStream>,
) -> Result<(Socket, Option<u64>), Diagnosis> {
    let failed = |error: Error| Diagnosis::Handshake(error.to_string());
    let mut request = address.uri.clone().into_client_request().map_err(failed)?;
    let offered = HeaderValue::try_from(format!("{SUBPROTOCOL}, {token}"));
    let mut offered =
        offered.map_err(|_| Diagnosis::Token("it has a character that an HTTP header cannot hold.".into()))?;
    offered.set_sensitive(true);
    if let Some(origin) = &address.origin {
        let origin =
            HeaderValue::try_from(origin).map_err(|_| Diagnosis::Address("the origin is not a header's value."))?;
        request.headers_mut().insert(header::ORIGIN, origin);
    }
    request.headers_mut().insert("sec-websocket-protocol", offered);
    match timeout(HANDSHAKE_TIMEOUT, client_async(request, stream)).await {
        Ok(Ok((socket, response))) => Ok((socket, server_time(response.headers()))),
        Ok(Err(Error::Http(response))) => {
            let text = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
            let text: String = text.trim().chars().filter(|c| !c.is_control()).take(MAX_BODY_CHARS).collect();
            let body = if text.is_empty() { text } else { format!(" ({text})") };
            let (status, server_time) = (response.status().as_u16(), server_time(response.headers()));
            Err(Diagnosis::Rejected { status, body, server_time, token: None })
        }
        Ok(Err(error)) => Err(failed(error)),
        Err(_) => Err(Diagnosis::Timeout {
            step: "handshake",
            seconds: HANDSHAKE_TIMEOUT.as_secs(),
            hint: "The server accepts connections but does not answer HTTP.",
        }),
    }
}
