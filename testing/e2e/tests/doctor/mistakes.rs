//! Mistakes in what the doctor is given, and in the network: rows of the page that need no deployment.

use crate::stand_ins::{answering, closed_port, silent};
use crate::table::{expect, target};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doctor::Target;
use e2e::Stack;
use serde_json::{Value, json};

/// A token that only its reader, not a key, can judge.
fn token(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.c2ln", part(header), part(claims))
}

fn usual() -> String {
    auth_tokens::sign_user_token(&Stack::claims("ada", Some("doctors")), &[7; 32]).unwrap()
}

#[tokio::test]
async fn of_the_address() {
    for (row, url) in [
        ("The address is `https://…`", "https://abc.execute-api.eu-central-1.amazonaws.com/prod"),
        ("The stage is missing in the address", "wss://abc.execute-api.eu-central-1.amazonaws.com"),
        ("The address is App Runner's", "wss://abc.eu-central-1.awsapprunner.com/terminal"),
        ("The address is `ws://` of another machine", "ws://terminal.example.com/prod"),
        ("The address is that of @connections", "wss://abc.execute-api.eu-central-1.amazonaws.com/prod/@connections"),
        ("The address holds the token", "wss://terminal.example.com/prod?token=a.b.c"),
    ] {
        expect(row, target(url, usual())).await;
    }
    let origin = Some("https://labs.example.com/".to_owned());
    let with_slash = Target { origin, ..target("wss://terminal.example.com/prod", usual()) };
    expect("`--origin` has a slash or a path", with_slash).await;
}

#[tokio::test]
async fn of_the_token() {
    let claims = json!({"sub": "ada", "exp": 4_000_000_000_u64});
    let with = |name: &str, value: &str| {
        let mut claims = claims.clone();
        claims[name] = value.into();
        token(&json!({"alg": "HS256"}), &claims)
    };
    for (row, token) in [
        ("The token's session (`sid`) has a space", with("sid", "lab 7")),
        ("The token is a viewer's", with("role", "viewer")),
        ("The token has a role that does not exist", with("role", "teacher")),
        ("The token is signed with HS512", token(&json!({"alg": "HS512"}), &claims)),
        ("The token has no `exp`", token(&json!({"alg": "HS256"}), &json!({"sub": "ada"}))),
    ] {
        expect(row, target("wss://terminal.example.com/prod", token)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_network() {
    let (quiet, stranger) = (silent().await, answering("426 Upgrade Required").await);
    let stack = Stack::start(e2e::Function::InProcess).await;
    tokio::join!(
        expect("The address names another region or another API", target("wss://nowhere.invalid/prod", usual())),
        expect("A firewall is in the way", target(format!("ws://{}/prod", closed_port().await), usual())),
        expect("A proxy intercepts TLS", target(stack.url().replace("ws://127.0.0.1", "wss://localhost"), usual())),
        expect("The address accepts connections and never answers", target(format!("ws://{quiet}/prod"), usual())),
        expect("A host without WebSockets is at the address", target(format!("ws://{stranger}/prod"), usual())),
    );
    stack.stop().await;
}
