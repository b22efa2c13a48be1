//! Serves a static export: `/` is index.html, `/foo` is foo.html, any unknown path is 404.html.

use axum::body::Body;
use axum::extract::Request;
use http::{HeaderValue, Response, StatusCode, Uri, header};
use std::path::PathBuf;
use tower::ServiceExt;
use tower_http::services::{ServeDir, ServeFile};

/// Path of files whose name contains their hash in a Next.js export; browsers may cache them for ever.
const HASHED_FILES: &str = "/_next/static/";

pub(crate) async fn serve(directory: PathBuf, request: Request) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let bare = !path.ends_with('/') && !path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    let (parts, _) = request.into_parts();
    // The page takes precedence over the directory of the same name, which would only redirect.
    let candidates = [bare.then(|| format!("{path}.html")), Some(path.clone())];
    for candidate in candidates.into_iter().flatten() {
        let mut request = http::Request::from_parts(parts.clone(), Body::empty());
        let Ok(uri) = candidate.parse::<Uri>() else { continue };
        *request.uri_mut() = uri;
        let Ok(response) = ServeDir::new(&directory).oneshot(request).await;
        if response.status() != StatusCode::NOT_FOUND {
            return cached(response.map(Body::new), path.starts_with(HASHED_FILES));
        }
    }
    let request = http::Request::from_parts(parts, Body::empty());
    let Ok(response) = ServeFile::new(directory.join("404.html")).oneshot(request).await;
    let mut response = cached(response.map(Body::new), false);
    if response.status() != StatusCode::METHOD_NOT_ALLOWED {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response
}

fn cached(mut response: Response<Body>, hashed: bool) -> Response<Body> {
    // "no-cache" revalidates each time, so that a page is never older than its server.
    let policy = if hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(policy));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A page in a foreign frame could be made to take clicks and keys.
    let no_frames = HeaderValue::from_static("frame-ancestors 'self'");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, no_frames);
    response
}
