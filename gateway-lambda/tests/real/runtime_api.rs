//! A Lambda runtime API for one function: passes events one at a time and receives the responses.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{AppendHeaders, IntoResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use gateway_lambda::{Clock, SystemClock};
use serde_json::Value;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc};

/// Lambda's time limit, and the time limit of a test's waits.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Function {
    events: mpsc::Sender<Value>,
    answers: mpsc::Receiver<Result<Value, Value>>,
    polls: mpsc::Receiver<()>,
    process: Child,
}

#[derive(Clone)]
struct Api {
    events: Arc<Mutex<mpsc::Receiver<Value>>>,
    answers: mpsc::Sender<Result<Value, Value>>,
    polls: mpsc::Sender<()>,
}

impl Function {
    /// Starts `bootstrap` with only these variables and those that Lambda sets.
    pub(crate) async fn start(variables: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (events, for_api) = mpsc::channel(8);
        let (to_test, answers) = mpsc::channel(8);
        let (poll_sender, polls) = mpsc::channel(8);
        let api = Api { events: Arc::new(Mutex::new(for_api)), answers: to_test, polls: poll_sender };
        let app = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .with_state(api);
        tokio::spawn(async move { axum::serve(listener, app).await });
        let process = Command::new(env!("CARGO_BIN_EXE_bootstrap"))
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "termgate")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { events, answers, polls, process }
    }

    pub(crate) async fn wait_for_poll(&mut self) {
        tokio::time::timeout(TIMEOUT, self.polls.recv()).await.expect("the function polls for an event").unwrap();
    }

    /// Handles an event; returns the response or the error.
    pub(crate) async fn handle(&mut self, event: Value) -> Result<Value, Value> {
        self.events.send(event).await.unwrap();
        tokio::time::timeout(TIMEOUT, self.answers.recv()).await.expect("the function answers").unwrap()
    }

    /// Kills the function as Lambda does; returns its log.
    pub(crate) async fn end(mut self) -> Vec<String> {
        self.process.start_kill().unwrap();
        self.log().await.1
    }

    /// Waits until the function exits; returns its success and its log.
    pub(crate) async fn log(self) -> (bool, Vec<String>) {
        let ended = tokio::time::timeout(TIMEOUT, self.process.wait_with_output()).await;
        let ended = ended.expect("the function ends").unwrap();
        let lines = String::from_utf8(ended.stdout).unwrap();
        (ended.status.success(), lines.lines().map(str::to_owned).collect())
    }
}

async fn next(State(api): State<Api>) -> impl IntoResponse {
    api.polls.send(()).await.unwrap();
    let Some(event) = api.events.lock().await.recv().await else { std::future::pending().await };
    let deadline = Duration::from_millis(SystemClock.now_ms()) + TIMEOUT;
    let headers = [
        ("lambda-runtime-aws-request-id", "b6e0a7cf-7c0b-4d4c-9e3c-1f3a7d2f9a11".to_owned()),
        ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-west-1:123456789012:function:termgate".to_owned()),
    ];
    (AppendHeaders(headers), Json(event))
}

async fn response(State(api): State<Api>, Path(_): Path<String>, body: Bytes) -> StatusCode {
    api.answers.send(Ok(serde_json::from_slice(&body).unwrap())).await.unwrap();
    StatusCode::ACCEPTED
}

async fn error(State(api): State<Api>, Path(_): Path<String>, body: Bytes) -> StatusCode {
    api.answers.send(Err(serde_json::from_slice(&body).unwrap())).await.unwrap();
    StatusCode::ACCEPTED
}
