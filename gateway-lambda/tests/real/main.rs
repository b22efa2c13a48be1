//! The gateway against real servers: a DynamoDB API, HTTP, API Gateway's management API, and the Lambda runtime API with the
//! real `bootstrap` binary.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod bootstrap;
mod connections;
mod contract;
mod http_backend;
mod jwks;
mod management;
mod moto;
mod runtime_api;
mod server;
#[path = "../support/mod.rs"]
mod support;
