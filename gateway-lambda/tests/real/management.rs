//! `ManagementBrowser` against a server in the place of API Gateway: requests and the meaning of each response.

use crate::moto::aws_config;
use crate::server::Server;
use crate::support::{CONNECTION, id};
use aws_credential_types::Credentials;
use bytes::Bytes;
use gateway_lambda::{Aws, AwsConfig, Browser, Endpoint, ManagementBrowser, PostError};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

fn browser() -> ManagementBrowser {
    ManagementBrowser::new(Aws::new(AwsConfig {
        credentials: Credentials::new("AKIDEXAMPLE", "secret", Some("session-token".into()), None, "test"),
        ..aws_config("unused", String::new())
    }))
}

#[tokio::test]
async fn all_calls_are_signed_and_name_the_stage() {
    let mut server = Server::start().await;
    let (browser, at) = (browser(), Endpoint::new(&server.url, "prod"));
    server.answers(200, &[], "");
    let frame = Bytes::from_static("{\"type\":\"output\",\"data\":\"grüße\"}".as_bytes());
    browser.post(&at, &id(CONNECTION), frame.clone()).await.unwrap();
    server.answers(200, &[("content-type", "application/json")], r#"{"connectedAt":"2026-11-18T11:06:40Z"}"#);
    assert_eq!(browser.exists(&at, &id(CONNECTION)).await, Ok(true));
    browser.close(&at, &id(CONNECTION)).await.unwrap();
    for (method, body) in [("POST", frame), ("GET", Bytes::new()), ("DELETE", Bytes::new())] {
        let request = server.arrived().await;
        assert_eq!(request.method.as_str(), method);
        assert_eq!(request.path, "/prod/@connections/Lq3xTfoVDoECJ1w%3D", "{method}");
        assert_eq!(request.body, body, "{method}");
        let signed = request.header("authorization");
        assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"), "{signed}");
        assert!(signed.contains("/eu-west-1/execute-api/aws4_request"), "{signed}");
        assert_eq!(request.header("x-amz-security-token"), "session-token", "{method}");
    }
}

#[tokio::test]
async fn each_status_has_its_error() {
    let server = Server::start().await;
    let (browser, at) = (browser(), Endpoint::new(&server.url, "prod"));
    let gone = &[("x-amzn-errortype", "GoneException")];
    let post = async || browser.post(&at, &id(CONNECTION), Bytes::from_static(b"x")).await.unwrap_err();
    for (status, kind, expected) in [
        (410, "GoneException", PostError::Gone),
        // The status is enough.
        (410, "", PostError::Gone),
        (429, "LimitExceededException", PostError::Throttled),
        (413, "PayloadTooLargeException", PostError::TooLarge),
    ] {
        server.answers(status, &[("x-amzn-errortype", kind)], "{}");
        assert_eq!(post().await, expected, "{status} {kind}");
    }
    server.answers(403, &[("x-amzn-errortype", "ForbiddenException")], r#"{"message":"no"}"#);
    assert!(matches!(post().await, PostError::Forbidden(_)));
    server.answers(500, &[], "{}");
    assert!(matches!(post().await, PostError::Failed(_)));
    server.answers(410, gone, "{}");
    assert_eq!(browser.exists(&at, &id(CONNECTION)).await, Ok(false));
    server.answers(500, &[], "{}");
    assert!(browser.exists(&at, &id(CONNECTION)).await.is_err(), "a failure proves nothing");
    server.answers(410, gone, "{}");
    assert_eq!(browser.close(&at, &id(CONNECTION)).await, Ok(()), "gone is closed");
    assert_eq!(server.pending(), 9, "no call is retried");
}

#[tokio::test]
async fn a_server_that_takes_no_connection_gets_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = Endpoint::new(&format!("http://{}", listener.local_addr().unwrap()), "prod");
    drop(listener);
    let posted = browser().post(&at, &id(CONNECTION), Bytes::from_static(b"x")).await;
    assert!(matches!(posted, Err(PostError::Unsent(_))), "{posted:?}");
}

#[tokio::test]
async fn a_connection_that_breaks_off_may_have_brought_the_frame() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = Endpoint::new(&format!("http://{}", listener.local_addr().unwrap()), "prod");
    let breaking = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_exact(&mut [0; 16]).await.unwrap();
    };
    let browser = browser();
    let connection = id(CONNECTION);
    let (posted, ()) = tokio::join!(browser.post(&at, &connection, Bytes::from_static(b"x")), breaking);
    assert!(matches!(posted, Err(PostError::Failed(_))), "{posted:?}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_a_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = Endpoint::new(&format!("http://{}", listener.local_addr().unwrap()), "prod");
    let posted = browser().post(&at, &id(CONNECTION), Bytes::from_static(b"x")).await;
    assert!(matches!(posted, Err(PostError::Failed(_))), "{posted:?}");
}
