//! Logs at the most verbose level, errors, metrics and diagnostics of a run contain no secret, token, input or output.

use e2e::{Function, Stack, StackOptions, Terminal};
use shared_protocol::UserClaims;
use shared_protocol::gateway::MESSAGE_PATH;
use std::process::Command;

/// Name of the test that is run as a child process.
const RUN: &str = "secrets::a_run_that_is_read";

/// Typed by a user; its output is another text.
const TYPED: &str = "echo typed-$((40+2))-secret";
const SHOWN: &str = "typed-42-secret";
const COMMAND: &str = "echo ran-$((40+2))-secret";
const RESULT: &str = "ran-42-secret";
const CHAT: &str = "told-in-confidence";
const NONSENSE: &str = "a-malformed-token";

/// The most verbose log filter, libraries included.
const LOG: &str = "debug,backend=trace,gateway_lambda=trace,auth_tokens=trace";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_read() {
    let stack =
        Stack::start_with(StackOptions { log: LOG, function_log: LOG, ..StackOptions::new(Function::Bootstrap) }).await;
    let claims = Stack::claims("ada", Some("s1"));
    let expired = stack.sign(&UserClaims { exp: claims.exp - 7200, ..claims.clone() });
    let forged = auth_tokens::sign_user_token(&claims, b"another secret that this stack does not have").unwrap();
    for token in [&expired, &forged, NONSENSE] {
        assert_eq!(Terminal::connect(&stack.url(), token).await.err(), Some(401));
    }
    let mut page = stack.terminal("ada", "s1").await;
    page.run(TYPED).await;
    page.expect(SHOWN).await;
    assert_eq!(page.command(COMMAND).await, (format!("{RESULT}\n"), 0));
    page.chat(CHAT).await;
    page.resize(100, 30).await;
    page.interrupt().await;

    let good = stack.sign(&claims);
    let service = stack.service_url();
    let direct = format!("{}/terminal?sessionId=s1&token=", service.replace("http", "ws"));
    let mut second = stack.direct(&format!("{direct}{good}")).await;
    second.attach().await;
    second.leave().await;
    assert_eq!(stack.direct(&format!("{direct}{forged}")).await.expect_close().await, 4001);
    for token in [&good, &expired, &forged, NONSENSE] {
        let message = e2e::http().post(format!("{service}{MESSAGE_PATH}")).bearer_auth(token).body("{}");
        println!("{}", message.send().await.unwrap().text().await.unwrap());
        let listed = e2e::http().get(format!("{service}/api/sessions")).bearer_auth(token);
        println!("{}", listed.send().await.unwrap().text().await.unwrap());
    }
    for path in ["/metrics", "/health", "/api/diagnostics/websocket"] {
        let told = e2e::http().get(format!("{service}{path}")).bearer_auth(e2e::METRICS_TOKEN).send().await.unwrap();
        println!("{}", told.text().await.unwrap());
    }
    page.close_session().await;
    page.expect_close().await;
    println!("{}", stack.backend.log(0));
    stack.stop().await;
}

#[test]
fn nothing_secret_is_written() {
    let program = std::env::current_exe().unwrap();
    let run = Command::new(program).args([RUN, "--exact", "--nocapture"]).output().unwrap();
    let written = [run.stdout, run.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(run.status.success(), "{written}");
    for part in
        ["[WebSocket] Route: $connect", "[WS] Message from", "[Terminal] Executing", "termgate_messages_received"]
    {
        assert!(written.contains(part), "the run is not read whole: {part} is not in it");
    }
    // The start of every JSON Web Token.
    let token = "eyJ";
    let [users, gateway] = Stack::secrets();
    for secret in [users, gateway, token, NONSENSE, TYPED, SHOWN, COMMAND, RESULT, CHAT] {
        let line = written.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret:?} is written: {}", line.unwrap_or_default());
    }
}
