//! `docs/api/openapi.json` lists the paths and methods that exist, and errors of the HTTP library have the shape that it
//! describes.

use crate::support::{Service, client, read, user, user_token};
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
async fn the_service_serves_the_document() {
    let service = Service::scripted().await;
    let response = service.get("/openapi.json").await;
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(serde_json::from_str::<Value>(&response.text().await.unwrap()).unwrap(), document());
}

#[tokio::test]
async fn an_unknown_path_has_a_code_of_its_own() {
    let service = Service::scripted().await;
    for path in ["/", "/nothing", "/api", "/api/ws/nothing", "/terminal/nothing"] {
        let url = format!("http://{}{path}", service.address);
        let response = client().get(&url).bearer_auth("any").send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(error_code(response).await, "UNKNOWN_PATH", "{path}");
    }
}

#[tokio::test]
async fn a_scanner_of_paths_causes_no_errors() {
    let service = Service::scripted().await;
    for method in [Method::GET, Method::POST, Method::HEAD, Method::OPTIONS] {
        for path in ["/.env", "/wp-login.php", "/api/v1/pods"] {
            let url = format!("http://{}{path}", service.address);
            let response = client().request(method.clone(), url).send().await.unwrap();
            assert_eq!(response.status(), 200, "{method} {path}: it follows to /health");
        }
    }
}

#[tokio::test]
async fn no_error_speaks_of_a_library() {
    let service = Service::scripted().await;
    let token = user_token(&user("ada", Some("s")));
    for (method, path, body) in [
        (Method::GET, "/api/sessions?user=ada&user=eve", ""),
        (Method::GET, "/api/sessions/%ff", ""),
        (Method::GET, "/terminal?token=a&token=b", ""),
        (Method::GET, "/ws-test", ""),
        (Method::POST, "/terminal/frames?sessionId=s", "{}"),
        (Method::POST, "/terminal/frames?sessionId=s", "[1,2"),
        (Method::POST, "/terminal/frames?sessionId=s", r#"{"number":-1}"#),
        (Method::POST, "/terminal/frames?sessionId=s", r#"{"number":"2"}"#),
    ] {
        let url = format!("http://{}{path}", service.address);
        let response = client().request(method, url).bearer_auth(&token).body(body).send().await.unwrap();
        let (status, answer) = read(response).await;
        let sentence = answer["error"].as_str().unwrap_or_default();
        assert_eq!(status, 400, "{path} {body}: {sentence}");
        for word in ["u64", "struct", "expected", "deserialize", "invalid type", "at line 1 column"] {
            assert!(!sentence.contains(word), "{path} {body}: {sentence}");
        }
    }
}

#[tokio::test]
async fn the_scheme_of_a_token_has_any_case() {
    let service = Service::scripted().await;
    let token = user_token(&user("ada", None));
    for (scheme, status) in [("Bearer", 200), ("bearer", 200), ("BEARER", 200), ("bearer ", 200), ("Basic", 401)] {
        let url = format!("http://{}/api/sessions", service.address);
        let response = client().get(url).header("authorization", format!("{scheme} {token}")).send().await.unwrap();
        assert_eq!(response.status(), status, "{scheme}");
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
