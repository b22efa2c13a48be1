//! Bytes from one end to the other, as the proxy is told to carry them at the moment.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

/// Most bytes of one piece.
const PIECE: usize = 16 * 1024;

/// What happens to a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conduct {
    /// It is written this much later.
    Forward(Duration),
    /// It is kept.
    Hang,
}

impl Default for Conduct {
    fn default() -> Self {
        Self::Forward(Duration::ZERO)
    }
}

/// Carries both ways until both ends have finished, or one breaks.
pub(super) async fn carry(
    mut near: TcpStream,
    mut far: TcpStream,
    conduct: &watch::Receiver<Conduct>,
) -> io::Result<()> {
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let (from_near, to_near) = near.split();
    let (from_far, to_far) = far.split();
    let there = one_way(from_near, to_far, conduct.clone());
    let back = one_way(from_far, to_near, conduct.clone());
    tokio::try_join!(there, back).map(drop)
}

async fn one_way(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut conduct: watch::Receiver<Conduct>,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let length = from.read(&mut piece).await?;
        let mut rest = &piece[..length];
        pass(&mut conduct).await;
        if rest.is_empty() {
            return to.shutdown().await;
        }
        while !rest.is_empty() {
            tokio::select! {
                biased;
                // What hangs must not slip through once the other end has room again.
                () = stopped(&mut conduct) => pass(&mut conduct).await,
                written = to.write(rest) => rest = &rest[written?..],
            }
        }
    }
}

/// Waits until a piece may go.
async fn pass(conduct: &mut watch::Receiver<Conduct>) {
    loop {
        let now = *conduct.borrow_and_update();
        let unchanged = match now {
            Conduct::Forward(Duration::ZERO) => true,
            Conduct::Forward(delay) => !matches!(timeout(delay, conduct.changed()).await, Ok(Ok(()))),
            // An error: the proxy is dropped, which ends this task too.
            Conduct::Hang => conduct.changed().await.is_err(),
        };
        if unchanged {
            return;
        }
    }
}

/// Waits until nothing may go.
async fn stopped(conduct: &mut watch::Receiver<Conduct>) {
    if conduct.wait_for(|conduct| *conduct == Conduct::Hang).await.is_err() {
        std::future::pending::<()>().await;
    }
}
