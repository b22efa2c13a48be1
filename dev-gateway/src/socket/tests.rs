//! Idle timeout and lifetime on a paused clock; with real sockets these tests would be races.

use super::*;
use crate::connections::{Clients, Registry};
use std::time::SystemTime;
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, advance};

const SECOND: Duration = Duration::from_secs(1);

struct Connection {
    client: WebSocketStream<DuplexStream>,
    registry: Registry,
    serving: JoinHandle<Disconnect>,
    started: Instant,
}

/// A connection with an idle timeout of 10 s and a lifetime of 100 s.
async fn connect() -> Connection {
    let started = Instant::now();
    let quotas = Quotas { idle_timeout: 10 * SECOND, lifetime: 100 * SECOND, ..Quotas::default() };
    let (here, there) = tokio::io::duplex(64 * 1024);
    let registry = Registry::new(&quotas);
    let opened = registry.open("c=", SystemTime::UNIX_EPOCH, "127.0.0.1", None);
    let serving = tokio::spawn(async move {
        let closing = serve(there, opened, &quotas, std::future::pending(), |_, _| {}).await;
        let disconnect = closing.disconnect();
        closing.finish().await;
        disconnect
    });
    let client = WebSocketStream::from_raw_socket(here, Role::Client, None).await;
    let mut connection = Connection { client, registry, serving, started };
    // The timers run once it answers.
    connection.ping().await;
    connection
}

impl Connection {
    /// Sends a ping and receives its pong, which follows everything sent before.
    async fn ping(&mut self) {
        self.client.send(Message::Ping("?".into())).await.unwrap();
        assert_eq!(self.client.next().await.unwrap().unwrap(), Message::Pong("?".into()));
    }
}

/// Reads until the close frame. Returns its code and its time after the start, in seconds.
async fn closed(mut connection: Connection) -> (u16, u64) {
    loop {
        match connection.client.next().await {
            Some(Ok(Message::Close(Some(frame)))) => {
                let after = connection.started.elapsed().as_secs();
                // Answers the close frame, so that the other side ends.
                while connection.client.next().await.is_some_and(|next| next.is_ok()) {}
                let disconnect = connection.serving.await.unwrap();
                assert_eq!(disconnect.code, u16::from(frame.code));
                return (disconnect.code, after);
            }
            Some(Ok(_)) => {}
            other => panic!("no close frame: {other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed() {
    assert_eq!(closed(connect().await).await, (1001, 10));
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_but_do_not_reset_the_idle_timeout() {
    let mut connection = connect().await;
    for _ in 0..3 {
        advance(3 * SECOND).await;
        connection.ping().await;
    }
    assert_eq!(closed(connection).await, (1001, 10));
}

#[tokio::test(start_paused = true)]
async fn a_message_from_the_client_resets_the_idle_timeout() {
    let mut connection = connect().await;
    for _ in 0..3 {
        advance(9 * SECOND).await;
        connection.client.send(Message::text("x")).await.unwrap();
        connection.ping().await;
    }
    assert_eq!(closed(connection).await, (1001, 37));
}

#[tokio::test(start_paused = true)]
async fn a_message_to_the_client_resets_the_idle_timeout() {
    let mut connection = connect().await;
    for _ in 0..3 {
        advance(9 * SECOND).await;
        connection.registry.post("c=", "x".into()).await.unwrap();
        assert_eq!(connection.client.next().await.unwrap().unwrap(), Message::text("x"));
    }
    assert_eq!(closed(connection).await, (1001, 37));
}

#[tokio::test(start_paused = true)]
async fn a_busy_connection_ends_with_its_lifetime() {
    let mut connection = connect().await;
    for _ in 0..19 {
        advance(5 * SECOND).await;
        connection.client.send(Message::text("x")).await.unwrap();
    }
    assert_eq!(closed(connection).await, (1001, 100));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_answer_the_close_frame_is_dropped() {
    let connection = connect().await;
    let started = Instant::now();
    let disconnect = connection.serving.await.unwrap();
    assert_eq!((disconnect.code, started.elapsed()), (1001, 10 * SECOND + CLOSE_TIMEOUT));
}
