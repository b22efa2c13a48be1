//! A client of the load balancer: one connection, on which requests follow each other.

use super::PATIENCE;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use test_servers::RoundRobin;
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(crate) struct Client(SendRequest<Full<Bytes>>);

impl Client {
    pub(crate) async fn connect(balancer: &RoundRobin) -> Self {
        let stream = TcpStream::connect(balancer.address()).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    /// The answer's head. Its body is read by the caller.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        let sent = async {
            self.0.ready().await.unwrap();
            self.0.send_request(request).await.unwrap()
        };
        timeout(PATIENCE, sent).await.unwrap()
    }

    /// Status and body; of a `GET`.
    pub(crate) async fn get(&mut self, path: &str) -> (u16, String) {
        let answer = self.send(get(path)).await;
        let status = answer.status().as_u16();
        (status, body(answer).await)
    }

    /// The name of the backend that answers.
    pub(crate) async fn who(&mut self) -> String {
        let answer = self.send(get("/")).await;
        assert_eq!(answer.status(), 200);
        let name = answer.headers()["x-backend"].to_str().unwrap().to_owned();
        body(answer).await;
        name
    }
}

pub(crate) fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(path).header("host", "terminal.example").body(Full::default()).unwrap()
}

pub(crate) async fn body(answer: Response<Incoming>) -> String {
    let bytes = timeout(PATIENCE, answer.into_body().collect()).await.unwrap().unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}
