//! What goes out first where the next request and a frame are ready at the same time.

use crate::world::{CONNECTION, NOW, PLENTY, fixture, frame, identity, row};
use async_trait::async_trait;
use auth_tokens::{UserKey, UserTokenVerifier};
use bytes::Bytes;
use gateway_lambda::backend::Caller;
use gateway_lambda::browser::Endpoint;
use gateway_lambda::clock::FixedClock;
use gateway_lambda::{
    Backend, BackendError, Browser, Config, Connections, Deps, Gateway, MemoryConnections, PostError, Reply,
};
use shared_protocol::ConnectionId;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// What left the function, in order.
#[derive(Clone, Default)]
struct Wire(Arc<Mutex<Vec<String>>>);

impl Wire {
    /// As HTTP clients do: whoever sends hands it to the task of a connection, which writes it when it is its turn.
    async fn write(&self, what: String) {
        let wire = self.clone();
        tokio::spawn(async move { wire.0.lock().unwrap().push(what) }).await.unwrap();
    }
}

#[async_trait]
impl Backend for Wire {
    async fn message(&self, _: &Caller, _: Bytes, _: Duration) -> Result<Reply, BackendError> {
        Ok(frame("reply", Some("1")))
    }

    async fn output(&self, _: &Caller, follow: &str, _: Duration) -> Result<Reply, BackendError> {
        // Written down when work on it begins, which is what a frame must not wait for.
        self.0.lock().unwrap().push(format!("ask {follow}"));
        Ok(frame(&format!("frame {follow}"), (follow == "1").then_some("2")))
    }

    async fn disconnect(&self, _: &Caller, _: Duration) -> Result<(), BackendError> {
        Ok(())
    }
}

#[async_trait]
impl Browser for Wire {
    async fn post(&self, _: &Endpoint, _: &ConnectionId, frame: Bytes) -> Result<(), PostError> {
        self.write(String::from_utf8(frame.to_vec()).unwrap()).await;
        Ok(())
    }

    async fn exists(&self, _: &Endpoint, _: &ConnectionId) -> Result<bool, PostError> {
        Ok(true)
    }

    async fn close(&self, _: &Endpoint, _: &ConnectionId) -> Result<(), PostError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_frame_leaves_before_work_on_the_next_question_begins() {
    let wire = Wire::default();
    let connections = Arc::new(MemoryConnections::default());
    connections.put(&row(CONNECTION, identity())).await.unwrap();
    let key = UserKey::hs256(b"0123456789abcdef0123456789abcdef").unwrap();
    let gateway = Gateway::new(Deps {
        config: Config::new(UserTokenVerifier::new(key)),
        backend: Arc::new(wire.clone()),
        connections,
        browser: Arc::new(wire.clone()),
        clock: Arc::new(FixedClock(NOW)),
    });
    gateway.handle(fixture("message-default"), Instant::now() + PLENTY).await.unwrap();
    let expected = ["reply", "ask 1", "frame 1", "ask 2", "frame 2"];
    assert_eq!(*wire.0.lock().unwrap(), expected);
}
