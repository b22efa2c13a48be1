//! The Lambda function's binary: reads the environment, wires the gateway, and serves events one at a time.
//!
//! Clients connect on first use, so that the function starts in milliseconds.

use gateway_lambda::metrics::{self, EmfLayer};
use gateway_lambda::{
    Aws, AwsConfig, BackendConfig, Clock, Config, ConfigError, Deps, DynamoConnections, Gateway, HttpBackend,
    ManagementBrowser, SystemClock, SystemRandom,
};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    init_logging();
    let gateway = match gateway() {
        Ok(gateway) => gateway,
        Err(error) => {
            tracing::error!(%error, "the function cannot start");
            return ExitCode::FAILURE;
        }
    };
    let handler = service_fn(|event: LambdaEvent<Value>| {
        // The deadline is in milliseconds since 1970, unlike the runtime's clock.
        let left = Duration::from_millis(event.context.deadline.saturating_sub(SystemClock.now_ms()));
        let handled = gateway.handle(event.payload, Instant::now() + left);
        async {
            // API Gateway acts on the text: "Unauthorized" becomes a 401.
            handled
                .await
                .map_err(|error| Diagnostic { error_type: error.kind().to_owned(), error_message: error.to_string() })
        }
    });
    match lambda_runtime::run(handler).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the runtime stopped");
            ExitCode::FAILURE
        }
    }
}

fn gateway() -> Result<Gateway, ConfigError> {
    let clock = Arc::new(SystemClock);
    let aws = Aws::new(AwsConfig::from_lookup(environment)?);
    Ok(Gateway::new(Deps {
        config: Config::from_lookup(environment)?,
        backend: Arc::new(HttpBackend::new(BackendConfig::from_lookup(environment)?, clock.clone())),
        connections: Arc::new(DynamoConnections::new(aws.clone())),
        browser: Arc::new(ManagementBrowser::new(aws)),
        clock,
        random: Arc::new(SystemRandom),
    }))
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Logs one JSON object a line, filtered by `RUST_LOG`, and on Lambda also metrics.
fn init_logging() {
    let warnings = Targets::new().with_default(Level::WARN);
    let default = || warnings.with_targets([("gateway_lambda", Level::INFO), ("bootstrap", Level::INFO)]);
    let filter = environment("RUST_LOG").and_then(|filter| filter.parse().ok()).unwrap_or_else(default);
    let filter = filter.with_target(metrics::TARGET, LevelFilter::OFF);
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false);
    // Set by Lambda. Metrics need it for their dimension.
    let metrics_layer = environment("AWS_LAMBDA_FUNCTION_NAME").map(|function| {
        let only = Targets::new().with_target(metrics::TARGET, LevelFilter::TRACE);
        EmfLayer::new(function, Arc::new(SystemClock), std::io::stdout()).with_filter(only)
    });
    tracing_subscriber::registry().with(lines.with_span_list(false).with_filter(filter)).with(metrics_layer).init();
}
