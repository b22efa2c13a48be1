//! What a gateway was used for, in the units that AWS bills. Counted by two thin layers, around the function and around the
//! clients, so that nothing else knows that it is counted.

use crate::connections::{Clients, ConnectionInfo, PostError};
use crate::invoke::{Invoke, InvokeError};
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A message is billed for each step of this many bytes that it begins. Source: API Gateway pricing, "WebSocket APIs".
const STEP_BYTES: usize = 32 * 1024;

/// What was used, from the start of a gateway to a moment, or between two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Messages of clients, in steps of 32 KB.
    pub messages_in: u64,
    /// Messages that were posted to clients, in steps of 32 KB.
    pub messages_out: u64,
    /// Bytes that were posted to clients.
    pub bytes_out: u64,
    /// Runs of the function, whatever for: authorizer, connections, messages.
    pub invocations: u64,
    /// How long the function ran, all runs together and those included that still do.
    pub duration: Duration,
}

impl Usage {
    /// What was used since an earlier moment.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            messages_in: self.messages_in - earlier.messages_in,
            messages_out: self.messages_out - earlier.messages_out,
            bytes_out: self.bytes_out - earlier.bytes_out,
            invocations: self.invocations - earlier.invocations,
            duration: self.duration - earlier.duration,
        }
    }
}

/// Counts.
#[derive(Debug, Clone)]
pub(crate) struct Meter(Arc<Mutex<Count>>);

#[derive(Debug)]
struct Count {
    usage: Usage,
    /// Invocations that run, and up to when their time is counted.
    running: u32,
    counted: Instant,
}

impl Count {
    /// Counts the time of what runs up to now.
    fn advance(&mut self) {
        let now = Instant::now();
        self.usage.duration += (now - self.counted) * self.running;
        self.counted = now;
    }
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Count { usage: Usage::default(), running: 0, counted: Instant::now() })))
    }

    /// Everything up to now.
    pub(crate) fn usage(&self) -> Usage {
        let mut count = self.lock();
        count.advance();
        count.usage
    }

    /// The same function, counted.
    pub(crate) fn function(&self, inner: Arc<dyn Invoke>) -> Arc<dyn Invoke> {
        Arc::new(Metered { inner, meter: self.clone() })
    }

    /// The same clients, counted.
    pub(crate) fn clients(&self, inner: Arc<dyn Clients>) -> Arc<dyn Clients> {
        Arc::new(Metered { inner, meter: self.clone() })
    }

    fn begin(&self, event: &Value) -> Run {
        let mut count = self.lock();
        count.advance();
        count.running += 1;
        count.usage.invocations += 1;
        if event["requestContext"]["eventType"] == "MESSAGE" {
            count.usage.messages_in += steps(event["body"].as_str().map_or(0, str::len));
        }
        Run(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Count> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An invocation that runs, until it is dropped: also one that is cut short.
struct Run(Meter);

impl Drop for Run {
    fn drop(&mut self) {
        let mut count = self.0.lock();
        count.advance();
        count.running -= 1;
    }
}

/// For how many messages one of this length counts. An empty one is a message too.
fn steps(bytes: usize) -> u64 {
    bytes.div_ceil(STEP_BYTES).max(1) as u64
}

/// What it wraps, counted.
struct Metered<T: ?Sized> {
    inner: Arc<T>,
    meter: Meter,
}

#[async_trait]
impl Invoke for Metered<dyn Invoke> {
    async fn invoke(&self, event: Value) -> Result<Value, InvokeError> {
        let _run = self.meter.begin(&event);
        self.inner.invoke(event).await
    }

    async fn shutdown(&self) {
        self.inner.shutdown().await;
    }
}

#[async_trait]
impl Clients for Metered<dyn Clients> {
    async fn post(&self, connection_id: &str, data: Bytes) -> Result<(), PostError> {
        let bytes = data.len();
        self.inner.post(connection_id, data).await?;
        let usage = &mut self.meter.lock().usage;
        usage.messages_out += steps(bytes);
        usage.bytes_out += bytes as u64;
        Ok(())
    }

    async fn describe(&self, connection_id: &str) -> Option<ConnectionInfo> {
        self.inner.describe(connection_id).await
    }

    async fn close(&self, connection_id: &str) -> bool {
        self.inner.close(connection_id).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connections::Registry;
    use crate::quotas::Quotas;
    use serde_json::json;
    use std::time::SystemTime;

    /// A function that runs for as many seconds as the message says.
    struct Sleeper;

    #[async_trait]
    impl Invoke for Sleeper {
        async fn invoke(&self, event: Value) -> Result<Value, InvokeError> {
            let seconds = event["body"].as_str().and_then(|body| body.trim().parse().ok());
            tokio::time::sleep(Duration::from_secs(seconds.unwrap_or_default())).await;
            Ok(Value::Null)
        }
    }

    fn message(body: &str) -> Value {
        json!({"requestContext": {"eventType": "MESSAGE"}, "body": body})
    }

    #[tokio::test(start_paused = true)]
    async fn time_counts_for_each_run_and_while_it_runs() {
        let meter = Meter::new();
        let function = meter.function(Arc::new(Sleeper));
        let (long, short, event) = (message("25"), message("5"), json!({"requestContext": {"eventType": "CONNECT"}}));
        let (_, _, _, (early, late)) = tokio::join!(
            function.invoke(long),
            tokio::time::timeout(Duration::from_secs(2), function.invoke(short)),
            function.invoke(event),
            async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let early = meter.usage();
                tokio::time::sleep(Duration::from_secs(9)).await;
                (early, meter.usage())
            }
        );
        assert_eq!((early.invocations, early.messages_in, early.duration.as_secs()), (3, 2, 2));
        // The short one was cut short after two seconds; paused clocks step by whole milliseconds.
        assert_eq!((late.since(&early).invocations, late.since(&early).duration.as_secs()), (0, 10));
        assert_eq!(meter.usage().duration.as_secs(), 27);
    }

    #[tokio::test]
    async fn a_large_message_counts_for_several_and_one_not_taken_for_none() {
        let (meter, registry) = (Meter::new(), Registry::new(&Quotas::default()));
        let function = meter.function(Arc::new(Sleeper));
        let clients = meter.clients(Arc::new(registry.clone()));
        for bytes in [0, 1, STEP_BYTES, STEP_BYTES + 1] {
            function.invoke(message(&" ".repeat(bytes))).await.unwrap();
        }
        assert_eq!(meter.usage().messages_in, 5);
        let post = || clients.post("c=", Bytes::from(vec![b' '; STEP_BYTES + 1]));
        assert_eq!(post().await, Err(PostError::Gone));
        let _opened = registry.open("c=", SystemTime::UNIX_EPOCH, "127.0.0.1", None);
        post().await.unwrap();
        let usage = meter.usage();
        assert_eq!((usage.messages_out, usage.bytes_out), (2, STEP_BYTES as u64 + 1));
    }
}
