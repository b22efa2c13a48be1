//! An API with several functions: each route, and the authorizer, may have its own.

use crate::invoke::{Invoke, InvokeError};
use async_trait::async_trait;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The authorizer, among the names of routes.
pub const AUTHORIZER: &str = "authorizer";

/// Chooses the function of each event.
pub struct Functions {
    /// The function of all routes without one of their own.
    default: Arc<dyn Invoke>,
    /// Functions by name.
    named: BTreeMap<String, Arc<dyn Invoke>>,
    /// Names of functions by route key, or [`AUTHORIZER`].
    routes: BTreeMap<String, String>,
}

impl Functions {
    /// `routes` has the name of a function of `named` for a route key, such as `$connect` or `join`, or for [`AUTHORIZER`]. The
    /// name of no function stands for `default`.
    pub fn new(
        default: Arc<dyn Invoke>,
        named: BTreeMap<String, Arc<dyn Invoke>>,
        routes: BTreeMap<String, String>,
    ) -> Self {
        Self { default, named, routes }
    }

    fn of(&self, event: &Value) -> &Arc<dyn Invoke> {
        let route = match event["type"].as_str() {
            Some("REQUEST") => AUTHORIZER,
            _ => event["requestContext"]["routeKey"].as_str().unwrap_or_default(),
        };
        self.routes.get(route).and_then(|name| self.named.get(name)).unwrap_or(&self.default)
    }
}

#[async_trait]
impl Invoke for Functions {
    async fn invoke(&self, event: Value) -> Result<Value, InvokeError> {
        self.of(&event).invoke(event).await
    }

    async fn shutdown(&self) {
        let all = self.named.values().chain([&self.default]);
        futures_util::future::join_all(all.map(|function| function.shutdown())).await;
    }
}
