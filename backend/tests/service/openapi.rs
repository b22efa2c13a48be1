//! `docs/api/openapi.json` lists the paths and methods that exist, and errors of the HTTP library have the shape that it describes.

use crate::support::{Service, read, user, user_token};
use reqwest::{Method, Response};
use serde_json::Value;
use std::collections::BTreeSet;

fn document() -> Value {
    serde_json::from_str(include_str!("../../../docs/api/openapi.json")).unwrap()
}

/// Checks the shape of an error response; returns its code.
async fn error_code(response: Response) -> String {
    assert_eq!(response.headers()["content-type"], "application/json");
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert!(body["error"].as_str().is_some_and(|sentence| !sentence.is_empty()), "{body}");
    assert_eq!(body["retryable"], false);
    body["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_document_lists_the_methods_of_each_path() {
    let (service, document) = (Service::scripted().await, document());
    let paths = document["paths"].as_object().unwrap();
    for (path, item) in paths {
        let known: BTreeSet<String> = ["get", "post", "delete", "put"]
            .into_iter()
            .filter(|method| item.get(*method).is_some())
            .map(str::to_uppercase)
            .collect();
        let path_of_a_session = path.replace("{id}", "lab-7").replace("{connection}", "c=");
        let response = service.request(Method::PATCH, &path_of_a_session, None).await;
        assert_eq!(response.status(), 405, "{path}");
        let allowed: BTreeSet<String> =
            response.headers()["allow"].to_str().unwrap().split(',').map(str::to_owned).collect();
        assert_eq!(allowed.into_iter().filter(|method| method != "HEAD").collect::<BTreeSet<_>>(), known, "{path}");
        assert_eq!(error_code(response).await, "BAD_MESSAGE", "{path}");
    }
    let (_, health) = read(service.get("/health").await).await;
    for path in health["endpoints"].as_array().unwrap() {
        assert!(paths.contains_key(path.as_str().unwrap()), "{path} is missing in docs/api/openapi.json");
    }
}

#[tokio::test]
async fn errors_of_the_http_library_have_the_common_shape() {
    let service = Service::scripted().await;
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
        let response = service.request(method, path, Some(&token)).await;
        assert_eq!(response.status(), 400, "{path}");
        assert_eq!(error_code(response).await, "BAD_FIELD", "{path}");
    }
}

#[tokio::test]
async fn a_401_names_the_bearer_scheme() {
    let service = Service::scripted().await;
    for (token, code) in [(None, "UNAUTHORIZED"), (Some("nonsense"), "UNAUTHORIZED")] {
        let response = service.request(Method::GET, "/api/sessions", token).await;
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        assert_eq!(error_code(response).await, code);
    }
}
