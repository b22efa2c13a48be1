//! The `REQUEST` authorizer: policies, contexts and refusals.

use crate::harness::{Harness, fixture, with, without};
use crate::support::{claims, class, fixture_with, session, token};
use gateway_lambda::{AllowedOrigins, HandleError};
use serde_json::{Value, json};
use shared_protocol::{Role, UserClaims};

const ARN: &str = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/prod/$connect";

fn effect(policy: &Value) -> (&str, &str) {
    let statement = &policy["policyDocument"]["Statement"][0];
    assert_eq!(statement["Action"], "execute-api:Invoke");
    (statement["Effect"].as_str().unwrap(), statement["Resource"].as_str().unwrap())
}

async fn authorize(event: Value) -> Result<Value, HandleError> {
    Harness::new().try_handle(event, crate::harness::LAMBDA_TIMEOUT).await
}

#[tokio::test]
async fn a_good_token_is_allowed_from_the_query_and_from_the_subprotocol() {
    for name in ["authorizer-query", "authorizer-subprotocol"] {
        let policy = authorize(fixture(name)).await.unwrap();
        assert_eq!(effect(&policy), ("Allow", ARN), "{name}");
        assert_eq!(policy["principalId"], "ada", "{name}");
        let context = json!({
            "sub": "ada", "sid": "lab-7", "role": "controller", "admin": "false", "create": "true",
            "uexp": "1795003600", "iat": "1794999990",
        });
        assert_eq!(policy["context"], context, "{name}");
    }
}

#[tokio::test]
async fn a_session_from_the_query_only_may_not_be_created() {
    let token = token(&UserClaims { sid: None, role: Role::Viewer, admin: true, ..claims() });
    let policy = authorize(fixture_with("authorizer-query", &token)).await.unwrap();
    let context = &policy["context"];
    assert_eq!((&context["sid"], &context["create"]), (&json!("lab-7"), &json!("false")));
    assert_eq!((&context["role"], &context["admin"]), (&json!("viewer"), &json!("true")));
}

#[tokio::test]
async fn an_instructors_group_name_and_token_are_passed_on() {
    let token = token(&UserClaims { role: Role::Instructor, class: class(), ..claims() });
    let policy = authorize(fixture_with("authorizer-query", &token)).await.unwrap();
    let context = &policy["context"];
    let (kept, jti, rec) = (("takeover", "ask"), ("jti", "token-1"), ("rec", "true"));
    for (name, value) in
        [("role", "instructor"), ("grp", "class-7"), ("name", "Ada ♛"), ("profile", "python"), jti, kept, rec]
    {
        assert_eq!(context[name], value);
    }
}

#[tokio::test]
async fn a_token_without_a_session_is_allowed() {
    let token = token(&UserClaims { sid: None, iat: None, ..claims() });
    let policy = authorize(fixture_with("authorizer-subprotocol", &token)).await.unwrap();
    assert_eq!(effect(&policy).0, "Allow");
    assert!(policy["context"].get("sid").is_none() && policy["context"].get("iat").is_none(), "{policy}");
}

#[tokio::test]
async fn without_a_valid_token_the_error_is_unauthorized() {
    let expired = token(&UserClaims { exp: crate::support::NOW - 11, ..claims() });
    let mut forged = token(&claims());
    forged.pop();
    let mut other_protocol = fixture("authorizer-subprotocol");
    for headers in ["headers", "multiValueHeaders"] {
        other_protocol[headers].as_object_mut().unwrap().remove("Sec-WebSocket-Protocol");
    }
    other_protocol["headers"]["sec-websocket-protocol"] = json!(format!("{}, graphql-ws", token(&claims())));
    let refused = [
        ("expired", fixture_with("authorizer-query", &expired)),
        ("forged", fixture_with("authorizer-query", &forged)),
        ("none", without("authorizer-query", "/queryStringParameters/token")),
        ("empty", with("authorizer-query", "/queryStringParameters/token", json!(""))),
        ("beside another protocol", other_protocol),
    ];
    for (name, event) in refused {
        let error = authorize(event).await.unwrap_err();
        assert_eq!(error, HandleError::Unauthorized, "{name}");
        assert_eq!(error.to_string(), "Unauthorized", "{name}");
    }
}

#[tokio::test]
async fn a_valid_token_for_another_session_is_denied() {
    for session in ["lab-8", "../lab-7"] {
        let event = with("authorizer-query", "/queryStringParameters/sessionId", json!(session));
        let policy = authorize(event).await.unwrap();
        assert_eq!(effect(&policy), ("Deny", ARN));
        assert!(policy.get("context").is_none(), "{policy}");
    }
    let unnamed = without("authorizer-query", "/queryStringParameters/sessionId");
    assert_eq!(authorize(unnamed).await.unwrap()["context"]["sid"], json!(session("lab-7")));
}

#[tokio::test]
async fn a_foreign_origin_is_denied_and_a_missing_one_allowed() {
    let harness = Harness::with(|config| config.origins = AllowedOrigins::parse("https://lab.example"));
    assert_eq!(effect(&harness.handle(fixture("authorizer-query")).await).0, "Allow");
    let mut foreign = fixture("authorizer-query");
    foreign["headers"]["Origin"] = json!("https://evil.example");
    foreign["multiValueHeaders"]["Origin"] = json!(["https://evil.example"]);
    assert_eq!(effect(&harness.handle(foreign.clone()).await).0, "Deny");
    for headers in ["headers", "multiValueHeaders"] {
        foreign[headers].as_object_mut().unwrap().remove("Origin");
    }
    assert_eq!(effect(&harness.handle(foreign).await).0, "Allow");
}
