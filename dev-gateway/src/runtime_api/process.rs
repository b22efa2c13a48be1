//! One process of the function: started, initialised, thawed for an event, frozen after it, killed at the end.

use super::endpoint::{Endpoint, Invocation, RuntimeRequest};
use super::function::Function;
use super::process_limit::{ProcessGroups, ProcessLimit, ProcessLimitError};
use crate::events::{ACCOUNT, REGION};
use crate::invoke::InvokeError;
use crate::system::{System, epoch_ms, trace_root};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

/// Longest time until a process asks for its first event. Source: Lambda developer guide, "Lambda runtime environment".
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for a killed process.
const KILL_TIMEOUT: Duration = Duration::from_secs(1);

/// A running or frozen process. Dropping it kills it and its children.
pub(super) struct Process {
    function: Arc<Function>,
    system: Arc<dyn System>,
    child: Child,
    endpoint: Endpoint,
    /// The pending request for the next event.
    next: Option<oneshot::Sender<Invocation>>,
    /// False once the process has failed.
    alive: bool,
    /// Version of the code that it runs.
    pub(super) code: u64,
    /// Time of its last event's end.
    pub(super) idle_since: Instant,
    /// Groups that limit it, freed after the process.
    _groups: Option<ProcessGroups>,
}

impl Process {
    /// Starts the process and waits until it asks for its first event.
    pub(super) async fn start(
        function: Arc<Function>,
        system: Arc<dyn System>,
        code: u64,
    ) -> Result<Self, InvokeError> {
        let failed = |error: io::Error| InvokeError::Start(format!("{}: {error}", function.bootstrap.display()));
        let endpoint = Endpoint::open().await.map_err(failed)?;
        let limited = |error: ProcessLimitError| InvokeError::Start(error.to_string());
        let groups = function.process_limit.as_ref().map(ProcessLimit::groups).transpose().map_err(limited)?;
        let mut command = Command::new(&function.bootstrap);
        command
            .current_dir(&function.task_root)
            .env_clear()
            .envs(lambda_environment(&function))
            .envs(&function.environment)
            .env("AWS_LAMBDA_RUNTIME_API", endpoint.addr.to_string())
            .stdin(Stdio::null())
            .stdout(if function.logs { Stdio::inherit() } else { Stdio::null() })
            .kill_on_drop(true)
            // A process group of its own, so that Ctrl-C at the terminal does not reach it. If this process dies
            // without cleaning up, the group is orphaned, and the kernel ends its frozen members with SIGHUP and
            // SIGCONT.
            .process_group(0);
        let child = command.spawn().map_err(failed)?;
        tracing::debug!(pid = child.id(), "a process of the function starts");
        // Only its first microseconds are unlimited.
        if let (Some(groups), Some(pid)) = (&groups, child.id()) {
            groups.add(pid).map_err(limited)?;
        }
        let idle_since = Instant::now();
        let mut process =
            Self { function, system, child, endpoint, next: None, alive: true, code, idle_since, _groups: groups };
        match timeout(INIT_TIMEOUT, process.wait_for_next()).await {
            Ok(ready) => ready.map(|()| process),
            Err(_) => Err(InvokeError::Start(format!("it asked for no event within {} s", INIT_TIMEOUT.as_secs()))),
        }
    }

    pub(super) fn is_alive(&mut self) -> bool {
        self.alive && matches!(self.child.try_wait(), Ok(None))
    }

    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Hands over one event and waits for the answer. Kills the process after the function's timeout.
    pub(super) async fn run(&mut self, request_id: String, event: Value) -> Result<Value, InvokeError> {
        let Some(next) = self.next.take() else { return Err(InvokeError::Start("it asked for no event".to_owned())) };
        let limit = self.function.timeout;
        let invocation = Invocation {
            request_id: request_id.clone(),
            deadline_ms: epoch_ms(self.system.now() + limit),
            function_arn: format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}", self.function.name),
            trace_id: format!("{};Sampled=0", trace_root(self.system.as_ref())),
            event: event.to_string().into_bytes(),
        };
        // Sent before the thaw, so that the process wakes up once.
        let _ = next.send(invocation);
        self.signal(Signal::CONT);
        match timeout(limit, self.answer(&request_id)).await {
            Ok(answer) => answer,
            Err(_) => Err(self.kill(InvokeError::TimedOut)),
        }
    }

    /// Waits until the process asks for another event, and freezes it.
    pub(super) async fn settle(&mut self) -> Result<(), InvokeError> {
        if self.next.is_none() {
            match timeout(self.function.timeout, self.wait_for_next()).await {
                Ok(ready) => ready?,
                Err(_) => return Err(self.kill(InvokeError::TimedOut)),
            }
        }
        self.signal(Signal::STOP);
        self.idle_since = Instant::now();
        Ok(())
    }

    /// Kills the process and waits for it, so that no zombie remains.
    pub(super) async fn end(mut self) {
        self.signal(Signal::KILL);
        let _ = timeout(KILL_TIMEOUT, self.child.wait()).await;
    }

    async fn wait_for_next(&mut self) -> Result<(), InvokeError> {
        loop {
            match self.receive().await? {
                RuntimeRequest::Next(next) => {
                    self.next = Some(next);
                    return Ok(());
                }
                RuntimeRequest::Answer(id, _) => tracing::warn!(id, "an answer to an unknown event"),
                RuntimeRequest::InitError(error) => return Err(self.kill(error)),
            }
        }
    }

    async fn answer(&mut self, request_id: &str) -> Result<Value, InvokeError> {
        loop {
            match self.receive().await? {
                RuntimeRequest::Answer(id, answer) if id == request_id => return parse(&answer?),
                RuntimeRequest::Answer(id, _) => tracing::warn!(id, "an answer to an unknown event"),
                RuntimeRequest::Next(next) => {
                    // The process lost the event. Lambda continues with the next, too.
                    self.next = Some(next);
                    let fault = "it asked for another event without an answer";
                    return Err(InvokeError::function("Runtime.NoAnswer", fault));
                }
                RuntimeRequest::InitError(error) => return Err(self.kill(error)),
            }
        }
    }

    /// Receives the next request. Requests from before the end of the process come before its end.
    async fn receive(&mut self) -> Result<RuntimeRequest, InvokeError> {
        let error = tokio::select! {
            biased;
            request = self.endpoint.requests.recv() => match request {
                Some(request) => return Ok(request),
                None => InvokeError::Start("its endpoint ended".to_owned()),
            },
            status = self.child.wait() => exit(status),
        };
        Err(self.kill(error))
    }

    /// Kills the failed process. Returns the error.
    fn kill(&mut self, error: InvokeError) -> InvokeError {
        self.alive = false;
        self.signal(Signal::KILL);
        error
    }

    /// Signals the process group. Does nothing once the process was waited for, because its id may be reused.
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
            // Fails only if the group has just ended.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Lambda's own variables. The function's variables override them.
/// Source: Lambda developer guide, "Defined runtime environment variables".
fn lambda_environment(function: &Function) -> [(&'static str, String); 15] {
    [
        ("_HANDLER", "bootstrap".to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory_mb.to_string()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", function.name)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "local".to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("LAMBDA_TASK_ROOT", function.task_root.display().to_string()),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin".to_owned()),
        ("TZ", ":UTC".to_owned()),
    ]
}

fn parse(answer: &[u8]) -> Result<Value, InvokeError> {
    if answer.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(answer).map_err(|_| InvokeError::function("Runtime.InvalidAnswer", "its answer is not JSON"))
}

fn exit(status: io::Result<ExitStatus>) -> InvokeError {
    let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
    InvokeError::function("Runtime.ExitError", &format!("the process ended: {how}"))
}
