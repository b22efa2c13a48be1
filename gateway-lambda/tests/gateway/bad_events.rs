//! Events that API Gateway never sends are refused with a sentence that names the fault.

use crate::harness::{Harness, LAMBDA_TIMEOUT, fixture};
use gateway_lambda::HandleError;
use serde_json::{Value, json};

#[tokio::test]
async fn a_bad_event_is_an_error_without_side_effects() {
    let without = |name: &str, field: &str| {
        let mut event = fixture(name);
        let object = match field.split_once('.') {
            Some((outer, _)) => &mut event[outer],
            None => &mut event,
        };
        object.as_object_mut().unwrap().remove(field.rsplit('.').next().unwrap()).unwrap();
        event
    };
    let with = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut event = fixture(name);
        change(&mut event);
        event
    };
    let bad = [
        (json!(null), "invalid type: null"),
        (with("connect", &|event| event["queryStringParameters"] = json!("token=secret")), "invalid type: string"),
        (json!({"hello": "harness"}), "`requestContext` is missing"),
        (without("message-default", "requestContext.connectionId"), "`requestContext.connectionId` is missing"),
        (without("message-default", "requestContext.routeKey"), "`requestContext.routeKey` is missing"),
        (without("connect", "requestContext.domainName"), "`requestContext.domainName` is missing"),
        (without("authorizer-query", "methodArn"), "`methodArn` is missing"),
        (
            with("message-default", &|event| event["requestContext"]["connectionId"] = json!("a b")),
            "a connection id must have",
        ),
        (
            with("message-default", &|event| event["requestContext"]["routeKey"] = json!("other")),
            "the route \"other\" is none of",
        ),
        (
            with("message-default", &|event| {
                event["isBase64Encoded"] = json!(true);
                event["body"] = json!("{}");
            }),
            "`body` is not base64",
        ),
    ];
    for (event, fault) in bad {
        let harness = Harness::new();
        let error = harness.try_handle(event, LAMBDA_TIMEOUT).await.unwrap_err();
        assert!(matches!(&error, HandleError::BadEvent(text) if text.contains(fault)), "{fault}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
        assert_eq!((harness.backend.calls(), harness.browser.deliveries()), (vec![], vec![]), "{fault}");
    }
}
