//! Maps paths to handlers, and wraps all of them in the layers that every response passes.

use super::context::{CHECKS_ROUTE, FILES_ROUTE, HAND_OUT_ROUTE, METRICS_PATH, ServiceContext, TERMINAL_PATH};
use super::file_headers::CONTENT_DIGEST;
use super::handlers::{
    checks, commands, files, gateway, groups, hand_out, instances, recordings, relay, sessions, status, terminal,
    ws_test,
};
use super::{access_log, error, forward};
use axum::Router;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{delete, get, post, put};
use http::{HeaderName, HeaderValue, Method, header};
use shared_protocol::gateway::{
    ANNOUNCE_PATH, CLOSE_HEADER, CONNECTION_HEADER, DISCONNECT_PATH, GROUP_PATH, HAND_OUT_PATH, MESSAGE_PATH,
};
use shared_protocol::polling::{CLOSE_PATH, FRAMES_PATH, MESSAGES_PATH};
use shared_protocol::relay::RELAY_PATH;
use std::sync::Arc;
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Time that a browser may cache a CORS preflight.
const CORS_MAX_AGE: Duration = Duration::from_secs(86_400);

/// Headers of every response: it is data, so no browser may cache, frame, sniff or run it.
const SECURITY_HEADERS: [(HeaderName, &str); 4] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

async fn set_security_headers(mut response: Response) -> Response {
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// All routes of the service.
pub fn router(service: Arc<ServiceContext>) -> Router {
    let origins = service.config.auth.origins.iter().filter_map(|origin| origin.parse().ok()).collect::<Vec<_>>();
    let [connection, close] = [CONNECTION_HEADER, CLOSE_HEADER].map(HeaderName::from_static);
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, CONTENT_DIGEST, connection.clone()])
        .expose_headers([connection, close, CONTENT_DIGEST, header::CONTENT_DISPOSITION])
        .max_age(CORS_MAX_AGE);
    Router::new()
        .route(MESSAGE_PATH, post(gateway::message))
        .route(RELAY_PATH, post(relay::ask))
        .route(DISCONNECT_PATH, post(gateway::disconnect))
        .route(GROUP_PATH, post(instances::group))
        .route(ANNOUNCE_PATH, post(instances::announce))
        .route("/api/sessions", post(sessions::create).get(sessions::list))
        .route(HAND_OUT_PATH, post(hand_out::take))
        .route("/api/groups/{grp}/sessions", get(groups::list))
        .route(HAND_OUT_ROUTE, post(hand_out::hand_out))
        .route("/api/sessions/{id}", get(sessions::describe).delete(sessions::end))
        .route("/api/sessions/{id}/commands", get(commands::list))
        .route("/api/sessions/{id}/recording", get(recordings::read).delete(recordings::delete))
        .route(CHECKS_ROUTE, post(checks::run))
        .route(FILES_ROUTE, put(files::upload).get(files::download))
        .route("/api/sessions/{id}/connections/{connection}", delete(sessions::close_connection))
        .route("/api/sessions/{id}/revoked/{member}", delete(sessions::let_in))
        .route("/api/diagnostics/websocket", get(status::diagnostics))
        .route("/health", get(status::health))
        .route("/openapi.json", get(status::openapi))
        .route(METRICS_PATH, get(status::metrics))
        .route(TERMINAL_PATH, get(terminal::handle))
        .route(MESSAGES_PATH, post(terminal::polled::messages))
        .route(FRAMES_PATH, post(terminal::polled::frames))
        .route(CLOSE_PATH, post(terminal::polled::close))
        .route("/ws-test", get(ws_test::handle))
        .fallback(error::no_such_route)
        .layer(map_response(error::unify))
        .layer(from_fn_with_state(Arc::clone(&service), forward::layer))
        .layer(cors)
        .layer(from_fn_with_state(Arc::clone(&service), access_log::layer))
        .layer(map_response(set_security_headers))
        .layer(from_fn_with_state(Arc::clone(&service), access_log::identify))
        .with_state(service)
}
