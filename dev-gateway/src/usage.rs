//! Counts usage in the units that AWS bills, in two layers around the function and the clients.

use crate::connections::{Clients, ConnectionInfo, PostError};
use crate::invoke::{Invoke, InvokeError};
use crate::lock::lock;
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// Bytes of one billed message; larger messages count several times. Source: API Gateway pricing, "WebSocket APIs".
const BILLED_BYTES: usize = 32 * 1024;

/// Usage since the gateway's start, or between two moments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Client messages, in units of 32 KB.
    pub messages_in: u64,
    /// Posted messages, in units of 32 KB.
    pub messages_out: u64,
    /// Posted bytes.
    pub bytes_out: u64,
    /// Invocations, of the authorizer too.
    pub invocations: u64,
    /// Total duration of all invocations, running ones included.
    pub duration: Duration,
}

impl Usage {
    /// Usage since an earlier moment.
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

/// The usage counter. Clones share their state.
#[derive(Debug, Clone)]
pub(crate) struct Meter(Arc<Mutex<Count>>);

#[derive(Debug)]
struct Count {
    usage: Usage,
    /// Count of running invocations.
    running: u32,
    /// Time up to which `usage.duration` counts them.
    counted: Instant,
}

impl Count {
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

    pub(crate) fn usage(&self) -> Usage {
        let mut count = lock(&self.0);
        count.advance();
        count.usage
    }

    pub(crate) fn function(&self, inner: Arc<dyn Invoke>) -> Arc<dyn Invoke> {
        Arc::new(Metered { inner, meter: self.clone() })
    }

    pub(crate) fn clients(&self, inner: Arc<dyn Clients>) -> Arc<dyn Clients> {
        Arc::new(Metered { inner, meter: self.clone() })
    }

    fn begin(&self, event: &Value) -> RunningInvocation {
        let mut count = lock(&self.0);
        count.advance();
        count.running += 1;
        count.usage.invocations += 1;
        if event["requestContext"]["eventType"] == "MESSAGE" {
            count.usage.messages_in += billed_messages(event["body"].as_str().map_or(0, str::len));
        }
        RunningInvocation(self.clone())
    }
}

/// A running invocation. Dropping it ends the count, also for a cancelled one.
struct RunningInvocation(Meter);

impl Drop for RunningInvocation {
    fn drop(&mut self) {
        let mut count = lock(&self.0.0);
        count.advance();
        count.running -= 1;
    }
}

/// Count of billed messages. An empty message counts as one.
fn billed_messages(bytes: usize) -> u64 {
    bytes.div_ceil(BILLED_BYTES).max(1) as u64
}

struct Metered<T: ?Sized> {
    inner: Arc<T>,
    meter: Meter,
}

#[async_trait]
impl Invoke for Metered<dyn Invoke> {
    async fn invoke(&self, event: Value) -> Result<Value, InvokeError> {
        let _running = self.meter.begin(&event);
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
        let usage = &mut lock(&self.meter.0).usage;
        usage.messages_out += billed_messages(bytes);
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

    /// A function that runs for the number of seconds in the message.
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
    async fn duration_counts_each_invocation_while_it_runs() {
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
        // The short one was cancelled after two seconds; paused clocks step by whole milliseconds.
        assert_eq!((late.since(&early).invocations, late.since(&early).duration.as_secs()), (0, 10));
        assert_eq!(meter.usage().duration.as_secs(), 27);
    }

    #[tokio::test]
    async fn large_messages_count_several_times_and_failed_posts_do_not_count() {
        let (meter, registry) = (Meter::new(), Registry::new(&Quotas::default()));
        let function = meter.function(Arc::new(Sleeper));
        let clients = meter.clients(Arc::new(registry.clone()));
        for bytes in [0, 1, BILLED_BYTES, BILLED_BYTES + 1] {
            function.invoke(message(&" ".repeat(bytes))).await.unwrap();
        }
        assert_eq!(meter.usage().messages_in, 5);
        let post = || clients.post("c=", Bytes::from(vec![b' '; BILLED_BYTES + 1]));
        assert_eq!(post().await, Err(PostError::Gone));
        let _opened = registry.open("c=", SystemTime::UNIX_EPOCH, "127.0.0.1", None);
        post().await.unwrap();
        let usage = meter.usage();
        assert_eq!((usage.messages_out, usage.bytes_out), (2, BILLED_BYTES as u64 + 1));
    }
}
