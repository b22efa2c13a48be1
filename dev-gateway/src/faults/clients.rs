//! The way back to the clients, with faults.

use super::Faults;
use crate::connections::{Clients, ConnectionInfo, PostError};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;

/// Clients that posts reach late, twice, out of turn or not at all.
pub(crate) struct FaultyClients {
    inner: Arc<dyn Clients>,
    faults: Faults,
}

impl FaultyClients {
    pub(crate) fn new(inner: Arc<dyn Clients>, faults: Faults) -> Self {
        Self { inner, faults }
    }
}

#[async_trait]
impl Clients for FaultyClients {
    async fn post(&self, connection_id: &str, data: Bytes) -> Result<(), PostError> {
        let Some(line) = self.faults.line(connection_id) else { return self.inner.post(connection_id, data).await };
        let fate = line.post();
        if !fate.slow.is_zero() {
            tokio::time::sleep(fate.slow).await;
        }
        if let Some((error, false)) = fate.answer {
            return Err(error);
        }
        let mut result = Ok(());
        for copy in fate.way.copies().iter().copied() {
            if copy.is_nothing() {
                result = line.deliver(copy, self.inner.post(connection_id, data.clone())).await;
                continue;
            }
            let place = line.place().await;
            let (line, inner, id, data) = (line.clone(), self.inner.clone(), connection_id.to_owned(), data.clone());
            // Ends by itself, soon: no fault takes longer than a minute.
            tokio::spawn(async move {
                // Who posted was told that it was taken, as on AWS; if the client is gone meanwhile, it is lost.
                let _ = line.deliver(copy, inner.post(&id, data)).await;
                drop(place);
            });
        }
        line.cut_after(&fate.way);
        fate.answer.map_or(result, |(error, _)| Err(error))
    }

    async fn describe(&self, connection_id: &str) -> Option<ConnectionInfo> {
        self.inner.describe(connection_id).await
    }

    async fn close(&self, connection_id: &str) -> bool {
        self.inner.close(connection_id).await
    }
}
