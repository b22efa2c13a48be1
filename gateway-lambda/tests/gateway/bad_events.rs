//! Events that API Gateway never sends are refused with a sentence that names the fault.

use crate::harness::{Harness, LAMBDA_TIMEOUT, with, without};
use gateway_lambda::HandleError;
use serde_json::json;

#[tokio::test]
async fn a_bad_event_is_an_error_without_side_effects() {
    let mut not_base64 = with("message-default", "/body", json!("{}"));
    not_base64["isBase64Encoded"] = json!(true);
    let bad = [
        (json!(null), "invalid type: null"),
        (with("connect", "/queryStringParameters", json!("token=secret")), "invalid type: string"),
        (json!({"hello": "world"}), "`requestContext` is missing"),
        (without("message-default", "/requestContext/connectionId"), "`requestContext.connectionId` is missing"),
        (without("message-default", "/requestContext/requestId"), "`requestContext.requestId` is missing"),
        (without("message-default", "/requestContext/routeKey"), "`requestContext.routeKey` is missing"),
        (without("connect", "/requestContext/domainName"), "`requestContext.domainName` is missing"),
        (without("authorizer-query", "/methodArn"), "`methodArn` is missing"),
        (with("message-default", "/requestContext/connectionId", json!("a b")), "a connection id must have"),
        (with("message-default", "/requestContext/routeKey", json!("other")), "the route \"other\" is none of"),
        (not_base64, "`body` is not base64"),
    ];
    for (event, fault) in bad {
        let harness = Harness::new();
        let error = harness.try_handle(event, LAMBDA_TIMEOUT).await.unwrap_err();
        assert!(matches!(&error, HandleError::BadEvent(text) if text.contains(fault)), "{fault}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
        assert_eq!((harness.backend.calls(), harness.browser.deliveries()), (vec![], vec![]), "{fault}");
    }
}
