//! Checks of sessions that have no shell. Tests with isolated sessions cover the checks themselves.

use crate::support::{Service, user};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_session_without_a_shell_has_no_check() {
    let service = Service::scripted().await;
    let ada = user("ada", Some("s"));
    assert_eq!(service.api(Method::POST, "", &ada).await.0, 201);
    let check = json!({"script": "true", "as": "student", "unguarded": true});
    let refused = async || {
        let (status, answer) = service.check("s", &check).await;
        (status, answer["code"].as_str().unwrap().to_owned())
    };
    assert_eq!(refused().await, (400, "NOT_ATTACHED".into()));
    assert_eq!(service.api(Method::DELETE, "/s", &ada).await.0, 200);
    assert_eq!(refused().await, (410, "SESSION_ENDED".into()));
    service.stop().await;
}
