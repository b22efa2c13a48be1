//! One connection to a backend, for one request.

use bytes::Bytes;
use hyper::body::Body;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

/// The connection. It is closed when `driver` is dropped.
pub(super) struct Connection<B> {
    pub(super) sender: SendRequest<B>,
    pub(super) driver: AbortOnDropHandle<()>,
}

/// Opens it; nothing, if the backend refuses.
pub(super) async fn connect<B>(backend: SocketAddr) -> Option<Connection<B>>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let stream = TcpStream::connect(backend).await.ok()?;
    stream.set_nodelay(true).ok()?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
    // How it ends, the one who sends a request hears.
    let driver = tokio::spawn(async move { drop(connection.with_upgrades().await) });
    Some(Connection { sender, driver: AbortOnDropHandle::new(driver) })
}
