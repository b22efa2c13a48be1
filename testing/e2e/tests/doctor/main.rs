//! `termgate doctor` on a healthy stack, and on one stack per fault.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use dev_gateway::{DevGateway, Faults, InProcess, Options};
use doctor::{Diagnosis, PassedStep, Target, diagnose};
use e2e::{Function, Stack, StackOptions};
use gateway_lambda::{Clock, MemoryConnections, SystemClock};
use shared_protocol::ErrorCode;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// All steps, in order.
const STEPS: [&str; 14] = [
    "DNS",
    "TCP",
    "handshake",
    "echo",
    "ping",
    "attach",
    "dispatch",
    "command",
    "resume",
    "key",
    "end",
    "network",
    "gateway",
    "keystroke",
];

/// Runs the doctor. Returns its steps in order, and its result.
async fn run_doctor(url: &str, token: &str) -> (Vec<&'static str>, Result<(), Diagnosis>) {
    run_doctor_with(url, None, token).await
}

/// The same, for a page that has an address for HTTP requests too.
async fn run_doctor_with(
    url: &str,
    http_url: Option<String>,
    token: &str,
) -> (Vec<&'static str>, Result<(), Diagnosis>) {
    let (url, token) = (url.to_owned(), token.to_owned());
    let target = Target { url, http_url, token, now: SystemClock.now_seconds(), nonce: 7 };
    let mut steps = Vec::new();
    let report = &mut |step: PassedStep| {
        assert!(step.name != "dispatch" || step.detail.contains("at once"), "{step}");
        steps.push(step.name);
    };
    let examined = diagnose(&target, report).await;
    (steps, examined)
}

async fn stack(faults: &str) -> Stack {
    let gateway = Options { faults: Some(Faults::new(faults.parse().unwrap(), 1)), ..Options::default() };
    Stack::start_with(StackOptions { gateway, ..StackOptions::new(Function::InProcess) }).await
}

/// Runs the doctor on a stack, and stops it.
async fn examine(stack: Stack) -> (Vec<&'static str>, Result<(), Diagnosis>) {
    let examined = run_doctor(&stack.url(), &stack.token("ada", "doctors")).await;
    stack.stop().await;
    examined
}

/// The diagnosis of a stack with these faults, and the number of steps before it.
async fn wrong(faults: &str) -> (Diagnosis, usize) {
    let (steps, examined) = examine(stack(faults).await).await;
    (examined.unwrap_err(), steps.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_wrong_with_the_real_function() {
    let stack = Stack::start(Function::Bootstrap).await;
    let (steps, examined) = run_doctor(&stack.url(), &stack.token("ada", "doctors")).await;
    assert_eq!((steps, examined), (STEPS.to_vec(), Ok(())));
    // The doctor has ended its session.
    let (_, again) = run_doctor(&stack.url(), &stack.token("ada", "another")).await;
    assert_eq!(again, Ok(()));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_without_websockets_is_checked_before_the_shell() {
    let stack = Stack::start(Function::InProcess).await;
    let run =
        async |http: String, session| run_doctor_with(&stack.url(), Some(http), &stack.token("ada", session)).await;
    let (steps, examined) = run(stack.service_url(), "doctors").await;
    assert_eq!((steps.iter().position(|step| *step == "HTTP"), examined), (Some(5), Ok(())));
    // The gateway's address in place of the service's.
    let (_, examined) = run(stack.url().replace("ws://", "http://").replace("/prod", ""), "another").await;
    let sentence = examined.unwrap_err().to_string();
    assert!(sentence.contains("answered 403") && sentence.contains("not the gateway's"), "{sentence}");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transport_that_repeats_and_reorders_is_no_illness() {
    let examined = examine(stack("reorder=0.2,repeat=0.05,delay=0..20").await).await;
    assert_eq!(examined, (STEPS.to_vec(), Ok(())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_prints_what_it_finds_and_no_token() {
    let stack = Stack::start(Function::InProcess).await;
    let token = stack.token("ada", "doctors");
    let (url, given) = (stack.url(), token.clone());
    let program = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("termgate");
    let output = tokio::task::spawn_blocking(move || {
        let mut doctor = Command::new(program);
        doctor.args(["doctor", &url]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut doctor = doctor.spawn().unwrap();
        std::io::Write::write_all(&mut doctor.stdin.take().unwrap(), given.as_bytes()).unwrap();
        doctor.wait_with_output().unwrap()
    })
    .await
    .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.trim_end().ends_with("Everything works."), "{said}");
    assert!(STEPS.iter().all(|step| said.contains(step)) && !said.contains(&token), "{said}");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_itself_can_be_asked() {
    let stack = Stack::start(Function::InProcess).await;
    let url = format!("{}/terminal", stack.service_url().replace("http://", "ws://"));
    let (steps, examined) = run_doctor(&url, &stack.token("ada", "doctors")).await;
    let expected: Vec<_> = STEPS.into_iter().filter(|step| *step != "dispatch").collect();
    assert_eq!((steps, examined), (expected, Ok(())));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_wait_for_each_other() {
    let gateway = Options { faults: Some(Faults::new("one-at-a-time".parse().unwrap(), 1)), ..Options::default() };
    // Shorter runs make a shorter test.
    let options = StackOptions { gateway, timeout: Duration::from_secs(8), ..StackOptions::new(Function::InProcess) };
    let stack = Stack::start_with(options).await;
    let mut terminal = stack.terminal("ada", "work").await;
    terminal.expect_serial_dispatch(Duration::from_secs(60)).await;
    terminal.leave().await;
    let token = stack.token("ada", "doctors");
    let target = Target { http_url: None, url: stack.url(), token, now: SystemClock.now_seconds(), nonce: 7 };
    let mut steps = Vec::new();
    let examined = diagnose(&target, &mut |step| steps.push(step)).await;
    let names: Vec<_> = steps.iter().map(|step| step.name).collect();
    let mut expected = STEPS.to_vec();
    expected.insert(7, "carrier");
    assert_eq!((names, examined), (expected, Ok(())));
    assert!(steps[6].detail.contains("one after the other"), "{}", steps[6]);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_that_is_refused() {
    let (diagnosis, steps) = wrong("refuse=1").await;
    assert!(matches!(diagnosis, Diagnosis::Rejected { status: 429, .. }) && steps == 2, "{diagnosis}");
    let stack = Stack::start(Function::InProcess).await;
    let forged = auth_tokens::sign_user_token(&Stack::claims("ada", Some("doctors")), &[7; 32]).unwrap();
    let (_, examined) = run_doctor(&stack.url(), &forged).await;
    let diagnosis = examined.unwrap_err();
    assert!(matches!(diagnosis, Diagnosis::Rejected { status: 401, .. }), "{diagnosis:?}");
    assert!(diagnosis.to_string().contains("JWT_SECRET"), "{diagnosis}");
    let (_, examined) = run_doctor(&stack.url().replace("/prod", "/nowhere"), &stack.token("ada", "doctors")).await;
    assert!(matches!(examined, Err(Diagnosis::Rejected { status: 403 | 404, .. })), "{examined:?}");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn posts_that_do_not_arrive() {
    let (diagnosis, steps) = wrong("out.lose=1").await;
    assert!(matches!(diagnosis, Diagnosis::Timeout { step: "echo", .. }) && steps == 3, "{diagnosis}");
    assert!(diagnosis.to_string().contains("execute-api:ManageConnections"), "{diagnosis}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_dies() {
    let (diagnosis, steps) = wrong("kill=1,kill-within=0..1").await;
    // The function may die before or after its response.
    let fits = matches!(diagnosis, Diagnosis::Gateway { .. } | Diagnosis::Rejected { status: 500, .. });
    assert!(fits && steps >= 2, "{diagnosis}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut() {
    let (diagnosis, _) = wrong("cut-every=4,cut-with=abort").await;
    assert!(matches!(diagnosis, Diagnosis::Closed { code: 1006, .. }), "{diagnosis}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attached_session_and_a_token_without_one() {
    let stack = Stack::start(Function::InProcess).await;
    let mut terminal = stack.terminal("ada", "work").await;
    terminal.run("seq 3000; echo do\"\"ne").await;
    terminal.expect("done").await;
    let (_, examined) = run_doctor(&stack.url(), &stack.token("ada", "work")).await;
    let diagnosis = examined.unwrap_err();
    assert!(diagnosis.to_string().contains("in use"), "{diagnosis}");
    let (steps, examined) = run_doctor(&stack.url(), &stack.sign(&Stack::claims("ada", None))).await;
    assert_eq!(steps.last(), Some(&"ping"));
    assert!(examined.unwrap_err().to_string().contains("names no session"));
    terminal.leave().await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_that_differ_and_a_service_that_is_away() {
    let stack = Stack::start(Function::InProcess).await;
    let key = "a secret that only this gateway knows";
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let away = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    for (service, code) in [(stack.service_url(), ErrorCode::Unauthorized), (away, ErrorCode::BackendUnreachable)] {
        let gateway = DevGateway::new(Options::default());
        let (connections, timeout) = (Arc::new(MemoryConnections::default()), Duration::from_secs(30));
        let variables = |name: &str| match name {
            "JWT_SECRET" => Some(key.to_owned()),
            "BACKEND_URL" => Some(service.clone()),
            _ => None,
        };
        let function = InProcess::from_lookup(gateway.clients(), connections, timeout, variables).unwrap();
        let running = gateway.start(TcpListener::bind("127.0.0.1:0").await.unwrap(), Arc::new(function)).unwrap();
        let token = auth_tokens::sign_user_token(&Stack::claims("ada", Some("doctors")), key.as_bytes()).unwrap();
        let (_, examined) = run_doctor(&format!("ws://{}/prod", running.addr()), &token).await;
        let diagnosis = examined.unwrap_err();
        assert!(matches!(&diagnosis, Diagnosis::Error { error, .. } if error.code == code), "{diagnosis:?}");
        running.shutdown().await;
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_network_that_leads_nowhere() {
    let token = auth_tokens::sign_user_token(&Stack::claims("ada", Some("doctors")), &[7; 32]).unwrap();
    let (_, unknown) = run_doctor("wss://nowhere.invalid/prod", &token).await;
    assert!(matches!(unknown, Err(Diagnosis::Dns { .. })), "{unknown:?}");
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let (_, refused) = run_doctor(&format!("ws://127.0.0.1:{port}/prod"), &token).await;
    assert!(matches!(refused, Err(Diagnosis::Tcp { .. })), "{refused:?}");
    let stack = Stack::start(Function::InProcess).await;
    let (_, plain) = run_doctor(&stack.url().replace("ws://127.0.0.1", "wss://localhost"), &token).await;
    assert!(matches!(plain, Err(Diagnosis::Tls { .. })), "{plain:?}");
    // An HTTP service without a WebSocket at this path.
    let (_, http) = run_doctor(&stack.service_url().replace("http://", "ws://"), &token).await;
    assert!(matches!(http, Err(Diagnosis::Rejected { status: 303, .. })), "{http:?}");
    stack.stop().await;
}
