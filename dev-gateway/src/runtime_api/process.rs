//! One process of the function and its life: started, initialised, thawed for an event, frozen after it, killed at the end.

use super::endpoint::{Delivery, Endpoint, Said};
use super::{Function, INIT_TIMEOUT};
use crate::events::{ACCOUNT, REGION};
use crate::invoke::InvokeError;
use crate::system::{System, epoch_ms, fresh_hex};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Memory that the function is told it has, in MB.
const MEMORY_MB: &str = "128";

/// How long a killed process may take to be gone.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// A running or frozen process. Dropping it kills it and everything that it started.
pub(super) struct Process {
    function: Arc<Function>,
    system: Arc<dyn System>,
    child: Child,
    endpoint: Endpoint,
    /// Its standing question for the next event.
    asked: Option<oneshot::Sender<Delivery>>,
    alive: bool,
}

impl Process {
    /// Starts it and waits until it asks for its first event.
    pub(super) async fn start(function: Arc<Function>, system: Arc<dyn System>) -> Result<Self, InvokeError> {
        let failed = |error: io::Error| InvokeError::Start(format!("{}: {error}", function.bootstrap.display()));
        let endpoint = Endpoint::open().await.map_err(failed)?;
        let mut command = Command::new(&function.bootstrap);
        command
            .env_clear()
            .envs(lambda_environment(&function))
            .envs(&function.environment)
            .env("AWS_LAMBDA_RUNTIME_API", endpoint.addr.to_string())
            .stdin(Stdio::null())
            .stdout(if function.logs { Stdio::inherit() } else { Stdio::null() })
            .kill_on_drop(true)
            // A group of its own: Ctrl-C at the terminal is ours to handle. And when this process dies without a chance to
            // clean up, the group is orphaned, and the kernel ends its frozen members with SIGHUP and SIGCONT.
            .process_group(0);
        let child = command.spawn().map_err(failed)?;
        tracing::debug!(pid = child.id(), "a process of the function starts");
        let mut process = Self { function, system, child, endpoint, asked: None, alive: true };
        match timeout(INIT_TIMEOUT, process.next_question()).await {
            Ok(ready) => ready.map(|()| process),
            Err(_) => Err(InvokeError::Start(format!("it asked for no event within {} s", INIT_TIMEOUT.as_secs()))),
        }
    }

    /// Whether it can take another event.
    pub(super) fn is_alive(&mut self) -> bool {
        self.alive && matches!(self.child.try_wait(), Ok(None))
    }

    /// Its process id, while it has one.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Hands it one event and waits for the answer, at most for the function's timeout, after which it is killed.
    pub(super) async fn run(&mut self, request_id: String, event: Value) -> Result<Value, InvokeError> {
        let Some(asked) = self.asked.take() else { return Err(InvokeError::Start("it asked for no event".to_owned())) };
        let limit = self.function.timeout;
        let seconds = epoch_ms(self.system.now()) / 1000;
        let trace = fresh_hex::<12>(self.system.as_ref());
        let delivery = Delivery {
            request_id: request_id.clone(),
            deadline_ms: epoch_ms(self.system.now() + limit),
            function_arn: format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}", self.function.name),
            trace_id: format!("Root=1-{seconds:08x}-{trace};Sampled=0"),
            event: event.to_string().into_bytes(),
        };
        // Sent before it is thawed, so that it wakes up once, to an event that is there.
        let _ = asked.send(delivery);
        self.signal(Signal::CONT);
        match timeout(limit, self.answer(&request_id)).await {
            Ok(answer) => answer,
            Err(_) => Err(self.over(InvokeError::TimedOut)),
        }
    }

    /// Waits until it asks for another event, and freezes it.
    pub(super) async fn settle(&mut self) -> Result<(), InvokeError> {
        if self.asked.is_none() {
            match timeout(self.function.timeout, self.next_question()).await {
                Ok(ready) => ready?,
                Err(_) => return Err(self.over(InvokeError::TimedOut)),
            }
        }
        self.signal(Signal::STOP);
        Ok(())
    }

    /// Kills it and waits until it is gone, so that no zombie is left behind.
    pub(super) async fn end(mut self) {
        self.signal(Signal::KILL);
        let _ = timeout(END_TIMEOUT, self.child.wait()).await;
    }

    async fn next_question(&mut self) -> Result<(), InvokeError> {
        loop {
            match self.listen().await? {
                Said::Next(asked) => {
                    self.asked = Some(asked);
                    return Ok(());
                }
                Said::Answer(id, _) => tracing::warn!(id, "an answer to no event"),
                Said::InitError(error) => return Err(self.over(error)),
            }
        }
    }

    async fn answer(&mut self, request_id: &str) -> Result<Value, InvokeError> {
        loop {
            match self.listen().await? {
                Said::Answer(id, answer) if id == request_id => return parse(&answer?),
                Said::Answer(id, _) => tracing::warn!(id, "an answer to no event"),
                Said::Next(asked) => {
                    // It forgot the event; Lambda would do the same and give it the next.
                    self.asked = Some(asked);
                    return Err(function_error("Runtime.NoAnswer", "it asked for another event without an answer"));
                }
                Said::InitError(error) => return Err(self.over(error)),
            }
        }
    }

    /// The next thing that it says. What it said before it ended comes before its end.
    async fn listen(&mut self) -> Result<Said, InvokeError> {
        let error = tokio::select! {
            biased;
            said = self.endpoint.said.recv() => match said {
                Some(said) => return Ok(said),
                None => InvokeError::Start("its endpoint ended".to_owned()),
            },
            status = self.child.wait() => exit(status),
        };
        Err(self.over(error))
    }

    /// Marks it as dead, and makes sure of it.
    fn over(&mut self, error: InvokeError) -> InvokeError {
        self.alive = false;
        self.signal(Signal::KILL);
        error
    }

    fn group(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.child.id()?).ok()?)
    }

    /// Signals it and whatever it started. Once it was waited for, its id may be someone else's and is left alone.
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group() {
            // Fails only when it has just ended, which is noticed where it is waited for.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// What Lambda tells every function. The function's own variables come after and may say otherwise.
/// Source: Lambda developer guide, "Defined runtime environment variables".
fn lambda_environment(function: &Function) -> [(&'static str, String); 15] {
    let root = function.bootstrap.parent().map(|directory| directory.display().to_string()).unwrap_or_default();
    [
        ("_HANDLER", "bootstrap".to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", MEMORY_MB.to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", function.name)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "local".to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("LAMBDA_TASK_ROOT", root),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin".to_owned()),
        ("TZ", ":UTC".to_owned()),
    ]
}

fn parse(answer: &[u8]) -> Result<Value, InvokeError> {
    if answer.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(answer).map_err(|_| function_error("Runtime.InvalidAnswer", "its answer is not JSON"))
}

fn function_error(kind: &str, message: &str) -> InvokeError {
    InvokeError::Function { kind: kind.to_owned(), message: message.to_owned() }
}

fn exit(status: io::Result<ExitStatus>) -> InvokeError {
    let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
    function_error("Runtime.ExitError", &format!("the process ended: {how}"))
}
