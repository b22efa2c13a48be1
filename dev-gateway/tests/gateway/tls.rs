//! TLS at the gateway's own address, for clients and for `@connections`.

use crate::support::{Fixture, Script, connections, dial, exchange, text, until, within};
use bytes::Bytes;
use dev_gateway::{DevGateway, Options, Tls};
use futures_util::StreamExt;
use http::{Request, StatusCode};
use http_body_util::Full;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A gateway with TLS, its certificate's file, and the roots that trust it.
async fn served() -> (Fixture, PathBuf, RootCertStore) {
    let tls = Tls::new([127, 0, 0, 1].into()).unwrap();
    let file = tls.certificate().to_owned();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&file).unwrap()).unwrap();
    let gateway = DevGateway::new(Options::default()).with_tls(tls);
    (Fixture::with_gateway(gateway, Script::default()).await, file, roots)
}

async fn encrypt(stream: TcpStream, roots: RootCertStore) -> std::io::Result<TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::from(stream.peer_addr().unwrap().ip());
    within(TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

/// Posts to a connection at the address that a function builds from an event, and returns the status.
async fn post(domain_name: &str, id: &str, data: &'static str, roots: RootCertStore) -> StatusCode {
    let stream = encrypt(TcpStream::connect(domain_name).await.unwrap(), roots).await.unwrap();
    let request = Request::post(connections(id)).header("host", domain_name);
    within(exchange(stream, request.body(Full::new(Bytes::from(data))).unwrap())).await.status
}

#[tokio::test]
async fn one_address_serves_both_and_a_function_finds_it_in_an_event() {
    let (gateway, file, roots) = served().await;
    let (mut plain, _) = dial(gateway.url("/prod")).await.unwrap();
    let plain_event = gateway.event_of("$connect").await;
    let stream = TcpStream::connect(gateway.running.addr()).await.unwrap();
    let stream = encrypt(stream, roots.clone()).await.unwrap();
    let url = format!("wss://{}/prod", gateway.running.addr());
    let opening = Box::pin(tokio_tungstenite::client_async(url, stream));
    let (mut encrypted, _) = within(opening).await.unwrap();
    let encrypted_event = gateway.event_of("$connect").await;

    for (event, data) in [(&plain_event, "to the plain one"), (&encrypted_event, "to the encrypted one")] {
        let context = &event["requestContext"];
        let (domain, id) = (context["domainName"].as_str().unwrap(), context["connectionId"].as_str().unwrap());
        assert_eq!(post(domain, id, data, roots.clone()).await, StatusCode::OK);
    }
    assert_eq!(text(&mut plain).await, "to the plain one");
    assert_eq!(within(encrypted.next()).await.unwrap().unwrap().into_text().unwrap(), "to the encrypted one");

    let addr = gateway.running.addr();
    within(gateway.running.shutdown()).await;
    until(|| !file.exists()).await;
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn a_client_that_does_not_trust_it_a_silent_and_a_broken_one_delay_no_other() {
    let (gateway, _, roots) = served().await;
    let connect = || async { TcpStream::connect(gateway.running.addr()).await.unwrap() };
    assert!(encrypt(connect().await, RootCertStore::empty()).await.is_err(), "it has no other certificate");
    // Accepted before the one that fails, and its handshake ends after it.
    let slow = connect().await;
    let mut failing = connect().await;
    failing.write_all(&[22, 0, 0, 0, 1, 0]).await.unwrap();
    within(failing.read_to_end(&mut Vec::new())).await.unwrap();
    assert!(encrypt(slow, roots.clone()).await.is_ok());
    let addr = gateway.running.addr().to_string();
    assert_eq!(post(&addr, "KbT4dc2oDoECFzA=", "", roots).await, StatusCode::GONE);
}
