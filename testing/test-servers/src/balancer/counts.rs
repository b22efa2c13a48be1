//! What a load balancer has answered: the witness that nobody saw a failure, and that every backend did its part.

use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Answers so far. Checks of health are not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Answers by status, those that the load balancer gave itself included. A WebSocket is a 101.
    pub statuses: BTreeMap<u16, u64>,
    /// Answers that came from each backend, whatever their status.
    pub backends: BTreeMap<SocketAddr, u64>,
    /// Answers that a backend broke off in the middle of their body. They are among the others too.
    pub broken: u64,
}

impl Counts {
    /// All of the answers.
    pub fn total(&self) -> u64 {
        self.statuses.values().sum()
    }

    /// Answers with one status.
    pub fn with_status(&self, status: u16) -> u64 {
        self.statuses.get(&status).copied().unwrap_or(0)
    }

    /// Answers of 500 and above.
    pub fn server_errors(&self) -> u64 {
        self.statuses.range(500..).map(|(_, count)| count).sum()
    }

    /// Answers that came from one backend.
    pub fn from_backend(&self, backend: SocketAddr) -> u64 {
        self.backends.get(&backend).copied().unwrap_or(0)
    }

    /// Writes one down, with the backend that gave it.
    pub(super) fn add(&mut self, status: u16, backend: Option<SocketAddr>) {
        *self.statuses.entry(status).or_default() += 1;
        if let Some(backend) = backend {
            *self.backends.entry(backend).or_default() += 1;
        }
    }
}
