//! Handshakes that are refused: rows of the page about keys, claims, clocks, origins and a function that fails.

use crate::stand_ins::{Api, at, closed_port, started};
use crate::table::{expect, target};
use auth_tokens::sign_user_token;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dev_gateway::{DevGateway, Function, Options, OsSystem, RuntimeApi};
use doctor::{PassedStep, Target, diagnose};
use e2e::{Stack, Terminal};
use gateway_lambda::{Aws, AwsConfig, Clock, DynamoConnections, SystemClock};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use test_servers::Moto;

const PAGE: &str = "https://labs.example.com";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_tokens() {
    let api =
        Api::of(&format!("http://{}", closed_port().await)).with("JWT_ISSUER", "https://id.example.com").start().await;
    let healthy = at(&api);
    let wrong_stage = Target { url: healthy.url.replace("/prod", "/dev"), ..healthy.clone() };
    expect("The address names another stage", wrong_stage).await;
    expect("The token's `iss` is not `JWT_ISSUER`", healthy.clone()).await;
    let other_key = sign_user_token(&Stack::claims("ada", Some("doctors")), &[7; 32]).unwrap();
    expect("The token is signed with another key than `JWT_SECRET`", Target { token: other_key, ..healthy.clone() })
        .await;
    let (_, rest) = healthy.token.split_once('.').unwrap();
    let rs256 = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#));
    expect("The token is signed with RS256, and the function has `JWT_SECRET`", Target { token: rs256, ..healthy })
        .await;
    api.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_clocks() {
    let stack = Stack::start(e2e::Function::InProcess).await;
    let now = SystemClock.now_seconds();
    let token = |iat: u64, exp: u64| {
        let claims = json!({"sub": "ada", "sid": "doctors", "iat": iat, "exp": exp});
        stack.sign(&serde_json::from_value(claims).unwrap())
    };
    expect("The token has expired", target(stack.url(), token(now - 900, now - 300))).await;
    let late = Target { now: now - 600, ..target(stack.url(), token(now - 600, now - 300)) };
    expect("The clock of the doctor's machine is ten minutes late", late).await;
    expect("The clock of the tokens' signer is ten minutes early", target(stack.url(), token(now + 600, now + 1200)))
        .await;
    // Wrong, but nothing depends on it.
    let early = Target { now: now + 600, ..target(stack.url(), token(now, now + 300)) };
    assert_eq!(diagnose(&early, &mut |_| {}).await, Ok(()));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_pages() {
    let stack = Stack::start(e2e::Function::InProcess).await;
    let api = Api::of(&stack.service_url()).with("ALLOWED_ORIGINS", PAGE).start().await;
    expect("`ALLOWED_ORIGINS` is set, and the doctor knows no page", at(&api)).await;
    let other = Target { origin: Some("https://labs.example.org".to_owned()), ..at(&api) };
    expect("The page's origin is not in `ALLOWED_ORIGINS`", other).await;
    let mut origin = None;
    let page = Target { origin: Some(PAGE.to_owned()), ..at(&api) };
    let mut report = |step: PassedStep| {
        if step.name == "origin" {
            origin = Some(step.detail);
        }
    };
    assert_eq!(diagnose(&page, &mut report).await, Ok(()));
    assert_eq!(origin.as_deref(), Some("pages of https://labs.example.com may connect"));
    api.shutdown().await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_the_function() {
    let service = format!("http://{}", closed_port().await);
    let few = Api::of(&service).with("MAX_CONNECTIONS_PER_USER", "1").start().await;
    let Target { url, token, .. } = at(&few);
    let page = Terminal::connect(&url, &token).await.unwrap();
    expect("The user has too many connections", at(&few)).await;
    page.leave().await;
    few.shutdown().await;

    let moto = Moto::start().await;
    let config = AwsConfig::from_lookup(|name| match name {
        "AWS_ENDPOINT_URL_DYNAMODB" => Some(moto.url()),
        "AWS_REGION" => Some("us-east-1".to_owned()),
        _ => Some("test".to_owned()),
    });
    let table = Arc::new(DynamoConnections::new(Aws::new(config.unwrap())));
    let tableless = Api { connections: table, ..Api::of(&service) }.start().await;
    expect("The table is missing, or the role may not use it", at(&tableless)).await;
    tableless.shutdown().await;

    let broken = Function::new("/nowhere/bootstrap", BTreeMap::new());
    let broken = RuntimeApi::new(broken, Arc::new(OsSystem));
    let broken = started(DevGateway::new(Options::default()), Arc::new(broken)).await;
    expect("A variable of the function is missing, and it cannot start", at(&broken)).await;
    broken.shutdown().await;
}
