//! A store that measures the duration and the failures of another store's calls, so that its callers need not; and, for tests,
//! one that fails or hangs.

use super::{
    Cas, ClassRecord, CommandPlace, CommandRecord, ConnectionRecord, DispatchRecord, EventRecord, Instance, InstanceId,
    Pace, Revocations, ScreenRecord, SessionRecord, Store, StoreError, Turn, Version,
};
use crate::metrics::{Metrics, Operation};
use async_trait::async_trait;
use shared_protocol::{ClientId, ConnectionId, GroupId, SessionId};
use std::sync::Arc;
use tokio::time::Instant;

/// Wraps another store.
pub struct MeasuredStore {
    inner: Arc<dyn Store>,
    metrics: Arc<Metrics>,
}

impl MeasuredStore {
    /// Measures the calls of `inner`.
    pub fn new(inner: Arc<dyn Store>, metrics: Arc<Metrics>) -> Self {
        Self { inner, metrics }
    }

    async fn call<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let mut made = Call { metrics: &self.metrics, operation, started: Instant::now(), succeeded: false };
        let result = call.await;
        made.succeeded = result.is_ok();
        result
    }
}

/// A call in progress. Counted when dropped: a cancelled call counts as failed.
struct Call<'a> {
    metrics: &'a Metrics,
    operation: Operation,
    started: Instant,
    succeeded: bool,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.metrics.store.record_call(self.operation, self.started.elapsed(), self.succeeded);
    }
}

/// Implements a store by another one: each call is one operation. A call that the trait gains does not compile until it is named
/// here.
macro_rules! implement {
    ($store:ty; $($name:ident($($argument:ident: $type:ty),*) -> $value:ty = $operation:ident;)*) => {
        #[async_trait]
        impl Store for $store {
            fn kind(&self) -> &'static str {
                self.inner.kind()
            }

            fn is_shared(&self) -> bool {
                self.inner.is_shared()
            }

            $(async fn $name(&self, $($argument: $type),*) -> Result<$value, StoreError> {
                self.call(Operation::$operation, self.inner.$name($($argument),*)).await
            })*
        }
    };
}

macro_rules! implement_all { ($store:ty) => { implement! { $store;
    compare_and_set(record: &SessionRecord, expected: Option<&Version>) -> Cas = Put;
    session(id: &SessionId) -> Option<SessionRecord> = Session;
    sessions_of(user: &str) -> Vec<SessionRecord> = SessionsOf;
    sessions_in(group: &GroupId) -> Vec<SessionRecord> = SessionsIn;
    put_screen(id: &SessionId, screen: &ScreenRecord) -> () = PutScreen;
    delete_screen(id: &SessionId) -> () = DeleteScreen;
    screen(id: &SessionId) -> Option<ScreenRecord> = Screen;
    put_connection(record: &ConnectionRecord) -> () = PutConnection;
    connections_of(session: &SessionId) -> Vec<ConnectionRecord> = ConnectionsOf;
    mark_disconnected(id: &ConnectionId) -> () = ConnectionGone;
    is_disconnected(id: &ConnectionId) -> bool = IsGone;
    put_revoked(session: &SessionId, revoked: &Revocations, now: u64) -> () = PutRevoked;
    revoked(session: &SessionId) -> Revocations = Revoked;
    put_class(session: &SessionId, class: &ClassRecord) -> () = PutClass;
    class(session: &SessionId) -> Option<ClassRecord> = Class;
    put_commands(session: &SessionId, created_at: u64, commands: &[CommandRecord]) -> () = PutCommands;
    commands(session: &SessionId, created_at: u64, after: Option<CommandPlace>, limit: usize) -> Vec<CommandRecord> = Commands;
    push_events(session: &SessionId, events: &[EventRecord]) -> () = PushEvents;
    first_event(session: &SessionId) -> Option<EventRecord> = FirstEvent;
    take_event(session: &SessionId, event: &EventRecord) -> () = TakeEvent;
    sessions_with_events() -> Vec<SessionId> = SessionsWithEvents;
    claim_sender(session: &SessionId, sender: &InstanceId) -> bool = ClaimSender;
    put_dispatch(api: &str, record: &DispatchRecord) -> () = PutDispatch;
    dispatch(api: &str) -> Option<DispatchRecord> = Dispatch;
    claim_wall(client: &ClientId, owner: &InstanceId, instead_of: Option<&InstanceId>) -> InstanceId = ClaimWall;
    take_turn(sender: &str, pace: Pace) -> Turn = TakeTurn;
    heartbeat(instance: &Instance) -> bool = Beat;
    deregister(id: &InstanceId) -> () = Leave;
    instance(id: &InstanceId) -> Option<Instance> = Instance;
    instances() -> Vec<Instance> = Instances;
} } }

implement_all!(MeasuredStore);

/// The result of a call, in a test.
#[cfg(any(test, feature = "test-support"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It succeeds.
    None,
    /// It fails.
    Fails,
    /// It never returns.
    Hangs,
}

/// A store of which some calls fail or hang, for tests. Counts all.
#[cfg(any(test, feature = "test-support"))]
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    calls: parking_lot::Mutex<Vec<Calls>>,
}

/// The calls of one kind.
#[cfg(any(test, feature = "test-support"))]
struct Calls {
    operation: Operation,
    /// Calls so far.
    count: usize,
    /// Results of the next calls, in their order.
    next: std::collections::VecDeque<Fault>,
    /// Result of all calls after them.
    later: Fault,
}

#[cfg(any(test, feature = "test-support"))]
impl FaultyStore {
    /// A store without faults.
    pub fn new(inner: impl Store + 'static) -> Self {
        let calls = <Operation as strum::VariantArray>::VARIANTS.iter().map(|operation| Calls {
            operation: *operation,
            count: 0,
            next: std::collections::VecDeque::new(),
            later: Fault::None,
        });
        Self { inner: Arc::new(inner), calls: parking_lot::Mutex::new(calls.collect()) }
    }

    fn with<T>(&self, operation: Operation, change: impl FnOnce(&mut Calls) -> T) -> Option<T> {
        self.calls.lock().iter_mut().find(|calls| calls.operation == operation).map(change)
    }

    /// Sets the fault of these calls from now on.
    pub fn set(&self, operation: Operation, fault: Fault) {
        self.with(operation, |calls| calls.later = fault);
    }

    /// Sets the faults of the next of these calls; those after them have that of `set`.
    pub fn script(&self, operation: Operation, faults: impl IntoIterator<Item = Fault>) {
        self.with(operation, |calls| calls.next.extend(faults));
    }

    /// Number of these calls so far.
    pub fn calls(&self, operation: Operation) -> usize {
        self.with(operation, |calls| calls.count).unwrap_or_default()
    }

    async fn call<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let fault = self.with(operation, |calls| {
            calls.count += 1;
            calls.next.pop_front().unwrap_or(calls.later)
        });
        match fault {
            Some(Fault::Fails) => Err(StoreError("a test has it fail".into())),
            Some(Fault::Hangs) => std::future::pending().await,
            Some(Fault::None) | None => call.await,
        }
    }
}

#[cfg(any(test, feature = "test-support"))]
implement_all!(FaultyStore);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, contract};

    #[tokio::test(start_paused = true)]
    async fn it_is_the_store_that_it_measures() {
        let metrics = Metrics::new(0);
        let store = MeasuredStore::new(Arc::new(MemoryStore::default()), Arc::clone(&metrics));
        assert_eq!((store.kind(), store.is_shared()), ("memory", false));
        contract::keeps_all(&store).await;
        let text = metrics.text();
        for line in text.lines().filter(|line| line.starts_with("termgate_store_call_duration_seconds_count")) {
            assert!(!line.ends_with(" 0"), "the contract calls everything, and everything is counted: {line}");
        }
        let errors = text.lines().filter(|line| line.starts_with("termgate_store_errors_total"));
        assert!(errors.clone().count() > 10 && errors.clone().all(|line| line.ends_with(" 0")), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn failures_and_time_are_counted() {
        let metrics = Metrics::new(0);
        let store = MeasuredStore::new(Arc::new(MemoryStore::default()), Arc::clone(&metrics));
        let slow_failure = async {
            tokio::time::sleep(std::time::Duration::from_secs(2)).await;
            Err::<(), _>(StoreError("away".into()))
        };
        assert!(store.call(Operation::Beat, slow_failure).await.is_err());
        let text = metrics.text();
        assert!(text.contains("termgate_store_errors_total{operation=\"beat\"} 1\n"), "{text}");
        assert!(text.contains("termgate_store_call_duration_seconds_sum{operation=\"beat\"} 2.0\n"), "{text}");
        let never = store.call(Operation::Leave, std::future::pending::<Result<(), _>>());
        assert!(tokio::time::timeout(std::time::Duration::from_secs(1), never).await.is_err());
        let text = metrics.text();
        assert!(text.contains("termgate_store_errors_total{operation=\"leave\"} 1\n"), "given up: {text}");
    }
}
