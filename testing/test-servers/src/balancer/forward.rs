//! One request: to the backend whose turn it is, and its answer back, while both stream.

use super::Shared;
use super::connect::{Connection, connect};
use super::headers::{forwarded_for, pass_on};
use super::upgrade;
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Response, StatusCode};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long a backend may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// How long it may take to begin its answer. Longer than any long poll.
const ANSWER: Duration = Duration::from_secs(90);

/// What is answered with.
pub(super) type Answer = Response<UnsyncBoxBody<Bytes, hyper::Error>>;

/// Answers one request, and counts the answer.
pub(super) async fn forward(shared: &Arc<Shared>, client: SocketAddr, request: Request<Incoming>) -> Answer {
    let mut turn = None;
    shared.pool.send_if_modified(|pool| {
        turn = pool.turn();
        false
    });
    let Some(backend) = turn else { return own(shared, StatusCode::SERVICE_UNAVAILABLE, "no backend is healthy") };
    match attempt(shared, backend, client, request).await {
        Ok(answer) => {
            shared.counts().add(answer.status().as_u16(), Some(backend));
            answer
        }
        Err((status, why)) => own(shared, status, why),
    }
}

async fn attempt(
    shared: &Arc<Shared>,
    backend: SocketAddr,
    client: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Answer, (StatusCode, &'static str)> {
    let late = (StatusCode::GATEWAY_TIMEOUT, "the backend took too long");
    let connection = timeout(CONNECT, connect(backend)).await.map_err(|_| late)?;
    let Connection { mut sender, driver } = connection.ok_or((StatusCode::BAD_GATEWAY, "the backend refused"))?;

    let near = hyper::upgrade::on(&mut request);
    pass_on(request.headers_mut());
    forwarded_for(request.headers_mut(), client.ip());
    let sent = timeout(ANSWER, sender.send_request(request)).await.map_err(|_| late)?;
    let mut answer = sent.map_err(|_| (StatusCode::BAD_GATEWAY, "the backend broke off"))?;

    pass_on(answer.headers_mut());
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        let far = hyper::upgrade::on(&mut answer);
        shared.tasks.spawn(upgrade::copy(near, far, driver));
        return Ok(answer.map(|_| Full::default().map_err(|never| match never {}).boxed_unsync()));
    }
    let shared = Arc::clone(shared);
    Ok(answer.map(|body| {
        let counted = body.map_err(move |error| {
            // The connection lives as long as the body that it carries.
            let _held = &driver;
            shared.counts().broken += 1;
            error
        });
        counted.boxed_unsync()
    }))
}

/// An answer of the load balancer itself.
fn own(shared: &Shared, status: StatusCode, why: &'static str) -> Answer {
    shared.counts().add(status.as_u16(), None);
    let body = Full::new(Bytes::from_static(why.as_bytes())).map_err(|never| match never {}).boxed_unsync();
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("text/plain"));
    answer
}
