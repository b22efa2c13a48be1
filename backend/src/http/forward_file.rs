//! Forwards a transfer of a file to the instance that owns the session. Neither the request nor the response is gathered here, as
//! those of other requests are: both flow, and a side that stalls ends both.

use super::connection_limit::ConnectionPermit;
use super::download;
use super::error::HttpError;
use super::peer_client::{FORWARDED_BY, PeerClient, copy, end_to_end, unreachable};
use crate::store::Instance;
use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;
use parking_lot::Mutex;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// End of the path of files.
const FILES_SUFFIX: &str = "/files";

/// Time in which some more must pass, or the answer come: longer than the owner itself waits.
const STALL_TIMEOUT: Duration = Duration::from_secs(45);

/// True for a request that brings or takes a file.
pub(super) fn is_file(path: &str) -> bool {
    path.ends_with(FILES_SUFFIX)
}

impl PeerClient {
    /// Sends the request to another instance piece by piece, and returns its response, whose pieces follow.
    pub(super) async fn forward_file(&self, to: &Instance, request: Request) -> Result<Response, HttpError> {
        let connection = request.extensions().get::<Arc<ConnectionPermit>>().cloned();
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let url = format!("{}{path}", to.address.as_deref().unwrap_or_default());
        let mut headers = end_to_end(&parts.headers);
        headers.insert(FORWARDED_BY, self.instance.clone());
        copy(&parts.headers, &mut headers, CONTENT_LENGTH);
        let progress = Arc::new(Mutex::new(Instant::now()));
        let passed = Arc::clone(&progress);
        let body = body.into_data_stream().inspect_ok(move |_| *passed.lock() = Instant::now());
        let request = self.client.request(parts.method, url).headers(headers);
        let response = tokio::select! {
            response = request.body(reqwest::Body::wrap_stream(body)).send() => {
                response.map_err(reqwest::Error::without_url).map_err(|error| {
                    tracing::warn!(%error, instance = %to.id, "a transfer of a file breaks off");
                    unreachable()
                })?
            }
            () = stalled(&progress) => return Err(unreachable()),
        };
        let (status, mut headers) = (response.status(), end_to_end(response.headers()));
        copy(response.headers(), &mut headers, CONTENT_LENGTH);
        let pieces = response.bytes_stream().map_err(|error| io::Error::other(error.without_url()));
        Ok((status, headers, download::body(pieces, (), pending(), connection)).into_response())
    }
}

/// Completes once nothing has passed for too long.
async fn stalled(progress: &Mutex<Instant>) {
    loop {
        let until = *progress.lock() + STALL_TIMEOUT;
        if until <= Instant::now() {
            return;
        }
        sleep_until(until).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{advance, timeout};

    #[tokio::test(start_paused = true)]
    async fn a_transfer_stalls_once_nothing_has_passed_for_its_time() {
        let progress = Mutex::new(Instant::now());
        advance(STALL_TIMEOUT / 2).await;
        *progress.lock() = Instant::now();
        let begun = Instant::now();
        timeout(STALL_TIMEOUT * 2, stalled(&progress)).await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), STALL_TIMEOUT.as_secs());
    }
}
