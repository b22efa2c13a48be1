//! Counts usage in the units that AWS bills, executions and posts, in layers around the function and the clients. Refuses
//! executions beyond the account's limit, because only this count knows how many run.

use crate::connections::{Clients, ConnectionInfo, PostError};
use crate::invoke::{Invoke, InvokeError};
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Bytes of one billed message; larger messages count several times. Source: API Gateway pricing, "WebSocket APIs".
const BILLED_BYTES: usize = 32 * 1024;

/// Usage since the gateway's start, or between two moments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Client messages, in units of 32 KB.
    pub messages_in: u64,
    /// Posted messages, in units of 32 KB.
    pub messages_out: u64,
    /// Posted bytes.
    pub bytes_out: u64,
    /// Executions that have started, of the authorizer too.
    pub invocations: u64,
    /// Total duration of all executions, running ones included.
    #[serde(rename = "durationMs", serialize_with = "as_milliseconds")]
    pub duration: Duration,
    /// Executions that run now.
    pub running: u64,
    /// Most executions that ran at once, since the gateway's start.
    pub most_running: u64,
    /// Executions refused at the limit.
    pub throttled: u64,
    /// Posts to @connections by their answer, injected faults included.
    pub posts: PostCounts,
}

/// Posts to @connections by their answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PostCounts {
    /// Accepted: 200.
    pub taken: u64,
    /// Refused with 410: the connection is not open.
    pub gone: u64,
    /// Refused with 429: the client's buffer is full, or the account is throttled.
    pub throttled: u64,
    /// Refused with 413.
    pub too_large: u64,
    /// Refused with 400: not UTF-8.
    pub not_text: u64,
    /// Refused with 500.
    pub failed: u64,
}

fn as_milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u128(duration.as_millis())
}

impl Usage {
    /// Usage since an earlier moment. `running` and `most_running` stay as they are now.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            messages_in: self.messages_in - earlier.messages_in,
            messages_out: self.messages_out - earlier.messages_out,
            bytes_out: self.bytes_out - earlier.bytes_out,
            invocations: self.invocations - earlier.invocations,
            duration: self.duration - earlier.duration,
            throttled: self.throttled - earlier.throttled,
            posts: self.posts.since(&earlier.posts),
            ..*self
        }
    }
}

impl PostCounts {
    fn since(&self, earlier: &Self) -> Self {
        Self {
            taken: self.taken - earlier.taken,
            gone: self.gone - earlier.gone,
            throttled: self.throttled - earlier.throttled,
            too_large: self.too_large - earlier.too_large,
            not_text: self.not_text - earlier.not_text,
            failed: self.failed - earlier.failed,
        }
    }

    fn add(&mut self, answer: Result<(), PostError>) {
        let count = match answer {
            Ok(()) => &mut self.taken,
            Err(PostError::Gone) => &mut self.gone,
            Err(PostError::Full) => &mut self.throttled,
            Err(PostError::TooLarge) => &mut self.too_large,
            Err(PostError::NotText) => &mut self.not_text,
            Err(PostError::Failed) => &mut self.failed,
        };
        *count += 1;
    }
}

/// The usage counter. Clones share their state.
#[derive(Debug, Clone)]
pub(crate) struct Meter(Arc<Mutex<Count>>);

#[derive(Debug)]
struct Count {
    usage: Usage,
    /// Most executions at once.
    limit: u64,
    /// Time up to which `usage.duration` counts the running executions.
    counted: Instant,
}

impl Count {
    fn advance(&mut self) {
        let now = Instant::now();
        self.usage.duration += (now - self.counted) * u32::try_from(self.usage.running).unwrap_or(u32::MAX);
        self.counted = now;
    }
}

impl Meter {
    /// A meter that allows `limit` executions at once.
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(Count { usage: Usage::default(), limit: limit as u64, counted: Instant::now() })))
    }

    pub(crate) fn usage(&self) -> Usage {
        let mut count = self.0.lock();
        count.advance();
        count.usage
    }

    /// Counts executions, and refuses those beyond the limit.
    pub(crate) fn function(&self, inner: Arc<dyn Invoke>) -> Arc<dyn Invoke> {
        Arc::new(Metered { inner, meter: self.clone() })
    }

    /// Counts what is delivered, and billed.
    pub(crate) fn clients(&self, inner: Arc<dyn Clients>) -> Arc<dyn Clients> {
        Arc::new(Metered { inner, meter: self.clone() })
    }

    /// Counts the answers to posts as the function sees them.
    pub(crate) fn posts(&self, inner: Arc<dyn Clients>) -> Arc<dyn Clients> {
        Arc::new(CountedPosts { inner, meter: self.clone() })
    }

    fn begin(&self, event: &Value) -> Result<RunningInvocation, InvokeError> {
        let mut count = self.0.lock();
        // API Gateway bills a message that Lambda refuses, too.
        if event["requestContext"]["eventType"] == "MESSAGE" {
            count.usage.messages_in += billed_messages(event["body"].as_str().map_or(0, str::len));
        }
        if count.usage.running >= count.limit {
            count.usage.throttled += 1;
            return Err(InvokeError::Throttled);
        }
        count.advance();
        let usage = &mut count.usage;
        usage.invocations += 1;
        usage.running += 1;
        usage.most_running = usage.most_running.max(usage.running);
        Ok(RunningInvocation(self.clone()))
    }
}

/// A running invocation. Dropping it ends the count, also for a cancelled one.
struct RunningInvocation(Meter);

impl Drop for RunningInvocation {
    fn drop(&mut self) {
        let mut count = self.0.0.lock();
        count.advance();
        count.usage.running -= 1;
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
        let _running = self.meter.begin(&event)?;
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
        let usage = &mut self.meter.0.lock().usage;
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

struct CountedPosts {
    inner: Arc<dyn Clients>,
    meter: Meter,
}

#[async_trait]
impl Clients for CountedPosts {
    async fn post(&self, connection_id: &str, data: Bytes) -> Result<(), PostError> {
        let answer = self.inner.post(connection_id, data).await;
        self.meter.0.lock().usage.posts.add(answer);
        answer
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
        let meter = Meter::new(10);
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
        assert_eq!((early.running, late.running, meter.usage().running, late.most_running), (2, 1, 0, 3));
        // The short one was cancelled after two seconds; paused clocks step by whole milliseconds.
        assert_eq!((late.since(&early).invocations, late.since(&early).duration.as_secs()), (0, 10));
        assert_eq!(meter.usage().duration.as_secs(), 27);
    }

    #[tokio::test(start_paused = true)]
    async fn executions_beyond_the_limit_are_refused_at_once() {
        let meter = Meter::new(2);
        let function = meter.function(Arc::new(Sleeper));
        let run = |seconds| function.invoke(message(seconds));
        let (one, two, three) = tokio::join!(run("1"), run("9"), run("1"));
        assert_eq!((one, two, three), (Ok(Value::Null), Ok(Value::Null), Err(InvokeError::Throttled)));
        assert_eq!(run("1").await, Ok(Value::Null));
        let Usage { invocations, most_running, throttled, messages_in, .. } = meter.usage();
        assert_eq!((invocations, most_running, throttled, messages_in), (3, 2, 1, 4));
    }

    #[tokio::test]
    async fn large_messages_count_several_times_and_failed_posts_do_not_count() {
        let (meter, registry) = (Meter::new(10), Registry::new(&Quotas::default()));
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
