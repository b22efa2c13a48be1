//! A WebSocket in front of the service's HTTP requests, so that every client here can use them: each connection does what the
//! page does without WebSockets, over a network that loses, repeats, delays and cuts requests.

mod connection;
mod faults;

use connection::{Arrived, HttpConnection};
pub use faults::HttpFaults;
use futures_util::{SinkExt, StreamExt};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// A running bridge. Dropped, it takes no more connections.
pub struct HttpBridge {
    address: SocketAddr,
    faults: Arc<HttpFaults>,
    accepting: JoinHandle<()>,
}

impl HttpBridge {
    /// Starts a bridge to the service at this URL.
    pub async fn start(service: String, faults: HttpFaults) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let (faults, client) = (Arc::new(faults), crate::http());
        let shared = Arc::clone(&faults);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, client.clone(), service.clone(), Arc::clone(&shared)));
            }
        });
        Self { address, faults, accepting }
    }

    /// URL for clients, which offer their token as a subprotocol.
    pub fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }

    /// Injected faults so far, by name.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.faults.counts()
    }

    /// Injects no more faults.
    pub fn calm(&self) {
        self.faults.calm();
    }
}

impl Drop for HttpBridge {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[expect(clippy::result_large_err, reason = "the library's callback has this type")]
async fn serve(stream: TcpStream, client: reqwest::Client, service: String, faults: Arc<HttpFaults>) {
    stream.set_nodelay(true).expect("a TCP connection");
    let mut token = String::new();
    let accept = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        let offered = request.headers().get("sec-websocket-protocol").and_then(|offered| offered.to_str().ok());
        let given = offered.and_then(|offered| offered.split(", ").nth(1)).unwrap_or_default();
        given.clone_into(&mut token);
        response.headers_mut().insert("sec-websocket-protocol", "termgate".parse().expect("a header's value"));
        Ok(response)
    };
    let Ok(mut socket) = accept_hdr_async(stream, accept).await else { return };
    let mut connection = HttpConnection::open(client, service, token, faults);
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => connection.send(text.to_string()).await,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return connection.leave().await,
                Some(Ok(_)) => {}
            },
            arrived = connection.next() => match arrived {
                Arrived::Frame(frame) => if socket.send(Message::text(frame)).await.is_err() {
                    return connection.leave().await;
                },
                Arrived::Closed(code) => {
                    // A client that is gone needs no close.
                    let _ = socket.close(Some(CloseFrame { code: code.into(), reason: "".into() })).await;
                    return;
                }
            },
        }
    }
}
