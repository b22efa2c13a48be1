//! `@connections` over TLS.

use crate::support::{Fixture, Script, connections, exchange, text, within};
use bytes::Bytes;
use dev_gateway::{DevGateway, ManagementTls, Options};
use http::{Request, StatusCode};
use http_body_util::Full;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

async fn connect(addr: SocketAddr, roots: RootCertStore) -> std::io::Result<TlsStream<TcpStream>> {
    handshake(TcpStream::connect(addr).await.unwrap(), addr, roots).await
}

async fn handshake(stream: TcpStream, addr: SocketAddr, roots: RootCertStore) -> std::io::Result<TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::from(addr.ip());
    within(TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

/// A gateway whose `@connections` are served over TLS, the address, the certificate's file, and the roots that trust it.
async fn served() -> (Fixture, SocketAddr, PathBuf, RootCertStore) {
    let tls = ManagementTls::bind().await.unwrap();
    let (url, file) = (tls.url(), tls.certificate().to_owned());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&file).unwrap()).unwrap();
    let gateway = DevGateway::new(Options::default()).with_management_tls(tls);
    let gateway = Fixture::with_gateway(gateway, Script::default()).await;
    (gateway, url.strip_prefix("https://").unwrap().parse().unwrap(), file, roots)
}

#[tokio::test]
async fn a_client_that_trusts_the_certificate_posts() {
    let (gateway, addr, file, roots) = served().await;
    let (mut socket, id) = gateway.connect().await;

    assert!(connect(addr, RootCertStore::empty()).await.is_err(), "it has no other certificate");
    // A client that never begins its handshake delays no other.
    let _silent = TcpStream::connect(addr).await.unwrap();
    let stream = connect(addr, roots).await.unwrap();
    let request = Request::post(connections(&id)).header("host", addr.to_string());
    let reply = within(exchange(stream, request.body(Full::new(Bytes::from("over TLS"))).unwrap())).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(text(&mut socket).await, "over TLS");

    within(gateway.running.shutdown()).await;
    assert!(!file.exists() && TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn a_failed_handshake_delays_no_other() {
    let (gateway, addr, _, roots) = served().await;

    // Accepted before the one that fails, and its handshake ends after it.
    let slow = TcpStream::connect(addr).await.unwrap();
    let mut failing = TcpStream::connect(addr).await.unwrap();
    failing.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    within(failing.read_to_end(&mut Vec::new())).await.unwrap();
    let stream = handshake(slow, addr, roots).await.unwrap();
    let request = Request::post(connections("KbT4dc2oDoECFzA=")).header("host", addr.to_string());
    let reply = within(exchange(stream, request.body(Full::new(Bytes::new())).unwrap())).await;
    assert_eq!(reply.status, StatusCode::GONE);
    within(gateway.running.shutdown()).await;
}
