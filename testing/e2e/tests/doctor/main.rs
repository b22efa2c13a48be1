//! `termgate doctor` on a healthy stack, on one whose transport fails, and on each misconfiguration of its page.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod beyond;
mod mistakes;
mod refusals;
mod stand_ins;
mod table;

use dev_gateway::{Faults, Options};
use doctor::{Diagnosis, PassedStep, Target, diagnose};
use e2e::{Function, Stack, StackOptions};
use std::process::{Command, Stdio};
use std::time::Duration;
use table::target;

/// All steps, in order.
const STEPS: [&str; 15] = [
    "DNS",
    "TCP",
    "handshake",
    "origin",
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
    run_doctor_with(target(url, token)).await
}

async fn run_doctor_with(target: Target) -> (Vec<&'static str>, Result<(), Diagnosis>) {
    let mut steps = Vec::new();
    let report = &mut |step: PassedStep| {
        assert!(step.name != "dispatch" || step.detail.contains("at once"), "{step}");
        steps.push(step.name);
    };
    let examined = Box::pin(diagnose(&target, report)).await;
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
    let variables = &[("ALLOWED_ORIGINS", "https://labs.example.com")];
    let stack = Stack::start_with(StackOptions { variables, ..StackOptions::new(Function::InProcess) }).await;
    // A page of the service itself needs no permission.
    for (session, origin) in [("listed", "https://labs.example.com".to_owned()), ("own", stack.service_url())] {
        let target = target(stack.url(), stack.token("ada", session));
        let target = Target { http_url: Some(stack.service_url()), origin: Some(origin), ..target };
        let (steps, examined) = run_doctor_with(target).await;
        assert_eq!((steps.iter().position(|step| *step == "HTTP"), examined), (Some(6), Ok(())));
    }
    let unknown = Target { http_url: Some(stack.service_url()), ..target(stack.url(), stack.token("ada", "doctors")) };
    assert_eq!(run_doctor_with(unknown).await.1, Err(Diagnosis::OriginNeeded));
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
    let (_, examined) = run_doctor(&url, &stack.token("ada", "doctors")).await;
    assert_eq!(examined, Err(Diagnosis::OriginNeeded), "the service serves pages of its own origin alone");
    let page = Target { origin: Some(stack.service_url()), ..target(url, stack.token("ada", "doctors")) };
    let (steps, examined) = run_doctor_with(page).await;
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
    let target = target(stack.url(), stack.token("ada", "doctors"));
    let mut steps = Vec::new();
    let examined = diagnose(&target, &mut |step| steps.push(step)).await;
    let names: Vec<_> = steps.iter().map(|step| step.name).collect();
    let mut expected = STEPS.to_vec();
    expected.insert(8, "carrier");
    assert_eq!((names, examined), (expected, Ok(())));
    assert!(steps[7].detail.contains("one after the other"), "{}", steps[6]);
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
