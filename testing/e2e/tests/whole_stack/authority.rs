//! Authorization: handshakes need a valid token, and requests to the service need the gateway's.

use auth_tokens::{GatewaySecret, body_hash};
use e2e::{Stack, Terminal};
use gateway_lambda::{Clock, SystemClock};
use serde_json::json;
use shared_protocol::gateway::{DISCONNECT_PATH, MESSAGE_PATH, TOKEN_AUDIENCE, TOKEN_ISSUER};
use shared_protocol::relay::{RELAY_PATH, RELAY_VERSION, RELAYS_HEADER};
use shared_protocol::{ApiError, ErrorCode, GatewayClaims, UserClaims};

on_all!(
    a_handshake_needs_a_valid_token,
    a_connection_too_many_learns_why,
    the_service_accepts_only_the_gateway,
    metrics_need_their_token,
);

async fn a_handshake_needs_a_valid_token(stack: &Stack) {
    let good = Stack::claims("ada", Some("s1"));
    let expired = UserClaims { exp: good.exp - 7200, ..good.clone() };
    let foreign = auth_tokens::sign_user_token(&good, b"another secret that this stack does not have").unwrap();
    for token in [stack.sign(&expired), foreign, "nonsense".to_owned()] {
        assert_eq!(Terminal::connect(&stack.url(), &token).await.err(), Some(401));
    }
    let other = format!("{}?sessionId=s2", stack.url());
    assert_eq!(Terminal::connect(&other, &stack.sign(&good)).await.err(), Some(403), "a token for another session");
    let same = format!("{}?sessionId=s1", stack.url());
    assert!(Terminal::connect(&same, &stack.sign(&good)).await.is_ok());
}

async fn a_connection_too_many_learns_why(stack: &Stack) {
    let open = async || Terminal::connect(&stack.url(), &stack.token("ada", "s1")).await;
    let mut pages = Vec::new();
    for _ in 0..gateway_lambda::config::CONNECTIONS_PER_USER {
        pages.push(open().await.unwrap());
    }
    let mut too_many = open().await.unwrap();
    let refused = too_many.try_attach().await.unwrap_err();
    assert_eq!((refused.code, refused.retryable), (ErrorCode::LimitReached, true));
    assert!(refused.message.contains("MAX_CONNECTIONS_PER_USER"), "{}", refused.message);
    too_many.expect_close().await;
    assert!(Terminal::connect(&stack.url(), &stack.viewer_token("ada", "s1")).await.is_ok(), "watchers count apart");
    pages.pop().unwrap().attach().await;
}

/// With two instances, a real proxy with its defaults sends these requests, from a loopback address.
async fn metrics_need_their_token(stack: &Stack) {
    let url = format!("{}/metrics", stack.service_url());
    for (token, status) in [(None, 403), (Some("another token of 16 bytes"), 403), (Some(e2e::METRICS_TOKEN), 200)] {
        let request = e2e::http().get(&url).header("host", "localhost");
        let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
        assert_eq!(request.send().await.unwrap().status(), status, "{token:?}");
    }
}

/// The claims of a valid request of the gateway.
fn claims(path: &str, body: &str) -> GatewayClaims {
    let now = SystemClock.now_seconds();
    let claims = json!({
        "iss": TOKEN_ISSUER, "aud": TOKEN_AUDIENCE, "iat": now, "exp": now + 60, "path": path,
        "bh": body_hash(body.as_bytes()), "cid": "c1=", "sid": "forbidden", "sub": "mallory", "create": true,
        "uexp": now + 3600, "uiat": now,
    });
    serde_json::from_value(claims).unwrap()
}

/// Posts a body, with an optional token.
async fn post(stack: &Stack, path: &str, body: &str, token: Option<String>) -> (u16, String) {
    let mut request = e2e::http().post(format!("{}{path}", stack.service_url())).body(body.to_owned());
    request = request.header(RELAYS_HEADER, RELAY_VERSION);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn the_service_accepts_only_the_gateway(stack: &Stack) {
    let secret = stack.gateway_secret();
    let attach = r#"{"type":"attach","client":"c","cols":80,"rows":24}"#;
    let question = r#"{"relay":"a.b","number":1,"answered":0,"waitMs":0}"#;
    let disconnect = r#"{"connectionId":"c1=","sessionId":"forbidden"}"#;
    for (path, body) in [(MESSAGE_PATH, attach), (RELAY_PATH, question), (DISCONNECT_PATH, disconnect)] {
        let good = claims(path, body);
        let sign = |claims: GatewayClaims| Some(secret.sign(&claims).unwrap());
        let another = GatewaySecret::new(b"another secret that this stack does not have").unwrap();
        let wrong = [
            ("no token", None),
            ("nonsense", Some("nonsense".to_owned())),
            ("a user's token", Some(stack.token("ada", "forbidden"))),
            ("another secret", Some(another.sign(&good).unwrap())),
            ("another path", sign(GatewayClaims { path: "/api/ws/other".into(), ..good.clone() })),
            ("another body", sign(GatewayClaims { bh: body_hash(b"{}"), ..good.clone() })),
            ("expired", sign(GatewayClaims { iat: good.iat - 600, exp: good.iat - 540, ..good.clone() })),
            ("another issuer", sign(GatewayClaims { iss: "other".into(), ..good.clone() })),
            ("another audience", sign(GatewayClaims { aud: "other".into(), ..good.clone() })),
        ];
        for (what, token) in wrong {
            let (status, answer) = post(stack, path, body, token).await;
            assert_eq!(status, 401, "{path} with {what}: {answer}");
            let error: ApiError = serde_json::from_str(&answer).unwrap();
            assert!(matches!(error.code, ErrorCode::Unauthorized | ErrorCode::TokenExpired), "{what}: {answer}");
        }
    }
    // The connection of the body must be the token's.
    let body = r#"{"type":"ping","connectionId":"c2="}"#;
    let token = Some(secret.sign(&claims(MESSAGE_PATH, body)).unwrap());
    let (status, answer) = post(stack, MESSAGE_PATH, body, token).await;
    assert!(status == 200 && answer.contains(r#""code":"FORBIDDEN""#), "{status}: {answer}");
    // No request created the session.
    let user = stack.sign(&UserClaims { sid: None, ..Stack::claims("mallory", None) });
    let client = e2e::http().get(format!("{}/api/sessions/forbidden", stack.service_url()));
    let answer = client.header("authorization", format!("Bearer {user}")).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 404);
}
