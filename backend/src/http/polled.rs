//! Connections over HTTP: each looks like a socket to the service, whose messages requests bring and whose frames polls take.

use super::outbox::Outbox;
use super::socket::{CloseReason, Incoming, NORMAL, Socket};
use bytes::Bytes;
use parking_lot::Mutex;
use shared_protocol::ConnectionId;
use shared_protocol::polling::MAX_MESSAGES;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

/// Time that the messages of a request wait for room.
const ROOM_TIMEOUT: Duration = Duration::from_secs(4);

/// Silence after which a client is gone: a poll is held for less, and the next one follows at once.
const IDLE_TIMEOUT: Duration = Duration::from_secs(45);

/// Time that a closed connection stays, for the poll that learns of it and the repeats of one whose answer is lost.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(20);

/// Why messages were not taken. None of them was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeliverError {
    /// They come faster than the connection may send.
    Full,
    /// The connection is closed.
    Closed,
}

/// One connection, as requests see it.
#[derive(Debug)]
pub(super) struct Polled {
    /// SHA-256 of the token that opened it: each request brings the same one.
    token_hash: String,
    messages: mpsc::Sender<Incoming>,
    pub(super) outbox: Outbox,
    /// Time of the last request.
    heard: Mutex<Instant>,
}

impl Polled {
    /// Hands messages over, all or none.
    pub(super) async fn deliver(&self, messages: Vec<Incoming>) -> Result<(), DeliverError> {
        let room = self.messages.reserve_many(messages.len());
        let room = timeout(ROOM_TIMEOUT, room).await.map_err(|_| DeliverError::Full)?;
        room.map_err(|_| DeliverError::Closed)?.zip(messages).for_each(|(permit, message)| permit.send(message));
        Ok(())
    }
}

/// The connections of this instance.
#[derive(Debug, Default)]
pub(super) struct PolledConnections(Mutex<HashMap<ConnectionId, Arc<Polled>>>);

impl PolledConnections {
    /// A new connection, and its socket.
    pub(super) fn open(&self, id: ConnectionId, token_hash: String) -> (Arc<Polled>, PolledSocket) {
        // As many as one request brings.
        let (sender, messages) = mpsc::channel(MAX_MESSAGES);
        let heard = Mutex::new(Instant::now());
        let polled = Arc::new(Polled { token_hash, messages: sender, outbox: Outbox::default(), heard });
        self.0.lock().insert(id, Arc::clone(&polled));
        (Arc::clone(&polled), PolledSocket { messages, polled })
    }

    /// The connection of this id, if this token opened it. Counts as a sign of life.
    pub(super) fn find(&self, id: &ConnectionId, token_hash: &str) -> Option<Arc<Polled>> {
        let polled = self.0.lock().get(id).filter(|polled| polled.token_hash == token_hash).cloned()?;
        *polled.heard.lock() = Instant::now();
        Some(polled)
    }

    /// Forgets a connection.
    pub(super) fn remove(&self, id: &ConnectionId) {
        self.0.lock().remove(id);
    }

    /// Closes a connection for its client, which asks no more. One that is not known is closed already.
    pub(super) fn close(&self, id: &ConnectionId, token_hash: &str) {
        if let Some(polled) = self.find(id, token_hash) {
            self.remove(id);
            // If it is full, the connection is busy and finds its frames refused.
            let _ = polled.messages.try_send(Incoming::Closed);
            polled.outbox.close(NORMAL);
        }
    }
}

/// One connection, as the service sees it.
pub(super) struct PolledSocket {
    messages: mpsc::Receiver<Incoming>,
    polled: Arc<Polled>,
}

impl Socket for PolledSocket {
    async fn recv(&mut self) -> Incoming {
        self.messages.recv().await.unwrap_or(Incoming::Closed)
    }

    async fn send(&mut self, frame: Bytes) -> Result<(), CloseReason> {
        self.polled.outbox.send(frame).await
    }

    async fn ping(&mut self) -> Result<(), CloseReason> {
        // Polls are signs of life.
        Ok(())
    }

    fn is_silent(&self) -> bool {
        self.polled.heard.lock().elapsed() > IDLE_TIMEOUT
    }

    async fn close(mut self, CloseReason(code, _): CloseReason) {
        self.messages.close();
        self.polled.outbox.close(code);
        sleep(CLOSE_TIMEOUT).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    fn open(connections: &PolledConnections) -> (Arc<Polled>, PolledSocket) {
        connections.open(ConnectionId::new("c").unwrap(), "hash".into())
    }

    fn texts(count: usize, text: &'static str) -> Vec<Incoming> {
        (0..count).map(|_| Incoming::Text(Bytes::from_static(text.as_bytes()))).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn messages_that_find_no_room_for_4_s_are_refused_and_none_is_taken() {
        let (polled, mut socket) = open(&PolledConnections::default());
        polled.deliver(texts(MAX_MESSAGES - 1, "early")).await.unwrap();
        let began = Instant::now();
        assert_eq!(polled.deliver(texts(2, "refused")).await, Err(DeliverError::Full));
        assert_eq!(began.elapsed(), Duration::from_secs(4));
        polled.deliver(texts(1, "late")).await.unwrap();
        for number in 0..MAX_MESSAGES {
            let Incoming::Text(text) = socket.recv().await else { panic!("{number}") };
            assert_eq!(text, if number < MAX_MESSAGES - 1 { "early" } else { "late" }, "{number}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_asks_nothing_for_45_s_is_silent() {
        let connections = PolledConnections::default();
        let (_polled, socket) = open(&connections);
        advance(Duration::from_secs(45)).await;
        assert!(!socket.is_silent());
        assert!(connections.find(&ConnectionId::new("c").unwrap(), "hash").is_some());
        advance(Duration::from_secs(45)).await;
        assert!(!socket.is_silent(), "it has asked meanwhile");
        advance(Duration::from_millis(1)).await;
        assert!(socket.is_silent());
    }
}
