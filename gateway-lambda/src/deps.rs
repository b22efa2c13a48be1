//! Dependencies of a gateway: its configuration and one role for each outside service.

use crate::backend::Backend;
use crate::browser::Browser;
use crate::clock::{Clock, RandomSource};
use crate::config::Config;
use crate::connections::Connections;
use std::sync::Arc;

/// Configuration and outside services of a [`Gateway`](crate::Gateway).
#[derive(Clone)]
pub struct Deps {
    /// Rules for connections, and the address of @connections.
    pub config: Config,
    /// The terminal service.
    pub backend: Arc<dyn Backend>,
    /// The table of open connections.
    pub connections: Arc<dyn Connections>,
    /// API Gateway's @connections.
    pub browser: Arc<dyn Browser>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Source of the jitter of retries.
    pub random: Arc<dyn RandomSource>,
}
