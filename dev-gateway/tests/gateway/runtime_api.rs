//! A function as processes behind the Lambda Runtime API: one event at a time, more on demand, frozen in between.

use crate::support::{until, within};
use dev_gateway::{Function, Invoke, InvokeError, OsSystem, RuntimeApi, System};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use tokio::net::{TcpListener, TcpStream};

fn function(variables: &[(&str, &str)]) -> Function {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Function::new(env!("CARGO_BIN_EXE_fake-bootstrap"), variables.collect::<BTreeMap<_, _>>())
}

fn start(function: Function) -> Arc<RuntimeApi> {
    Arc::new(RuntimeApi::new(function, Arc::new(OsSystem)))
}

/// The state letter of a process: `T` is stopped; `None` once it is gone.
pub(crate) fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it stands in parentheses and may hold anything.
    stat.rsplit(") ").next()?.chars().next()
}

pub(crate) fn over(pid: u32) -> bool {
    matches!(state(pid), None | Some('Z' | 'X'))
}

fn pid(answer: &Value) -> u32 {
    u32::try_from(answer["pid"].as_u64().unwrap()).unwrap()
}

async fn invoke(api: &RuntimeApi, event: Value) -> Result<Value, InvokeError> {
    within(api.invoke(event)).await
}

pub(crate) async fn frozen(api: &RuntimeApi, pid: u32) {
    until(|| api.idle_processes().contains(&pid) && state(pid) == Some('T')).await;
}

/// An event that runs until its gate is closed.
struct Gate(TcpListener);

impl Gate {
    async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn event(&self) -> Value {
        json!({"do": "wait", "gate": self.0.local_addr().unwrap().to_string()})
    }

    /// Waits until the event has begun; dropping what this gives lets it end.
    async fn begun(&self) -> TcpStream {
        within(self.0.accept()).await.unwrap().0
    }
}

#[tokio::test]
async fn an_event_comes_with_lambdas_headers_and_environment() {
    let api = start(function(&[("TABLE_NAME", "t"), ("AWS_REGION", "eu-west-1")]));
    let before = OsSystem.now().duration_since(UNIX_EPOCH).unwrap();
    let answer = invoke(&api, json!({"hello": "ä"})).await.unwrap();
    assert_eq!(answer["event"], json!({"hello": "ä"}));
    let header = |name: &str| answer["headers"][name].as_str().unwrap();
    let deadline: u128 = header("lambda-runtime-deadline-ms").parse().unwrap();
    assert!((before.as_millis() + 30_000..before.as_millis() + 40_000).contains(&deadline));
    assert_eq!(header("lambda-runtime-aws-request-id").len(), 36);
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:dev-function";
    assert_eq!(header("lambda-runtime-invoked-function-arn"), arn);
    assert!(header("lambda-runtime-trace-id").starts_with("Root=1-"));

    let environment = &answer["environment"];
    assert_eq!((&environment["TABLE_NAME"], &environment["AWS_REGION"]), (&json!("t"), &json!("eu-west-1")));
    assert_eq!(environment["AWS_LAMBDA_FUNCTION_NAME"], "dev-function");
    assert_eq!(environment["AWS_ACCESS_KEY_ID"], "test");
    assert_eq!(environment.get("HOME"), None, "nothing of ours");
    within(api.shutdown()).await;
}

#[tokio::test]
async fn a_process_is_frozen_between_events_and_used_again() {
    let api = start(function(&[]));
    let first = pid(&invoke(&api, json!({})).await.unwrap());
    for _ in 0..3 {
        frozen(&api, first).await;
        assert_eq!(pid(&invoke(&api, json!({})).await.unwrap()), first);
    }
    frozen(&api, first).await;
    within(api.shutdown()).await;
    assert_eq!(state(first), None, "it was not waited for");
}

#[tokio::test]
async fn events_at_the_same_time_get_processes_of_their_own() {
    let api = start(function(&[]));
    let gate = Gate::new().await;
    let running: Vec<_> = (0..3)
        .map(|_| {
            let (api, event) = (api.clone(), gate.event());
            tokio::spawn(async move { api.invoke(event).await })
        })
        .collect();
    let begun = [gate.begun().await, gate.begun().await, gate.begun().await];
    drop(begun);
    let mut pids = Vec::new();
    for task in running {
        pids.push(pid(&within(task).await.unwrap().unwrap()));
    }
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), 3);
    within(api.shutdown()).await;
    until(|| pids.iter().all(|pid| over(*pid))).await;
}

#[tokio::test]
async fn at_the_bound_an_event_waits_for_a_process() {
    let api = start(Function { processes: 1, ..function(&[]) });
    let gate = Gate::new().await;
    let (held, event) = (api.clone(), gate.event());
    let first = tokio::spawn(async move { held.invoke(event).await });
    let begun = gate.begun().await;
    let waiting = api.clone();
    let second = tokio::spawn(async move { waiting.invoke(json!({})).await });
    tokio::task::yield_now().await;
    assert!(!second.is_finished());
    drop(begun);
    let first = within(first).await.unwrap().unwrap();
    let second = within(second).await.unwrap().unwrap();
    assert_eq!(pid(&first), pid(&second));
    within(api.shutdown()).await;
}

#[tokio::test]
async fn a_function_error_leaves_the_process_usable() {
    let api = start(function(&[]));
    let first = pid(&invoke(&api, json!({})).await.unwrap());
    frozen(&api, first).await;
    let error = invoke(&api, json!({"do": "fail"})).await.unwrap_err();
    assert_eq!(error, InvokeError::Function { kind: "Fake.Error".into(), message: "as told".into() });
    frozen(&api, first).await;
    assert_eq!(invoke(&api, json!({"do": "say_twice"})).await.unwrap(), json!({"statusCode": 200}));
    frozen(&api, first).await;
    assert_eq!(pid(&invoke(&api, json!({})).await.unwrap()), first);
    within(api.shutdown()).await;
}

#[tokio::test]
async fn a_process_that_ends_or_hangs_is_replaced() {
    let api = start(Function { timeout: Duration::from_millis(500), ..function(&[]) });
    let first = pid(&invoke(&api, json!({})).await.unwrap());
    frozen(&api, first).await;
    let error = invoke(&api, json!({"do": "exit"})).await.unwrap_err();
    assert!(
        matches!(&error, InvokeError::Function { kind, message } if kind == "Runtime.ExitError" && message.contains('3'))
    );
    let second = pid(&invoke(&api, json!({})).await.unwrap());
    assert_ne!(first, second);
    frozen(&api, second).await;
    assert_eq!(invoke(&api, json!({"do": "hang"})).await, Err(InvokeError::TimedOut));
    until(|| over(second)).await;
    assert_ne!(pid(&invoke(&api, json!({})).await.unwrap()), second);
    within(api.shutdown()).await;
}

#[tokio::test]
async fn a_process_that_died_while_idle_is_not_used() {
    let api = start(function(&[]));
    let first = pid(&invoke(&api, json!({})).await.unwrap());
    frozen(&api, first).await;
    let killed = rustix::process::Pid::from_raw(i32::try_from(first).unwrap()).unwrap();
    rustix::process::kill_process(killed, rustix::process::Signal::KILL).unwrap();
    until(|| over(first)).await;
    assert_ne!(pid(&invoke(&api, json!({})).await.unwrap()), first);
    within(api.shutdown()).await;
}

#[tokio::test]
async fn a_function_that_cannot_start_says_why() {
    let missing = start(Function::new("/no/such/bootstrap", BTreeMap::new()));
    let error = invoke(&missing, json!({})).await.unwrap_err();
    assert!(matches!(error, InvokeError::Start(why) if why.starts_with("/no/such/bootstrap: ")));

    let reported = start(function(&[("FAKE_INIT", "error")]));
    let error = invoke(&reported, json!({})).await.unwrap_err();
    assert_eq!(error, InvokeError::Function { kind: "Init.Broken".into(), message: "no config".into() });

    let ended = start(function(&[("FAKE_INIT", "exit")]));
    let error = invoke(&ended, json!({})).await.unwrap_err();
    assert!(
        matches!(&error, InvokeError::Function { kind, message } if kind == "Runtime.ExitError" && message.contains('7'))
    );
}
