//! A layer around the clients that injects the faults of posts.

use super::Faults;
use crate::connections::{Clients, ConnectionInfo, PostError};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;

/// Clients whose posts arrive late, twice, out of order or not at all.
pub(crate) struct FaultyClients {
    pub(crate) inner: Arc<dyn Clients>,
    pub(crate) faults: Faults,
}

#[async_trait]
impl Clients for FaultyClients {
    async fn post(&self, connection_id: &str, data: Bytes) -> Result<(), PostError> {
        let Some(connection) = self.faults.connection(connection_id) else {
            if self.faults.refuses_stray_post() {
                return Err(PostError::Full);
            }
            return self.inner.post(connection_id, data).await;
        };
        let outcome = connection.post();
        if !outcome.slow.is_zero() {
            tokio::time::sleep(outcome.slow).await;
        }
        if let Some((error, false)) = outcome.answer {
            return Err(error);
        }
        let mut result = Ok(());
        for copy in outcome.message.copies.iter().copied() {
            if copy.is_immediate() {
                result = connection.deliver(copy, self.inner.post(connection_id, data.clone())).await;
                continue;
            }
            let permit = connection.late_posts.clone().acquire_owned().await.ok();
            let (connection, inner) = (connection.clone(), self.inner.clone());
            let (id, data) = (connection_id.to_owned(), data.clone());
            // Untracked, because it ends by itself: no fault takes longer than a minute.
            tokio::spawn(async move {
                // The post was answered already, as on AWS: an error here is a lost message.
                let _ = connection.deliver(copy, inner.post(&id, data)).await;
                drop(permit);
            });
        }
        connection.cut_after(&outcome.message);
        outcome.answer.map_or(result, |(error, _)| Err(error))
    }

    async fn describe(&self, connection_id: &str) -> Option<ConnectionInfo> {
        self.inner.describe(connection_id).await
    }

    async fn close(&self, connection_id: &str) -> bool {
        self.inner.close(connection_id).await
    }
}
