//! Accepts HTTP connections and bounds what strangers can make of them: how many there are, how long they may say nothing, and how
//! large a request's head may be. Apart from the routes, which only ever see whole heads; `axum::serve` has none of these bounds.

mod seats;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
pub use seats::Seats;
use seats::{Seat, Seated};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// Largest head of a request, in bytes: a token of 8 KiB, in the path or in a header, and what browsers and proxies add.
const HEAD_BYTES: usize = 32 * 1024;

/// Most headers of a request.
const HEADERS: usize = 64;

/// From a connection's begin to the whole head of its first request: somebody wants something, or does not.
const FIRST_REQUEST: Duration = Duration::from_secs(10);

/// From one answer to the whole head of the next request. Longer than load balancers (60 s) and the function (50 s) keep a
/// connection that rests: a request that they send while it is being closed here would be lost.
const NEXT_REQUEST: Duration = Duration::from_secs(75);

/// After a failed `accept`, for want of descriptors or memory.
const RECOVERY: Duration = Duration::from_millis(500);

/// Serves connections until `stop` completes, and then those that have a request under way until they have their answers.
pub async fn serve(listener: TcpListener, router: Router, seats: Arc<Seats>, stop: impl Future<Output = ()>) {
    let (connections, stopping) = (TaskTracker::new(), CancellationToken::new());
    let mut stop = pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener) => accepted,
        };
        // Without a word: an answer would cost what is short.
        let Some(seat) = seats.take(peer.ip()) else { continue };
        connections.spawn(speak(stream, peer, seat, router.clone(), stopping.clone()));
    }
    drop(listener);
    stopping.cancel();
    connections.close();
    connections.wait().await;
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // The peer's doing.
            Err(error) if is_of_the_connection(&error) => tracing::debug!(%error, "a connection was not accepted"),
            Err(error) => {
                tracing::error!(%error, "connections cannot be accepted");
                sleep(RECOVERY).await;
            }
        }
    }
}

fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Serves one connection to its end. A WebSocket goes on in a task of its own, and keeps the seat.
async fn speak(stream: TcpStream, peer: SocketAddr, seat: Seat, router: Router, stopping: CancellationToken) {
    // Without it a keystroke's echo waits 40 ms for the acknowledgement of the packet before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let seat = Arc::new(seat);
    let io = TokioIo::new(Seated::new(stream, Arc::clone(&seat)));
    let answer = |mut request: Request<Incoming>| {
        let asking = seat.ask();
        request.extensions_mut().insert(ConnectInfo(peer));
        let router = router.clone();
        async move {
            let answer = router.oneshot(request.map(Body::new)).await;
            if matches!(&answer, Ok(answer) if answer.status() == StatusCode::SWITCHING_PROTOCOLS) {
                asking.for_good();
            }
            answer
        }
    };
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(NEXT_REQUEST).max_headers(HEADERS).max_header_size(HEAD_BYTES);
    let service = hyper::service::service_fn(answer);
    let mut connection = pin!(http.serve_connection(io, service).with_upgrades());
    let silent = async {
        sleep(FIRST_REQUEST).await;
        if seat.has_asked() {
            std::future::pending::<()>().await;
        }
    };
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = silent => return,
        () = seat.is_wanted() => return,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "a connection was lost");
    }
}

#[cfg(test)]
mod tests;
