//! From a name to an open WebSocket, in steps that can each be measured and each fail for reasons of their own.

use crate::PassedStep;
use crate::address::Address;
use crate::diagnosis::Diagnosis;
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
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, client_async};

/// Longest that one step of the network may take.
const NETWORK: Duration = Duration::from_secs(10);
/// Longest handshake: API Gateway waits 29 s for the function.
const HANDSHAKE: Duration = Duration::from_secs(35);
/// Most of an answer's text that is shown.
const SHOWN: usize = 200;

/// What a WebSocket runs over.
pub(crate) trait AsyncStream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<P: AsyncRead + AsyncWrite + Unpin + Send> AsyncStream for P {}

/// An open WebSocket.
pub(crate) type Socket = WebSocketStream<Box<dyn AsyncStream>>;

/// Tells of the steps.
pub(crate) type Tell<'a> = dyn FnMut(PassedStep) + Send + 'a;

/// Goes all the way. Returns how long a connection of TCP took, which is the network's part in everything else.
pub(crate) async fn socket(
    address: &Address,
    token: &str,
    tell: &mut Tell<'_>,
) -> Result<(Socket, Duration), Diagnosis> {
    let Address { host, port, .. } = address;
    let name = format!("{host}:{port}");

    let began = Instant::now();
    let found = within(NETWORK, lookup_host((host.as_str(), *port))).await;
    let found: Vec<_> = found.map_err(|why| Diagnosis::Dns { host: host.clone(), why })?.collect();
    let first = found.first().ok_or_else(|| Diagnosis::Dns { host: host.clone(), why: "no address".into() })?;
    tell(PassedStep { name: "DNS", duration: began.elapsed(), detail: first.ip().to_string() });

    let began = Instant::now();
    let tcp = within(NETWORK, TcpStream::connect(&found[..])).await;
    let tcp = tcp.and_then(|tcp| tcp.set_nodelay(true).map(|()| tcp).map_err(|error| error.to_string()));
    let tcp = tcp.map_err(|why| Diagnosis::Tcp { host: name.clone(), why })?;
    let network = began.elapsed();
    tell(PassedStep { name: "TCP", duration: network, detail: "connected".into() });

    let began = Instant::now();
    let pipe: Box<dyn AsyncStream> = if address.encrypted {
        let tls = tls(host, tcp).await.map_err(|why| Diagnosis::Tls { host: host.clone(), why })?;
        let version = tls.get_ref().1.protocol_version().map_or_else(String::new, |version| format!("{version:?}"));
        tell(PassedStep { name: "TLS", duration: began.elapsed(), detail: version });
        Box::new(tls)
    } else {
        Box::new(tcp)
    };

    let began = Instant::now();
    let socket = handshake(address, token, pipe).await?;
    tell(PassedStep { name: "handshake", duration: began.elapsed(), detail: "101, the token is accepted".into() });
    Ok((socket, network))
}

/// A step with a deadline; whatever goes wrong as text.
async fn within<T>(limit: Duration, step: impl Future<Output = std::io::Result<T>>) -> Result<T, String> {
    match timeout(limit, step).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", limit.as_secs())),
    }
}

async fn tls(host: &str, tcp: TcpStream) -> Result<tokio_rustls::client::TlsStream<TcpStream>, String> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    within(NETWORK, TlsConnector::from(Arc::new(config)).connect(name, tcp)).await
}

async fn handshake(address: &Address, token: &str, pipe: Box<dyn AsyncStream>) -> Result<Socket, Diagnosis> {
    let odd = |error: &dyn std::fmt::Display| Diagnosis::Handshake(error.to_string());
    let mut request = address.uri.clone().into_client_request().map_err(|error| odd(&error))?;
    let offered = HeaderValue::try_from(format!("{SUBPROTOCOL}, {token}"));
    let mut offered = offered.map_err(|_| Diagnosis::Token("it holds a character that no header may.".into()))?;
    offered.set_sensitive(true);
    request.headers_mut().insert("sec-websocket-protocol", offered);
    let answered = timeout(HANDSHAKE, client_async(request, pipe)).await.map_err(|_| Diagnosis::Timeout {
        step: "handshake",
        seconds: HANDSHAKE.as_secs(),
        hint: "Something accepts connections there that does not answer HTTP.",
    })?;
    match answered {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) => {
            let text = answer.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
            let text: String = text.trim().chars().filter(|c| !c.is_control()).take(SHOWN).collect();
            let said = if text.is_empty() { text } else { format!(" ({text})") };
            Err(Diagnosis::Rejected { status: answer.status().as_u16(), said })
        }
        Err(error) => Err(odd(&error)),
    }
}
