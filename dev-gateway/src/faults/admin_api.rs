//! `/dev/faults`, `/dev/cut` and `/dev/usage`: change faults and read the counts while the gateway runs, from a browser
//! test or with curl. Served only with `--fault`, and only to this machine.

use super::{Cut, FaultPlan, Faults};
use crate::local::{json_message, require_local};
use crate::usage::Meter;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

pub(crate) struct AdminApi {
    pub(crate) faults: Faults,
    pub(crate) meter: Meter,
}

#[derive(Deserialize)]
struct CutQuery {
    connection: String,
    with: Option<Cut>,
}

impl AdminApi {
    /// `GET` and `POST /dev/faults`, `POST /dev/cut?connection=ID|all&with=abort|close`, `GET /dev/usage`.
    pub(crate) fn routes(self) -> Router {
        Router::new()
            .route("/dev/faults", routing::get(show).post(change))
            .route("/dev/cut", routing::post(cut))
            .with_state(self.faults)
            .route("/dev/usage", routing::get(async move || Json(self.meter.usage())))
            .layer(from_fn(require_local))
    }
}

async fn show(State(faults): State<Faults>) -> Response {
    Json(json!({"faults": faults.plan().to_string(), "seed": faults.seed(), "tally": faults.counts()})).into_response()
}

/// Replaces the plan. The body has the form of `--fault`.
async fn change(State(faults): State<Faults>, body: String) -> Response {
    match body.parse::<FaultPlan>() {
        Ok(plan) => {
            tracing::info!(faults = %plan, "the faults were changed");
            faults.set(plan);
            show(State(faults)).await
        }
        Err(error) => json_message(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

async fn cut(State(faults): State<Faults>, query: Result<Query<CutQuery>, QueryRejection>) -> Response {
    let Ok(Query(CutQuery { connection, with })) = query else {
        let usage = "it takes ?connection=ID or ?connection=all, and &with=abort or &with=close";
        return json_message(StatusCode::BAD_REQUEST, usage);
    };
    let one = (connection != "all").then_some(connection.as_str());
    match faults.cut(one, with) {
        0 if one.is_some() => json_message(StatusCode::NOT_FOUND, "there is no such connection"),
        count => Json(json!({"cut": count})).into_response(),
    }
}
