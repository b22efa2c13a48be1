//! The body of a download. A reader that takes nothing holds memory and a connection, so each piece has its time, and a user has
//! few downloads at once.

use super::connection_limit::ConnectionPermit;
use axum::body::{Body, Bytes};
use futures_util::stream::{self, Stream, StreamExt};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use std::{io, iter};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

/// Downloads of one user at once.
pub(super) const DOWNLOADS_PER_USER: usize = 2;

/// Largest piece, in bytes. All of them but the last two count as long as their reader has not taken them.
const PIECE_BYTES: usize = 64 * 1024;

/// Time for one piece: until the store has given it and the reader has taken the one before.
const PIECE_TIMEOUT: Duration = Duration::from_secs(30);

/// Time for a whole download.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(3600);

/// A body of these pieces, which counts as one of its user's downloads until it is dropped. If it takes too long, is cut, or a
/// piece cannot be read, the connection is closed.
pub(super) fn body(
    pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    counted: impl Send + 'static,
    cut: impl Future<Output = ()> + Send + 'static,
    connection: Option<Arc<ConnectionPermit>>,
) -> Body {
    let (sender, receiver) = mpsc::channel(1);
    let pieces = pieces.flat_map(|piece| stream::iter(split(piece)));
    let feeding = async move {
        let fed = tokio::select! {
            fed = timeout(DOWNLOAD_TIMEOUT, feed(pieces, &sender)) => fed.unwrap_or_else(|_| Err(too_slow())),
            () = cut => Err(io::Error::other("another one needs its place, or its reader may not have it any more")),
        };
        if let Err(error) = fed {
            tracing::warn!(%error, "a download breaks off");
            // Nothing else ends a connection whose reader takes nothing.
            if let Some(connection) = connection {
                connection.close();
            }
        }
    };
    let feeding = AbortOnDropHandle::new(tokio::spawn(feeding));
    Body::from_stream(stream::try_unfold((receiver, feeding, counted), |(mut receiver, feeding, counted)| async move {
        match receiver.recv().await {
            Some(Some(piece)) => Ok(Some((piece, (receiver, feeding, counted)))),
            Some(None) => Ok(None),
            // An error, so that a download that breaks off does not look complete.
            None => Err(io::Error::other("the download breaks off")),
        }
    }))
}

/// The parts of a piece that is too large.
fn split(piece: io::Result<Bytes>) -> impl Iterator<Item = io::Result<Bytes>> {
    let mut rest = Some(piece);
    iter::from_fn(move || match rest.take()? {
        Ok(mut piece) if piece.len() > PIECE_BYTES => {
            let first = piece.split_to(PIECE_BYTES);
            rest = Some(Ok(piece));
            Some(Ok(first))
        }
        last => Some(last),
    })
}

/// Hands over each piece, and then `None`.
async fn feed(pieces: impl Stream<Item = io::Result<Bytes>>, sender: &mpsc::Sender<Option<Bytes>>) -> io::Result<()> {
    let mut pieces = pin!(pieces);
    loop {
        let one = async {
            let piece = pieces.next().await.transpose()?;
            let is_last = piece.is_none();
            // Fails if the body is gone.
            Ok::<_, io::Error>(sender.send(piece).await.is_err() || is_last)
        };
        if timeout(PIECE_TIMEOUT, one).await.unwrap_or_else(|_| Err(too_slow()))? {
            return Ok(());
        }
    }
}

fn too_slow() -> io::Error {
    io::Error::other("its reader, or its source, takes too long")
}

#[cfg(test)]
mod tests {
    use super::super::connection_limit::ConnectionLimiter;
    use super::super::user_connections::UserConnections;
    use super::*;
    use http_body_util::BodyExt;
    use shared_protocol::Role;
    use std::future::pending;
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::time::{Instant, sleep};

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn piece() -> io::Result<Bytes> {
        Ok(Bytes::from_static(b"piece"))
    }

    fn connection() -> Arc<ConnectionPermit> {
        Arc::new(ConnectionLimiter::new(2).acquire(HERE, HERE))
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_nothing_loses_its_connection_and_holds_two_pieces() {
        let (users, connection, read) = (UserConnections::new(1), connection(), Arc::new(AtomicUsize::new(0)));
        let counter = Arc::clone(&read);
        let endless = stream::repeat_with(move || {
            counter.fetch_add(1, Ordering::Relaxed);
            piece()
        });
        let counted = users.acquire("ada", Role::Controller).unwrap();
        let body = body(endless, counted, pending(), Some(Arc::clone(&connection)));
        let begun = Instant::now();
        timeout(DOWNLOAD_TIMEOUT, connection.evicted()).await.unwrap();
        assert_eq!((begun.elapsed().as_secs(), read.load(Ordering::Relaxed)), (PIECE_TIMEOUT.as_secs(), 2));
        assert!(users.acquire("ada", Role::Controller).is_none(), "its memory is held still");
        assert!(body.collect().await.is_err(), "it does not look complete");
        assert!(users.acquire("ada", Role::Controller).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_a_little_now_and_then_is_cut_off_in_the_end() {
        let users = UserConnections::new(1);
        let begun = Instant::now();
        let mut body = body(
            stream::repeat_with(piece),
            users.acquire("ada", Role::Viewer).unwrap(),
            pending(),
            Some(connection()),
        );
        while body.frame().await.unwrap().is_ok() {
            sleep(PIECE_TIMEOUT / 2).await;
        }
        assert!((DOWNLOAD_TIMEOUT..DOWNLOAD_TIMEOUT + PIECE_TIMEOUT * 2).contains(&begun.elapsed()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_download_is_whole_or_an_error() {
        let users = UserConnections::new(1);
        let counted = || users.acquire("ada", Role::Controller).unwrap();
        let whole = body(stream::iter([piece(), piece()]), counted(), pending(), None).collect().await.unwrap();
        assert_eq!(whole.to_bytes(), "piecepiece");
        let mut large = body(stream::iter([Ok(Bytes::from(vec![7; 2 * PIECE_BYTES + 1]))]), counted(), pending(), None);
        for expected in [PIECE_BYTES, PIECE_BYTES, 1] {
            assert_eq!(large.frame().await.unwrap().unwrap().into_data().unwrap().len(), expected);
        }
        drop(large);
        let failing = stream::iter([piece(), Err(io::Error::other("away"))]);
        assert!(body(failing, counted(), pending(), None).collect().await.is_err());
        let hanging = stream::iter([piece()]).chain(stream::pending());
        assert!(body(hanging, counted(), pending(), None).collect().await.is_err());
    }
}
