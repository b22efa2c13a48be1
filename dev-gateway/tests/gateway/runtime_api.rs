//! A function in processes behind the Lambda Runtime API: one event at a time, more processes on demand, frozen in
//! between.

use crate::support::{signal, until, within};
use dev_gateway::{Clock, CpuShare, Function, Invoke, InvokeError, Limits, OsSystem, ProcessLimit, RuntimeApi};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use test_servers::{alive, state_of};
use tokio::net::{TcpListener, TcpStream};

pub(crate) fn function(variables: &[(&str, &str)]) -> Function {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Function::new(env!("CARGO_BIN_EXE_fake-bootstrap"), variables.collect::<BTreeMap<_, _>>())
}

pub(crate) fn start(function: Function) -> Arc<RuntimeApi> {
    Arc::new(RuntimeApi::new(function, Arc::new(OsSystem)))
}

pub(crate) fn pid(answer: &Value) -> u32 {
    u32::try_from(answer["pid"].as_u64().unwrap()).unwrap()
}

async fn invoke(api: &RuntimeApi, event: Value) -> Result<Value, InvokeError> {
    within(api.invoke(event)).await
}

/// Runs an event and waits until its process is frozen. Returns its id.
pub(crate) async fn idle_process(api: &RuntimeApi) -> u32 {
    let pid = pid(&invoke(api, json!({})).await.unwrap());
    frozen(api, pid).await;
    pid
}

pub(crate) async fn frozen(api: &RuntimeApi, pid: u32) {
    until(|| api.idle_processes().contains(&pid) && state_of(pid) == Some('T')).await;
}

/// Holds an event until the gate's connection is dropped.
pub(crate) struct Gate(TcpListener);

impl Gate {
    pub(crate) async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn event(&self) -> Value {
        json!({"do": "wait", "gate": self.0.local_addr().unwrap().to_string()})
    }

    /// Waits for the start of the event. Dropping the stream lets it end.
    pub(crate) async fn begun(&self) -> TcpStream {
        within(self.0.accept()).await.unwrap().0
    }
}

#[tokio::test]
async fn an_event_has_lambdas_headers_and_environment() {
    let api = start(function(&[("TABLE_NAME", "t"), ("AWS_REGION", "eu-west-1")]));
    let before = OsSystem.now_ms();
    let answer = invoke(&api, json!({"hello": "ä"})).await.unwrap();
    assert_eq!(answer["event"], json!({"hello": "ä"}));
    let header = |name: &str| answer["headers"][name].as_str().unwrap();
    let deadline: u64 = header("lambda-runtime-deadline-ms").parse().unwrap();
    assert!((before + 30_000..before + 40_000).contains(&deadline));
    assert_eq!(header("lambda-runtime-aws-request-id").len(), 36);
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:dev-function";
    assert_eq!(header("lambda-runtime-invoked-function-arn"), arn);
    assert!(header("lambda-runtime-trace-id").starts_with("Root=1-"));

    let environment = &answer["environment"];
    assert_eq!((&environment["TABLE_NAME"], &environment["AWS_REGION"]), (&json!("t"), &json!("eu-west-1")));
    assert_eq!(environment["AWS_LAMBDA_FUNCTION_NAME"], "dev-function");
    assert_eq!(environment["AWS_ACCESS_KEY_ID"], "test");
    assert_eq!(environment.get("HOME"), None, "nothing of the gateway's");
    within(api.shutdown()).await;
}

#[tokio::test]
async fn a_process_is_frozen_between_events_and_reused() {
    let api = start(function(&[]));
    let first = idle_process(&api).await;
    for _ in 0..3 {
        assert_eq!(idle_process(&api).await, first);
    }
    within(api.shutdown()).await;
    assert_eq!(state_of(first), None, "it was not waited for");
    assert_eq!(invoke(&api, json!({})).await, Err(InvokeError::Throttled), "no process starts after the shutdown");
}

#[tokio::test]
async fn concurrent_events_run_in_separate_processes() {
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
    until(|| pids.iter().all(|pid| !alive(*pid))).await;
}

#[tokio::test]
async fn at_the_limit_an_event_waits_for_a_process() {
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
    let first = idle_process(&api).await;
    let error = invoke(&api, json!({"do": "fail"})).await.unwrap_err();
    assert_eq!(error, InvokeError::Function { kind: "Fake.Error".into(), message: "as told".into() });
    frozen(&api, first).await;
    assert_eq!(invoke(&api, json!({"do": "say_twice"})).await.unwrap(), json!({"statusCode": 200}));
    frozen(&api, first).await;
    assert_eq!(pid(&invoke(&api, json!({})).await.unwrap()), first);
    within(api.shutdown()).await;
}

#[tokio::test]
async fn a_process_that_exits_or_hangs_is_replaced() {
    let api = start(Function { timeout: Duration::from_secs(2), ..function(&[]) });
    let first = idle_process(&api).await;
    let error = invoke(&api, json!({"do": "exit"})).await.unwrap_err();
    assert!(
        matches!(&error, InvokeError::Function { kind, message } if kind == "Runtime.ExitError" && message.contains('3'))
    );
    let second = idle_process(&api).await;
    assert_ne!(first, second);
    assert_eq!(invoke(&api, json!({"do": "hang"})).await, Err(InvokeError::TimedOut));
    until(|| !alive(second)).await;
    assert_ne!(pid(&invoke(&api, json!({})).await.unwrap()), second);
    within(api.shutdown()).await;
}

#[tokio::test]
async fn a_process_that_died_while_idle_is_replaced() {
    let api = start(function(&[]));
    let first = idle_process(&api).await;
    signal(first, Signal::KILL);
    until(|| !alive(first)).await;
    assert_ne!(pid(&invoke(&api, json!({})).await.unwrap()), first);
    within(api.shutdown()).await;
}

/// A limit; none where no cgroup can be made, and the gateway says so.
fn limit(limits: Limits) -> Option<ProcessLimit> {
    match ProcessLimit::new(limits) {
        Ok(limit) => Some(limit),
        Err(error) => {
            assert!(error.to_string().starts_with("a limit needs a cgroup"), "{error}");
            None
        }
    }
}

#[tokio::test]
async fn a_process_is_limited_to_its_share_of_the_processor() {
    let share = Limits { cpu: Some(CpuShare::of_memory(128)), ..Limits::default() };
    let Some(limit) = limit(share) else { return };
    let api = start(Function { process_limit: Some(limit), ..function(&[]) });
    let pid = idle_process(&api).await;
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let own = format!("/dev-gateway-{}-", std::process::id());
    let group = groups.lines().find(|line| line.contains(&own)).expect("it is in no group of its own");
    let path = group.rsplit_once(":/").unwrap().1;
    let times_throttled = || {
        let mounts =
            ["", "unified/", "cpu/", "cpu,cpuacct/"].map(|mount| format!("/sys/fs/cgroup/{mount}{path}/cpu.stat"));
        let stat = mounts.iter().find_map(|path| std::fs::read_to_string(path).ok()).expect("it has no cpu.stat");
        let times = stat.lines().find_map(|line| line.strip_prefix("nr_throttled "));
        times.expect("it has no processor limit").parse::<u64>().unwrap()
    };
    let (before, spinning) = (times_throttled(), api.clone());
    let spin = tokio::spawn(async move { spinning.invoke(json!({"do": "spin"})).await });
    until(|| times_throttled() > before + 1).await;
    spin.abort();
    until(|| !alive(pid)).await;
    within(api.shutdown()).await;
}

#[tokio::test]
async fn a_process_that_needs_more_than_its_memory_is_killed_and_the_next_one_works() {
    let Some(limit) = limit(Limits { memory_mb: Some(128), ..Limits::default() }) else { return };
    let api = start(Function { process_limit: Some(limit), ..function(&[]) });
    assert_eq!(invoke(&api, json!({"do": "allocate", "mb": 32})).await, Ok(json!({"allocated": 32})));
    let error = invoke(&api, json!({"do": "allocate", "mb": 256})).await.unwrap_err();
    assert!(
        matches!(&error, InvokeError::Function { kind, message } if kind == "Runtime.ExitError" && message.contains("signal: 9")),
        "{error:?}"
    );
    assert_eq!(invoke(&api, json!({"do": "allocate", "mb": 32})).await, Ok(json!({"allocated": 32})));
    within(api.shutdown()).await;
}

#[tokio::test]
async fn a_failed_start_reports_its_cause() {
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
