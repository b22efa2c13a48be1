//! Processes client messages: each is its own invocation, concurrent and unordered, and a failed one is reported to the
//! client in API Gateway's frame.

use crate::connections::{Clients, Registry};
use crate::events::ConnectionContext;
use crate::faults::ConnectionFaults;
use crate::integration::Integration;
use crate::routes::Routes;
use crate::system::fresh_id;
use serde::Serialize;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

pub(crate) struct Messages {
    pub(crate) context: Arc<ConnectionContext>,
    pub(crate) routes: Arc<Routes>,
    pub(crate) integration: Integration,
    pub(crate) registry: Registry,
    pub(crate) faults: Option<Arc<ConnectionFaults>>,
}

/// API Gateway's report of a failed invocation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InternalError<'a> {
    message: &'static str,
    connection_id: &'a str,
    request_id: &'a str,
}

impl Messages {
    /// Starts processing a message. The permit is released when its invocation has ended.
    pub(crate) fn process(&self, body: &str, permit: OwnedSemaphorePermit) {
        let tasks = &self.integration.tasks;
        let Some(faults) = &self.faults else {
            tasks.spawn(self.invocation(body, permit));
            return;
        };
        let (outcome, permit) = (faults.message(), Arc::new(permit));
        for copy in outcome.copies.iter().copied() {
            let (faults, work) = (faults.clone(), self.invocation(body, permit.clone()));
            let abandoned = self.integration.abandoned.clone();
            tasks.spawn(async move { abandoned.run_until_cancelled(faults.process(copy, work)).await });
        }
        faults.cut_after(&outcome);
    }

    /// Invokes the function, and reports a failure to the client. `held` is dropped when the invocation has ended.
    fn invocation<H: Send + 'static>(&self, body: &str, held: H) -> impl Future<Output = ()> + Send + 'static {
        let (context, integration, registry) = (self.context.clone(), self.integration.clone(), self.registry.clone());
        let meta = integration.event_meta();
        let route = self.routes.select(body);
        let event = context.message(route, fresh_id(integration.system.as_ref()), body, &meta);
        async move {
            // The routes have no route response, so the answer is not sent.
            let Err(error) = integration.route(event, held).await else { return };
            let (connection_id, request_id) = (&context.connection_id, &meta.request_id);
            tracing::warn!(connection = connection_id, request = request_id, %error, "an invocation failed");
            let frame = InternalError { message: "Internal server error", connection_id, request_id };
            let frame = serde_json::to_vec(&frame).unwrap_or_default();
            // Fails if the client has left or does not read.
            let _ = registry.post(connection_id, frame.into()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Api;
    use crate::faults::Faults;
    use crate::invoke::{Invoke, InvokeError};
    use crate::quotas::Quotas;
    use crate::system::System;
    use async_trait::async_trait;
    use clock::{Clock, RandomSource};
    use serde_json::{Value, json};
    use std::time::{Duration, SystemTime, UNIX_EPOCH};
    use tokio::sync::{Semaphore, mpsc};
    use tokio::time::Instant;

    /// The paused clock, from the epoch on.
    struct PausedClock(Instant);

    impl Clock for PausedClock {
        fn now(&self) -> SystemTime {
            UNIX_EPOCH + self.0.elapsed()
        }
    }

    impl RandomSource for PausedClock {
        fn fill(&self, _bytes: &mut [u8]) {}
    }

    impl System for PausedClock {}

    /// Runs for the number of seconds in the message, and reports each start.
    struct Sleeper(mpsc::Sender<(Instant, Value)>);

    #[async_trait]
    impl Invoke for Sleeper {
        async fn invoke(&self, event: Value) -> Result<Value, InvokeError> {
            let seconds = event["body"].as_str().unwrap().parse().unwrap();
            self.0.send((Instant::now(), event)).await.unwrap();
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok(json!({"statusCode": 200}))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_at_a_time_a_message_waits_for_the_one_before_up_to_the_integration_timeout() {
        for (plan, first_runs, second_starts) in
            [("one-at-a-time", "25", 25), ("one-at-a-time", "60", 29), ("none", "25", 0)]
        {
            let (seen, mut events) = mpsc::channel(2);
            let (quotas, began) = (Quotas::default(), Instant::now());
            let integration = Integration {
                invoker: Arc::new(Sleeper(seen)),
                system: Arc::new(PausedClock(began)),
                timeout: quotas.integration_timeout,
                tasks: tokio_util::task::TaskTracker::new(),
                abandoned: tokio_util::sync::CancellationToken::new(),
            };
            let context = ConnectionContext {
                api: Arc::new(Api { stage: "prod".into(), domain_name: "127.0.0.1:3000".into(), ..Api::default() }),
                connection_id: "c=".into(),
                connected_at: UNIX_EPOCH,
                source_ip: "127.0.0.1".into(),
                user_agent: None,
                authorizer: None,
            };
            let faults = Faults::new(plan.parse().unwrap(), 1).open("c=");
            let messages = Messages {
                context: Arc::new(context),
                routes: Arc::new(Routes(vec![])),
                integration,
                registry: Registry::new(&quotas),
                faults: Some(faults.faults.clone()),
            };
            let permits = Arc::new(Semaphore::new(2));
            let mut started = Vec::new();
            for body in [first_runs, "1"] {
                messages.process(body, permits.clone().try_acquire_owned().unwrap());
                // Lets the first start before the second.
                tokio::task::yield_now().await;
            }
            while started.len() < 2 {
                let (at, event) = events.recv().await.unwrap();
                // The time at which the gateway received it, not that of its start.
                assert_eq!(event["requestContext"]["requestTimeEpoch"], 0);
                started.push((event["body"].clone(), (at - began).as_secs()));
            }
            assert_eq!(started, [(json!(first_runs), 0), (json!("1"), second_starts)], "{plan}");
        }
    }
}
