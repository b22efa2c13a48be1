//! Copies bytes in both directions, subject to the proxy's current fault.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

const CHUNK_BYTES: usize = 16 * 1024;

/// Chunks that wait in each direction; the connection's sender waits when there are more.
const CHUNKS_IN_FLIGHT: usize = 64;

/// Bytes that were read together.
struct Chunk {
    /// Time of the read.
    at: Instant,
    bytes: Vec<u8>,
}

/// Treatment of each chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Written this long after it arrived.
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
    from: impl AsyncRead + Unpin,
    to: impl AsyncWrite + Unpin,
    mode: watch::Receiver<Mode>,
) -> io::Result<()> {
    let (arrived, chunks) = mpsc::channel(CHUNKS_IN_FLIGHT);
    tokio::try_join!(receive(from, arrived, mode.clone()), send(chunks, to, mode)).map(drop)
}

/// Reads until the end, which is an empty chunk. Nothing is read during a stall.
async fn receive(
    mut from: impl AsyncRead + Unpin,
    arrived: mpsc::Sender<Chunk>,
    mut mode: watch::Receiver<Mode>,
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        // Errors mean that the proxy is dropped, which cancels this task too.
        drop(mode.wait_for(|mode| *mode != Mode::Stall).await);
        let length = from.read(&mut buffer).await?;
        let chunk = Chunk { at: Instant::now(), bytes: buffer[..length].to_vec() };
        if arrived.send(chunk).await.is_err() || length == 0 {
            return Ok(());
        }
    }
}

async fn send(
    mut chunks: mpsc::Receiver<Chunk>,
    mut to: impl AsyncWrite + Unpin,
    mut mode: watch::Receiver<Mode>,
) -> io::Result<()> {
    while let Some(Chunk { at, bytes }) = chunks.recv().await {
        let mut rest = &bytes[..];
        delay(at, &mut mode).await;
        if rest.is_empty() {
            return to.shutdown().await;
        }
        while !rest.is_empty() {
            tokio::select! {
                biased;
                // A stalled chunk must stay even when the receiver has room again.
                () = stalled(&mut mode) => delay(at, &mut mode).await,
                written = to.write(rest) => rest = &rest[written?..],
            }
        }
    }
    Ok(())
}

/// Waits until a chunk that arrived at this time may be written.
async fn delay(arrived: Instant, mode: &mut watch::Receiver<Mode>) {
    loop {
        let now = *mode.borrow_and_update();
        let unchanged = match now {
            Mode::Forward(delay) => !matches!(timeout_at(arrived + delay, mode.changed()).await, Ok(Ok(()))),
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
