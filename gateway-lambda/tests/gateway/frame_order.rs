//! A frame leaves the function before work on the next question begins.

use crate::harness::{LAMBDA_TIMEOUT, fixture, frame};
use crate::relay::relay_frame;
use crate::support::{NOW, SECRET};
use async_trait::async_trait;
use auth_tokens::{UserKey, UserTokenVerifier};
use bytes::Bytes;
use gateway_lambda::clock::ManualClock;
use gateway_lambda::{
    Backend, BackendError, Browser, Caller, Config, Deps, Endpoint, Gateway, MemoryConnections, Next, PostError,
    RelayAnswer, Reply, SystemRandom,
};
use shared_protocol::ConnectionId;
use shared_protocol::relay::RelayQuestion;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// Frames and questions in the order in which they leave the function.
#[derive(Clone, Default)]
struct Wire(Arc<Mutex<Vec<String>>>);

impl Wire {
    /// Writes from a task of its own, as HTTP clients do.
    async fn write(&self, entry: String) {
        let wire = self.clone();
        tokio::spawn(async move { wire.0.lock().unwrap().push(entry) }).await.unwrap();
    }
}

#[async_trait]
impl Backend for Wire {
    async fn message(&self, _: &Caller, _: Bytes, _: Duration) -> Result<Reply, BackendError> {
        Ok(frame("reply", Some("1")))
    }

    async fn relay(&self, _: &Endpoint, question: &RelayQuestion, _: Duration) -> Result<RelayAnswer, BackendError> {
        let number = question.number;
        // Recorded when work on the question begins, which must not delay a frame.
        self.0.lock().unwrap().push(format!("question {number}"));
        let frames = if question.last { vec![] } else { vec![relay_frame(1, number, &format!("frame {number}"))] };
        Ok(RelayAnswer { frames, next: (number == 1).then_some(Next::Now) })
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
    let key = UserKey::hs256(SECRET.as_bytes()).unwrap();
    let gateway = Gateway::new(Deps {
        config: Config::new(UserTokenVerifier::new(key)),
        backend: Arc::new(wire.clone()),
        connections: Arc::new(MemoryConnections::default()),
        browser: Arc::new(wire.clone()),
        clock: Arc::new(ManualClock::new(NOW)),
        random: Arc::new(SystemRandom),
    });
    gateway.handle(fixture("message-default"), Instant::now() + LAMBDA_TIMEOUT).await.unwrap();
    let expected = ["reply", "question 1", "frame 1", "question 2", "frame 2", "question 3"];
    assert_eq!(*wire.0.lock().unwrap(), expected);
}
