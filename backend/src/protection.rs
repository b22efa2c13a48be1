//! Keeps ECS from scaling this task in while it owns sessions: a shell lives in one task, and ends with it.
//!
//! ECS tells each task of an endpoint of its own for that, and the task's role must allow it (`ecs:UpdateTaskProtection`). Source: ECS
//! developer guide, "Task scale-in protection endpoint". Elsewhere there is no such endpoint, and nothing to do.

use reqwest::Client;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often sessions are counted.
const LOOK: Duration = Duration::from_secs(5);
/// Protection ends by itself after this long, for a task that cannot say so any more. In minutes, as ECS counts.
const MINUTES: u64 = 60;
/// It is asked for again after this long.
const AGAIN: Duration = Duration::from_secs(20 * 60);
/// A request that failed is tried again after this long.
const LATER: Duration = Duration::from_secs(30);
/// Longest that ECS's agent may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// This task's protection.
#[derive(Debug)]
pub(crate) struct TaskProtection {
    url: String,
    client: Client,
}

impl TaskProtection {
    /// By the agent at this address (`ECS_AGENT_URI`).
    pub(crate) fn new(agent: &str) -> Result<Self, reqwest::Error> {
        // A second installation is refused, which is fine. Requests to the agent are not encrypted, but the client wants to know.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().http1_only().no_proxy().timeout(ANSWER);
        let client = client.redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { url: format!("{}/task-protection/v1/state", agent.trim_end_matches('/')), client })
    }

    /// Protects the task while there are sessions, and no longer.
    pub(crate) async fn keep(&self, sessions: impl Fn() -> usize) -> Infallible {
        let (mut is_protected, mut next, mut complained) = (false, Instant::now(), false);
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let wanted = sessions() > 0;
            let now = Instant::now();
            if (wanted == is_protected && !(wanted && now >= next)) || (complained && now < next) {
                continue;
            }
            match self.set(wanted).await {
                Ok(()) => {
                    if wanted != is_protected {
                        tracing::info!(protected = wanted, "scale-in protection of this task");
                    }
                    (is_protected, next, complained) = (wanted, now + AGAIN, false);
                }
                Err(why) => {
                    if !complained {
                        tracing::warn!(why, "this task cannot protect itself: ECS may end it while it owns sessions");
                    }
                    (next, complained) = (now + LATER, true);
                }
            }
        }
    }

    async fn set(&self, protected: bool) -> Result<(), String> {
        let mut wanted = json!({"ProtectionEnabled": protected});
        if protected {
            wanted["ExpiresInMinutes"] = MINUTES.into();
        }
        let request = self.client.put(&self.url).header("content-type", "application/json").body(wanted.to_string());
        let answer = request.send().await.map_err(|error| error.without_url().to_string())?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| error.without_url().to_string())?;
        let said: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() && said["protection"]["ProtectionEnabled"] == protected {
            return Ok(());
        }
        // Either an error of the agent's, or a reason of ECS's.
        let said = [&said["error"]["Message"], &said["failure"]["Reason"]].into_iter().find_map(Value::as_str);
        Err(format!("{status}: {}", said.unwrap_or("no reason given")))
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

    /// An agent that tells what it is asked, and answers so.
    async fn agent(answer: Value) -> (String, mpsc::Receiver<Value>) {
        let (asked, questions) = mpsc::channel(16);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api/some-id/", listener.local_addr().unwrap());
        let handler = move |Json(question): Json<Value>| async move {
            let mut answer = answer;
            if answer.is_null() {
                answer = json!({"protection": {"ProtectionEnabled": question["ProtectionEnabled"], "TaskArn": "arn"}});
            }
            asked.send(question).await.unwrap();
            Json(answer)
        };
        let app = Router::new().route("/api/some-id/task-protection/v1/state", put(handler));
        tokio::spawn(async move { axum::serve(listener, app).await });
        (url, questions)
    }

    fn keep(url: &str, sessions: &Arc<AtomicUsize>) -> tokio::task::JoinHandle<Infallible> {
        let (protection, sessions) = (TaskProtection::new(url).unwrap(), Arc::clone(sessions));
        tokio::spawn(async move { protection.keep(|| sessions.load(Ordering::Relaxed)).await })
    }

    #[tokio::test]
    async fn a_task_is_protected_while_it_owns_sessions() {
        let (url, mut questions) = agent(Value::Null).await;
        let sessions = Arc::new(AtomicUsize::new(1));
        let kept = keep(&url, &sessions);
        assert_eq!(questions.recv().await, Some(json!({"ProtectionEnabled": true, "ExpiresInMinutes": 60})));
        sessions.store(0, Ordering::Relaxed);
        assert_eq!(questions.recv().await, Some(json!({"ProtectionEnabled": false})));
        kept.abort();
    }

    #[tokio::test]
    async fn what_is_refused_is_said() {
        let refused = json!({"failure": {"Arn": "arn", "Reason": "TASK_NOT_VALID"}});
        let (url, _questions) = agent(refused).await;
        let protection = TaskProtection::new(&url).unwrap();
        assert_eq!(protection.set(true).await, Err("200 OK: TASK_NOT_VALID".to_owned()));
        let nowhere = TaskProtection::new("http://127.0.0.1:1/api/secret-id").unwrap();
        let error = nowhere.set(true).await.unwrap_err();
        assert!(!error.contains("secret-id"), "{error}");
    }
}
