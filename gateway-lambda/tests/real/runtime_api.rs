//! The real `bootstrap` behind a Lambda runtime API: the recording server answers its polls with events.

use crate::server::{Arrived, Server};
use gateway_lambda::{Clock, SystemClock};
use serde_json::Value;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Lambda's time limit, and the time limit of a test's waits.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Function {
    api: Server,
    process: Child,
}

impl Function {
    /// Starts `bootstrap` with only these variables and those that Lambda sets.
    pub(crate) async fn start(variables: &[(&str, &str)]) -> Self {
        let api = Server::patient().await;
        let process = Command::new(env!("CARGO_BIN_EXE_bootstrap"))
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", api.url.trim_start_matches("http://"))
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
        Self { api, process }
    }

    /// Waits for a poll, or for the answer to an event.
    pub(crate) async fn arrived(&mut self) -> Arrived {
        timeout(TIMEOUT, self.api.arrived()).await.expect("the function polls or answers")
    }

    /// Handles an event; returns the response or the error.
    pub(crate) async fn handle(&mut self, event: Value) -> Result<Value, Value> {
        let deadline = Duration::from_millis(SystemClock.now_ms()) + TIMEOUT;
        let headers = [
            ("lambda-runtime-aws-request-id", "b6e0a7cf-7c0b-4d4c-9e3c-1f3a7d2f9a11"),
            ("lambda-runtime-deadline-ms", &deadline.as_millis().to_string()),
            ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-west-1:123456789012:function:termgate"),
        ];
        self.api.answers(200, &headers, event.to_string());
        self.api.answers(202, &[], "");
        loop {
            let request = self.arrived().await;
            match request.path.strip_prefix("/2018-06-01/runtime/invocation/").unwrap().rsplit('/').next() {
                Some("response") => return Ok(serde_json::from_slice(&request.body).unwrap()),
                Some("error") => return Err(serde_json::from_slice(&request.body).unwrap()),
                poll => assert_eq!(poll, Some("next")),
            }
        }
    }

    /// Kills the function as Lambda does; returns its log.
    pub(crate) async fn end(mut self) -> Vec<String> {
        self.process.start_kill().unwrap();
        self.log().await.1
    }

    /// Waits until the function exits; returns its success and its log.
    pub(crate) async fn log(self) -> (bool, Vec<String>) {
        let ended = timeout(TIMEOUT, self.process.wait_with_output()).await.expect("the function ends").unwrap();
        let lines = String::from_utf8(ended.stdout).unwrap();
        (ended.status.success(), lines.lines().map(str::to_owned).collect())
    }
}
