//! `/dev/faults` and `/dev/cut`: how a test in a browser, or a person with curl, changes what goes wrong while it runs. There only
//! when the gateway was started with faults, and only for whoever sits at this machine.

use super::{Cut, FaultPlan, Faults};
use crate::local::is_local;
use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, Query, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use std::net::SocketAddr;

/// The routes.
pub(crate) struct AdminApi(pub(crate) Faults);

/// What to cut, and how.
#[derive(Deserialize)]
struct Wanted {
    connection: String,
    with: Option<String>,
}

impl AdminApi {
    /// `GET` and `POST /dev/faults`, `POST /dev/cut?connection=ID|all&with=abort|close`.
    pub(crate) fn routes(self) -> Router {
        Router::new()
            .route("/dev/faults", routing::get(show).post(change))
            .route("/dev/cut", routing::post(cut))
            .layer(from_fn(guard))
            .with_state(self.0)
    }
}

async fn guard(ConnectInfo(from): ConnectInfo<SocketAddr>, request: Request, next: Next) -> Response {
    if is_local(from, request.headers()) {
        return next.run(request).await;
    }
    refuse(StatusCode::FORBIDDEN, "faults are changed on this machine only, at its loopback address")
}

fn refuse(status: StatusCode, sentence: &str) -> Response {
    (status, Json(json!({"message": sentence}))).into_response()
}

/// What goes wrong now, and how often it did.
async fn show(State(faults): State<Faults>) -> Response {
    Json(json!({"faults": faults.plan().to_string(), "seed": faults.seed(), "tally": faults.counts()})).into_response()
}

/// Takes a whole plan, spelled as on the command line.
async fn change(State(faults): State<Faults>, body: String) -> Response {
    match body.parse::<FaultPlan>() {
        Ok(plan) => {
            tracing::info!(faults = %plan, "what goes wrong was changed");
            faults.set(plan);
            show(State(faults)).await
        }
        Err(error) => refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

async fn cut(State(faults): State<Faults>, wanted: Result<Query<Wanted>, QueryRejection>) -> Response {
    let how = |with: Option<&str>| match with {
        None => Some(None),
        Some("abort") => Some(Some(Cut::Abort)),
        Some("close") => Some(Some(Cut::Close)),
        Some(_) => None,
    };
    let wanted = wanted.ok().map(|Query(wanted)| wanted);
    let known = wanted.and_then(|wanted| Some((how(wanted.with.as_deref())?, wanted.connection)));
    let Some((how, connection)) = known else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "it takes ?connection=ID or ?connection=all, and &with=abort or &with=close",
        );
    };
    let one = (connection != "all").then_some(connection.as_str());
    match faults.cut(one, how) {
        0 if one.is_some() => refuse(StatusCode::NOT_FOUND, "there is no such connection"),
        count => Json(json!({"cut": count})).into_response(),
    }
}
