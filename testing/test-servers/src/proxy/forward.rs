//! Copies bytes in both directions, subject to the proxy's current fault.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

const CHUNK_BYTES: usize = 16 * 1024;

/// Treatment of each chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Written this much later.
    Forward(Duration),
    /// Kept.
    Stall,
}

impl Default for Mode {
    fn default() -> Self {
        Self::Forward(Duration::ZERO)
    }
}

/// Copies both ways until both ends have finished, or one fails.
pub(super) async fn forward(
    mut client: TcpStream,
    mut upstream: TcpStream,
    mode: &watch::Receiver<Mode>,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    upstream.set_nodelay(true)?;
    let (from_client, to_client) = client.split();
    let (from_upstream, to_upstream) = upstream.split();
    let requests = one_way(from_client, to_upstream, mode.clone());
    let responses = one_way(from_upstream, to_client, mode.clone());
    tokio::try_join!(requests, responses).map(drop)
}

async fn one_way(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut mode: watch::Receiver<Mode>,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = from.read(&mut chunk).await?;
        let mut rest = &chunk[..length];
        delay(&mut mode).await;
        if rest.is_empty() {
            return to.shutdown().await;
        }
        while !rest.is_empty() {
            tokio::select! {
                biased;
                // A stalled chunk must stay even when the receiver has room again.
                () = stalled(&mut mode) => delay(&mut mode).await,
                written = to.write(rest) => rest = &rest[written?..],
            }
        }
    }
}

/// Waits until a chunk may be written.
async fn delay(mode: &mut watch::Receiver<Mode>) {
    loop {
        let now = *mode.borrow_and_update();
        let unchanged = match now {
            Mode::Forward(Duration::ZERO) => true,
            Mode::Forward(delay) => !matches!(timeout(delay, mode.changed()).await, Ok(Ok(()))),
            // An error means that the proxy is dropped, which cancels this task too.
            Mode::Stall => mode.changed().await.is_err(),
        };
        if unchanged {
            return;
        }
    }
}

/// Waits until nothing may be written.
async fn stalled(mode: &mut watch::Receiver<Mode>) {
    if mode.wait_for(|mode| *mode == Mode::Stall).await.is_err() {
        std::future::pending::<()>().await;
    }
}
