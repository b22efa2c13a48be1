//! `docs/api/openapi.json` names the paths and methods that there are; and whatever the HTTP library refuses by itself looks like every
//! other failure, as it says too.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use backend::terminal::scripted::ScriptedSpawner;
use reqwest::{Method, Response};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use support::{Service, client, user, user_token};

fn document() -> Value {
    serde_json::from_str(include_str!("../../docs/api/openapi.json")).unwrap()
}

async fn scripted() -> Service {
    Service::with(&[], Arc::new(ScriptedSpawner::default())).await
}

async fn ask(service: &Service, method: Method, path: &str, token: Option<&str>) -> Response {
    let request = client().request(method, format!("http://{}{path}", service.address));
    token.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth).send().await.unwrap()
}

/// A failure as every failure is.
async fn failure(response: Response) -> String {
    assert_eq!(response.headers()["content-type"], "application/json");
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert!(body["error"].as_str().is_some_and(|sentence| !sentence.is_empty()), "{body}");
    assert_eq!(body["retryable"], false);
    body["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_document_names_the_methods_of_each_path() {
    let (service, document) = (scripted().await, document());
    let paths = document["paths"].as_object().unwrap();
    for (path, item) in paths {
        let known: BTreeSet<String> = ["get", "post", "delete", "put"]
            .into_iter()
            .filter(|method| item.get(*method).is_some())
            .map(str::to_uppercase)
            .collect();
        let at = path.replace("{id}", "lab-7").replace("{connection}", "c=");
        let response = ask(&service, Method::PATCH, &at, None).await;
        assert_eq!(response.status(), 405, "{path}");
        let allowed: BTreeSet<String> =
            response.headers()["allow"].to_str().unwrap().split(',').map(str::to_owned).collect();
        assert_eq!(allowed.into_iter().filter(|method| method != "HEAD").collect::<BTreeSet<_>>(), known, "{path}");
        assert_eq!(failure(response).await, "BAD_MESSAGE", "{path}");
    }
    let health: Value =
        serde_json::from_str(&ask(&service, Method::GET, "/health", None).await.text().await.unwrap()).unwrap();
    for path in health["endpoints"].as_array().unwrap() {
        assert!(paths.contains_key(path.as_str().unwrap()), "{path} is missing in docs/api/openapi.json");
    }
    service.stop().await;
}

#[tokio::test]
async fn what_the_library_refuses_looks_like_every_other_failure() {
    let service = scripted().await;
    let token = user_token(&user("ada", None));
    for path in [
        "/api/sessions?user=ada&user=eve",
        "/api/sessions/%ff",
        "/api/sessions/lab-7/connections/%ff",
        "/terminal?token=a&token=b",
        "/terminal",
        "/ws-test",
    ] {
        let method = if path.contains("connections") { Method::DELETE } else { Method::GET };
        let response = ask(&service, method, path, Some(&token)).await;
        assert_eq!(response.status(), 400, "{path}");
        assert_eq!(failure(response).await, "BAD_FIELD", "{path}");
    }
    service.stop().await;
}

#[tokio::test]
async fn who_has_no_token_is_told_what_kind_is_wanted() {
    let service = scripted().await;
    for (token, code) in [(None, "UNAUTHORIZED"), (Some("nonsense"), "UNAUTHORIZED")] {
        let response = ask(&service, Method::GET, "/api/sessions", token).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["www-authenticate"]),
            (401, &"Bearer".parse().unwrap())
        );
        assert_eq!(failure(response).await, code);
    }
    service.stop().await;
}
