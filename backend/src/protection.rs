//! Protects this ECS task from scale-in while it owns sessions: a shell lives in one task, and ends with it.
//!
//! ECS gives each task an endpoint for this, and the task's role must allow `ecs:UpdateTaskProtection`. Source: ECS developer
//! guide, "Task scale-in protection endpoint". Other platforms have no such endpoint.

use reqwest::Client;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Time between two counts of the sessions.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// Time after which ECS ends the protection of a task that does not renew it, in minutes.
const EXPIRY_MINUTES: u64 = 60;
/// Time between two renewals.
const RENEW_INTERVAL: Duration = Duration::from_secs(20 * 60);
/// Time until a failed request is repeated.
const RETRY_DELAY: Duration = Duration::from_secs(30);
/// Time for the ECS agent's response.
const AGENT_TIMEOUT: Duration = Duration::from_secs(5);

/// The scale-in protection of this task.
#[derive(Debug)]
pub(crate) struct TaskProtection {
    url: String,
    client: Client,
}

impl TaskProtection {
    /// Uses the ECS agent at this URL (`ECS_AGENT_URI`).
    pub(crate) fn new(agent: &str) -> Result<Self, reqwest::Error> {
        // reqwest wants a TLS provider even for plain HTTP. Fails if one is installed already, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().http1_only().no_proxy().timeout(AGENT_TIMEOUT);
        let client = client.redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { url: format!("{}/task-protection/v1/state", agent.trim_end_matches('/')), client })
    }

    /// Keeps the task protected exactly while it owns sessions.
    pub(crate) async fn run(&self, sessions: impl Fn() -> usize) -> Infallible {
        let (mut is_protected, mut next_request, mut has_failed) = (false, Instant::now(), false);
        let mut polls = interval(POLL_INTERVAL);
        polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            polls.tick().await;
            let wanted = sessions() > 0;
            let now = Instant::now();
            let is_due = now >= next_request;
            if (wanted == is_protected && !(wanted && is_due)) || (has_failed && !is_due) {
                continue;
            }
            match self.set(wanted).await {
                Ok(()) => {
                    if wanted != is_protected {
                        tracing::info!(protected = wanted, "scale-in protection of this task");
                    }
                    (is_protected, next_request, has_failed) = (wanted, now + RENEW_INTERVAL, false);
                }
                Err(why) => {
                    if !has_failed {
                        tracing::warn!(why, "this task cannot protect itself: ECS may end it while it owns sessions");
                    }
                    (next_request, has_failed) = (now + RETRY_DELAY, true);
                }
            }
        }
    }

    async fn set(&self, protected: bool) -> Result<(), String> {
        let mut body = json!({"ProtectionEnabled": protected});
        if protected {
            body["ExpiresInMinutes"] = EXPIRY_MINUTES.into();
        }
        let request = self.client.put(&self.url).header("content-type", "application/json").body(body.to_string());
        let response = request.send().await.map_err(|error| error.without_url().to_string())?;
        let status = response.status();
        let text = response.text().await.map_err(|error| error.without_url().to_string())?;
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() && body["protection"]["ProtectionEnabled"] == protected {
            return Ok(());
        }
        // The agent reports `error`, ECS reports `failure`.
        let reason = [&body["error"]["Message"], &body["failure"]["Reason"]].into_iter().find_map(Value::as_str);
        Err(format!("{status}: {}", reason.unwrap_or("no reason given")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::put;
    use axum::{Json, Router};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    /// An agent that records each request and sends the given response; `null` means success.
    async fn agent(response: Value) -> (String, mpsc::Receiver<Value>) {
        let (recorder, requests) = mpsc::channel(16);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api/some-id/", listener.local_addr().unwrap());
        let handler = move |Json(request): Json<Value>| async move {
            let mut response = response;
            if response.is_null() {
                response = json!({"protection": {"ProtectionEnabled": request["ProtectionEnabled"], "TaskArn": "arn"}});
            }
            recorder.send(request).await.unwrap();
            Json(response)
        };
        let app = Router::new().route("/api/some-id/task-protection/v1/state", put(handler));
        tokio::spawn(async move { axum::serve(listener, app).await });
        (url, requests)
    }

    fn run(url: &str, sessions: &Arc<AtomicUsize>) -> tokio::task::JoinHandle<Infallible> {
        let (protection, sessions) = (TaskProtection::new(url).unwrap(), Arc::clone(sessions));
        tokio::spawn(async move { protection.run(|| sessions.load(Ordering::Relaxed)).await })
    }

    #[tokio::test]
    async fn a_task_is_protected_while_it_owns_sessions() {
        let (url, mut requests) = agent(Value::Null).await;
        let sessions = Arc::new(AtomicUsize::new(1));
        let task = run(&url, &sessions);
        assert_eq!(requests.recv().await, Some(json!({"ProtectionEnabled": true, "ExpiresInMinutes": 60})));
        sessions.store(0, Ordering::Relaxed);
        assert_eq!(requests.recv().await, Some(json!({"ProtectionEnabled": false})));
        task.abort();
    }

    #[tokio::test]
    async fn failures_carry_the_reason_without_the_url() {
        let failure = json!({"failure": {"Arn": "arn", "Reason": "TASK_NOT_VALID"}});
        let (url, _requests) = agent(failure).await;
        let protection = TaskProtection::new(&url).unwrap();
        assert_eq!(protection.set(true).await, Err("200 OK: TASK_NOT_VALID".to_owned()));
        let nowhere = TaskProtection::new("http://127.0.0.1:1/api/secret-id").unwrap();
        let error = nowhere.set(true).await.unwrap_err();
        assert!(!error.contains("secret-id"), "{error}");
    }
}
