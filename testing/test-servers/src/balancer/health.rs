//! Checks one backend for as long as it is in the pool. Each has a task of its own, so that one that hangs delays nobody.

use super::Shared;
use super::connect::connect;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

/// Checks until it is told to stop.
pub(super) async fn watch(shared: Arc<Shared>, backend: SocketAddr, stop: CancellationToken) {
    let options = &shared.options;
    let mut ticks = interval(options.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let checks = async {
        loop {
            ticks.tick().await;
            let good =
                matches!(timeout(options.timeout, check(backend, &options.path)).await, Ok(Some(StatusCode::OK)));
            shared.pool.send_if_modified(|pool| pool.checked(backend, good, options.failures));
        }
    };
    stop.run_until_cancelled(checks).await;
}

/// The status that it answers with, if it answers.
async fn check(backend: SocketAddr, path: &str) -> Option<StatusCode> {
    let mut connection = connect(backend).await?;
    // As a load balancer does: it names the backend's own address.
    let request = Request::get(path).header(HOST, backend.to_string()).body(Empty::<Bytes>::new()).ok()?;
    Some(connection.sender.send_request(request).await.ok()?.status())
}
