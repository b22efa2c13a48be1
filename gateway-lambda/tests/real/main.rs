//! The edges of the gateway against real servers: DynamoDB's API, HTTP, API Gateway's management API, and the Lambda runtime
//! API with the real `bootstrap` binary.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod bootstrap;
mod connections;
mod contract;
mod http_backend;
mod management;
mod moto;
mod published_keys;
mod runtime_api;
mod server;
