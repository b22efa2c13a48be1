//! Accepts HTTP connections within limits on their number, idle time and header size, which `axum::serve` does not have.

use super::connection_limit::{ConnectionLimiter, ConnectionPermit, with_permit};
use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// Largest request head, in bytes: a token of 8 KiB, in the path or a header, and what browsers and proxies add.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Most headers of a request.
const MAX_HEADERS: usize = 64;

/// Time from accept to the complete headers of the first request.
const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Time from a response to the complete headers of the next request. Longer than load balancers (60 s) and the gateway's
/// function (50 s) keep an idle connection: a request that crosses a close by this side would be lost.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// Time in which a client takes some of what is written to it. Nothing else ends a connection whose client takes nothing, once
/// the whole response is handed to the connection.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Most that waits to be written, besides one piece of a response, in bytes: a client that takes nothing holds it.
const MAX_WRITE_BUFFER: usize = 64 * 1024;

/// Pause after an `accept` that failed because descriptors or memory are short.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(500);

/// Beginnings of requests that must be answered while sessions are busy.
const APART: [&[u8]; 2] = [b"GET /health", b"GET /metrics"];

/// Bytes that tell such a request from others.
const APART_BYTES: usize = 12;

/// Serves connections until `stop` completes, then waits until every active request has its response. A connection runs on
/// `sessions`, so that a key and its echo pass from no thread to another; if it begins with a request that must be answered
/// while sessions are busy, it runs where this function does.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limiter: Arc<ConnectionLimiter>,
    sessions: Handle,
    stop: impl Future<Output = ()>,
) {
    let (connections, stopping) = (TaskTracker::new(), CancellationToken::new());
    let mut stop = pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener) => accepted,
        };
        // Fails if the connection has closed already.
        let Ok(local) = stream.local_addr() else { continue };
        let permit = limiter.acquire(peer.ip(), local.ip());
        let connection = Connection {
            peer,
            permit: Arc::new(permit),
            router: router.clone(),
            stopping: stopping.clone(),
            first_request_until: Instant::now() + FIRST_REQUEST_TIMEOUT,
        };
        connections.spawn(connection.run(stream, connections.clone(), sessions.clone()));
    }
    drop(listener);
    stopping.cancel();
    connections.close();
    connections.wait().await;
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) => {
                tracing::debug!(%error, "a connection was not accepted");
            }
            Err(error) => {
                tracing::error!(%error, "connections cannot be accepted");
                sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}

/// One connection that was accepted.
struct Connection {
    peer: SocketAddr,
    permit: Arc<ConnectionPermit>,
    router: Router,
    /// Cancelled once the connection may only finish its request.
    stopping: CancellationToken,
    /// The first request must be complete by then.
    first_request_until: Instant,
}

impl Connection {
    /// Waits for the first bytes, which tell the runtime that serves the connection.
    async fn run(self, stream: TcpStream, connections: TaskTracker, sessions: Handle) {
        let is_apart = tokio::select! {
            biased;
            is_apart = begins_apart(&stream) => is_apart,
            () = self.permit.evicted() => return,
            () = self.stopping.cancelled() => return,
            () = sleep_until(self.first_request_until) => return,
        };
        if is_apart {
            return serve_connection(self, stream).await;
        }
        // Another runtime has other readiness events.
        let Ok(stream) = stream.into_std().inspect_err(|error| tracing::debug!(%error, "a connection was lost")) else {
            return;
        };
        let serve = async move {
            match TcpStream::from_std(stream) {
                Ok(stream) => serve_connection(self, stream).await,
                Err(error) => tracing::error!(%error, "a connection is not served"),
            }
        };
        connections.spawn_on(serve, &sessions);
    }
}

async fn begins_apart(stream: &TcpStream) -> bool {
    let mut begin = [0; APART_BYTES];
    let read = stream.peek(&mut begin).await.unwrap_or_default();
    APART.iter().any(|apart| begin[..read].starts_with(apart))
}

/// Serves one connection to its end. A WebSocket continues in a task of its own, with the permit.
async fn serve_connection(connection: Connection, stream: TcpStream) {
    let Connection { peer, permit, router, stopping, first_request_until } = connection;
    // Nagle's algorithm delays the echo of a keystroke by 40 ms.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let io = TokioIo::new(with_permit(Box::pin(stream), Arc::clone(&permit)));
    let handle = |mut request: Request<Incoming>| {
        let active = permit.begin_request();
        request.extensions_mut().insert(Arc::clone(&permit));
        let router = router.clone();
        async move {
            let response = router.oneshot(request.map(Body::new)).await;
            if matches!(&response, Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS) {
                active.upgraded();
            }
            response
        }
    };
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(IDLE_TIMEOUT);
    http.max_headers(MAX_HEADERS).max_header_size(MAX_HEAD_BYTES).max_buf_size(MAX_WRITE_BUFFER);
    let service = hyper::service::service_fn(handle);
    let mut connection = pin!(http.serve_connection(io, service).with_upgrades());
    let no_request = async {
        sleep_until(first_request_until).await;
        if permit.had_request() {
            std::future::pending::<()>().await;
        }
    };
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = no_request => return,
        () = permit.evicted() => return,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, %peer, "a connection was lost");
    }
}

#[cfg(test)]
mod tests;
