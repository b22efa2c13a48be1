//! The dispatch of an API in the service: each message is evidence, and the store tells the instances.

use super::auth::GatewayRequest;
use super::context::ServiceContext;
use crate::relay::KnownDispatch;
use crate::store::{DispatchRecord, Store, StoreError};
use shared_protocol::Dispatch;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Time that the first message of an API waits for the store.
const STORE_TIMEOUT: Duration = Duration::from_millis(500);

/// Time between two looks at what other instances have found out.
const REFRESH_INTERVAL: Duration = Duration::from_secs(5);

impl ServiceContext {
    /// Takes a message as evidence. Returns the dispatch of its API, if that is known.
    pub(super) async fn dispatch(&self, request: &GatewayRequest) -> Option<Dispatch> {
        let (dispatches, api) = (&self.registry.relays().dispatches, request.claims.ep.as_str());
        if dispatches.is_new(api) {
            // A store that does not answer is asked again in the background.
            let stored = timeout(STORE_TIMEOUT, stored(&*self.store, api)).await;
            dispatches.learn(api, stored.unwrap_or(Ok(None)).unwrap_or_default());
        }
        dispatches.heard(api, &request.claims.cid, request.arrival.gateway_ms, request.arrival.at_ms)
    }

    /// Exchanges what is known with the other instances, until dropped.
    pub(crate) async fn run_dispatch(&self) {
        loop {
            sleep(REFRESH_INTERVAL).await;
            let dispatches = &self.registry.relays().dispatches;
            for api in dispatches.apis() {
                let Ok(stored) = stored(&*self.store, &api).await else { continue };
                if let Some(KnownDispatch { dispatch, at }) = dispatches.learn(&api, stored)
                    && let Err(error) = self.store.put_dispatch(&api, &DispatchRecord { dispatch, at }).await
                {
                    tracing::warn!(%error, api, "other instances do not learn the dispatch of this API yet");
                }
            }
        }
    }
}

async fn stored(store: &dyn Store, api: &str) -> Result<Option<KnownDispatch>, StoreError> {
    let record = store.dispatch(api).await?;
    Ok(record.map(|DispatchRecord { dispatch, at }| KnownDispatch { dispatch, at }))
}
