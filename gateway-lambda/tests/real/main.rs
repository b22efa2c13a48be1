//! The edges of the gateway against real servers: DynamoDB's API, HTTP, API Gateway's management API, and the Lambda runtime
//! API with the real `bootstrap` binary.

mod bootstrap;
mod connections;
mod http_backend;
mod management;
mod runtime_api;
mod server;
