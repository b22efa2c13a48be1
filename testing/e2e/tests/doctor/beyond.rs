//! Faults behind an accepted handshake: rows of the page about the service, the function's rights, the session and HTTP.

use crate::stand_ins::{Api, answering, at, closed_port, silent, without_routes};
use crate::table::{expect, target};
use dev_gateway::{Faults, Options, Quotas};
use doctor::Target;
use e2e::{Function, Stack, StackOptions};
use std::time::Duration;

const PAGE: &str = "https://labs.example.com";

/// Runs the doctor at a function with something else, and stops it.
async fn expect_of(row: &str, api: Api) {
    let gateway = api.start().await;
    expect(row, at(&gateway)).await;
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_function_and_service() {
    let stack = Stack::start(Function::InProcess).await;
    let service = stack.service_url();
    let secret = "a secret that only this function knows";
    expect_of("`GATEWAY_SECRET` differs", Api::of(&service).with("GATEWAY_SECRET", secret)).await;
    expect_of("`BackendUrl` has a path", Api::of(&format!("{service}/api"))).await;
    expect_of("Nothing listens at `BackendUrl`", Api::of(&format!("http://{}", closed_port().await))).await;
    let website = format!("http://{}", answering("200 OK").await);
    expect_of("Another website is at `BackendUrl`", Api::of(&website)).await;
    let short = Api { timeout: Duration::from_secs(3), ..Api::of(&service) };
    expect_of("The function's timeout is Lambda's 3 s", short).await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_their_clocks() {
    let stack = Stack::start(Function::InProcess).await;
    for (row, ahead) in
        [("The service's clock is ten minutes early", -600), ("The service's clock is ten minutes late", 600)]
    {
        let gateway = Api { ahead, ..Api::of(&stack.service_url()) }.start().await;
        // Without `iat`, so that the function's own clock accepts it.
        let claims = shared_protocol::UserClaims { iat: None, ..Stack::claims("ada", Some("doctors")) };
        expect(row, Target { token: stack.sign(&claims), ..at(&gateway) }).await;
        gateway.shutdown().await;
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_silence() {
    let gateway = Options { faults: Some(Faults::new("out.lose=1".parse().unwrap(), 1)), ..Options::default() };
    let stack = Stack::start_with(StackOptions { gateway, ..StackOptions::new(Function::InProcess) }).await;
    let hanging = format!("http://{}", silent().await);
    tokio::join!(
        expect(
            "The function may not post: no `execute-api:ManageConnections`, or another API's `DOMAIN_NAME` or `STAGE`",
            target(stack.url(), stack.token("ada", "doctors"))
        ),
        expect_of("The service accepts connections and never answers", Api::of(&hanging)),
    );
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_routes_and_concurrency() {
    let quotas = Quotas { concurrent_executions: 1, ..Quotas::default() };
    let gateway = Options { quotas, ..Options::default() };
    let stack = Stack::start_with(StackOptions { gateway, ..StackOptions::new(Function::InProcess) }).await;
    let token = stack.token("ada", "doctors");
    let routeless = format!("ws://{}/prod", without_routes().await);
    expect("The API has no `$default` route", target(routeless, token.clone())).await;
    expect("The function's reserved concurrency is 1", target(stack.url(), token)).await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_redis() {
    let stack = Stack::start_two().await;
    stack.backend.redis_proxy().stall().await;
    expect("Redis is down", target(stack.url(), stack.token("ada", "doctors"))).await;
    stack.backend.redis_proxy().restore().await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_session() {
    let stack = Stack::start(Function::InProcess).await;
    let mut terminal = stack.terminal("ada", "work").await;
    terminal.run("seq 3000; echo do\"\"ne").await;
    terminal.expect("done").await;
    expect("Another client uses the token's session", target(stack.url(), stack.token("ada", "work"))).await;
    expect("The token names no session", target(stack.url(), stack.sign(&Stack::claims("ada", None)))).await;
    terminal.leave().await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_websockets() {
    let stack = Stack::start_with(StackOptions {
        variables: &[("ALLOWED_ORIGINS", "https://other.example.com")],
        ..StackOptions::new(Function::InProcess)
    })
    .await;
    let with = |http: String| Target {
        http_url: Some(http),
        origin: Some(PAGE.to_owned()),
        ..target(stack.url(), stack.token("ada", "doctors"))
    };
    expect("The page's origin is not in the service's `ALLOWED_ORIGINS`", with(stack.service_url())).await;
    let gateway = stack.url().replace("ws://", "http://").replace("/prod", "");
    expect("`--http` names the gateway", with(gateway)).await;
    expect("The service hangs for HTTP requests", with(format!("http://{}", silent().await))).await;
    stack.stop().await;
}
