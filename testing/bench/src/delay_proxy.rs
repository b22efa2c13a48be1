//! A TCP proxy that adds latency in both directions and does not limit throughput, unlike `test_servers::TcpProxy::delay`.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// Chunks in flight in each direction.
const CHUNKS_IN_FLIGHT: usize = 256;

const CHUNK_BYTES: usize = 16 * 1024;

/// A proxy in front of one server. Closed on drop.
pub(crate) struct DelayProxy {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl DelayProxy {
    /// Starts a proxy in front of the server of this URL.
    pub(crate) async fn start(url: &str, round_trip: Duration) -> Self {
        let server = authority(url).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let upstream = TcpStream::connect(&server).await.expect("the server listens");
                for socket in [&client, &upstream] {
                    socket.set_nodelay(true).expect("it is open");
                }
                let ((client_in, client_out), (server_in, server_out)) = (client.into_split(), upstream.into_split());
                connections.spawn(forward(client_in, server_out, round_trip / 2));
                connections.spawn(forward(server_in, client_out, round_trip / 2));
            }
        });
        Self { address, _tasks: tasks }
    }

    pub(crate) fn url(&self, url: &str) -> String {
        url.replacen(authority(url), &self.address.to_string(), 1)
    }
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let (send, mut receive) = mpsc::channel::<(Instant, Vec<u8>)>(CHUNKS_IN_FLIGHT);
    let read = async move {
        let mut chunk = vec![0; CHUNK_BYTES];
        while let Ok(count @ 1..) = from.read(&mut chunk).await {
            if send.send((Instant::now() + delay, chunk[..count].to_vec())).await.is_err() {
                return;
            }
        }
    };
    let write = async move {
        while let Some((at, chunk)) = receive.recv().await {
            sleep_until(at).await;
            if to.write_all(&chunk).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(read, write);
}

fn authority(url: &str) -> &str {
    url.split('/').nth(2).expect("a URL with a host")
}
