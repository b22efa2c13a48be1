//! A long way: a TCP proxy that hands on everything so much later, however much is on its way, in both directions.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// Pieces that are on their way at once in each direction.
const ON_THE_WAY: usize = 256;

/// Bytes of a piece, at most.
const PIECE: usize = 16 * 1024;

/// One way to an address. Closed when dropped.
pub(crate) struct Distance {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Distance {
    /// So far from a server on this machine, which has this address.
    pub(crate) async fn before(url: &str, round_trip: Duration) -> Self {
        let server = authority(url).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut carried = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(&server).await.expect("the far end listens");
                for socket in [&near, &far] {
                    socket.set_nodelay(true).expect("it is open");
                }
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                carried.spawn(carry(near_in, far_out, round_trip / 2));
                carried.spawn(carry(far_in, near_out, round_trip / 2));
            }
        });
        Self { address, _tasks: tasks }
    }

    /// The same address, from this far.
    pub(crate) fn url(&self, url: &str) -> String {
        url.replacen(authority(url), &self.address.to_string(), 1)
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, late: Duration) {
    let (send, mut receive) = mpsc::channel::<(Instant, Vec<u8>)>(ON_THE_WAY);
    let read = async move {
        let mut piece = vec![0; PIECE];
        while let Ok(count @ 1..) = from.read(&mut piece).await {
            if send.send((Instant::now() + late, piece[..count].to_vec())).await.is_err() {
                return;
            }
        }
    };
    let write = async move {
        while let Some((at, piece)) = receive.recv().await {
            sleep_until(at).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(read, write);
}

/// Host and port of an address.
fn authority(url: &str) -> &str {
    url.split('/').nth(2).expect("an address with a scheme")
}
